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
from .streams import Inbox, Stream

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
    """Open a stream that sends output as frames and receives input.

    The hosted service had no last frame with the exit code. The frame has a key
    ``output`` as all frames: an old client concatenates the output of every frame.
    """
    try:
        return await _ExecStream(call, session, encoding).open()
    except BaseException:
        await session.close()
        raise


class _ExecStream(Stream):
    """The stream of one command; the last frame has the exit code."""

    __slots__ = ("_encoding", "_ended", "_inbox", "_session")

    def __init__(self, call: Call, session: ExecSession, encoding: Encoding) -> None:
        super().__init__(call, self._output())
        self._session = session
        self._encoding = encoding
        self._ended = False

    async def _output(self) -> AsyncGenerator[str, None]:
        session, encoding = self._session, self._encoding
        async for stream, data in session.output():
            if text := encoding.output(stream, data):
                yield _frame("exec", stream, text)
        streams: tuple[_Output, ...] = ("stdout", "stderr")
        for stream in streams:
            if text := encoding.output(stream, b"", last=True):
                yield _frame("exec", stream, text)
        yield _frame("exit", "", "", exit_code=session.exit_code)

    async def run(self) -> None:
        """Send and receive until the command or the client ends."""
        transport = self.call.request.transport
        peer = transport and transport.get_extra_info("socket")
        connection = peer.dup() if peer else None
        try:
            await super().run()
            abnormal = self.ws.close_code == WSCloseCode.ABNORMAL_CLOSURE
            if connection is not None and not abnormal:
                await _linger(connection, self.call.cloud.settings.timings.linger)
        finally:
            if connection is not None:
                connection.close()
            await self._session.close()

    def _start(self) -> None:
        super()._start()
        self._inbox = Inbox(self.ws, self._receive)
        self._tasks += (asyncio.create_task(self._drain()),)

    async def _process(self, text: str) -> None:
        await self._inbox.put(text)

    async def _drain(self) -> None:
        """Process what the inbox contains, until the input is invalid."""
        try:
            await self._inbox.drain()
        except Exception as error:
            self._fail(error)
        self._interrupt()

    async def _receive(self, text: str) -> None:
        """Pass the input of one text on."""
        if self._ended:  # the old CLI ends its input many times
            return
        data, self._ended = self._encoding.input(text)
        if data:
            await self._session.write(data)
        if self._ended:
            await self._session.end_input()


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
