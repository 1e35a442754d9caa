"""Slow readers, silent peers, and how much may wait where."""

from __future__ import annotations

import asyncio
import gc
import os
import time
from collections.abc import AsyncGenerator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import WSMsgType, web

import reconnecting
from aiodockercloud import DockerCloud, StreamClosed, wire
from aiodockercloud import client as client_module
from aiodockercloud import stream as stream_module
from aiodockercloud.server import Embedded, Server, running, streams
from aiodockercloud.server.engines.images import Container as Run
from aiodockercloud.server.merge import AHEAD, Merge
from aiodockercloud.types import Container, Service
from aiodockercloud.window import CREDIT_BYTES, WINDOW, WINDOW_PROTOCOL
from flows import PATIENCE, SHELL, Raw, client_of, containers, run, tasks, until
from proxies import Proxy, proxy
from scripted import client_for

MIB = 2**20

#: Seconds between pings in these tests, 30 elsewhere: all times scale with it.
HEARTBEAT = 0.8

LINES = 1_000_000


class Flood:
    """The image ``acme/flood``: its containers write as many numbered lines as told."""

    def __init__(self, engine: Embedded) -> None:
        self.runs: list[Run] = []

        @engine.image("acme/flood")
        async def flood(container: Run) -> None:
            self.runs.append(container)
            await container.wait_stopped()

    async def write(self, count: int, width: int = 0) -> None:
        for number in range(count):
            self.runs[0].print(f"{number:0{width}}")
            if number % 1000 == 0:
                await asyncio.sleep(0)  # others have their turn


@pytest.fixture
def flood(engine: Embedded) -> Flood:
    return Flood(engine)


@pytest.fixture
async def service(live: DockerCloud, flood: Flood) -> Service:
    return await run(live, image="acme/flood", name="web")


@pytest.fixture
async def box(live: DockerCloud) -> Container:
    service = await run(live, image=SHELL, run_command="sleep 100000", name="box")
    (container,) = await containers(live, service)
    return container


@pytest.fixture
def _short_heartbeats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "HEARTBEAT", HEARTBEAT)
    monkeypatch.setattr(streams, "HEARTBEAT", HEARTBEAT)


way = reconnecting.way
far = reconnecting.far


