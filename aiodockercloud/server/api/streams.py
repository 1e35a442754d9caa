"""Websockets: the server sends frames and receives messages until one side closes.

Source: Docker Cloud API reference, "Stream API"; the behaviour of real clients.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, aclosing
from typing import Protocol

from aiohttp import WSCloseCode, WSMsgType, hdrs, web

from ...exceptions import BadRequest, StreamClosed
from ...wire.window import BATCH, WINDOW, WINDOW_PROTOCOL, Credits, frame_cost
from ..control.control_plane import ControlPlane
from ..state.access import Access
from ..state.sessions import Session
from .frame_writer import FrameWriter
from .resource import Call

log: logging.Logger = logging.getLogger(__name__)

#: Open websockets, and the access of each.
SOCKETS: web.AppKey[dict[web.WebSocketResponse, Access]] = web.AppKey("sockets", dict)

Frames = AsyncGenerator[str, None]


class FrameHook(Protocol):
    """Replaces frames of streams, for faults in tests of clients."""

    #: Whether the frames may be replaced at the moment.
    active: bool

    def stream(
        self, request: web.Request, ws: web.WebSocketResponse
    ) -> AbstractContextManager[None]:
        """Register a websocket while the block runs."""
        ...

    def frames(self, ws: web.WebSocketResponse, frames: Frames) -> Frames:
        """Yield the frames to send on a registered websocket in place of *frames*."""
        ...


#: Set only on servers with faults.
FRAME_HOOK: web.AppKey[FrameHook] = web.AppKey("frame hook")


async def serve(call: Call, frames: Frames) -> web.WebSocketResponse:
    """Send all frames, then close with 1000; stop as soon as the client disconnects."""
    async with open_socket(call) as ws:
        await pump(call, ws, frames)
    return ws


def _response(heartbeat: float | None = None) -> web.WebSocketResponse:
    return web.WebSocketResponse(
        heartbeat=heartbeat, compress=False, protocols=[WINDOW_PROTOCOL]
    )


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


@contextlib.asynccontextmanager
async def open_socket(call: Call) -> AsyncIterator[web.WebSocketResponse]:
    """Open the websocket of a call; at the end, drop a connection that is broken."""
    require_upgrade(call.request)
    ws = _response(call.cloud.settings.timings.heartbeat)
    transport = call.request.transport
    await ws.prepare(call.request)
    sockets = call.request.app[SOCKETS]
    sockets[ws] = call.access
    ending = _end_with_key(call, ws)
    try:
        hook = call.request.app.get(FRAME_HOOK)
        with hook.stream(call.request, ws) if hook else contextlib.nullcontext():
            yield ws
    finally:
        del sockets[ws]
        if ending is not None:
            ending.cancel()
        if transport is not None and ws.close_code == WSCloseCode.ABNORMAL_CLOSURE:
            # Unsent data for a silent client would keep the socket open for minutes.
            transport.abort()


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
    for ws in [ws for ws, used in app[SOCKETS].items() if used.key == key]:
        _refuse(cloud, ws, "the API key was revoked, or reaches less")


def end_of_session(app: web.Application, cloud: ControlPlane, session: Session) -> None:
    """Close the streams of a session that was closed."""
    for ws in [ws for ws, used in app[SOCKETS].items() if used.session == session.id]:
        _refuse(cloud, ws, "the session was closed")


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
        self._windowed = _is_windowed(ws)
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


def _is_windowed(ws: web.WebSocketResponse) -> bool:
    return ws.ws_protocol == WINDOW_PROTOCOL


async def pump(
    call: Call,
    ws: web.WebSocketResponse,
    frames: Frames,
    inbox: Inbox | None = None,
) -> None:
    """Send frames and receive messages until either side ends, then close.

    With a window (:mod:`aiodockercloud.wire.window`) the server sends no more frames
    than the client has granted; without a window, as many as TCP accepts. Each frame is
    taken from *frames* when the server can send it. The server reads all the time:
    reading answers pings and notices that the client has disconnected, even if no frame
    is sent for hours. A client that answers no ping within half a heartbeat counts as
    disconnected.

    Args:
        call: The request.
        ws: The open websocket.
        frames: The frames to send; closed at the end.
        inbox: Receives the texts of the client; by default texts are ignored.
    """
    credits = Credits(windowed=_is_windowed(ws))
    writer = FrameWriter(call.request, ws)
    if (hook := call.request.app.get(FRAME_HOOK)) is not None:
        frames = hook.frames(ws, frames)

    async def read() -> None:
        async for message in ws:
            if message.type is WSMsgType.BINARY and _is_windowed(ws):
                credits.grant(message.data)
            elif message.type is WSMsgType.TEXT and inbox is not None:
                await inbox.put(message.data)

    async def send() -> None:
        async with aclosing(frames):
            async for frame in frames:
                if credits.left <= 0:
                    await credits.wait()
                credits.left -= frame_cost(frame)
                await writer.send(frame)
                if hook is not None and hook.active:
                    writer.flush()  # a fault may close the connection after the frame

    tasks = [asyncio.create_task(read()), asyncio.create_task(send())]
    if inbox is not None:
        tasks.append(asyncio.create_task(inbox.drain()))
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    writer.flush()
    code, reason = int(WSCloseCode.OK), ""
    for result in results:
        if isinstance(result, StreamClosed):
            code, reason = result.code, result.reason
        elif isinstance(result, Exception) and not isinstance(result, ConnectionError):
            # The upgrade was the response: only a close code can report the error.
            log.error("a stream failed", exc_info=result)
            code, reason = int(WSCloseCode.INTERNAL_ERROR), "internal error"
    await close(ws, code, reason, call.cloud.settings.timings.close_handshake)
