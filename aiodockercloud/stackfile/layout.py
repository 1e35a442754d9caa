"""The layout of a stack file, which is the layout of Compose v1.

Source: Docker Cloud stack file reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["LAYOUT", "compose_problem", "compose_section"]

_COMPOSE_SECTIONS = ("services", "networks", "volumes", "configs", "secrets")
LAYOUT = "a stack file has its services at the top level, each a mapping with an image"


def compose_problem(section: str) -> str:
    """Return the message for a file of Compose v2+, which has the key *section*.

    :meta private:
    """
    return (
        "this is a Compose file of version 2 or later (Compose v2+) with"
        f" {section!r} at the top level; {LAYOUT} (the layout of Compose v1)."
        " Remove version, networks and volumes, and move the services from below"
        " 'services' to the top level"
    )


def compose_section(data: Mapping[Any, Any]) -> str | None:
    """Return the top-level key that only Compose v2+ has, ``None`` if there is none.

    A service may have the name of such a key.

    :meta private:
    """
    version = data.get("version")
    if version is not None and not isinstance(version, dict):
        return "version"
    for section in _COMPOSE_SECTIONS:
        if section not in data:
            continue
        below = data[section]
        if below is None or (
            isinstance(below, dict)
            and "image" not in below
            and all(part is None or isinstance(part, dict) for part in below.values())
        ):
            return section
    return None
