"""Fixtures: our server on a real socket, and its clients."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from aiodockercloud import TUTUM, DockerCloud, Timings
from aiodockercloud.server import Embedded, Server, running
from aiodockercloud.server.settings import Settings
from tests.support.flows import Raw, client_of

__all__ = ["engine", "live", "raw", "server", "settings", "timings", "tutum"]


@pytest.fixture
def engine() -> Embedded:
    """The engine of ``server``; modules override the fixture for another engine."""
    return Embedded(nodes=3)


@pytest.fixture
def settings() -> Settings:
    """The settings of ``server``; modules and tests override the fixture."""
    return Settings()


@pytest.fixture
async def server(engine: Embedded, settings: Settings) -> AsyncIterator[Server]:
    """Our server on a real socket, its state in memory."""
    async with running(engine, settings=settings) as server:
        yield server


@pytest.fixture
def timings() -> Timings:
    """The timings of ``live``; modules and tests override the fixture."""
    return Timings()


@pytest.fixture
async def live(server: Server, timings: Timings) -> AsyncIterator[DockerCloud]:
    """A client of ``server``."""
    async with client_of(server, timings=timings) as cloud:
        yield cloud


@pytest.fixture
async def tutum(server: Server) -> AsyncIterator[DockerCloud]:
    """A client of ``server`` that speaks Tutum v1."""
    async with client_of(server, dialect=TUTUM) as cloud:
        yield cloud


@pytest.fixture
async def raw(server: Server) -> AsyncIterator[Raw]:
    """Requests to ``server`` as old clients send them."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield Raw(server, session)
