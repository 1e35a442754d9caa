"""The input and the outputs of a command, and what redirections make of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from ..files import Files
from .lexer import Stream
from .pipe import Pipe

__all__ = ["Sink", "Streams", "discard", "file_input", "file_output"]

#: Receives each piece of an output; returns when there is room for more.
Sink = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Streams:
    """Where the input of a command comes from, and where each output goes."""

    stdin: Pipe
    stdout: Sink
    stderr: Sink

    def output(self, stream: Stream) -> Sink:
        """Return where an output goes."""
        return self.stdout if stream == "stdout" else self.stderr

    def redirected(self, stream: Stream, sink: Sink) -> Streams:
        """Return the streams with another sink of one output."""
        if stream == "stdout":
            return replace(self, stdout=sink)
        return replace(self, stderr=sink)


async def discard(text: str) -> None:
    """Drop a piece of an output, as ``/dev/null`` does."""


def file_output(files: Files, path: str, append: bool) -> Sink:
    """Create or empty a file, and return the sink that writes to the file.

    Raises:
        OSError: The file cannot be written.
    """
    files.write(path, append=append)

    async def write(text: str) -> None:
        files.write(path, text, append=True)

    return write


def file_input(files: Files, path: str) -> Pipe:
    """Return the content of a file, or of no file with an empty path.

    Raises:
        OSError: The file cannot be read.
    """
    return Pipe.filled("".join(files.read(path)) if path else "")
