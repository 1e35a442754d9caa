"""The input of this process as it arrives: keys, a pipe or a file."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator

__all__ = ["chunks"]

#: Bytes of one read.
_PIECE = 2**16


async def chunks(number: int) -> AsyncIterator[bytes]:
    """Yield what can be read from a file descriptor, until its end.

    A terminal and a pipe are read only when data is there, so that a reader that leaves
    takes no key away, and the descriptor, which other programs share, stays blocking.

    Args:
        number: The file descriptor.
    """
    while data := await _read(number):
        yield data


async def _read(number: int) -> bytes:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    try:
        loop.add_reader(number, ready.set)
    except PermissionError:  # a file on a disk, whose data is always there
        return os.read(number, _PIECE)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(number)
    try:
        return os.read(number, _PIECE)
    except OSError:  # the terminal was closed
        return b""
