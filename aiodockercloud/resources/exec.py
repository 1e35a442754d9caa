"""Commands in containers: streams of their output, with their input.

Source: Docker Cloud API reference, "Execute command inside a container".
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, AnyStr, Generic, TypeVar

from aiohttp import ClientWebSocketResponse

from .. import types
from ..exceptions import InvalidResponse, NotSupported, StreamClosed
from ..transport.settings import DEFAULT_LIMITS, DEFAULT_TIMINGS, Limits, Timings
from ..transport.stream import Stream
from ..wire.exec import END_OF_INPUT
from ..wire.window import WINDOW_PROTOCOL
from .output import Output

__all__ = ["Exec", "ExecBytes"]

T = TypeVar("T")

#: Characters or bytes of input in one message; longer input becomes several messages.
PIECE = 16_384


class _Process(Stream[T], ABC, Generic[T, AnyStr]):
    """A command that runs in a container: a stream of its output, with its input.

    Attributes:
        exit_code: The exit code of the command when the stream has ended; ``None``
            before the end, and with servers that report no exit code, as the hosted
            server.
    """

    __slots__ = ("exit_code",)

    def __init__(
        self,
        connect: Callable[[], Awaitable[ClientWebSocketResponse[Any]]],
        *,
        timings: Timings = DEFAULT_TIMINGS,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        super().__init__(connect, timings=timings, limits=limits)
        self.exit_code: int | None = None

    @abstractmethod
    async def write(self, data: AnyStr, /) -> None:
        """Send data to the input of the command."""

    @abstractmethod
    async def end_input(self) -> None:
        """End the input of the command."""

    async def _collect(self, stdin: AnyStr | None) -> Output:
        """Send the input, receive the output meanwhile, and return the output."""

        async def send(data: AnyStr) -> None:
            # A command may end before it has read its input. The receiver reports a
            # lost connection.
            with suppress(StreamClosed):
                await self.write(data)
                await self.end_input()

        output = Output(self._limits.output_bytes)
        sender = None if stdin is None else asyncio.create_task(send(stdin))
        try:
            async for piece in self:
                frame: Any = piece
                data = frame.get("output") or ""
                if not isinstance(data, str | bytes):
                    raise InvalidResponse("the output of a command is not text")
                output.add(frame.get("streamType"), data)
        finally:
            if sender is not None:
                sender.cancel()
                await asyncio.wait([sender])
        return output

    def _control(self, frame: dict[str, Any]) -> None:
        if frame["type"] == "exit":
            self.exit_code = frame.get("exit_code")
        else:
            super()._control(frame)


class Exec(_Process["types.ExecFrame", str]):
    """A command that runs in a container: a stream of its output, with its input.

    Attributes:
        exit_code: The exit code of the command when the stream has ended; ``None``
            before the end, and with servers that report no exit code, as the hosted
            server.
    """

    __slots__ = ()

    async def write(self, text: str) -> None:
        r"""Send text to the input of the command; ``"\x04"`` ends the input.

        Returns when the whole text is sent. While the command does not read its input,
        sending waits as soon as a window of data is under way. A command that writes
        output while it reads, as ``cat`` does, reads on only while another task reads
        the output.

        Args:
            text: The text, of any length.

        Raises:
            StreamClosed: The command has ended, or the connection was lost.

        Source:
            Docker Cloud API reference, "Execute command inside a container".
        """
        for start in range(0, len(text), PIECE):
            await self._send(text[start : start + PIECE])

    async def end_input(self) -> None:
        """End the input of the command.

        Raises:
            StreamClosed: The command has ended, or the connection was lost.
        """
        await self._send(END_OF_INPUT)

    async def communicate(self, stdin: str | None = None) -> types.ExecResult:
        """Send the whole input and receive the output meanwhile, to the end.

        Args:
            stdin: The input, which is followed by the end of input. By default, no
                input is sent, and the input stays open.

        Returns:
            The whole output, and the exit code.

        Raises:
            StreamClosed: The connection was lost before the end of the command.
            OutputTooLarge: The output is larger than ``limits.output_bytes``. The
                stream should be closed, which terminates the command.
            InvalidResponse: The server sent output that is no text.

        Source:
            Docker Cloud API reference, "Execute command inside a container".
        """
        output = await self._collect(stdin)
        return {
            "stdout": output.stdout.decode(),
            "stderr": output.stderr.decode(),
            "exit_code": self.exit_code,
        }

    def _not_an_object(self, data: bytes) -> dict[str, Any]:
        """Return text that is not JSON as output, as the official client does."""
        return {"streamType": "stdout", "output": data.decode("utf-8", "replace")}


class ExecBytes(_Process["types.ExecBytesFrame", bytes]):
    """A command that runs in a container, with bytes as its output and input.

    Attributes:
        exit_code: The exit code of the command when the stream has ended; ``None``
            before the end.
    """

    __slots__ = ()

    async def __anext__(self) -> types.ExecBytesFrame:
        frame: Any = await super().__anext__()
        try:
            output = b64decode(frame.get("output", ""), validate=True)
        except (TypeError, ValueError):
            self._end = StreamClosed(1007, "the output is not base64")
            raise self._end from None
        frame["output"] = output
        decoded: types.ExecBytesFrame = frame
        return decoded

    async def write(self, data: bytes) -> None:
        """Send bytes to the input of the command.

        Returns when all bytes are sent. Waits as :meth:`Exec.write` does.

        Args:
            data: The bytes, of any length and value.

        Raises:
            StreamClosed: The command has ended, or the connection was lost.
        """
        for start in range(0, len(data), PIECE):
            await self._send(b64encode(data[start : start + PIECE]).decode())

    async def end_input(self) -> None:
        """End the input of the command.

        Raises:
            StreamClosed: The command has ended, or the connection was lost.
        """
        await self._send("")

    async def communicate(self, stdin: bytes | None = None) -> types.ExecBytesResult:
        """Send the whole input and receive the output meanwhile, to the end.

        Args:
            stdin: The input, which is followed by the end of input. By default, no
                input is sent, and the input stays open.

        Returns:
            The whole output, and the exit code.

        Raises:
            StreamClosed: The connection was lost before the end of the command.
            OutputTooLarge: The output is larger than ``limits.output_bytes``. The
                stream should be closed, which terminates the command.
            InvalidResponse: The server sent output that is no text.

        Source:
            Docker Cloud API reference, "Execute command inside a container".
        """
        output = await self._collect(stdin)
        return {
            "stdout": bytes(output.stdout),
            "stderr": bytes(output.stderr),
            "exit_code": self.exit_code,
        }

    async def _open(self) -> ClientWebSocketResponse[Any]:
        ws = await super()._open()
        # Servers without the window ignore the parameter ``encoding``.
        if ws.protocol != WINDOW_PROTOCOL:
            await self.close()
            raise NotSupported("the server has no input and output as bytes")
        return ws
