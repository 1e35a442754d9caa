"""Text on the way from a writer to one reader: the input of a command, or a pipe."""

from __future__ import annotations

import asyncio
from collections import deque

from .limits import LONGEST_PIECE, LONGEST_TEXT

__all__ = ["Pipe"]


class Pipe:
    """Text for a command to read. A writer far ahead of the reader waits.

    Args:
        ended: Whether the input is empty from the beginning.
    """

    def __init__(self, *, ended: bool = False) -> None:
        self._lines: deque[str] = deque()
        self._unfinished = ""
        self._size = 0
        self._ended = ended
        self._closed = False
        self._changed = asyncio.Event()

    @classmethod
    def filled(cls, text: str) -> Pipe:
        """Return a pipe that has a whole text and its end."""
        pipe = cls(ended=True)
        pipe._add(text)
        return pipe

    async def feed(self, text: str) -> None:
        """Add text, when there is room.

        Raises:
            BrokenPipeError: The input has ended, or the reader reads no more.
        """
        while self._size >= LONGEST_TEXT and not (self._ended or self._closed):
            await self._change()
        if self._ended or self._closed:
            raise BrokenPipeError
        self._add(text)

    def _add(self, text: str) -> None:
        *lines, self._unfinished = (self._unfinished + text).split("\n")
        lines = [line + "\n" for line in lines]
        if len(self._unfinished) >= LONGEST_TEXT:  # an endless line becomes pieces
            lines.append(self._unfinished)
            self._unfinished = ""
        self._lines.extend(lines)
        self._size += sum(map(len, lines))
        self._changed.set()

    def end(self) -> None:
        """End the input; a command can still read the text before the end."""
        self._ended = True
        self._changed.set()

    def close(self) -> None:
        """Drop the text: the reader reads no more, and a writer gets an error."""
        self._closed = True
        self._changed.set()

    async def read(self) -> str:
        """Return text that has arrived, an empty text at the end.

        A long text comes in pieces, so that its reader does not block other tasks.
        """
        while not self._lines and not self._unfinished and not self._ended:
            await self._change()
        pieces, size = [], 0
        while self._lines and size < LONGEST_PIECE:
            pieces.append(self._lines.popleft())
            size += len(pieces[-1])
        self._size -= size
        if not self._lines:
            pieces.append(self._unfinished)
            self._unfinished = ""
        self._changed.set()
        return "".join(pieces)

    async def readline(self, *, typed: bool = False) -> str:
        """Return the next line with its newline, an empty text at the end.

        Args:
            typed: Whether a carriage return ends a line, too: a terminal in raw mode
                sends one for Enter.
        """
        while not self._lines and not self._ended:
            if typed and "\r" in self._unfinished:
                break
            await self._change()
        if self._lines:
            line = self._lines.popleft()
            self._size -= len(line)
            self._changed.set()
        else:
            line, self._unfinished = self._unfinished, ""
        return self._typed(line) if typed else line

    def _typed(self, line: str) -> str:
        """Return a line up to its carriage return, and put back the rest."""
        before, end, rest = line.partition("\r")
        if not end:
            return line
        if rest.endswith("\n") and rest != "\n":
            self._lines.appendleft(rest)
            self._size += len(rest)
        elif rest != "\n":
            self._unfinished = rest + self._unfinished
        return before + "\n"

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()
