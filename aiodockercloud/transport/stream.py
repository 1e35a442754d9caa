"""One websocket as an async iterator and context manager.

A stream is made by a sub-API's method and does nothing until it is entered or iterated.
Leaving the block closes its socket at once::

    async with cloud.services.logs(service, tail=100) as lines:
        async for line in lines:
            print(line["log"], end="")

A stream that was ended by the server (code 1000) ends the iteration; one that broke
raises :class:`~aiodockercloud.StreamClosed`: half a log never passes for a whole one.
Logs and events connect again instead, and go on where they were.

Source: Docker Cloud API reference, "Stream API".
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any, Generic, Self, TypeVar

import aiohttp
from aiohttp import ClientWebSocketResponse, WSMessage, WSMsgType

from .. import wire
from ..exceptions import AuthError, StreamClosed
from ..wire.window import BATCH, WINDOW, WINDOW_PROTOCOL, Credits, frame_cost
from .settings import DEFAULT_LIMITS, DEFAULT_TIMINGS, Limits, Timings

__all__ = ["Stream"]

T = TypeVar("T")

#: Frames about the connection. Servers of different age sent them or not.
CONTROL = frozenset({"auth", "error", "exit", "log-started"})

_TEXT, _BINARY = WSMsgType.TEXT, WSMsgType.BINARY
_ABNORMAL = 1006

_loads = wire.loads


class Stream(AsyncIterator[T], Generic[T]):
    """Frames of one websocket, as dicts, to be read by one task.

    It is an async context manager, too. Iterating without entering works; then
    ``close()`` is the caller's to call.

    However slow the reader is, its connection is kept: pings are answered all the
    while, and no more than a window of frames waits here, because the server sends no
    more before it is granted. Servers other than aiodockercloud's know no window: a
    reader that stops for long with a full buffer stops the answers to their pings as
    well, and is disconnected: it gets the buffered frames, then StreamClosed.

    A peer that does not answer pings any more is noticed within two heartbeats
    (a minute): StreamClosed with code 1006.

    Raises (when entered or on the first step):
        AuthError, ObjectNotFound, ApiError: The server refused, as for a request.
        ConnectError: No answer came.

    Raises (while iterating):
        StreamClosed: It ended otherwise than by its end.
        AuthError: The server said so in the stream, as Tutum does.
    """

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
        self._frames: deque[str | bytes] = deque()
        self._arrived = asyncio.Event()
        #: The reader task waits for room; never within a window.
        self._room = asyncio.Event()
        self._stalled = False
        #: What the frames that came have cost and what is not granted anew yet.
        self._owed = 0
        self._windowed = False
        self._credits = Credits(windowed=False)
        self._opening = asyncio.Lock()
        self._ws: ClientWebSocketResponse[Any] | None = None
        self._socket: socket.socket | None = None
        self._reader: asyncio.Task[None] | None = None
        self._end: StreamClosed | None = None
        self._closed = False
        #: The socket was closed here, with its client: nothing is to be mended.
        self._shut = False

    async def __aenter__(self) -> Self:
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
            try:
                frame = _loads(data)
                kind = frame.get("type")
            except (ValueError, AttributeError):
                frame = self._not_an_object(data)
                kind = None
            if kind not in CONTROL:
                found: T = frame
                return found
            self._control(frame)

    async def close(self) -> None:
        """Close the socket and forget what was not read; any number of times."""
        self._closed = True
        self._arrived.set()  # whoever waits for frames learns that there are none
        await self._drop()

    # --- the socket -----------------------------------------------------------------

    async def _open(self) -> ClientWebSocketResponse[Any]:
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
                    self._reader = asyncio.create_task(self._read(ws))
                self._ws = ws
            return self._ws

    async def _drop(self) -> None:
        """Back to before opening, with nothing left behind."""
        reader, self._reader = self._reader, None
        ws, self._ws = self._ws, None
        self._frames.clear()
        self._end = None
        self._stalled = False
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
                    self._hang_up()

    def _hang_up(self) -> None:
        """Terminate a connection whose peer is silent.

        Unsent data, and a writer that waits for the socket to accept data, would keep
        the connection open for minutes.
        """
        if self._socket is not None:
            with suppress(OSError, TypeError):  # closed already; not a real socket
                self._socket.shutdown(socket.SHUT_RDWR)

    async def _more(self) -> None:
        """Wait until there is a frame; there is none, so all that came are used up."""
        if not self._closed and self._ws is None:
            await self._open()
        if self._stalled:
            self._stalled = False
            self._room.set()
        if self._windowed and self._owed >= BATCH:
            await self._grant()
        while not self._frames:
            if self._closed:
                raise StopAsyncIteration
            if self._end is not None:
                if self._end.code == 1000:
                    raise StopAsyncIteration
                raise self._end
            self._arrived.clear()
            await self._arrived.wait()

    async def _grant(self) -> None:
        if self._ws is not None:
            owed, self._owed = self._owed, 0
            with suppress(aiohttp.ClientError, ConnectionError):  # the reader tells
                await self._ws.send_bytes(b"%d" % owed)

    async def _read(self, ws: ClientWebSocketResponse[Any]) -> None:
        """Read ahead: aiohttp answers pings only while somebody receives."""
        frames, arrived, windowed = self._frames, self._arrived, self._windowed
        receive, credits = ws.receive, self._credits
        # Within a window there is always room.
        most = WINDOW + 1 if windowed else self._limits.buffer
        end = StreamClosed(_ABNORMAL, "the connection was lost")
        try:
            while True:
                message = await receive()
                if message.type is not _TEXT:
                    if message.type is not _BINARY:
                        break
                    if windowed:
                        credits.grant(message.data)
                        continue
                data = message.data
                if not frames:
                    arrived.set()
                frames.append(data)
                # Most are so short that they cost one in any encoding.
                self._owed += 1 if len(data) < 1024 else frame_cost(data)
                if len(frames) >= most:
                    self._stalled = True
                    self._room.clear()
                    await self._room.wait()
            end = _ending(message)
            self._shut = message.type is WSMsgType.CLOSING
        except StreamClosed as exc:
            end = exc
        except Exception as exc:
            end = StreamClosed(_ABNORMAL, str(exc))
        finally:
            credits.end()
            if self._reader is asyncio.current_task():  # else it is being closed
                self._end = end
                if end.code == _ABNORMAL:
                    self._hang_up()
                arrived.set()

    # --- frames that are not data ---------------------------------------------------

    def _control(self, frame: dict[str, Any]) -> None:
        """Act on a frame about the connection; mostly that is to drop it."""
        if frame["type"] != "error":
            return
        data = frame.get("data")
        said = data.get("errorMessage") if isinstance(data, dict) else None
        message = str(said or frame.get("message") or "the server reported an error")
        self._end = StreamClosed(1011, message)
        if message == "UNAUTHORIZED":
            raise AuthError("the stream's credentials were refused")
        raise self._end

    def _not_an_object(self, data: str | bytes) -> dict[str, Any]:
        """What a frame means that is not a JSON object."""
        self._end = StreamClosed(1007, "a frame is not a JSON object")
        raise self._end

    async def _send(self, text: str) -> None:
        ws = await self._open()
        credits = self._credits
        if credits.left <= 0:
            await credits.wait()
        credits.left -= frame_cost(text)
        try:
            await ws.send_str(text)
        except (aiohttp.ClientError, ConnectionError) as exc:
            raise self._end or StreamClosed(_ABNORMAL, "it is closed") from exc


async def shut(ws: ClientWebSocketResponse[Any]) -> None:
    """Close a socket; when this is cancelled, too.

    aiohttp waits first until whoever receives has stopped. Cancelled there, it has not
    closed anything; the second time it does not wait for that.
    """
    try:
        await ws.close()
    except asyncio.CancelledError:
        await ws.close()
        raise


def _ending(message: WSMessage) -> StreamClosed:
    """Why it ended. Only a close frame is a proper end.

    aiohttp reports a connection that was cut without one as code 1000 in
    ``ws.close_code``, so that is not asked.
    """
    if message.type is WSMsgType.CLOSE:
        return StreamClosed(message.data or 1005, message.extra or "")
    if message.type is WSMsgType.ERROR:
        code = getattr(message.data, "code", None)
        return StreamClosed(int(code or _ABNORMAL), str(message.data))
    return StreamClosed(_ABNORMAL, "the connection was lost")
