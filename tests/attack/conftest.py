"""Fixtures: our server on a real socket, its clients, and credentials."""

from __future__ import annotations

from tests.support.credentials import bob, inside, keys
from tests.support.servers import engine, live, raw, server, settings, timings

__all__ = [
    "bob",
    "engine",
    "inside",
    "keys",
    "live",
    "raw",
    "server",
    "settings",
    "timings",
]
