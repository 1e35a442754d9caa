"""The links of pages: where they lead, without a request to any host.

A link within the project leads to a file that exists, and its anchor to a heading or an
id of that file. The address of another host is only read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

#: A link of Markdown, and its target.
_MARKDOWN = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+(:\d+)?|localhost(:\d+)?", re.IGNORECASE)


class _Page(HTMLParser):
    """The targets of the links of a page, and its anchors."""

    def __init__(self) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" and value:
                self.anchors.add(value)
            elif name in ("href", "src") and value:
                self.targets.append(value)


@cache
def _read(path: Path) -> tuple[list[str], set[str]]:
    """Return the targets and the anchors of a page of HTML or Markdown."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
        return _MARKDOWN.findall(text), {_slug(heading) for heading in headings}
    page = _Page()
    page.feed(text)
    return page.targets, page.anchors


def _slug(heading: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def broken(page: Path) -> Iterator[str]:
    """Yield the links of a page that lead nowhere, each with the reason."""
    for target in _read(page)[0]:
        parts = urlsplit(target)
        if parts.scheme == "mailto" or parts.scheme == "data":
            continue
        if parts.scheme or parts.netloc:
            if parts.scheme != "https" or not _HOST.fullmatch(parts.netloc):
                yield f"{target}: is no address of the form https://HOST/…"
            continue
        file = (page.parent / unquote(parts.path)).resolve() if parts.path else page
        if not file.exists():
            yield f"{target}: there is no such file"
        elif (
            parts.fragment
            and file.suffix in (".html", ".md")
            and unquote(parts.fragment) not in _read(file)[1]
        ):
            yield f"{target}: the page has no such anchor"
