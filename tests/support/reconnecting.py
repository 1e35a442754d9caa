"""Tests of streams that reconnect: short pauses, and a proxy that cuts connections."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from aiodockercloud import DockerCloud, Timings, wire
from aiodockercloud.server import Server
from tests.support.proxies import Proxy, proxy
from tests.support.scripted import SHORT_PAUSES


@pytest.fixture
def timings() -> Timings:
    """The timings of ``live`` and ``far``."""
    return SHORT_PAUSES


@pytest.fixture
async def way(server: Server) -> AsyncIterator[Proxy]:
    """A proxy in front of ``server``."""
    async with proxy(server.url) as found:
        yield found


@pytest.fixture
async def far(
    server: Server, way: Proxy, timings: Timings
) -> AsyncIterator[DockerCloud]:
    """A client of ``server`` through the proxy."""
    async with far_client(server, way, timings) as cloud:
        yield cloud


def far_client(
    server: Server, way: Proxy, timings: Timings = SHORT_PAUSES
) -> DockerCloud:
    auth = wire.basic_auth(server.user, server.apikey or "")
    return DockerCloud(way.url, auth=auth, timings=timings)
