"""Websockets: logs, events and exec as frames, until the reader leaves.

Source: Docker Cloud API reference, "Get the logs of a service" and its sisters; what
real clients read from the frames.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import time
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Collection,
    Mapping,
)
from contextlib import aclosing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aiohttp import WSCloseCode, WSMsgType, web

from .. import wire
from ..exceptions import ApiError, BadRequest, StreamClosed
from . import lifecycle
from .api import Call
from .engines import EngineError, ExecSession, LogLine
from .journal import Missed
from .models import Action, Container, Service

if TYPE_CHECKING:
    from .cloud import Cloud

log = logging.getLogger(__name__)

#: Seconds between pings; a peer that does not answer within half of that is gone.
HEARTBEAT = 30.0
#: Lines sent from the end of a log when the reader does not say.
TAIL = 300
#: Seconds for the other side of an exec to go after the closing handshake.
LINGER = 2.0
#: Lines of one service's containers that may wait to be sent.
MERGE_QUEUE = 1000

SOCKETS: web.AppKey[set[web.WebSocketResponse]] = web.AppKey("sockets", set)

Frames = AsyncGenerator[str, None]


def window(query: Mapping[str, str]) -> tuple[int | None, bool]:
    """``tail`` and ``follow`` of a log's query; ``tail=all`` is None, everything.

    Raises:
        BadRequest: One of them is not what it should be.
    """
    try:
        follow = wire.parse_bool(query.get("follow") or "true")
    except ValueError:
        raise BadRequest("follow: must be true or false") from None
    tail = query.get("tail") or str(TAIL)
    if tail == "all":
        return None, follow
    if not tail.isdecimal():
        raise BadRequest("tail: must be a number of lines, or all")
    return int(tail), follow


# --- frames -------------------------------------------------------------------------


def log_frame(line: LogLine, source: str | None) -> str:
    """One line as a frame; the text begins with the engine's stamp, as it always has,
    and ends in its newline."""
    seconds, nanoseconds = divmod(line.time_ns, 1_000_000_000)
    stamp = (
        f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{nanoseconds:09}Z"
    )
    frame: dict[str, Any] = {"type": "log"}
    if source is not None:
        frame["source"] = source
    frame["log"] = f"{stamp} {line.text}\n"
    frame["streamType"] = line.stream
    frame["timestamp"] = seconds
    return wire.dumps(frame).decode()


def _unreadable(
    container: Container, error: EngineError | ApiError, source: str | None
) -> str:
    """A word of the server's own in a log."""
    why = error.message if isinstance(error, ApiError) else error
    text = f"log of {container.name}: {why}"
    return log_frame(LogLine(time.time_ns(), "stderr", text), source)


async def container_log(
    cloud: Cloud,
    container: Container,
    tail: int | None,
    follow: bool,
    *,
    source: bool = True,
) -> Frames:
    """The frames of one container's log; *source* names it in each."""
    name = container.name if source else None
    if container.state == lifecycle.TERMINATED:
        return
    lines = cloud.engine.logs(container.uuid, tail=tail, follow=follow)
    try:
        async with aclosing(lines):
            async for line in lines:
                yield log_frame(line, name)
    except (EngineError, ApiError) as error:
        # One container that cannot be read does not end the log of its service.
        yield _unreadable(container, error, name)


