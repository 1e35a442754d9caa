"""Fixtures: our server on a real socket, and a tab of a real Chromium."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser

from aiodockercloud.server import Server
from tests.support.browsers import Watched, chromium, watched
from tests.support.servers import engine, live, raw, server, settings, timings

__all__ = ["engine", "live", "raw", "server", "settings", "timings"]


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """A browser without a tab."""
    async with chromium() as browser:
        yield browser


@pytest.fixture
async def tab(browser: Browser, server: Server) -> AsyncIterator[Watched]:
    """A tab before its first address."""
    async with watched(browser, server) as tab:
        yield tab
