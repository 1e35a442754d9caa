"""One websocket as an async iterator and context manager.

The methods of the sub-APIs return streams. A stream connects when the caller enters or
iterates the stream. Leaving the block closes the socket at once::

    async with cloud.services.logs(service, tail=100) as lines:
        async for line in lines:
            print(line["log"], end="")

The iteration ends when the server ends the stream with close code 1000. A broken stream
raises :class:`~aiodockercloud.exceptions.StreamClosed`, so that half a log never passes
for a whole log. The streams of logs and events reconnect instead and continue after the
last item.

Source: Docker Cloud API reference, "Stream API".
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from sys import getsizeof
from typing import Any, Generic, Self, TypeVar

import aiohttp
from aiohttp import ClientWebSocketResponse, WSMsgType

from .. import wire
from ..exceptions import AuthError, StreamClosed
from ..wire.signal import Signal
from ..wire.window import (
    BATCH,
    CREDIT_BYTES,
    WINDOW,
    WINDOW_PROTOCOL,
    Credits,
    frame_cost,
)
from .heartbeats import Pulse
from .settings import DEFAULT_LIMITS, DEFAULT_TIMINGS, Limits, Timings
from .websocket import ABNORMAL, ending, hang_up, received_ahead, shut

__all__ = ["Stream"]

T = TypeVar("T")

#: Types of frames about the connection, which some servers send.
#: A tuple, because a type that is no text need not be hashable.
CONTROL = ("auth", "error", "exit", "log-started")

#: The error of a stream that is entered after its end.
ENTERED_CLOSED = "this stream was closed; request another one from the sub-API"

_TEXT, _BINARY = WSMsgType.TEXT, WSMsgType.BINARY

#: The size of ``bytes`` besides their content; ``getsizeof`` takes longer than a sum.
_OVERHEAD = getsizeof(b"")

_loads = wire.loads


class Stream(AsyncIterator[T], Generic[T]):
    """An async iterator of the frames of one websocket, as dicts, for one reader task.

    A stream is an async context manager as well. A caller who iterates without entering
    calls :meth:`close` in the end; :meth:`aclose` is the same, for
    ``contextlib.aclosing``.

    A slow reader keeps the connection: the client answers pings at all times, and the
    client buffers one window of frames at most (1000 frames, 8 MiB), because the server
    waits for permission to send more. Servers other than aiodockercloud's have no such
    window. A reader that stops for long with a full buffer stops the answers to their
    pings too; such a server disconnects, and the reader gets the buffered frames, then
    ``StreamClosed``.

    A peer that does not answer pings is detected within two heartbeats (a minute):
    ``StreamClosed`` with code 1006.

    Args:
        connect: Opens the websocket.
        timings: The durations, of which a stream uses ``stream_close``.
        limits: The bounds, of which a stream uses ``buffer`` and ``buffer_bytes``.

    Raises:
        ApiError: On entering, or on the first step: the server refused the upgrade.
            Each documented status has a subclass, as for requests.
        ConnectError: On entering, or on the first step: no response was received.
        StreamClosed: While iterating: the stream ended with another code than 1000, or
            the client was closed.
        RuntimeError: On entering: the stream was closed. While iterating: another task
            waits for a frame of the stream.
        AuthError: While iterating: the server reported in the stream that the
            credentials are wrong, as Tutum does.

    Source:
        Docker Cloud API reference, "Stream API".
    """

    # A client may follow thousands of streams: none of them has a dict.
    __slots__ = (
        "__weakref__",
        "_arrived",
        "_awaited",
        "_closed",
        "_connect",
        "_credits",
        "_end",
        "_frames",
        "_limits",
        "_opening",
        "_owed",
        "_pulse",
        "_reader",
        "_room",
        "_shut",
        "_socket",
        "_stalled",
        "_timings",
        "_windowed",
        "_ws",
    )

    def __init__(
        self,
        connect: Callable[[], Awaitable[ClientWebSocketResponse[Any]]],
        *,
        timings: Timings = DEFAULT_TIMINGS,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self._connect = connect
        self._timings = timings
        self._limits = limits
        self._frames: deque[bytes] = deque()
        self._arrived = Signal()
        #: Sent when the reader task may go on; that task never waits within a window.
        self._room = Signal()
        self._stalled = False
        self._pulse: Pulse | None = None
        #: A task waits for the next frame.
        self._awaited = False
        #: The cost of the received frames for which the server has no new grant yet.
        self._owed = 0
        self._windowed = False
        self._credits = Credits(windowed=False)
        self._opening = asyncio.Lock()
        self._ws: ClientWebSocketResponse[Any] | None = None
        self._socket: socket.socket | None = None
        self._reader: asyncio.Task[None] | None = None
        self._end: StreamClosed | None = None
        self._closed = False
        #: The client itself closed the socket, so that reconnecting is not wanted.
        self._shut = False

    async def __aenter__(self) -> Self:
        self._refuse_closed()
        await self._open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        frames = self._frames
        while True:
            if not frames:
                await self._more()
            data = frames.popleft()
            frame: Any
            try:
                frame = _loads(data)
                kind = frame.get("type")
            except (ValueError, AttributeError):
                frame = self._mended(data)
                kind = frame.get("type")
            if kind not in CONTROL:
                found: T = frame
                return found
            self._control(frame)

    async def close(self) -> None:
        """Close the socket and drop the frames that were not read.

        Idempotent. A task that waits for a frame gets the end of the iteration. A peer
        that does not answer is waited for at most two seconds.
        """
        self._closed = True
        self._arrived.send()  # wakes up the reader, for which no frame arrives any more
        await self._drop()

    async def aclose(self) -> None:
        """Close the stream, as :meth:`close` does: for ``contextlib.aclosing``."""
        await self.close()

    def _refuse_closed(self) -> None:
        """Refuse to enter a closed stream, which would end without an item.

        Raises:
            RuntimeError: The stream was closed.
        """
        if self._closed:
            raise RuntimeError(ENTERED_CLOSED)

    def abandon(self) -> None:
        """Let the reader fail: the client was closed. The client closes the socket."""
        self._shut = True
        self._end = StreamClosed(ABNORMAL, "the client was closed")
        self._arrived.send()  # wakes up a reader that waits

    # --- the socket -----------------------------------------------------------------

    async def _open(self) -> ClientWebSocketResponse[Any]:
        if self._ws is not None:
            return self._ws
        async with self._opening:
            if self._ws is None:
                ws = await self._connect()
                if self._closed:
                    await shut(ws)
                else:
                    self._windowed = ws.protocol == WINDOW_PROTOCOL
                    self._credits = Credits(windowed=self._windowed)
                    self._owed = 0
                    self._socket = ws.get_extra_info("socket")
                    self._pulse = pulse = Pulse(ws)
                    self._reader = asyncio.create_task(self._read(ws, pulse))
                self._ws = ws
            return self._ws

    async def _drop(self) -> None:
        """Close the connection and return to the state before opening."""
        reader, self._reader = self._reader, None
        ws, self._ws = self._ws, None
        self._frames.clear()
        self._end = None
        self._stalled = False
        if self._pulse is not None:
            self._pulse.end()
        try:
            if reader is not None:
                reader.cancel()
                await asyncio.wait([reader])
        finally:
            if ws is not None:
                try:
                    async with asyncio.timeout(self._timings.stream_close):
                        await shut(ws)
                except TimeoutError:
                    hang_up(self._socket)

    def beat(self) -> bool:
        """Check the peer, at each beat of the client's heartbeats.

        Returns:
            Whether the stream is connected.

        :meta private:
        """
        pulse, reader = self._pulse, self._reader
        if pulse is None or reader is None or reader.done():
            return False
        if not pulse.beat(receiving=not self._stalled):
            seconds = self._timings.heartbeat / 2
            text = f"No PONG received after {seconds} seconds"  # as aiohttp reports it
            self._end = self._end or StreamClosed(ABNORMAL, text)
            hang_up(self._socket)
            self._credits.end()
            self._arrived.send()
        return True

    async def _more(self) -> None:
        """Wait until the buffer, which is empty, has a frame.

        Raises:
            RuntimeError: Another task waits already; each would get half of the frames.
        """
        self._become_reader()
        try:
            await self._receive()
        finally:
            self._awaited = False

    def _become_reader(self) -> None:
        """Refuse a second task that waits for the stream until ``_awaited`` is false.

        Raises:
            RuntimeError: Another task waits already; each would get half of the frames.
        """
        if self._awaited:
            raise RuntimeError("another task reads this stream; each needs its own")
        self._awaited = True

    async def _receive(self) -> None:
        """Open the connection if necessary, and wait for a frame."""
        if not self._closed and self._ws is None:
            await self._open()
        if self._stalled:
            self._stalled = False
            self._room.send()
        if self._windowed and self._owed >= BATCH:
            await self._grant()
        while not self._frames:
            if self._closed:
                raise StopAsyncIteration
            if self._end is not None:
                if self._end.code == 1000:
                    raise StopAsyncIteration
                raise self._end
            await self._arrived.next()

    async def _grant(self) -> None:
        if self._ws is not None:
            owed, self._owed = self._owed, 0
            # The reader task reports a lost connection.
            with suppress(aiohttp.ClientError, ConnectionError):
                await self._ws.send_bytes(b"%d" % owed)

    async def _read(self, ws: ClientWebSocketResponse[Any], pulse: Pulse) -> None:
        """Fill the buffer: aiohttp answers pings only while a task receives."""
        frames, arrived, windowed = self._frames, self._arrived, self._windowed
        receive, credits = ws.receive, self._credits
        ready, take = received_ahead(ws)
        # A window always has room for what the server may send.
        most = WINDOW + 1 if windowed else self._limits.buffer
        size, largest = 0, self._limits.buffer_bytes
        end: StreamClosed | None = None
        try:
            while True:
                message = await receive()
                pulse.quiet = 0
                kind = message.type
                if kind is not _TEXT:
                    if kind is WSMsgType.PING:
                        await ws.pong(message.data)
                        continue
                    if kind is WSMsgType.PONG:
                        continue
                    if kind is not _BINARY:
                        break
                    if windowed:
                        credits.grant(message.data)
                        continue
                arrived.send()
                data = message.data
                if isinstance(data, str):  # of an aiohttp without RAW_FRAMES
                    data = data.encode()
                before = len(frames)
                room, more = most - before, 0
                bound = largest - room * _OVERHEAD
                while True:
                    frames.append(data)
                    length = len(data)
                    if length >= CREDIT_BYTES:
                        more += frame_cost(data) - 1
                    size += length
                    room -= 1
                    if size >= bound or not room:
                        break
                    if not ready or ready[0][0][0] is not _TEXT:
                        break
                    data = (await take())[1]
                received = len(frames) - before
                self._owed += received + more
                size += received * _OVERHEAD
                if size >= largest:
                    # Frames that were read in the meantime count, too.
                    size = sum(map(getsizeof, frames))
                if size >= largest or not room:
                    self._stalled = True
                    await self._room.next()
            end = ending(message)
            self._shut = self._shut or message.type is WSMsgType.CLOSING
        except StreamClosed as exc:
            end = exc
        except Exception as exc:
            end = StreamClosed(ABNORMAL, str(exc))
        finally:
            credits.end()
            if self._reader is asyncio.current_task():  # else _drop() closes the socket
                end = end or StreamClosed(ABNORMAL, "the connection was lost")
                self._end = self._end or end
                if end.code == ABNORMAL:
                    hang_up(self._socket)
                arrived.send()

    # --- frames that are not data ---------------------------------------------------

    def _control(self, frame: dict[str, Any]) -> None:
        """Act on a frame about the connection; most of these frames need no action.

        Raises:
            StreamClosed: The server reported an error.
            AuthError: The server refused the credentials.
        """
        if frame["type"] != "error":
            return
        data = frame.get("data")
        text = data.get("errorMessage") if isinstance(data, dict) else None
        message = str(text or frame.get("message") or "the server reported an error")
        self._end = StreamClosed(1011, message)
        if message == "UNAUTHORIZED":
            raise AuthError("the stream's credentials were refused")
        raise self._end

    def _mended(self, data: bytes) -> Any:
        """Return the object of a frame whose text is not valid Unicode.

        One line that a server passes on as it is must not end a log: what cannot be
        decoded becomes U+FFFD.
        """
        with suppress(ValueError):
            frame = wire.loads_mended(data)
            if isinstance(frame, dict):
                return frame
        return self._not_an_object(data)

    def _not_an_object(self, data: bytes) -> dict[str, Any]:
        """Return the dict for a frame that is not a JSON object.

        Raises:
            StreamClosed: The stream has JSON objects only.
        """
        self._end = StreamClosed(1007, "a frame is not a JSON object")
        raise self._end

    async def _send(self, text: str) -> None:
        """Send a text frame as soon as the server permits.

        Raises:
            StreamClosed: The connection is closed.
        """
        ws = await self._open()
        credits = self._credits
        if credits.left <= 0:
            await credits.wait()
        credits.left -= frame_cost(text)
        try:
            await ws.send_str(text)
        except (aiohttp.ClientError, ConnectionError) as exc:
            raise self._end or StreamClosed(ABNORMAL, "the stream is closed") from exc
