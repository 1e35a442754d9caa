"""The page of the server: one document, one style, few scripts, and no build step."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files as resources
from typing import NamedTuple

__all__ = ["INDEX", "File", "files"]

#: The document of the page.
INDEX = "index.html"
_TYPES = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


class File(NamedTuple):
    """A file of the page, as the server answers the file."""

    body: bytes
    content_type: str
    etag: str


@cache
def files() -> Mapping[str, File]:
    """Return the files of the page by name, read at the first call."""
    found = {}
    for path in resources(__name__).iterdir():
        if content_type := _TYPES.get(path.name.rpartition(".")[2]):
            body = path.read_bytes()
            etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
            found[path.name] = File(body, content_type, etag)
    return found
