"""Streams: log lines and events, on both sides, and the memory of a stream."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson
from websockets.asyncio.client import connect

from aiodockercloud import DockerCloud

from .children import LINE
from .followers import WARM
from .harness import AUTH, KEY, USER, Child, Raw, Row, child, memory, paired, place, row

LINES = 10_000
#: Readers of one log and of the events, and lines and changes that each receives.
READERS, LOG_LINES = 200, 500
SUBSCRIBERS, CHANGES = 500, 20
CHANGES_IN_TURN = 100
FOLLOWED = 1000
IDLE, IDLE_SECONDS, HEARTBEAT = 5000, 16, 4

UUID = "09cbcf8d-a727-40d9-b420-c8e18b7fa55b"
LOGS = f"/api/app/v1/container/{UUID}/logs/"


def _frames(number: int) -> list[str]:
    return [
        json.dumps(
            {
                "type": "log",
                "source": "t-1",
                "log": f"2026-11-27T00:00:00.000000000Z {each} {LINE}\n",
                "streamType": "stdout",
                "timestamp": 1,
            }
        )
        for each in range(number)
    ]


async def rows() -> AsyncIterator[Row]:
    """Yield the rows of streams."""
    async with AsyncExitStack() as stack:
        ours = await stack.enter_async_context(child("ours"))
        bare = await stack.enter_async_context(child("bare"))
        cloud = await stack.enter_async_context(
            DockerCloud(ours.url, user=USER, apikey=KEY)
        )
        session = await stack.enter_async_context(
            aiohttp.ClientSession(headers={"Authorization": AUTH})
        )
        for part in (
            _own_server(cloud, session, ours),
            _bench_server(session, bare),
            _readers(cloud, ours, bare),
            _events(cloud, ours, bare),
            _memory(bare),
        ):
            async for one in part:
                yield one


async def _own_server(
    cloud: DockerCloud, session: aiohttp.ClientSession, server: Child
) -> AsyncIterator[Row]:
    """Read a log that is there, whole."""
    service = await cloud.services.create(
        image="talk", container_envvars={"LINES": str(LINES)}
    )
    await cloud.services.start(service)
    await cloud.services.wait(service, "Stopped")
    (container,) = await cloud.services.containers(service)
    address = f"ws{server.url[4:]}{container['resource_uri']}logs/"

    async def ours() -> float:
        begin, count = time.process_time(), 0
        async with cloud.containers.logs(container, tail=LINES, follow=False) as lines:
            async for _ in lines:
                count += 1
        assert count == LINES, count
        return (time.process_time() - begin) / LINES

    async def bare() -> float:
        begin, count = time.process_time(), 0
        params = {"tail": str(LINES), "follow": "false"}
        async with session.ws_connect(address, params=params) as ws:
            async for message in ws:
                count += "log" in orjson.loads(message.data)
        assert count == LINES, count
        return (time.process_time() - begin) / LINES

    async def other() -> float:
        begin, count = time.process_time(), 0
        where = f"{address}?tail={LINES}&follow=false"
        async with connect(where, additional_headers={"Authorization": AUTH}) as ws:
            async for message in ws:
                count += "log" in orjson.loads(message)
        assert count == LINES, count
        return (time.process_time() - begin) / LINES

    pairs = await paired(ours, bare)
    yield row("log lines, own server", "bare reader, same server", 1.3, pairs)
    pairs = await paired(ours, other)
    yield row("log lines, own server", "websockets, same server", None, pairs)


async def _bench_server(
    session: aiohttp.ClientSession, server: Child
) -> AsyncIterator[Row]:
    """Follow a log that a bare server sends."""
    send = f"send {json.dumps(_frames(LINES))}"

    async def sent() -> None:
        while not await server.ask("count"):
            await asyncio.sleep(0.01)
        await server.ask(send)

    async def ours() -> float:
        async with DockerCloud(server.url, user=USER, apikey=KEY) as cloud:
            lines = cloud.containers.logs(UUID, tail=0)
            async with lines:
                sending = asyncio.create_task(sent())
                await asyncio.sleep(0.05)
                begin, count = time.process_time(), 0
                async for _ in lines:
                    count += 1
                    if count == LINES:
                        break
                spent = time.process_time() - begin
                await sending
        return spent / LINES

    async def bare() -> float:
        address = f"ws{server.url[4:]}{LOGS}"
        async with session.ws_connect(address, heartbeat=30) as ws:
            sending = asyncio.create_task(sent())
            await asyncio.sleep(0.05)
            begin, count = time.process_time(), 0
            async for message in ws:
                orjson.loads(message.data)
                count += 1
                if count == LINES:
                    break
            spent = time.process_time() - begin
            await sending
        return spent / LINES

    pairs = await paired(ours, bare)
    yield row("log lines, one stream, bench server", "aiohttp + orjson", 1.15, pairs)


class _Sink(asyncio.Protocol):
    """The cheapest reader: it upgrades by hand and counts bytes."""

    def __init__(self, url: str, path: str) -> None:
        self.received = 0
        self.open: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._hello = (
            f"GET {path} HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\n"
            f"Authorization: {AUTH}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        ).encode()
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(self._hello)

    def data_received(self, data: bytes) -> None:
        if not self.open.done():
            self.open.set_result(None)
        self.received += len(data)


async def _sinks(url: str, path: str, number: int) -> list[_Sink]:
    found = []
    for _ in range(number):
        _, sink = await asyncio.get_running_loop().create_connection(
            lambda: _Sink(url, path), *place(url)
        )
        await sink.open
        found.append(sink)
    return found


async def _quiet(sinks: list[_Sink]) -> None:
    """Wait until no more bytes arrive."""
    before = -1
    while (now := sum(one.received for one in sinks)) != before:
        before = now
        await asyncio.sleep(0.15)


def _close(sinks: list[_Sink]) -> None:
    for one in sinks:
        if one.transport is not None:
            one.transport.close()


async def _readers(cloud: DockerCloud, ours: Child, bare: Child) -> AsyncIterator[Row]:
    """Let many readers follow one log; the cost is the server's."""
    service = await cloud.services.run(image="live", name="live")
    (container,) = await cloud.services.containers(service)
    path = f"{container['resource_uri']}logs/?tail=0"
    mine = await _sinks(ours.url, path, READERS)
    theirs = await _sinks(bare.url, "/ws", READERS)

    async def cost(server: Child, sinks: list[_Sink], command: str) -> float:
        begin = server.cpu()
        await server.ask(command)
        await _quiet(sinks)
        return (server.cpu() - begin) / READERS / LOG_LINES

    frames = f"send {json.dumps(_frames(LOG_LINES))}"
    pairs = await paired(
        lambda: cost(ours, mine, f"lines {LOG_LINES}"),
        lambda: cost(bare, theirs, frames),
        rounds=5,
    )
    yield row(f"one log to {READERS} readers", "bare broadcast", 0.9, pairs)
    _close(mine)
    _close(theirs)


