"""Backpressure: slow readers and writers, and the bounds of all buffers."""

from __future__ import annotations

import asyncio
import gc
import os
from pathlib import Path

import aiohttp
import pytest
from aiohttp import WSMsgType, web

from aiodockercloud import DockerCloud, StreamClosed
from aiodockercloud.server import Embedded, running
from aiodockercloud.server.settings import Settings, Timings
from aiodockercloud.types import Container, Service
from aiodockercloud.wire import loglines
from aiodockercloud.wire.window import CREDIT_BYTES, WINDOW, WINDOW_PROTOCOL
from tests.support import flooding
from tests.support.facts import PATIENCE, until
from tests.support.flooding import Flood
from tests.support.flows import Raw, client_of, run
from tests.support.proxies import proxy
from tests.support.scripted import client_for

MIB = 2**20

LINES = 1_000_000

flood = flooding.flood
service = flooding.service
box = flooding.box


def resident() -> int:
    """Return the bytes of memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


# --- slow readers ---------------------------------------------------------------------


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's /proc")
async def test_sleeping_reader_needs_little_memory_and_receives_the_missed_number(
    live: DockerCloud, service: Service, flood: Flood
) -> None:
    """The memory is that of server and client: both run in this process."""
    async with live.services.logs(service, tail=0, reconnect=False) as lines:
        await live.services.inspect(service)  # the server reads the log by now
        await flood.write(20_000)  # fills the journal and all buffers
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
                texts.append(loglines.log_text(line))
                if texts[-1] == "the end":
                    break

    assert growth < 10 * MIB
    assert len(texts) + missed == 20_000 + LINES + 1
    numbers = [int(text) for text in texts[:-1]]
    assert numbers[0] == 0
    assert numbers[-1] == LINES - 1
    assert len(texts) >= 10_000  # the lines that the engine keeps


async def test_client_without_a_window_reads_a_bounded_amount_ahead() -> None:
    """Only TCP holds an old server up."""
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
            assert len(lines._frames) == cloud.limits.buffer
            assert sent < 20_000


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
    """Return the number of frames until *seconds* pass without a frame."""
    count = 0
    try:
        while True:
            assert (await ws.receive(timeout=seconds)).type is WSMsgType.TEXT
            count += 1
    except TimeoutError:
        return count


async def test_server_sends_as_many_frames_as_were_granted(
    raw: Raw, service: Service, flood: Flood
) -> None:
    await flood.write(3 * WINDOW)
    async with await windowed(raw, f"{service['resource_uri']}logs/?tail=all") as ws:
        assert ws.protocol == WINDOW_PROTOCOL
        # The first frame is the position, which costs a credit as every frame.
        assert await count_frames(ws, 0.3) == WINDOW
        for more in (7, 500):
            await ws.send_bytes(b"%d" % more)
            assert await count_frames(ws, 0.3) == more


async def test_long_frames_cost_more_credits(
    raw: Raw, service: Service, flood: Flood
) -> None:
    each = 1 + 10_000 // CREDIT_BYTES
    await flood.write(WINDOW, width=10_000)
    async with await windowed(raw, f"{service['resource_uri']}logs/?tail=all") as ws:
        assert await count_frames(ws, 0.3) == 1 + -(-(WINDOW - 1) // each)


async def test_reader_without_a_window_receives_all_frames_without_granting(
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
        while written != last:  # the server grants credits up to its own window
            last = written
            await asyncio.sleep(0.05)
        assert WINDOW <= written < 3 * WINDOW
        writer.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writer


async def test_much_input_and_much_output_do_not_block_each_other(
    live: DockerCloud, box: Container
) -> None:
    """Far more data than the windows; the reader starts when the writer waits."""
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
    """The client receives its output, and all of its input arrives."""
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


async def test_waiting_writer_raises_when_the_command_ends(
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


# --- ends -----------------------------------------------------------------------------


async def test_server_ends_in_time_with_a_reader_that_receives_nothing() -> None:
    settings = Settings(timings=Timings(close_handshake=0.2))
    engine = Embedded()
    flood = Flood(engine)
    async with (
        asyncio.timeout(PATIENCE),
        aiohttp.ClientSession() as session,
        proxy("http://127.0.0.1:1") as way,
    ):
        async with running(engine, settings=settings) as server:
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
        # The end of the block is the end of the server, within PATIENCE.
        way.cut()
        await ws.close()
