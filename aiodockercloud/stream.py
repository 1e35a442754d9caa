"""One websocket as an async iterator and context manager.

A stream is made by a sub-API's method and does nothing until it is entered or iterated.
Leaving the block closes its socket at once::

    async with cloud.services.logs(service, tail=100) as lines:
        async for line in lines:
            print(line["log"], end="")

A stream that was ended by the server (code 1000) ends the iteration; one that broke
raises :class:`~aiodockercloud.StreamClosed`: half a log never passes for a whole one.

Source: Docker Cloud API reference, "Stream API".
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Generic, Self, TypeVar

import aiohttp
from aiohttp import ClientWebSocketResponse, WSMessage, WSMsgType

from . import wire
from .exceptions import (
    AuthError,
    BadRequest,
    MethodNotAllowed,
    NotSupported,
    ObjectNotFound,
    StreamClosed,
)
from .types import LogLine

__all__ = ["BUFFER", "Stream", "TutumLog"]

T = TypeVar("T")

#: Frames read ahead of the reader. While there is room, the server's pings are answered
#: however slow the reader is; then the socket is left alone until half is used up.
BUFFER = 1000

#: Frames about the connection. Servers of different age sent them or not.
_CONTROL = frozenset({"auth", "error", "exit", "log-started"})

_DATA = (WSMsgType.TEXT, WSMsgType.BINARY)
_ABNORMAL = 1006

_loads = wire.loads


class Stream(AsyncIterator[T], Generic[T]):
    """Frames of one websocket, as dicts, to be read by one task.

    It is an async context manager, too. Iterating without entering works; then
    ``close()`` is the caller's to call.

    A reader that stops for long with a full buffer stops the answers to the server's
    pings as well, and is disconnected: it gets the buffered frames, then StreamClosed.

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
        buffer: int = BUFFER,
    ) -> None:
        self._connect = connect
        self._buffer = buffer
        self._frames: deque[str | bytes] = deque()
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self._stalled = False
        self._opening = asyncio.Lock()
        self._ws: ClientWebSocketResponse[Any] | None = None
        self._reader: asyncio.Task[None] | None = None
        self._end: StreamClosed | None = None
        self._closed = False

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
            if self._stalled and len(frames) <= self._buffer // 2:
                self._stalled = False
                self._room.set()
            try:
                frame = _loads(data)
                kind = frame.get("type")
            except (ValueError, AttributeError):
                frame = self._not_an_object(data)
                kind = None
            if kind not in _CONTROL:
                found: T = frame
                return found
            self._control(frame)

    async def close(self) -> None:
        """Close the socket and forget what was not read; any number of times."""
        self._closed = True
        await self._drop()
        self._arrived.set()  # whoever waits for frames learns that there are none

    # --- the socket -----------------------------------------------------------------

    async def _open(self) -> ClientWebSocketResponse[Any]:
        async with self._opening:
            if self._ws is None:
                ws = await self._connect()
                if self._closed:
                    await ws.close()
                else:
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
                await ws.close()

    async def _more(self) -> None:
        """Wait until there is a frame."""
        if not self._closed and self._ws is None:
            await self._open()
        while not self._frames:
            if self._closed:
                raise StopAsyncIteration
            if self._end is not None:
                if self._end.code == 1000:
                    raise StopAsyncIteration
                raise self._end
            self._arrived.clear()
            await self._arrived.wait()

    async def _read(self, ws: ClientWebSocketResponse[Any]) -> None:
        """Read ahead: aiohttp answers pings only while somebody receives."""
        frames, arrived, room = self._frames, self._arrived, self._buffer
        receive = ws.receive
        end = StreamClosed(_ABNORMAL, "the connection was lost")
        try:
            while (message := await receive()).type in _DATA:
                if not frames:
                    arrived.set()
                frames.append(message.data)
                if len(frames) >= room:
                    self._stalled = True
                    self._room.clear()
                    await self._room.wait()
            end = _ending(message)
        except Exception as exc:
            end = StreamClosed(_ABNORMAL, str(exc))
        finally:
            if self._reader is asyncio.current_task():
                self._end = end
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
        try:
            await ws.send_str(text)
        except (aiohttp.ClientError, ConnectionError) as exc:
            raise self._end or StreamClosed(_ABNORMAL, "it is closed") from exc


class TutumLog(Stream[LogLine]):
    """A log of Tutum's: a websocket or, from servers before May 2015, one text.

    Such a server refuses the websocket; then the text is asked for, its lines are
    the stream, and after the last one it ends, even when it was to be followed.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[ClientWebSocketResponse[Any]]],
        fetch: Callable[[], Awaitable[dict[str, Any]]],
    ) -> None:
        super().__init__(connect)
        self._fetch = fetch
        self._is_text = False

    async def __aenter__(self) -> Self:
        await self._begin()
        return self

    async def _more(self) -> None:
        if self._ws is None and not self._is_text and not self._closed:
            await self._begin()
        if not self._is_text:
            await super()._more()
        elif not self._frames:
            raise StopAsyncIteration

    async def _begin(self) -> None:
        try:
            await self._open()
        except (BadRequest, ObjectNotFound, MethodNotAllowed, NotSupported):
            answer = await self._fetch()
            self._is_text = True
            lines = wire.log_lines(str(answer.get("logs") or ""))
            self._frames.extend(map(wire.dumps, lines))


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
