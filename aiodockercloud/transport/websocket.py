"""The websockets of aiohttp: how long opening takes, reading ahead, and ends."""

from __future__ import annotations

import asyncio
import inspect
import socket
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import aiohttp
from aiohttp import ClientWebSocketResponse, WSMessage, WSMsgType
from yarl import URL

from ..exceptions import StreamClosed
from ..wire.window import WINDOW_PROTOCOL
from .exchange import Login, raise_refused, with_login
from .redirects import check_redirects
from .settings import Limits, Timings
from .urls import handshake_url

__all__ = [
    "ABNORMAL",
    "connect",
    "ending",
    "handshake_seconds",
    "hang_up",
    "received_ahead",
    "shut",
    "socket_options",
]

#: The option of ``ws_connect`` for text as bytes, which cost less to decode. aiohttp
#: has the option since 3.14.
RAW_FRAMES: dict[str, Any] = (
    {"decode_text": False}
    if "decode_text" in inspect.signature(aiohttp.ClientSession._ws_connect).parameters
    else {}
)

#: The code of a connection that ended without a close frame.
ABNORMAL = 1006


def handshake_seconds(timeout: aiohttp.ClientTimeout) -> float | None:
    """Return how long opening a stream may take, by any of the client's timeouts.

    Without a timeout for the whole request, the times to connect and to read one
    response add up. ``None`` sets no limit.
    """
    if timeout.total is not None:
        return timeout.total
    connect = timeout.sock_connect if timeout.connect is None else timeout.connect
    parts = [one for one in (connect, timeout.sock_read) if one is not None]
    return sum(parts) if parts else None


def socket_options(timings: Timings, limits: Limits, *, pings: bool) -> dict[str, Any]:
    """Return the options of ``ws_connect`` for a stream.

    Args:
        timings: The durations of the client.
        limits: The bounds of the client.
        pings: Whether aiohttp sends and answers pings; else ``receive()`` returns the
            pings of the server, and the answers to those of the client.
    """
    return {
        "autoping": pings,
        "heartbeat": timings.heartbeat if pings else None,
        "protocols": [WINDOW_PROTOCOL],
        "timeout": aiohttp.ClientWSTimeout(ws_close=timings.close),  # pyright: ignore[reportCallIssue]  # of attrs
        "max_msg_size": limits.frame_bytes,
        **RAW_FRAMES,
    }


async def connect(
    session: aiohttp.ClientSession,
    url: str,
    origin: URL,
    login: Login | None,
    *,
    seconds: float | None,
    **options: Any,
) -> ClientWebSocketResponse[Any]:
    """Open a websocket.

    Args:
        session: The session of aiohttp.
        url: The URL of the stream.
        origin: The URL of the server of streams.
        login: The credentials, when no header carries them.
        seconds: How long opening may take.
        options: The options of ``ws_connect``.

    Raises:
        ApiError: The server refused the upgrade.
        InvalidResponse: The response is not the one of a websocket, or comes from
            another server.
    """
    try:
        async with asyncio.timeout(seconds):
            ws: ClientWebSocketResponse[Any] = await session.ws_connect(
                with_login(handshake_url(url), login), **options
            )
            return ws
    except aiohttp.ClientResponseError as exc:
        check_redirects(origin, exc.request_info.real_url, exc.status)
        raise_refused(url, exc)


async def shut(ws: ClientWebSocketResponse[Any]) -> None:
    """Close a socket, even when the caller is cancelled.

    ``close()`` of aiohttp waits first until the receiving task has stopped. Cancelled
    at that point, ``close()`` leaves the socket open; a second call does not wait.
    """
    try:
        await ws.close()
    except asyncio.CancelledError:
        await ws.close()
        raise


def hang_up(connection: socket.socket | None) -> None:
    """Terminate a connection whose peer is silent.

    Unsent data, and a writer that waits for the socket to accept data, would keep the
    connection open for minutes.
    """
    if connection is not None:
        with suppress(OSError, TypeError):  # closed already; not a real socket
            connection.shutdown(socket.SHUT_RDWR)


def received_ahead(
    ws: ClientWebSocketResponse[Any],
) -> tuple[deque[Any], Callable[[], Awaitable[Any]]]:
    """Return the messages that aiohttp has parsed already, and the call to take one.

    Waiting and pings need ``receive()``, which costs as much as everything else that
    happens to a message. aiohttp has no public call for a message that was received
    already. Where aiohttp's private names do not exist, the client uses ``receive()``
    for every message.
    """
    queue = getattr(ws, "_reader", None)
    ready = getattr(queue, "_buffer", None)
    if queue is None or not isinstance(ready, deque) or not RAW_FRAMES:
        return deque(), ws.receive
    return ready, queue.read


def ending(message: WSMessage) -> StreamClosed:
    """Return why a websocket ended. Only a close frame is a proper end.

    ``ws.close_code`` is no help: aiohttp sets it to 1000 even when the connection was
    cut without a close frame.
    """
    if message.type is WSMsgType.CLOSE:
        return StreamClosed(message.data or 1005, message.extra or "")
    if message.type is WSMsgType.ERROR:
        code = getattr(message.data, "code", None)
        return StreamClosed(int(code or ABNORMAL), str(message.data))
    return StreamClosed(ABNORMAL, "the connection was lost")
