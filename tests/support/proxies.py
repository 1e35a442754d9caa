"""A TCP proxy in front of a server, which breaks connections as networks do."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from yarl import URL

_CHUNK = 65_536


class Proxy:
    """Passes bytes on in both directions, until a method changes that.

    Attributes:
        url: The address of the proxy, for clients of the server.
        passed: The number of bytes sent to the client so far.
        cuts: How often connections were broken.
        refused: How many new connections were refused.
        edit: Changes the bytes that go to the server, for example a request's header.
    """

    def __init__(self, url: str) -> None:
        self._target = URL(url)
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._open = asyncio.Event()
        self._open.set()
        self._cut_at: int | None = None
        self._refusing = False
        self._was_cut = asyncio.Event()
        self.url = ""
        self.passed = self.cuts = self.refused = 0
        self.edit: Callable[[bytes], bytes] = bytes

    def black_hole(self) -> None:
        """Pass no further bytes on, and close no connection."""
        self._open.clear()

    def cut(self) -> None:
        """Break all connections without a closing handshake."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()
        self.cuts += 1
        self._was_cut.set()  # wakes up all tasks that wait now
        self._was_cut.clear()

    async def until_cut(self, cuts: int) -> None:
        """Wait until connections were broken *cuts* times."""
        while self.cuts < cuts:
            await self._was_cut.wait()

    def never_cut(self) -> None:
        """Revoke ``cut_after``."""
        self._cut_at = None

    def refuse(self) -> None:
        """Break new connections, too, until ``accept``."""
        self._refusing = True

    def accept(self) -> None:
        self._refusing = False

    def cut_after(self, size: int) -> None:
        """Break all connections after *size* more bytes to the client.

        The break may fall into the middle of a frame.
        """
        self._cut_at = self.passed + size

    def point_to(self, url: str) -> None:
        """Connect new connections to another server."""
        self._target = URL(url)

    async def _connected(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        target = self._target
        if self._refusing:
            self.refused += 1
            writer.transport.abort()
            return
        self._writers.add(writer)
        try:
            theirs, ours = await asyncio.open_connection(target.host, target.port)
        except OSError:
            writer.transport.abort()
            return
        self._writers.add(ours)
        for source, sink, counts in ((reader, ours, False), (theirs, writer, True)):
            task = asyncio.create_task(self._pass_on(source, sink, counts))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass_on(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, counts: bool
    ) -> None:
        with suppress(ConnectionError):
            while data := await source.read(_CHUNK):
                await self._open.wait()
                if counts:
                    cut_at = self._cut_at
                    if cut_at is not None and self.passed + len(data) >= cut_at:
                        sink.write(data[: cut_at - self.passed])
                        self._cut_at, self.passed = None, cut_at
                        self.cut()
                        return
                    self.passed += len(data)
                else:
                    data = self.edit(data)
                sink.write(data)
                await sink.drain()
        sink.close()


def without_window(data: bytes) -> bytes:
    """Remove the client's offer of a window, which old clients do not send.

    For the client, the server is an old one, which does not accept the offer.
    """
    return re.sub(rb"Sec-WebSocket-Protocol:[^\r]*\r\n", b"", data)


def without_position(data: bytes) -> bytes:
    """Remove the parameters of a resumed log, which an old server ignores."""
    kept = re.sub(rb"(?<=[?&])(at|seen|since)=[^& ]*&?", b"", without_window(data))
    return re.sub(rb"[?&](?= HTTP/)", b"", kept)


@asynccontextmanager
async def proxy(url: str) -> AsyncIterator[Proxy]:
    """Start a proxy in front of the server at *url*."""
    found = Proxy(url)
    server = await asyncio.start_server(found._connected, "127.0.0.1", 0)
    found.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield found
    finally:
        server.close()
        found._open.set()
        found.cut()
        for task in list(found._tasks):
            task.cancel()
        await asyncio.gather(*found._tasks, return_exceptions=True)
        await asyncio.sleep(0)