def resident() -> int:
    """Bytes of memory this process has."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


# --- slow readers ---------------------------------------------------------------------


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's /proc")
async def test_sleeping_reader_costs_little_and_is_told_what_it_missed(
    live: DockerCloud, service: Service, flood: Flood
) -> None:
    """Server and client are both in this process."""
    async with live.services.logs(service, tail=0, reconnect=False) as lines:
        await live.services.inspect(service)  # the reader is in place
        await flood.write(20_000)  # the journal and all buffers are full from now on
        gc.collect()
        before = resident()

        await flood.write(LINES)
        growth = resident() - before

        flood.runs[0].print("the end")
        texts: list[str] = []
        missed = 0
        async with asyncio.timeout(PATIENCE):
            async for line in lines:
                missed += line.get("missed") or 0
                if "missed" in line:
                    assert f"{line['missed']} lines are missing" in line["log"]
                    continue
                texts.append(wire.log_text(line))
                if texts[-1] == "the end":
                    break

    assert growth < 10 * MIB
    assert len(texts) + missed == 20_000 + LINES + 1
    numbers = [int(text) for text in texts[:-1]]
    assert numbers[0] == 0
    assert numbers[-1] == LINES - 1
    assert len(texts) >= 10_000  # what the engine keeps


@pytest.mark.usefixtures("_short_heartbeats")
async def test_reader_that_is_slow_for_heartbeats_keeps_its_connection(
    live: DockerCloud, service: Service, flood: Flood
) -> None:
    """An item takes it two heartbeats, as a minute would."""
    count = 3 * WINDOW
    async with live.services.logs(service, tail=0, reconnect=False) as lines:
        await live.services.inspect(service)
        await flood.write(count)
        slowly = []
        for _ in range(3):
            slowly.append(wire.log_text(await anext(lines)))
            await asyncio.sleep(2 * HEARTBEAT)  # what the test is about
        async with asyncio.timeout(PATIENCE):
            rest = [wire.log_text(await anext(lines)) for _ in range(count - 3)]

    assert slowly + rest == [str(number) for number in range(count)]


async def test_client_without_a_window_reads_ahead_only_so_much() -> None:
    """An old server is held up by TCP."""
    sent = 0

    async def handler(request: web.Request) -> web.WebSocketResponse:
        nonlocal sent
        ws = web.WebSocketResponse(compress=False)
        await ws.prepare(request)
        while True:
            sent += 1
            await ws.send_str('{"log": "' + "x" * 1000 + '"}')

    async with asyncio.timeout(PATIENCE), client_for({"/{path:.*}": handler}) as cloud:
        async with cloud.services.logs("x") as lines:
            await until(lambda: lines._stalled)
            last = -1
            while last != sent:  # the buffers of the system fill up
                last = sent
                await asyncio.sleep(0.05)
            assert len(lines._frames) == stream_module.BUFFER
            assert sent < 20_000


# --- many sources ---------------------------------------------------------------------


async def numbered(name: str, count: int) -> AsyncGenerator[str, None]:
    for number in range(count):
        yield f"{name}{number}"


async def test_merge_takes_one_frame_of_each_source_in_turn() -> None:
    merge = Merge()
    merge.add("a", numbered("a", 1000))
    async with asyncio.timeout(PATIENCE), merge.frames() as frames:
        found = [await anext(frames) for _ in range(10)]
        merge.add("b", numbered("b", 1000))
        merge.add("c", numbered("c", 2))
        merge.complete()
        await asyncio.sleep(0)  # they are read
        found += [frame async for frame in frames]

    assert found[:11] == [f"a{number}" for number in range(11)]
    assert found[11:17] == ["b0", "c0", "a11", "b1", "c1", "a12"]
    assert len(found) == len(set(found)) == 2002


async def test_merge_reads_so_far_ahead_and_no_further() -> None:
    read = 0

    async def endless() -> AsyncGenerator[str, None]:
        nonlocal read
        while True:
            read += 1
            yield "x"

    merge = Merge()
    merge.add("a", endless())
    async with asyncio.timeout(PATIENCE), merge.frames() as frames:
        for taken in range(1, 200):
            await anext(frames)
            await asyncio.sleep(0)
            assert read <= taken + AHEAD


async def test_merge_fails_with_a_source_and_closes_the_others() -> None:
    closed = False

    async def silent() -> AsyncGenerator[str, None]:
        nonlocal closed
        try:
            await asyncio.Event().wait()
            yield ""
        finally:
            closed = True

    async def broken() -> AsyncGenerator[str, None]:
        yield "a"
        raise OSError("broken")

    merge = Merge()
    merge.add("a", silent())
    merge.add("b", broken())
    async with asyncio.timeout(PATIENCE):
        async with merge.frames() as frames:
            assert await anext(frames) == "a"
            with pytest.raises(OSError, match="broken"):
                await anext(frames)
    assert closed


# --- the window -----------------------------------------------------------------------


async def windowed(raw: Raw, path: str) -> aiohttp.ClientWebSocketResponse[bool]:
    return await raw._session.ws_connect(
        raw.url + path,
        headers={"Authorization": raw.auth},
        protocols=[WINDOW_PROTOCOL],
    )


async def count_frames(
    ws: aiohttp.ClientWebSocketResponse[bool], seconds: float
) -> int:
    """Frames that come until none has come for so long."""
    count = 0
    try:
        while True:
            assert (await ws.receive(timeout=seconds)).type is WSMsgType.TEXT
            count += 1
    except TimeoutError:
        return count


async def test_server_sends_what_was_granted_and_no_more(
    raw: Raw, service: Service, flood: Flood
) -> None:
    await flood.write(3 * WINDOW)
    async with await windowed(raw, f"{service['resource_uri']}logs/?tail=all") as ws:
        assert ws.protocol == WINDOW_PROTOCOL
        # The first one is the position, which costs as all do.
        assert await count_frames(ws, 0.3) == WINDOW
        for more in (7, 500):
            await ws.send_bytes(b"%d" % more)
            assert await count_frames(ws, 0.3) == more


async def test_long_frames_take_more_of_the_window(
    raw: Raw, service: Service, flood: Flood
) -> None:
    each = 1 + 10_000 // CREDIT_BYTES
    await flood.write(WINDOW, width=10_000)
    async with await windowed(raw, f"{service['resource_uri']}logs/?tail=all") as ws:
        assert await count_frames(ws, 0.3) == 1 + -(-(WINDOW - 1) // each)


async def test_reader_without_a_window_gets_all_without_granting(
    raw: Raw, service: Service, flood: Flood
) -> None:
    await flood.write(3 * WINDOW)

    frames = await raw.frames(f"{service['resource_uri']}logs/?tail=all&follow=false")

    assert len(frames) == 3 * WINDOW
    assert {frame["type"] for frame in frames} == {"log"}


@pytest.mark.parametrize("grant", [b"", b"-1", b"1e3", b"x", b"9" * 10])
async def test_grant_that_is_no_number_ends_the_stream(
    raw: Raw, service: Service, grant: bytes
) -> None:
    async with (
        asyncio.timeout(PATIENCE),
        await windowed(raw, f"{service['resource_uri']}logs/?tail=0") as ws,
    ):
        await ws.send_bytes(grant)
        async for _ in ws:
            pass
        assert ws.close_code == 1008


# --- exec -----------------------------------------------------------------------------


async def test_command_that_reads_no_input_holds_its_writer_up(
    live: DockerCloud, box: Container
) -> None:
    async with live.containers.exec(box, "sleep 1000") as process:
        written = 0

        async def write() -> None:
            nonlocal written
            while True:
                await process.write("x" * 4000)
                written += 1

        writer = asyncio.create_task(write())
        await until(lambda: process._credits.left <= 0)
        last = -1
        while written != last:  # what the server takes of it, it grants anew
            last = written
            await asyncio.sleep(0.05)
        assert WINDOW <= written < 3 * WINDOW
        writer.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writer


async def test_much_input_and_much_output_do_not_block_each_other(
    live: DockerCloud, box: Container
) -> None:
    """Far more than the windows, and the reader begins when the writer is held up."""
    line = "y" * 999 + "\n"
    count = 10_000
    async with asyncio.timeout(PATIENCE), live.containers.exec(box, "cat") as process:

        async def write() -> None:
            for _ in range(count // 100):
                await process.write(line * 100)
            await process.write("\x04")

        writer = asyncio.create_task(write())
        await until(lambda: process._credits.left <= 0)
        size = 0
        async for frame in process:
            size += len(frame["output"])
        await writer

    assert size == count * len(line)
    assert process.exit_code == 0


async def test_more_input_than_granted_ends_the_stream(
    raw: Raw, box: Container
) -> None:
    async with (
        asyncio.timeout(PATIENCE),
        await windowed(raw, f"{box['resource_uri']}exec/?command=sleep+1000") as ws,
    ):
        for _ in range(2 * WINDOW):
            await ws.send_str("x")
        async for _ in ws:
            pass
        assert ws.close_code == 1008


async def test_old_client_with_much_input_is_held_up_by_tcp(
    raw: Raw, box: Container
) -> None:
    """It gets its output all the same, and all of its input arrives."""
    line = "z" * 999 + "\n"
    async with (
        asyncio.timeout(PATIENCE),
        await raw.upgrade(f"{box['resource_uri']}exec/?command=cat") as ws,
    ):

        async def write() -> None:
            for _ in range(50):
                await ws.send_str(line * 100)
            await ws.send_str("\x04")

        writer = asyncio.create_task(write())
        size = 0
        async for message in ws:
            size += len(message.json()["output"])
        await writer

    assert size == 5000 * len(line)


async def test_writer_that_is_held_up_learns_that_the_command_ended(
    live: DockerCloud, box: Container
) -> None:
    async with (
        asyncio.timeout(PATIENCE),
        live.containers.exec(box, "sleep 1000") as process,
    ):

        async def write() -> None:
            while True:
                await process.write("x" * 4000)

        writer = asyncio.create_task(write())
        await until(lambda: process._credits.left <= 0)
        await live.containers.stop(box)
        with pytest.raises(StreamClosed):
            await writer


# --- silent peers ---------------------------------------------------------------------


@pytest.mark.usefixtures("_short_heartbeats")
async def test_silent_server_is_reported_within_two_heartbeats(
    far: DockerCloud, way: Proxy, service: Service
) -> None:
    async with far.services.logs(service, tail=0, reconnect=False) as lines:
        await asyncio.sleep(HEARTBEAT)  # it lives as long as somebody answers
        way.black_hole()
        silent = time.monotonic()
        with pytest.raises(StreamClosed) as caught:
            await anext(lines)

    assert caught.value.code == 1006
    assert time.monotonic() - silent < 2 * HEARTBEAT


@pytest.mark.usefixtures("_short_heartbeats")
async def test_silent_reader_is_forgotten_within_two_heartbeats(
    raw: Raw, live: DockerCloud, far: DockerCloud, way: Proxy, service: Service
) -> None:
    before = tasks()
    async with far.services.logs(service, tail=0, reconnect=False):
        await live.services.inspect(service)
        ours = {task for task in tasks() - before if _is_of_server(task)}
        assert ours
        way.black_hole()
        async with asyncio.timeout(2 * HEARTBEAT):
            await asyncio.wait(ours)


@pytest.mark.usefixtures("_short_heartbeats")
async def test_silent_reader_is_forgotten_while_much_is_to_be_sent_to_it(
    raw: Raw,
    server: Server,
    live: DockerCloud,
    way: Proxy,
    service: Service,
    flood: Flood,
) -> None:
    """The one who sends waits for the socket to take more. No window helps: an old
    client has none."""
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
        async with asyncio.timeout(2 * HEARTBEAT):
            await asyncio.wait(ours)
        # Not left to the system, which would try for a quarter of an hour.
        await until(lambda: connection.fileno() == -1)


@pytest.mark.usefixtures("_short_heartbeats")
@pytest.mark.parametrize("windowed", [True, False])
async def test_writer_to_a_silent_server_is_told_within_two_heartbeats(
    far: DockerCloud,
    way: Proxy,
    box: Container,
    windowed: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It waits to be granted more, or for the socket to take more."""
    if not windowed:
        monkeypatch.setattr(streams, "_response", web.WebSocketResponse)
    async with far.containers.exec(box, "sleep 1000") as process:
        way.black_hole()
        silent = time.monotonic()

        async def write() -> None:
            while True:
                await process.write("x" * 16_000)

        with pytest.raises(StreamClosed) as caught:
            async with asyncio.timeout(PATIENCE):
                await write()

    assert caught.value.code == 1006
    assert time.monotonic() - silent < 2 * HEARTBEAT


def _is_of_server(task: asyncio.Task[object]) -> bool:
    return getattr(task.get_coro(), "__qualname__", "").startswith("pump.")


# --- ends -----------------------------------------------------------------------------


async def test_server_ends_in_time_though_a_reader_takes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(streams, "GOODBYE", 0.2)
    engine = Embedded()
    flood = Flood(engine)
    async with (
        asyncio.timeout(PATIENCE),
        aiohttp.ClientSession() as session,
        proxy("http://127.0.0.1:1") as way,
    ):
        async with running(engine) as server:
            way.point_to(server.url)
            async with client_of(server) as cloud:
                service = await run(cloud, image="acme/flood", name="web")
            raw = Raw(server, session)
            url = f"{way.url}{service['resource_uri']}logs/?tail=0"
            ws = await session.ws_connect(url, headers={"Authorization": raw.auth})
            ((_, stream),) = server.faults._streams.items()
            way.black_hole()
            await flood.write(9000, width=2000)
            transport = stream.request.transport
            assert transport is not None
            await until(lambda: transport.get_write_buffer_size() > 0)
            ending = time.monotonic()
        assert time.monotonic() - ending < 5
        way.cut()
        await ws.close()
