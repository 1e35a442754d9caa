"""The layouts of stack files: that of Docker Cloud, which is Compose v1, and Compose.

Source: Docker Cloud stack file reference; Compose file reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = [
    "COMPOSE",
    "DOCKER_CLOUD",
    "LAYOUT",
    "compose_problem",
    "compose_section",
    "is_compose",
    "service_problem",
]

#: The names of the layouts.
COMPOSE = "compose"
DOCKER_CLOUD = "docker-cloud"

_COMPOSE_SECTIONS = ("services", "networks", "volumes", "configs", "secrets")
LAYOUT = "a stack file has its services at the top level, each a mapping with an image"


def is_compose(data: Mapping[Any, Any]) -> bool:
    """Return whether a file has the layout of Compose: its services in ``services``.

    :meta private:
    """
    services = data.get("services")
    return isinstance(services, Mapping) and compose_section(data) is not None


def compose_problem(section: str) -> str:
    """Return the message for a file with the key *section*, but without services.

    :meta private:
    """
    return (
        f"has {section!r} of a Compose file (Compose v2+) at the top level, but no"
        f" mapping 'services'; {LAYOUT}, a Compose file has them in 'services'"
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


def service_problem(name: Any, keys: Any) -> str:
    """Return why a service has no keys, empty if the service has keys."""
    if not isinstance(name, str) or not name.strip():
        return "a service has no name"
    if not isinstance(keys, Mapping):
        return f"the service has {'no keys' if keys is None else 'no mapping'}"
    return ""