async def _events(cloud: DockerCloud, ours: Child, bare: Child) -> AsyncIterator[Row]:
    """Let many readers follow the events of changes, then measure one event's delay."""
    service = await cloud.services.create(image="idle", name="changed")
    path = service["resource_uri"]
    mine = await _sinks(ours.url, "/api/audit/v1/events/", SUBSCRIBERS)
    theirs = await _sinks(bare.url, "/ws", SUBSCRIBERS)
    number = iter(range(10**9))

    async with Raw(ours.url, 1) as raw, Raw(bare.url, 1) as bare_raw:

        async def change() -> None:
            body = b'{"nickname":"%d"}' % next(number)
            await raw.one("PATCH", path, body)

        async def relay() -> None:
            await bare_raw.one("POST", "/relay", b"{}")

        async def cost(
            server: Child, sinks: list[_Sink], work: Any, frames: int
        ) -> float:
            begin = server.cpu()
            for _ in range(CHANGES):
                await work()
            await _quiet(sinks)
            return (server.cpu() - begin) / CHANGES / SUBSCRIBERS / frames

        # A change has two events: the service's and the action's.
        pairs = await paired(
            lambda: cost(ours, mine, change, 2),
            lambda: cost(bare, theirs, relay, 1),
            rounds=5,
        )
        yield row(f"events to {SUBSCRIBERS} readers", "bare broadcast", 0.85, pairs)
        _close(mine)
        _close(theirs)
        (first,) = await _sinks(ours.url, "/api/audit/v1/events/", 1)
        (second,) = await _sinks(bare.url, "/ws", 1)

        async def delay(sink: _Sink, work: Any) -> float:
            begin = time.perf_counter()
            for _ in range(CHANGES_IN_TURN):
                before = sink.received
                changing = asyncio.create_task(work())
                while sink.received == before:
                    await asyncio.sleep(0)
                await changing
            return (time.perf_counter() - begin) / CHANGES_IN_TURN

        pairs = await paired(
            lambda: delay(first, change), lambda: delay(second, relay), rounds=5
        )
        yield row(
            "event after a change (wall time)",
            "a POST that sends one frame",
            1.5,
            pairs,
            at_least=False,
        )
        _close([first, second])


async def _follower(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.followers", *arguments),
        stdout=asyncio.subprocess.PIPE,
    )


async def _memory(bare: Child) -> AsyncIterator[Row]:
    """Open many streams that stay idle, from processes of their own.

    Each measurement has a server of its own: memory that earlier streams have returned
    would hide what new streams take.
    """
    client, peer, server = list[float](), list[float](), list[float]()
    for _ in range(3):
        async with (
            child("ours") as ours,
            DockerCloud(ours.url, user=USER, apikey=KEY) as cloud,
        ):
            service = await cloud.services.run(image="live")
            (container,) = await cloud.services.containers(service)
            first = await _sinks(ours.url, f"{container['resource_uri']}logs/", 50)
            before = memory(ours.pid)
            path = container["resource_uri"]
            process = await _follower("ours", ours.url, path, str(FOLLOWED), "0")
            assert process.stdout is not None
            found = json.loads(await process.stdout.readline())
            client.append(found["kilobytes"])
            opened = FOLLOWED + WARM
            server.append((memory(ours.pid) - before) / 1024 / opened)
            process.kill()
            await process.wait()
            process = await _follower("bare", ours.url, path, str(FOLLOWED), "0")
            assert process.stdout is not None
            peer.append(json.loads(await process.stdout.readline())["kilobytes"])
            process.kill()
            await process.wait()
            _close(first)
    unit = f"KB; a bare websocket of aiohttp: {median(peer):.1f} KB, both with a task"
    yield Row("memory of a followed stream, client (KB)", "", 14, False, client, unit)
    yield Row("memory of a followed stream, server (KB)", "", 20, False, server, "KB")
    shares = []
    for _ in range(2):
        idle = []
        for kind in ("ours", "bare"):
            process = await _follower(
                *(kind, bare.url, LOGS, str(IDLE), str(IDLE_SECONDS))
            )
            assert process.stdout is not None
            await process.stdout.readline()
            idle.append(json.loads(await process.stdout.readline())["cpu"])
            process.kill()
            await process.wait()
        shares.append(idle)
    yield row(
        f"idle CPU of {IDLE} streams, heartbeat every {HEARTBEAT} s",
        "aiohttp's heartbeat",
        0.5,
        shares,
        at_least=False,
        unit="ms a second",
        scale=1e3,
    )
