"""Names of images as docker writes them."""

from __future__ import annotations

import re

_IMAGE = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._-]*(:[0-9]+(?=/))?(/[A-Za-z0-9][A-Za-z0-9._-]*)*"
    r"(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?"
)


def is_valid(name: str) -> bool:
    return bool(_IMAGE.fullmatch(name)) and len(name) <= 512


def with_tag(name: str) -> str:
    """``latest`` is added where no tag is."""
    last = name.rpartition("/")[2]
    return name if ":" in last or "@" in last else f"{name}:latest"
