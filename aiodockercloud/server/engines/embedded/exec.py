"""Exec in the embedded engine: a command in the small shell, its input and output."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from ....wire.exec import SIGKILL_EXIT_CODE
from .clock import Clock
from .place import Place
from .settings import EmbeddedSettings
from .text import Stream, decoder, to_bytes

__all__ = ["ShellSession"]


class ShellSession:
    """A command in the small shell; implements ``ExecSession``.

    The output is bounded: with a slow reader the command waits.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        clock: Clock,
        settings: EmbeddedSettings,
        place: Place,
    ) -> None:
        # Here, because the start of a server would wait for all commands of the shell.
        from .shell import Pipe, Shell  # noqa: PLC0415

        self.exit_code: int | None = None
        self._most_chunks = settings.exec_output_chunks
        self._stdin = Pipe()
        self._decoder = decoder()
        self._chunks: deque[tuple[Stream, bytes]] = deque()
        self._changed = asyncio.Event()
        shell = Shell(
            environment,
            write=self._put,
            stdin=self._stdin,
            clock=clock,
            place=place,
        )
        self._task = asyncio.create_task(shell.run(command or ["sh"]))
        self._task.add_done_callback(lambda _: self._changed.set())

    def when_done(self, callback: Callable[[ShellSession], object]) -> None:
        """Call *callback* with this session when the command has ended."""
        self._task.add_done_callback(lambda _: callback(self))

    async def _put(self, stream: Stream, text: str) -> None:
        while len(self._chunks) >= self._most_chunks:
            self._changed.clear()
            await self._changed.wait()
        self._chunks.append((stream, to_bytes(text)))
        self._changed.set()

    async def output(self) -> AsyncIterator[tuple[Stream, bytes]]:
        """Yield stream and bytes of each piece of output, then set ``exit_code``."""
        while True:
            while self._chunks:
                yield self._chunks.popleft()
                self._changed.set()
            if self._task.done():
                break
            self._changed.clear()
            await self._changed.wait()
        self.exit_code = (
            SIGKILL_EXIT_CODE if self._task.cancelled() else self._task.result()
        )

    async def write(self, data: bytes) -> None:
        """Send input to the command."""
        with contextlib.suppress(BrokenPipeError):
            await self._stdin.feed(self._decoder.decode(data))

    async def end_input(self) -> None:
        """End the input of the command."""
        with contextlib.suppress(BrokenPipeError):
            await self._stdin.feed(self._decoder.decode(b"", True))
        self._stdin.end()

    def kill(self) -> None:
        """End the command, without waiting for its end."""
        self._stdin.end()  # releases a writer that waits for room
        self._task.cancel()

    async def close(self) -> None:
        """End the command and wait for its end."""
        self.kill()
        await asyncio.wait({self._task})
