"""What tests of streams that connect again share: short pauses, and a way to cut."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from aiodockercloud import DockerCloud, wire
from aiodockercloud.server import Server
from aiodockercloud.transport import reconnect
from tests.support.proxies import Proxy, proxy


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconnect, "FIRST_PAUSE", 0.002)
    monkeypatch.setattr(reconnect, "LONGEST_PAUSE", 0.01)


@pytest.fixture
async def way(server: Server) -> AsyncIterator[Proxy]:
    """A proxy in front of ``server``."""
    async with proxy(server.url) as found:
        yield found


@pytest.fixture
async def far(server: Server, way: Proxy) -> AsyncIterator[DockerCloud]:
    """A client of ``server`` by way of the proxy."""
    async with far_client(server, way) as cloud:
        yield cloud


def far_client(server: Server, way: Proxy) -> DockerCloud:
    auth = wire.basic_auth(server.user, server.apikey or "")
    return DockerCloud(way.url, auth=auth)