async def service_log(
    cloud: Cloud, service: Service, tail: int | None, follow: bool
) -> Frames:
    """The logs of all containers of a service, merged.

    Without *follow* in the order of their stamps; with it as they come, and new
    containers join in.
    """
    if not follow:
        lines: list[tuple[int, str]] = []
        for container in cloud.containers_of(service):
            one = cloud.engine.logs(container.uuid, tail=tail, follow=False)
            try:
                async with aclosing(one):
                    lines += [
                        (x.time_ns, log_frame(x, container.name)) async for x in one
                    ]
            except (EngineError, ApiError) as error:
                note = _unreadable(container, error, container.name)
                lines.append((time.time_ns(), note))
        lines.sort(key=lambda item: item[0])
        for _, text in lines if tail is None else lines[max(0, len(lines) - tail) :]:
            yield text
        return
    #: None is the end.
    queue: asyncio.Queue[str | None] = asyncio.Queue(MERGE_QUEUE)
    readers: dict[str, asyncio.Task[None]] = {}

    async def pass_on(container: Container, tail: int | None) -> None:
        lines = container_log(cloud, container, tail, True)
        async with aclosing(lines):
            async for line in lines:
                await queue.put(line)

    async def watch() -> None:
        """Read from each container that is there or comes."""
        new_tail = tail
        while service.state != lifecycle.TERMINATED:
            for container in cloud.containers_of(service):
                if container.uuid not in readers:
                    reader = asyncio.create_task(pass_on(container, new_tail))
                    readers[container.uuid] = reader
            # What is deployed from now on is read from its first line.
            new_tail = None
            await cloud.until(service, lambda: _has_news(cloud, service, readers))
        await asyncio.gather(*readers.values(), return_exceptions=True)
        await queue.put(None)

    watcher = asyncio.create_task(watch())
    try:
        while (frame := await queue.get()) is not None:
            yield frame
    finally:
        tasks = [watcher, *readers.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _has_news(cloud: Cloud, service: Service, known: Collection[str]) -> bool:
    return service.state == lifecycle.TERMINATED or any(
        container.uuid not in known for container in cloud.containers_of(service)
    )


async def action_log(
    cloud: Cloud, action: Action, tail: int | None, follow: bool
) -> Frames:
    """The frames of an action's log; it ends with the action."""
    journal = cloud.operations.journal(action)
    async for line in journal.read(tail=tail, follow=follow):
        if isinstance(line, Missed):
            continue
        moment, text = line
        yield wire.dumps(
            {"type": "log", "log": text, "timestamp": int(moment)}
        ).decode()


# --- serving ------------------------------------------------------------------------


async def serve(call: Call, frames: Frames) -> web.WebSocketResponse:
    """Send all frames, then close with 1000; stop at once when the reader leaves."""
    async with _socket(call) as ws:
        await pump(ws, frames)
    return ws


def is_upgrade(request: web.Request) -> bool:
    """Whether a request asks for a websocket."""
    return web.WebSocketResponse().can_prepare(request).ok


@contextlib.asynccontextmanager
async def _socket(call: Call) -> AsyncIterator[web.WebSocketResponse]:
    ws = web.WebSocketResponse(heartbeat=HEARTBEAT, compress=False)
    if not is_upgrade(call.request):
        raise BadRequest("this is a websocket; send an upgrade request")
    await ws.prepare(call.request)
    sockets = call.request.app[SOCKETS]
    sockets.add(ws)
    try:
        yield ws
    finally:
        sockets.discard(ws)


async def pump(
    ws: web.WebSocketResponse,
    frames: Frames,
    received: Callable[[str], Any] | None = None,
) -> None:
    """Move frames out and messages in until either side ends.

    Reading goes on while frames are sent: it is what answers pings and notices that
    the reader has left, even when no frame comes for hours.
    """

    async def read() -> None:
        async for message in ws:
            if received is not None and message.type == WSMsgType.TEXT:
                await received(message.data)

    async def send() -> None:
        async with aclosing(frames):
            async for frame in frames:
                await ws.send_str(frame)

    reader = asyncio.create_task(read())
    sender = asyncio.create_task(send())
    try:
        await asyncio.wait({reader, sender}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (reader, sender):
            task.cancel()
        results = await asyncio.gather(reader, sender, return_exceptions=True)
    code, reason = int(WSCloseCode.OK), ""
    for result in results:
        if isinstance(result, StreamClosed):
            code, reason = result.code, result.reason
        elif isinstance(result, Exception) and not isinstance(result, ConnectionError):
            # It is too late for another answer: the upgrade was one.
            log.error("a stream broke off", exc_info=result)
            code, reason = int(WSCloseCode.INTERNAL_ERROR), "internal error"
    await ws.close(code=code, message=reason.encode())


async def serve_exec(call: Call, session: ExecSession) -> web.WebSocketResponse:
    """Output out as frames, text in as input; the last frame has the exit code.

    That frame is ours: it has ``output`` like all others, because an old client adds
    up the output of every frame, whatever it is.
    """

    async def frames() -> Frames:
        async for stream, output in session.output():
            yield _exec_frame("exec", stream, output)
        yield _exec_frame("exit", "", "", exit_code=session.exit_code)

    transport = call.request.transport
    peer = transport and transport.get_extra_info("socket")
    connection = peer.dup() if peer else None
    try:
        async with _socket(call) as ws:
            await pump(ws, frames(), session.write)
        if connection is not None:
            await _linger(connection)
    finally:
        if connection is not None:
            connection.close()
        await session.close()
    return ws


async def _linger(connection: socket.socket) -> None:
    """Say that nothing more comes, and take what still does.

    The official command line sends input even after the closing handshake, and fails
    when the connection is reset by that; so it is only closed after the other side.
    """
    with contextlib.suppress(OSError, TimeoutError):
        connection.setblocking(False)
        connection.shutdown(socket.SHUT_WR)
        async with asyncio.timeout(LINGER):
            while await asyncio.get_running_loop().sock_recv(connection, 4096):
                pass


def _exec_frame(kind: str, stream: str, output: str, **more: Any) -> str:
    return wire.dumps(
        {"type": kind, "streamType": stream, "output": output, **more}
    ).decode()
