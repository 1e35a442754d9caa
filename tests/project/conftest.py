"""Fixtures: our server on a real socket, its clients, and the built docs."""

from __future__ import annotations

from tests.support.builtdocs import built
from tests.support.servers import (
    engine,
    live,
    raw,
    server,
    settings,
    timings,
    tutum,
)

__all__ = [
    "built",
    "engine",
    "live",
    "raw",
    "server",
    "settings",
    "timings",
    "tutum",
]
