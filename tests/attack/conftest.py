"""Fixtures: our server on a real socket, and its clients."""

from __future__ import annotations

from tests.support.servers import engine, live, raw, server, settings, timings

__all__ = ["engine", "live", "raw", "server", "settings", "timings"]
