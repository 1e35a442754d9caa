"""What all rows share: paired rounds, processes, their CPU time, and raw connections.

A machine that others use drifts twofold within seconds. So both sides of a row take
turns in short slices, only CPU time counts unless a row says otherwise, and the result
is the median of the ratios of the rounds.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import statistics
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

USER, KEY = "u", "k"
AUTH = "Basic " + base64.b64encode(f"{USER}:{KEY}".encode()).decode()

#: Rounds of a row. The first round warms up both sides, and does not count.
ROUNDS = 7


@dataclass
class Row:
    """One line of the table.

    Attributes:
        what: What is measured.
        peer: What it is compared with.
        goal: The bound of the ratio.
        at_least: Whether the ratio must reach the bound; otherwise it must not exceed
            the bound.
        ratios: The ratio of each round.
        figures: The absolute figures of this machine, in words.
        cost: The median of our own costs: seconds of CPU, or bytes.
    """

    what: str
    peer: str
    goal: float | None
    at_least: bool
    ratios: list[float]
    figures: str = ""
    cost: float = 0.0

    @property
    def ratio(self) -> float:
        return statistics.median(self.ratios)

    @property
    def holds(self) -> bool:
        """Whether the median reaches the goal, as far as the table shows its digits."""
        if self.goal is None:
            return True
        ratio = round(self.ratio, 2)
        return ratio >= self.goal if self.at_least else ratio <= self.goal


Work = Callable[[], Awaitable[float]]


async def paired(ours: Work, peer: Work, rounds: int = ROUNDS) -> list[list[float]]:
    """Return the costs of both sides in each round: ``[ours, peer]``."""
    pairs = []
    for number in range(rounds + 1):
        if number % 2:
            first, second = await peer(), await ours()
            pairs.append([second, first])
        else:
            pairs.append([await ours(), await peer()])
    return pairs[1:]


def row(
    what: str,
    peer: str,
    goal: float | None,
    pairs: list[list[float]],
    *,
    at_least: bool = True,
    unit: str = "µs",
    scale: float = 1e6,
) -> Row:
    """Return the row of paired costs.

    A rate (``at_least``) is the peer's cost divided by ours, a cost is ours divided by
    the peer's.
    """
    ratios = [peer / ours if at_least else ours / peer for ours, peer in pairs]
    medians = [statistics.median(side) * scale for side in zip(*pairs, strict=True)]
    figures = f"{_short(medians[0])} : {_short(medians[1])} {unit}"
    return Row(what, peer, goal, at_least, ratios, figures, medians[0] / scale)


def _short(number: float) -> str:
    return f"{number:.3g}" if number < 1000 else f"{number:.0f}"


def cpu(pid: int) -> float:
    """Return the seconds of CPU that a process has used, with all its threads."""
    files = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(file.read_text().split()[0]) for file in files) / 1e9


def memory(pid: int) -> int:
    """Return the bytes of a process that are in memory."""
    text = Path(f"/proc/{pid}/statm").read_text()
    return int(text.split()[1]) * os.sysconf("SC_PAGE_SIZE")


@dataclass
class Child:
    """A server in a process of its own.

    Attributes:
        url: The address of the server.
        pid: The id of the process.
    """

    url: str
    pid: int
    process: asyncio.subprocess.Process

    async def ask(self, command: str) -> Any:
        """Send a command to the process and return its answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{command}\n".encode())
        return json.loads(await self.process.stdout.readline())

    def cpu(self) -> float:
        return cpu(self.pid)


@asynccontextmanager
async def child(*arguments: str) -> AsyncIterator[Child]:
    """Run ``benchmarks.children`` with arguments while the block runs."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.children", *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=2**26,
    )
    assert process.stdout is not None
    try:
        hello = json.loads(await process.stdout.readline())
        yield Child(hello["url"], process.pid, process)
    finally:
        process.terminate()
        await process.wait()


class _Pipe(asyncio.Protocol):
    """A connection that does no more than it must: the cost is the server's."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._received = bytearray()
        self._needed = -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._needed < 0:
            end = self._received.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(self._received[:end]).lower()
            _, found, rest = head.partition(b"content-length: ")
            self._begin = end + 4
            self._needed = end + 4 + (int(rest.split(b"\r\n")[0]) if found else 0)
        if len(self._received) >= self._needed and self.answer is not None:
            status = int(self._received[9:12])
            body = bytes(self._received[self._begin :])
            self._received.clear()
            self._needed = -1
            answer, self.answer = self.answer, None
            answer.set_result((status, body))


def place(url: str) -> tuple[str, int]:
    """Return the host and the port of an address."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    return parts.hostname, parts.port


Request = tuple[str, str, bytes, str]


@dataclass
class Raw:
    """Connections that send requests without a client library.

    Attributes:
        url: The address of the server.
        connections: The number of connections.
    """

    url: str
    connections: int
    pipes: list[_Pipe] = field(default_factory=list)

    async def __aenter__(self) -> Raw:
        loop = asyncio.get_running_loop()
        for _ in range(self.connections):
            opening = loop.create_connection(_Pipe, *place(self.url))
            self.pipes.append((await opening)[1])
        return self

    async def __aexit__(self, *_: object) -> None:
        for pipe in self.pipes:
            if pipe.transport is not None:
                pipe.transport.close()

    async def one(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: str = "",
        pipe: _Pipe | None = None,
    ) -> bytes:
        """Send one request and return the body of the answer."""
        pipe = pipe or self.pipes[0]
        assert pipe.transport is not None
        pipe.answer = asyncio.get_running_loop().create_future()
        kind = "Content-Type: application/json\r\n" if body else ""
        host = urlsplit(self.url).netloc
        pipe.transport.write(
            f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {AUTH}\r\n"
            f"{kind}{headers}Content-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        status, answer = await pipe.answer
        if status >= 400:
            raise RuntimeError(f"{method} {path}: {status} {answer[:200]!r}")
        return answer

    async def many(self, number: int, make: Callable[[int], Request]) -> None:
        """Send requests on all connections at once."""
        numbers = iter(range(number))

        async def work(pipe: _Pipe) -> None:
            for each in numbers:
                await self.one(*make(each), pipe=pipe)

        await asyncio.gather(*(work(pipe) for pipe in self.pipes))
