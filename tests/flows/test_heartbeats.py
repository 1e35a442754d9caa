"""Heartbeats: slow peers keep their connections, silent peers lose theirs."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from aiodockercloud import DockerCloud, StreamClosed, Timings
from aiodockercloud.server import Server
from aiodockercloud.server.settings import Settings
from aiodockercloud.server.settings import Timings as ServerTimings
from aiodockercloud.types import Container, Service
from aiodockercloud.wire import loglines
from aiodockercloud.wire.window import WINDOW
from tests.support import flooding, reconnecting
from tests.support.facts import PATIENCE, tasks, until, within
from tests.support.flooding import Flood
from tests.support.flows import Raw
from tests.support.proxies import Proxy, without_window

#: Seconds between pings in these tests (default: 30); all other times are multiples.
#: Half of a heartbeat is the time for an answer, also on a busy machine.
HEARTBEAT = 2.0

flood = flooding.flood
service = flooding.service
box = flooding.box
way = reconnecting.way
far = reconnecting.far


@pytest.fixture
def timings() -> Timings:
    return Timings(heartbeat=HEARTBEAT)


@pytest.fixture
def settings() -> Settings:
    return Settings(timings=ServerTimings(heartbeat=HEARTBEAT))


# --- slow readers ---------------------------------------------------------------------


async def test_reader_that_is_slow_for_heartbeats_keeps_its_connection(
    live: DockerCloud, service: Service, flood: Flood
) -> None:
    """The reader needs two heartbeats per item, as a minute with default settings."""
    count = 3 * WINDOW
    async with live.services.logs(service, tail=0, reconnect=False) as lines:
        await live.services.inspect(service)
        await flood.write(count)
        slowly = []
        for _ in range(3):
            slowly.append(loglines.log_text(await anext(lines)))
            await asyncio.sleep(2 * HEARTBEAT)  # what the test is about
        async with asyncio.timeout(PATIENCE):
            rest = [loglines.log_text(await anext(lines)) for _ in range(count - 3)]

    assert slowly + rest == [str(number) for number in range(count)]


# --- silent peers ---------------------------------------------------------------------


async def test_silent_server_is_reported_within_two_heartbeats(
    far: DockerCloud, way: Proxy, service: Service
) -> None:
    async with far.services.logs(service, tail=0, reconnect=False) as lines:
        await asyncio.sleep(HEARTBEAT)  # the connection lives while the server answers
        way.black_hole()
        with pytest.raises(StreamClosed) as caught:
            await within(2 * HEARTBEAT, anext(lines))

    assert caught.value.code == 1006


async def test_silent_reader_is_disconnected_within_two_heartbeats(
    raw: Raw, live: DockerCloud, far: DockerCloud, way: Proxy, service: Service
) -> None:
    before = tasks()
    async with far.services.logs(service, tail=0, reconnect=False):
        await live.services.inspect(service)
        ours = {task for task in tasks() - before if _is_of_server(task)}
        assert ours
        way.black_hole()
        await within(2 * HEARTBEAT, asyncio.wait(ours))


async def test_silent_reader_is_disconnected_while_the_server_sends(
    raw: Raw,
    server: Server,
    live: DockerCloud,
    way: Proxy,
    service: Service,
    flood: Flood,
) -> None:
    """The sending task waits for the socket: an old client has no window."""
    before = tasks()
    url = f"{way.url}{service['resource_uri']}logs/?tail=0"
    session = raw._session
    at_once = aiohttp.ClientWSTimeout(ws_close=0.1)
    headers = {"Authorization": raw.auth}
    async with session.ws_connect(url, headers=headers, timeout=at_once):
        await live.services.inspect(service)
        ours = {task for task in tasks() - before if _is_of_server(task)}
        assert ours
        ((_, stream),) = server.faults._streams.items()
        assert stream.request.transport is not None
        connection = stream.request.transport.get_extra_info("socket")
        way.black_hole()
        await flood.write(9_000, width=2000)
        await within(2 * HEARTBEAT, asyncio.wait(ours))
        # Left to the system, the connection would stay open for a quarter of an hour.
        await until(lambda: connection.fileno() == -1)


@pytest.mark.parametrize("windowed", [True, False])
async def test_writer_to_a_silent_server_raises_within_two_heartbeats(
    far: DockerCloud,
    way: Proxy,
    box: Container,
    windowed: bool,
) -> None:
    """The writer waits for credits or, without a window, for the socket."""
    if not windowed:
        way.edit = without_window
    async with far.containers.exec(box, "sleep 1000") as process:
        way.black_hole()

        async def write() -> None:
            while True:
                await process.write("x" * 16_000)

        with pytest.raises(StreamClosed) as caught:
            await within(2 * HEARTBEAT, write())

    assert caught.value.code == 1006


def _is_of_server(task: asyncio.Task[object]) -> bool:
    return getattr(task.get_coro(), "__qualname__", "").startswith("Stream.")
