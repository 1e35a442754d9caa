"""Exec in the embedded engine: a command in the tiny shell, its input and output."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from .clock import Clock
from .shell import Shell, Stdin
from .shell.grammar import Stream

_MOST_CHUNKS = 64
_KILLED = 137


class ShellSession:
    """A command in the tiny shell, with its output bounded: a reader that is slow
    makes the command wait."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        clock: Clock,
        hostname: str,
        user: str,
    ) -> None:
        self.exit_code: int | None = None
        self._stdin = Stdin()
        self._chunks: deque[tuple[Stream, str]] = deque()
        self._changed = asyncio.Event()
        shell = Shell(
            environment,
            write=self._put,
            stdin=self._stdin,
            clock=clock,
            hostname=hostname,
            user=user,
        )
        self._task = asyncio.create_task(shell.run(command or ["sh"]))
        self._task.add_done_callback(lambda _: self._changed.set())

    def when_done(self, callback: Callable[[ShellSession], object]) -> None:
        self._task.add_done_callback(lambda _: callback(self))

    async def _put(self, stream: Stream, text: str) -> None:
        while len(self._chunks) >= _MOST_CHUNKS:
            self._changed.clear()
            await self._changed.wait()
        self._chunks.append((stream, text))
        self._changed.set()

    async def output(self) -> AsyncIterator[tuple[Stream, str]]:
        while True:
            while self._chunks:
                yield self._chunks.popleft()
                self._changed.set()
            if self._task.done():
                break
            self._changed.clear()
            await self._changed.wait()
        self.exit_code = _KILLED if self._task.cancelled() else self._task.result()

    async def write(self, data: str) -> None:
        await self._stdin.feed(data)

    def kill(self) -> None:
        self._stdin.end()  # a writer that waits for room goes on
        self._task.cancel()

    async def close(self) -> None:
        self.kill()
        await asyncio.wait({self._task})
