"""Exec streams: the bytes of a command's input and output as frames of text.

Source: Docker Cloud API reference, "Execute command inside a container"; the behaviour
of real clients.
"""

from __future__ import annotations

import asyncio
import binascii
import codecs
import contextlib
import socket
from base64 import b64decode, b64encode
from collections.abc import AsyncGenerator
from typing import Any, Literal, NamedTuple, Protocol

from aiohttp import WSCloseCode, web

from ... import wire
from ...exceptions import StreamClosed
from ...wire.exec import END_OF_INPUT
from ..engines import ExecSession
from .resource import Call
from .streams import Inbox, open_socket, pump

__all__ = ["Base64", "Encoding", "PlainText", "serve_exec"]

_Output = Literal["stdout", "stderr"]


class Input(NamedTuple):
    """The content of one message of the client."""

    data: bytes
    ended: bool


class Encoding(Protocol):
    """Bytes of a command as text, in both directions."""

    def output(self, stream: _Output, data: bytes, *, last: bool = False) -> str:
        """Return output as the text of a frame; empty if no character is complete."""
        ...

    def input(self, text: str) -> Input:
        """Return the input in a message of the client.

        Raises:
            StreamClosed: The message has another encoding.
        """
        ...


class PlainText:
    """UTF-8 text, as in the hosted service.

    ``\\x04`` ends the input. Output that is not UTF-8 is replaced by U+FFFD.
    """

    def __init__(self) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")
        self._decoders = {
            "stdout": decoder("replace"),
            "stderr": decoder("replace"),
        }

    def output(self, stream: _Output, data: bytes, *, last: bool = False) -> str:
        """Return output as the text of a frame; see ``Encoding``."""
        return self._decoders[stream].decode(data, last)

    def input(self, text: str) -> Input:
        """Return the input in a message of the client; see ``Encoding``."""
        before, end, _ = text.partition(END_OF_INPUT)
        return Input(before.encode(), bool(end))


class Base64:
    """Base64 text, for any bytes. An empty message ends the input."""

    def output(self, stream: _Output, data: bytes, *, last: bool = False) -> str:
        """Return output as the text of a frame; see ``Encoding``."""
        return b64encode(data).decode()

    def input(self, text: str) -> Input:
        """Return the input in a message of the client; see ``Encoding``.

        Raises:
            StreamClosed: The message is not base64 text.
        """
        try:
            return Input(b64decode(text, validate=True), not text)
        except (binascii.Error, ValueError):
            code = WSCloseCode.INVALID_TEXT
            raise StreamClosed(code, "the input is not base64") from None


async def serve_exec(
    call: Call, session: ExecSession, encoding: Encoding
) -> web.WebSocketResponse:
    """Send output as frames and receive input; the last frame has the exit code.

    The hosted service had no such last frame. The frame has a key ``output`` as all
    frames: an old client concatenates the output of every frame.
    """

    async def frames() -> AsyncGenerator[str, None]:
        async for stream, data in session.output():
            if text := encoding.output(stream, data):
                yield _frame("exec", stream, text)
        streams: tuple[_Output, ...] = ("stdout", "stderr")
        for stream in streams:
            if text := encoding.output(stream, b"", last=True):
                yield _frame("exec", stream, text)
        yield _frame("exit", "", "", exit_code=session.exit_code)

    ended = False

    async def receive(text: str) -> None:
        nonlocal ended
        if ended:  # the old CLI ends its input many times
            return
        data, ended = encoding.input(text)
        if data:
            await session.write(data)
        if ended:
            await session.end_input()

    transport = call.request.transport
    peer = transport and transport.get_extra_info("socket")
    connection = peer.dup() if peer else None
    try:
        async with open_socket(call) as ws:
            await pump(call, ws, frames(), Inbox(ws, receive))
        if connection is not None and ws.close_code != WSCloseCode.ABNORMAL_CLOSURE:
            await _linger(connection, call.cloud.settings.timings.linger)
    finally:
        if connection is not None:
            connection.close()
        await session.close()
    return ws


async def _linger(connection: socket.socket, seconds: float) -> None:
    """Shut down sending, and discard input until the client closes the connection.

    The official command line sends input even after the closing handshake, and fails if
    the server resets the connection then. The server therefore closes the connection
    after the client, or after *seconds*.
    """
    with contextlib.suppress(OSError, TimeoutError):
        connection.setblocking(False)
        connection.shutdown(socket.SHUT_WR)
        async with asyncio.timeout(seconds):
            while await asyncio.get_running_loop().sock_recv(connection, 4096):
                pass


def _frame(kind: str, stream: str, output: str, **more: Any) -> str:
    return wire.dumps(
        {"type": kind, "streamType": stream, "output": output, **more}
    ).decode()
