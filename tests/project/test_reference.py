"""The reference among the docs: each public name, and no internal one."""

from __future__ import annotations

import inspect
import re
import zlib
from collections import defaultdict
from collections.abc import Iterator
from html import escape
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from aiodockercloud import DockerCloud
from aiodockercloud.server.engines import Engine
from tests.support.browsers import chromium
from tests.support.builtdocs import LIMIT

# --- public names ---------------------------------------------------------------------

#: The modules that programs import.
MODULES = [
    *("aiodockercloud", "aiodockercloud.batch", "aiodockercloud.exceptions"),
    *("aiodockercloud.loglines", "aiodockercloud.stackfile", "aiodockercloud.types"),
    *("aiodockercloud.server", "aiodockercloud.server.faults"),
    *("aiodockercloud.server.engines.embedded", "aiodockercloud.server.engines.swarm"),
    "aiodockercloud.server.settings",
]


def _is_private(found: object) -> bool:
    """Return whether a docstring keeps its object out of the reference."""
    return ":meta private:" in (inspect.getdoc(found) or "")


def _methods(owner: type[Any]) -> Iterator[str]:
    """Yield the names of the public methods and properties of a class.

    The server calls the methods of an engine; programs do not.
    """
    for base in owner.__mro__:
        if base.__module__.partition(".")[0] != "aiodockercloud":
            continue
        for name, found in vars(base).items():
            if name.startswith("_") or hasattr(Engine, name) or _is_private(found):
                continue
            if inspect.isfunction(found) or isinstance(found, property):
                yield name


def _owners() -> Iterator[tuple[str, object]]:
    """Yield the public names of the modules and the sub-APIs, with their objects."""
    for place in MODULES:
        module = import_module(place)
        for name in module.__all__:
            yield f"{place}.{name}", getattr(module, name)
    for name, api in vars(DockerCloud("http://localhost", auth="x")).items():
        kind = type(api)
        if not name.startswith("_") and ".resources." in kind.__module__:
            yield f"{kind.__module__}.{kind.__qualname__}", kind


def public() -> Iterator[tuple[str, set[str]]]:
    """Yield each public name, with the names under which the reference may have it."""
    aliases: dict[int, set[str]] = defaultdict(set)
    for name, found in _owners():
        aliases[id(found)].add(name)
    for name, found in _owners():
        if _is_private(found):
            continue
        yield name, aliases[id(found)]
        if inspect.isclass(found):
            bases = [aliases[id(base)] | {_full(base)} for base in found.__mro__]
            for method in _methods(found):
                places = set().union(*bases)
                yield f"{name}.{method}", {f"{place}.{method}" for place in places}


def _full(owner: type) -> str:
    return f"{owner.__module__}.{owner.__qualname__}"


def documented(built: Path) -> set[str]:
    """Return the names of Python that the inventory of the built docs has."""
    *_, packed = (built / "objects.inv").read_bytes().split(b"\n", 4)
    lines = zlib.decompress(packed).decode().splitlines()
    return {line.split()[0] for line in lines if " py:" in line}


def missing(names: set[str]) -> list[str]:
    """Return the public names that are not among the names of a reference."""
    return sorted({name for name, places in public() if not places & names})


@pytest.mark.timeout(LIMIT)
def test_reference_has_each_public_name(built: Path) -> None:
    assert missing(documented(built)) == []


def test_missing_names_are_found() -> None:
    everything = {place for _, places in public() for place in places}
    without = {name for name in everything if not name.endswith((".log_text", ".run"))}

    assert missing(everything) == []
    assert missing(without) == [
        "aiodockercloud.log_text",
        "aiodockercloud.loglines.log_text",
        "aiodockercloud.resources.containers.Containers.run",
        "aiodockercloud.resources.services.Services.run",
    ]


# --- internal names -------------------------------------------------------------------


class _Text(HTMLParser):
    """The text of a page that a reader sees."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data)


def text_of(page: Path) -> str:
    reader = _Text()
    reader.feed(page.read_text(encoding="utf-8"))
    return " ".join("".join(reader.parts).split())


#: What readers of the reference have no use for.
INTERNAL = re.compile(
    r"\b(?:stack_filter|has_names|ClassVar|TypeVar|ParamSpec)\b"
    # A method that returns a type variable, and the names of type variables.
    r"|→ [A-Z]\b|~[\w.]+\.[A-Z]\b"
    # Objects and defaults as Python prints them.
    r"|<[\w.]+ object\b|<factory>|Alias for field number"
    # Modules that no program imports.
    r"|aiodockercloud\.(?:resources|transport|wire)\.\w+"
    r"|aiodockercloud\.server\.(?:api|control|state)\b"
)


def _internals(page: Path) -> Iterator[str]:
    text = text_of(page)
    for found in INTERNAL.finditer(text):
        yield f"{page.name}: …{text[max(0, found.start() - 40) : found.end() + 20]}…"


@pytest.mark.parametrize(
    "text",
    [
        "async inspect(thing: str) → T¶",
        "filters: ClassVar[Filters | None] = None",
        "class aiodockercloud.resources.services.Services",
        "Finding(engines: Mapping[str, str] = <factory>)",
        "losses: list[Loss]¶ Alias for field number 1",
        "(function: Callable[[~P], ~aiodockercloud.server.T])",
    ],
)
def test_internal_names_are_found(tmp_path: Path, text: str) -> None:
    page = tmp_path / "page.html"
    page.write_text(f"<p>{escape(text)}</p>", encoding="utf-8")

    assert [*_internals(page)] != []


#: The page about the modules, and the index, which names the module of each class.
OTHER_READERS = {"architecture", "genindex"}


@pytest.mark.timeout(LIMIT)
def test_reference_shows_no_internal_names(built: Path) -> None:
    pages = [page for page in built.rglob("*.html") if page.stem not in OTHER_READERS]

    assert [found for page in sorted(pages) for found in _internals(page)] == []


# --- tables ---------------------------------------------------------------------------

#: How far tables reach beyond the part of the page that shows them, in pixels.
_HIDDEN = """
() => [...document.querySelectorAll("article table")].map(table =>
    table.getBoundingClientRect().right
    - Math.min(table.parentElement.getBoundingClientRect().right, innerWidth))
"""


def _pages(built: Path) -> list[Path]:
    return sorted(built.rglob("*.html"))


@pytest.mark.timeout(LIMIT)
async def test_tables_show_all_columns_in_a_window_of_1400_pixels(built: Path) -> None:
    hidden = {}
    async with chromium() as browser:
        tab = await browser.new_page(viewport={"width": 1400, "height": 900})
        for page in _pages(built):
            await tab.goto(page.as_uri())
            hidden[page.stem] = max(await tab.evaluate(_HIDDEN), default=0)

    assert "coverage" in hidden
    assert {page: pixels for page, pixels in hidden.items() if pixels >= 1} == {}
