"""The arguments and the input of the commands on text."""

from __future__ import annotations

import posixpath
import re
from collections.abc import AsyncIterator, Iterator
from typing import Final

from .commands import Process, fail
from .limits import LINE_OVERHEAD, LONGEST_PIECE, MOST_KEPT
from .turns import turn

__all__ = ["TURN", "Input", "Usage", "keep_lines", "parse_number", "parse_options"]

#: Lines that a command reads between two turns of other tasks.
TURN: Final = 64


class Usage(Exception):
    """The arguments of a command are wrong; the text says how."""


def parse_options(
    args: list[str], flags: str, valued: str = ""
) -> tuple[dict[str, str], list[str]]:
    """Return the options, ``-n 3`` or ``-n3``, and the other arguments.

    Raises:
        Usage: An option is unknown or lacks its value.
    """
    found: dict[str, str] = {}
    rest = list(args)
    while rest and rest[0].startswith("-") and rest[0] != "-":
        letters = rest.pop(0)[1:]
        if letters == "-":
            break
        while letters:
            letter, letters = letters[0], letters[1:]
            if letter in valued:
                if not letters and not rest:
                    raise Usage(f"option requires an argument -- {letter}")
                found[letter] = letters or rest.pop(0)
                break
            if letter not in flags:
                raise Usage(f"unrecognized option: {letter}")
            found[letter] = ""
    return found, rest


def parse_number(text: str) -> int:
    """Return the number of an argument.

    Raises:
        Usage: The argument is no number, or too long.
    """
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise Usage(f"invalid number '{text}'")
    return int(text)


class Input:
    """The lines of the files of a command, or of its standard input.

    Attributes:
        code: 1 when a file could not be read, else 0.
    """

    def __init__(self, process: Process, command: str, names: list[str]) -> None:
        self.code: int = 0
        self._process = process
        self._command = command
        self._names = names or ["-"]

    async def __aiter__(self) -> AsyncIterator[str]:
        for name in self._names:
            async for line in self.lines(name):
                yield line

    async def lines(self, name: str) -> AsyncIterator[str]:
        """Yield the lines of one file; give other tasks a turn now and then."""
        lines = characters = 0
        async for line in self._all_lines(name):
            lines += 1
            characters += len(line)
            if lines >= TURN or characters >= LONGEST_PIECE:
                lines = characters = 0
                await turn()
            yield line

    async def _all_lines(self, name: str) -> AsyncIterator[str]:
        process = self._process
        if name == "-":
            while line := await process.stdin.readline():
                yield line
            return
        path = posixpath.normpath(posixpath.join(process.directory, name))
        try:
            for line in _split(process.place.files.read(path)):
                yield line
        except OSError as error:
            self.code = 1
            text = f"{self._command}: {name}: {error.strerror}"
            await fail(process, text)


def _split(pieces: Iterator[str]) -> Iterator[str]:
    rest = ""
    for piece in pieces:
        *lines, rest = (rest + piece).split("\n")
        yield from (line + "\n" for line in lines)
    if rest:
        yield rest


async def keep_lines(lines: Input) -> list[str]:
    """Return all lines, each with a newline.

    Raises:
        Usage: The input is too long.
    """
    kept, size = [], 0
    async for line in lines:
        kept.append(line if line.endswith("\n") else line + "\n")
        size += len(line) + LINE_OVERHEAD
        if size > MOST_KEPT:
            raise Usage("the input is too long for the embedded engine's shell")
    return kept
