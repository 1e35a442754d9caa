"""The input of a command in the small shell."""

from __future__ import annotations

import asyncio
from collections import deque

from .....wire.exec import END_OF_INPUT
from .limits import LONGEST_TEXT

__all__ = ["Stdin"]


class Stdin:
    """Lines for a command to read. A writer far ahead of the reader waits.

    ``END_OF_INPUT`` ends the input, also inside a text.

    Args:
        ended: Whether the input is empty from the beginning.
    """

    def __init__(self, *, ended: bool = False) -> None:
        self._lines: deque[str] = deque()
        self._unfinished = ""
        self._size = 0
        self._ended = ended
        self._changed = asyncio.Event()

    async def feed(self, data: str) -> None:
        """Add text, when there is room. After the end of the input: do nothing."""
        while self._size >= LONGEST_TEXT and not self._ended:
            self._changed.clear()
            await self._changed.wait()
        if self._ended:
            return
        text, end, _ = data.partition(END_OF_INPUT)
        # A terminal in raw mode sends a bare carriage return for Enter.
        text = self._unfinished + text.replace("\r\n", "\n").replace("\r", "\n")
        *lines, self._unfinished = text.split("\n")
        lines = [line + "\n" for line in lines]
        if len(self._unfinished) >= LONGEST_TEXT:  # an endless line becomes pieces
            lines.append(self._unfinished)
            self._unfinished = ""
        self._lines.extend(lines)
        self._size += sum(map(len, lines))
        self._ended = bool(end)
        self._changed.set()

    def end(self) -> None:
        """End the input; a command can still read the text before the end."""
        self._ended = True
        self._changed.set()

    async def readline(self) -> str:
        """Return the next line with its newline, an empty text at the end."""
        while not self._lines and not self._ended:
            self._changed.clear()
            await self._changed.wait()
        if self._lines:
            line = self._lines.popleft()
            self._size -= len(line)
            self._changed.set()
            return line
        line, self._unfinished = self._unfinished, ""
        return line
