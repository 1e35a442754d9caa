"""Websockets: the server sends frames and receives messages until one side closes.

Source: Docker Cloud API reference, "Stream API"; the behaviour of real clients.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Protocol

from aiohttp import WSCloseCode, WSMsgType, hdrs, web

from ...exceptions import BadRequest, StreamClosed
from ...wire.window import BATCH, WINDOW, WINDOW_PROTOCOL, Credits, frame_cost
from ..control.control_plane import ControlPlane
from ..state.sessions import Session
from .frame_writer import FrameWriter
from .resource import Call

log: logging.Logger = logging.getLogger(__name__)

Frames = AsyncGenerator[str, None]

#: The messages after which a client sends no more.
_ENDS = (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED)


class FrameHook(Protocol):
    """Replaces frames of streams, for faults in tests of clients."""

    #: Whether the frames may be replaced at the moment.
    active: bool

    def opened(self, request: web.Request, ws: web.WebSocketResponse) -> None:
        """Register an open websocket."""
        ...

    def closed(self, ws: web.WebSocketResponse) -> None:
        """Forget a registered websocket."""
        ...

    async def replace(self, ws: web.WebSocketResponse, frame: str) -> list[str]:
        """Return the frames to send on a registered websocket in place of *frame*."""
        ...


#: Set only on servers with faults.
FRAME_HOOK: web.AppKey[FrameHook] = web.AppKey("frame hook")


async def serve(call: Call, frames: Frames) -> web.WebSocketResponse:
    """Open a stream that sends all frames, then closes with 1000; see ``Stream``."""
    return await Stream(call, frames).open()


def _response(heartbeat: float | None = None) -> web.WebSocketResponse:
    return web.WebSocketResponse(
        heartbeat=heartbeat, compress=False, protocols=_PROTOCOLS
    )


_PROTOCOLS = (WINDOW_PROTOCOL,)


def require_upgrade(request: web.Request) -> None:
    """Refuse a request without a websocket upgrade.

    Raises:
        BadRequest: The request has no upgrade.
    """
    if not is_upgrade(request):
        raise BadRequest("this is a websocket; send an upgrade request")


def is_upgrade(request: web.Request) -> bool:
    """Return whether a request has a websocket upgrade."""
    if request.method != "GET" or hdrs.UPGRADE not in request.headers:
        return False  # without the work of a handshake
    return _response().can_prepare(request).ok


class Stream:
    """A websocket that sends frames until either side ends.

    A handler opens the stream and returns the websocket. The stream runs when all
    handlers have returned (:meth:`run`): a stream may be open for days, and keeps
    nothing in memory that only the answer to the request needed.

    With a window (:mod:`aiodockercloud.wire.window`) the server sends no more frames
    than the client has granted; without a window, as many as TCP accepts. Each frame is
    taken from *frames* when the server can send it. The server reads all the time:
    reading answers pings and notices that the client has disconnected, even if no frame
    is sent for hours. A client that answers no ping within half a heartbeat counts as
    disconnected.

    Args:
        call: The request.
        frames: The frames to send; closed at the end.

    Attributes:
        call: The request.
        ws: The websocket, once the stream is open.
        at_end: Called at the end, if set.
    """

    __slots__ = (
        *("call", "ws", "at_end", "_credits", "_ending", "_expiry", "_frames"),
        *("_hook", "_receiving", "_tasks", "_writer"),
    )

    def __init__(self, call: Call, frames: Frames) -> None:
        self.call = call
        self.at_end: Callable[[], None] | None = None
        self._frames = frames
        self._hook = call.request.app.get(FRAME_HOOK)
        #: What sends, and processes what was received.
        self._tasks: tuple[asyncio.Task[None], ...] = ()
        #: The close code and its reason.
        self._ending: tuple[int, str] = (WSCloseCode.OK, "")

    async def open(self) -> web.WebSocketResponse:
        """Open the websocket.

        Raises:
            BadRequest: The request has no upgrade.
        """
        call = self.call
        require_upgrade(call.request)
        ws = _response(call.cloud.settings.timings.heartbeat)
        self.ws: web.WebSocketResponse = ws
        await ws.prepare(call.request)
        ws.headers.clear()  # they have been sent
        self._credits = Credits(windowed=is_windowed(ws))
        self._writer = FrameWriter(call.request, ws)
        self._expiry = _end_with_key(call, ws)
        call.request.app[STREAMS][ws] = self
        if self._hook is not None:
            self._hook.opened(call.request, ws)
        return ws

    async def run(self) -> None:
        """Send and receive until either side ends, then close.

        A connection that is broken is dropped.
        """
        try:
            await self._exchange()
            self._writer.flush()
            seconds = self.call.cloud.settings.timings.close_handshake
            await close(self.ws, *self._ending, seconds)
        finally:
            self._forget()

    async def _exchange(self) -> None:
        """Send and receive until either side ends."""
        try:
            # The timeout has no time: the end of a task interrupts receiving.
            async with asyncio.timeout(None) as self._receiving:
                self._start()
                while (message := await self.ws.receive()).type not in _ENDS:
                    if message.type is WSMsgType.BINARY and is_windowed(self.ws):
                        self._credits.grant(message.data)
                    elif message.type is WSMsgType.TEXT:
                        await self._process(message.data)
        except TimeoutError:
            pass
        except Exception as error:
            self._fail(error)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self) -> None:
        """Start to send."""
        self._tasks = (asyncio.create_task(self._send()),)

    async def _process(self, text: str) -> None:
        """Process a text of the client; by default texts are ignored."""

    async def _send(self) -> None:
        try:
            async with aclosing(self._frames) as frames:
                async for frame in frames:
                    await self._send_one(frame)
        except Exception as error:
            self._fail(error)
        self._interrupt()

    async def _send_one(self, frame: str) -> None:
        """Send one frame, or what faults put in its place."""
        hook = self._hook
        if hook is None or not hook.active:
            await self._put(frame)
            return
        for replacement in await hook.replace(self.ws, frame):
            await self._put(replacement)
            self._writer.flush()  # a fault may close the connection after the frame

    async def _put(self, frame: str) -> None:
        if self._credits.left <= 0:
            await self._credits.wait()
        self._credits.left -= frame_cost(frame)
        await self._writer.send(frame)

    def _interrupt(self) -> None:
        """End the stream: receive no more."""
        with contextlib.suppress(RuntimeError):  # it ends already
            self._receiving.reschedule(0)

    def _fail(self, error: Exception) -> None:
        """Let the close code report an error."""
        if isinstance(error, StreamClosed):
            self._ending = error.code, error.reason
        elif not isinstance(error, ConnectionError):
            # The upgrade was the response: only a close code can report the error.
            log.error("a stream failed", exc_info=error)
            self._ending = WSCloseCode.INTERNAL_ERROR, "internal error"

    def _forget(self) -> None:
        request, ws = self.call.request, self.ws
        del request.app[STREAMS][ws]
        if self._expiry is not None:
            self._expiry.cancel()
        if self._hook is not None:
            self._hook.closed(ws)
        if self.at_end is not None:
            self.at_end()
        if request.transport and ws.close_code == WSCloseCode.ABNORMAL_CLOSURE:
            # Unsent data for a silent client would keep the socket open for minutes.
            request.transport.abort()


#: The open streams by their websockets.
STREAMS: web.AppKey[dict[web.StreamResponse, Stream]] = web.AppKey("streams", dict)


def _end_with_key(call: Call, ws: web.WebSocketResponse) -> asyncio.TimerHandle | None:
    """Let a stream end when its key, or its session, expires."""
    if call.access.expires is None:
        return None
    left = call.access.expires - time.time()
    return asyncio.get_running_loop().call_later(
        left, _refuse, call.cloud, ws, "the API key or the session has expired"
    )


def end_of_key(app: web.Application, cloud: ControlPlane, key: str) -> None:
    """Close the streams of a key that was revoked, or that reaches less."""
    for stream in list(app[STREAMS].values()):
        if stream.call.access.key == key:
            _refuse(cloud, stream.ws, "the API key was revoked, or reaches less")


def end_of_session(app: web.Application, cloud: ControlPlane, session: Session) -> None:
    """Close the streams of a session that was closed."""
    for stream in list(app[STREAMS].values()):
        if stream.call.access.session == session.id:
            _refuse(cloud, stream.ws, "the session was closed")


def _refuse(cloud: ControlPlane, ws: web.WebSocketResponse, reason: str) -> None:
    seconds = cloud.settings.timings.close_handshake
    cloud.in_background(close(ws, WSCloseCode.POLICY_VIOLATION, reason, seconds))


async def close(
    ws: web.WebSocketResponse, code: int, reason: str, seconds: float
) -> None:
    """Close a websocket; wait at most *seconds* for a slow or silent client."""
    # Frames that wait for the end of the loop turn leave before the close frame.
    await asyncio.sleep(0)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await ws.close(code=code, message=reason.encode())


class Inbox:
    """Texts received from the client and not processed yet, bounded by the window.

    Args:
        ws: The websocket.
        process: Processes one text.
    """

    def __init__(
        self, ws: web.WebSocketResponse, process: Callable[[str], Awaitable[object]]
    ) -> None:
        self._ws = ws
        self._process = process
        self._windowed = is_windowed(ws)
        self._texts: deque[str] = deque()
        self._room = WINDOW
        self._changed = asyncio.Event()

    async def put(self, text: str) -> None:
        """Add a text; without a window, wait for room while TCP holds the client up.

        Raises:
            StreamClosed: The client has sent more than the server granted.
        """
        while self._room <= 0:
            if self._windowed:
                raise StreamClosed(WSCloseCode.POLICY_VIOLATION, "more than granted")
            await self._change()
        self._room -= frame_cost(text)
        self._texts.append(text)
        self._changed.set()

    async def drain(self) -> None:
        """Process the texts in order, without an end, and grant their credits again."""
        used = 0
        while True:
            while not self._texts:
                await self._change()
            await self._process(text := self._texts.popleft())
            cost = frame_cost(text)
            used += cost
            self._room += cost
            self._changed.set()
            if self._windowed and used >= BATCH:
                await self._ws.send_bytes(b"%d" % used)
                used = 0

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()


def is_windowed(ws: web.WebSocketResponse) -> bool:
    """Return whether neither side sends more than the other has granted."""
    return ws.ws_protocol == WINDOW_PROTOCOL
