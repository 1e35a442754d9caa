"""The owner's requests beside an attack, as a ratio to the same requests without one.

A process of its own guesses keys on 64 connections, keeps 500 half-open connections,
and reads 2,000 streams of logs that have no lines. The result is the median time of
the owner's requests during the attack, divided by their median time without.
"""

from __future__ import annotations

import asyncio
import resource
import statistics
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from urllib.parse import urlsplit

import aiohttp

from aiodockercloud import DockerCloud, wire

from .harness import Row

GUESSING, HALF_OPEN, STREAMS = 64, 500, 2000
USER, KEY = "admin", "k" * 40
MOST = 3.0
REQUESTS = 300


@asynccontextmanager
async def _server() -> AsyncIterator[str]:
    """Yield the address of a server in a process of its own."""
    program = (sys.executable, "-m", "aiodockercloud", "serve", "--port", "0")
    process = await asyncio.create_subprocess_exec(
        *program,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={"DOCKERCLOUD_USER": USER, "DOCKERCLOUD_APIKEY": KEY},
    )
    assert process.stdout is not None
    try:
        yield (await process.stdout.readline()).decode().split()[-1]
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def _attack(url: str, stream: str) -> AsyncIterator[None]:
    """Attack the server from a process of its own while the block runs."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.attack", url, stream),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    try:
        yield
    finally:
        process.kill()
        await process.wait()


async def attack(url: str, stream: str) -> None:
    """Attack a server until the process ends."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    host, port = urlsplit(url).hostname, urlsplit(url).port

    async def guess(session: aiohttp.ClientSession, number: int) -> None:
        for count in range(10**9):
            auth = wire.basic_auth(USER, f"{number} {count}")
            try:
                async with session.get(
                    f"{url}/api/auth/", headers={"Authorization": auth}
                ) as response:
                    await response.read()
            except aiohttp.ClientError:
                await asyncio.sleep(0.1)

    async def half_open() -> None:
        while True:  # the server closes such connections: open the next one
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(b"GET /api/auth/ HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ")
            await reader.read()
            writer.close()

    connector = aiohttp.TCPConnector(limit=0)
    async with (
        AsyncExitStack() as stack,
        aiohttp.ClientSession(connector=connector) as session,
        asyncio.TaskGroup() as group,
    ):
        headers = {"Authorization": wire.basic_auth(USER, KEY)}
        for _ in range(STREAMS):
            opening = session.ws_connect(stream, headers=headers)
            await stack.enter_async_context(opening)
        for _ in range(HALF_OPEN):
            group.create_task(half_open())
        for number in range(GUESSING):
            group.create_task(guess(session, number))
        await asyncio.sleep(1)
        print("ready", flush=True)


async def measure(requests: int) -> tuple[float, float]:
    """Return the owner's median time during the attack: the ratio, and seconds."""
    async with (
        _server() as url,
        DockerCloud(url, user=USER, apikey=KEY) as cloud,
    ):
        service = await cloud.services.run(image="acme/idle", name="quiet")
        stream = f"{url}{wire.path('service', service['uuid'])}logs/?follow=true"

        async def median() -> float:
            times = []
            for _ in range(requests):
                begin = time.perf_counter()
                await cloud.services.list()
                times.append(time.perf_counter() - begin)
            return statistics.median(times)

        before = await median()
        async with _attack(url, stream):
            beside = await median()
        after = await median()
        # On a busy machine, the faster of both is nearer to the time alone.
        return beside / min(before, after), beside


async def rows() -> AsyncIterator[Row]:
    """Yield the row of the owner's requests during an attack."""
    ratio, seconds = await measure(REQUESTS)
    yield Row(
        f"owner's request beside an attack (wall time): {GUESSING} guessing,"
        f" {HALF_OPEN} half-open, {STREAMS} idle streams",
        "the request alone",
        MOST,
        False,
        [ratio],
        f"{seconds * 1e3:.2f} ms",
    )


if __name__ == "__main__":
    asyncio.run(attack(*sys.argv[1:3]))
