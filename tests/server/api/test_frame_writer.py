"""Frames of websockets leave together, in order, as fast as the reader reads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from aiodockercloud.server.api import frame_writer, streams
from aiodockercloud.server.api.connections import Connections
from aiodockercloud.server.api.frame_writer import FrameWriter
from aiodockercloud.server.settings import Timings
from tests.support.facts import PATIENCE


class Pair:
    """A websocket whose server side a test drives, through our connections or not."""

    def __init__(self, *, ours: bool) -> None:
        self.ours = ours
        self.opened: asyncio.Future[FrameWriter] = asyncio.Future()
        self.request: web.Request | None = None
        self.socket: web.WebSocketResponse | None = None
        self.done = asyncio.Event()

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse(compress=False)
        await ws.prepare(request)
        self.request, self.socket = request, ws
        self.opened.set_result(FrameWriter(request, ws))
        await self.done.wait()
        return ws

    async def __aenter__(self) -> Pair:
        app = web.Application()
        app.router.add_get("/", self.handle)
        runner = web.AppRunner(app)
        await runner.setup()
        assert runner.server is not None
        factory: Callable[[], asyncio.Protocol] = runner.server
        if self.ours:
            factory = Connections(runner.server, 10, Timings())
        loop = asyncio.get_running_loop()
        self._runner = runner
        self._server = await loop.create_server(factory, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self._session = aiohttp.ClientSession()
        url = f"ws://127.0.0.1:{port}/"
        self.ws = await self._session.ws_connect(url, max_msg_size=0)
        self.writer = await self.opened
        return self

    async def __aexit__(self, *_: object) -> None:
        self.done.set()
        await self.ws.close()
        await self._session.close()
        self._server.close()
        await self._runner.cleanup()


TEXTS = ["", "a", "x" * 125, "x" * 126, "ü" * 200, "x" * 65535, "x" * 65536, "€"]


@pytest.mark.parametrize("ours", [True, False])
async def test_frames_arrive_whole_and_in_order(ours: bool) -> None:
    async with Pair(ours=ours) as pair, asyncio.timeout(PATIENCE):
        for text in TEXTS * 2:
            await pair.writer.send(text)

        received = [await pair.ws.receive_str() for _ in TEXTS * 2]
    assert received == TEXTS * 2


class Counting:
    """A transport that keeps what is written."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self.writes: list[bytes] = []
        self._transport = transport

    def write(self, data: bytes) -> None:
        self.writes.append(data)
        self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


async def test_frames_of_a_turn_leave_in_one_write() -> None:
    async with Pair(ours=True) as pair, asyncio.timeout(PATIENCE):
        connection: Any = pair.writer._output
        connection.transport = counting = Counting(connection.transport)
        for number in range(10):
            await pair.writer.send(str(number))
        assert not counting.writes
        await asyncio.sleep(0)

        assert len(counting.writes) == 1
        assert [await pair.ws.receive_str() for _ in range(10)] == list("0123456789")


async def test_writes_at_the_end_of_a_turn_run_once_and_in_order() -> None:
    async with Pair(ours=True) as pair, asyncio.timeout(PATIENCE):
        output = pair.writer._output
        assert output is not None
        done: list[str] = []

        def first() -> None:
            done.append("first")
            output.at_end_of_turn(lambda: done.append("of the next turn"))

        output.at_end_of_turn(first)
        output.at_end_of_turn(lambda: done.append("second"))
        assert done == []

        await asyncio.sleep(0)
        assert done == ["first", "second"]
        await asyncio.sleep(0)
        assert done == ["first", "second", "of the next turn"]


async def test_sender_waits_while_the_reader_does_not_read() -> None:
    """The bytes that wait are bounded, however long the reader takes."""
    async with Pair(ours=True) as pair, asyncio.timeout(PATIENCE):
        assert pair.request is not None
        transport = pair.request.transport
        assert transport is not None
        pair.ws._response.connection.transport.pause_reading()  # type: ignore[union-attr]
        sent = 0

        async def send() -> None:
            nonlocal sent
            while True:
                await pair.writer.send("x" * 4000)
                sent += 1

        sending = asyncio.create_task(send())
        before = -1
        while sent != before:
            before = sent
            await asyncio.sleep(0.1)
        assert not sending.done()
        assert transport.get_write_buffer_size() < 4 * frame_writer._LARGEST
        pair.ws._response.connection.transport.resume_reading()  # type: ignore[union-attr]
        for _ in range(before + 100):
            await pair.ws.receive_str()
        assert sent > before
        sending.cancel()


async def test_sender_ends_when_the_connection_is_lost() -> None:
    async with Pair(ours=True) as pair, asyncio.timeout(PATIENCE):
        assert pair.request is not None
        assert pair.request.transport is not None
        pair.request.transport.abort()
        await pair.ws.receive()
        with pytest.raises(ConnectionError):
            await pair.writer.send("x")


async def test_frame_of_the_turn_of_a_close_leaves_before_the_close() -> None:
    async with Pair(ours=True) as pair, asyncio.timeout(PATIENCE):
        assert pair.socket is not None
        closing = asyncio.create_task(
            streams.close(pair.socket, aiohttp.WSCloseCode.GOING_AWAY, "end", PATIENCE)
        )
        await pair.writer.send("last")

        assert await pair.ws.receive_str() == "last"
        assert (await pair.ws.receive()).type is aiohttp.WSMsgType.CLOSE
        await closing


async def test_no_frame_follows_a_close_frame() -> None:
    """RFC 6455, section 5.5.1; aiohttp closes by itself when the client does."""
    async with Pair(ours=True) as pair, asyncio.timeout(PATIENCE):
        assert pair.socket is not None
        connection: Any = pair.writer._output
        connection.transport = counting = Counting(connection.transport)
        closing = asyncio.create_task(pair.socket.close())
        await pair.writer.send("late")  # the close begins before the turn ends

        assert (await pair.ws.receive()).type is aiohttp.WSMsgType.CLOSE
        await closing
    assert not any(b"late" in data for data in counting.writes)


async def test_server_of_aiohttp_itself_sends_each_frame() -> None:
    """The application works in any aiohttp server, only without the common writes."""
    pair = Pair(ours=False)
    app = web.Application()
    app.router.add_get("/", pair.handle)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        async with session.ws_connect(server.make_url("/")) as ws:
            writer = await pair.opened
            await writer.send("one")
            assert await ws.receive_str() == "one"
            pair.done.set()
