"""Connections that send bytes as they are, for requests that no HTTP client sends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from urllib.parse import urlsplit

from tests.support.facts import PATIENCE

__all__ = ["Connection", "connected", "many"]


class Connection:
    """A connection to a server.

    Args:
        reader: Reads what the server sends.
        writer: Sends bytes to the server.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self.writer.write(data)

    async def answer(self) -> tuple[int, str, bytes]:
        """Return the status, the headers and the body of the next answer."""
        async with asyncio.timeout(PATIENCE):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
            length = 0
            for line in head.lower().splitlines():
                if line.startswith("content-length:"):
                    length = int(line.partition(":")[2])
            return int(head.split()[1]), head, await self.reader.readexactly(length)

    async def ended(self) -> bytes:
        """Wait until the server closes the connection; return what it sent before."""
        sent = b""
        async with asyncio.timeout(PATIENCE):
            try:
                while data := await self.reader.read(65536):
                    sent += data
            except ConnectionError:
                pass
        return sent

    @property
    def is_open(self) -> bool:
        """Whether the client has not noticed an end of the connection."""
        return not self.reader.at_eof() and self.reader.exception() is None


@asynccontextmanager
async def connected(url: str, data: bytes = b"") -> AsyncIterator[Connection]:
    """Yield a connection to the server at a URL, which has sent some bytes."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(data)
    try:
        yield Connection(reader, writer)
    finally:
        writer.transport.abort()


@asynccontextmanager
async def many(
    url: str, number: int, data: bytes = b""
) -> AsyncIterator[list[Connection]]:
    """Yield a number of connections, each of which has sent some bytes."""
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(connected(url, data)) for _ in range(number)
        ]
