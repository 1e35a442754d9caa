"""The content of a stack file, with the line of each value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Document", "Path", "dotted"]

#: The path of a value from the top of a file: keys, and positions in lists.
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """The content of a file.

    Attributes:
        data: The content, ``None`` for an empty file.
        lines: The path of each key and of each item → the line, from 1; empty if the
            content has no file.
    """

    data: Any
    lines: Mapping[Path, int] = field(default_factory=dict)

    def line(self, path: Path) -> int:
        """Return the line of a value, or of the nearest value around it; or 0."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 0)


def dotted(path: Path) -> str:
    """Return a path as one text, such as ``deploy.replicas``; items have no number."""
    return ".".join(part for part in path if isinstance(part, str))
