"""A client with many followed streams, in a process of its own.

    python -m benchmarks.followers ours|bare URL PATH NUMBER SECONDS

Prints the kilobytes of a stream, and after some seconds the CPU time that they took.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import resource
import sys
import time

import aiohttp
import orjson

from aiodockercloud import DockerCloud, Timings

from .harness import AUTH, KEY, USER, memory

HEARTBEAT = 4.0
#: Streams before the measurement: what is made once is no part of a stream.
WARM = 50


async def main(kind: str, url: str, path: str, number: int, seconds: float) -> None:
    """Open the streams, report their memory, then their cost while nothing happens."""
    cloud = DockerCloud(
        url, user=USER, apikey=KEY, timings=Timings(heartbeat=HEARTBEAT)
    )
    connector = aiohttp.TCPConnector(limit=0)
    session = aiohttp.ClientSession(
        headers={"Authorization": AUTH}, connector=connector
    )
    address = f"ws{url[4:]}{path if 'logs' in path else path + 'logs/'}?tail=0"
    container = path.removesuffix("logs/")

    async def ours(opened: asyncio.Event) -> None:
        async with cloud.containers.logs(container, tail=0) as lines:
            opened.set()
            async for _ in lines:
                pass

    async def bare(opened: asyncio.Event) -> None:
        async with session.ws_connect(address, heartbeat=HEARTBEAT) as ws:
            opened.set()
            async for message in ws:
                orjson.loads(message.data)

    tasks = []

    async def follow(count: int) -> None:
        for _ in range(count):
            opened = asyncio.Event()
            work = ours(opened) if kind == "ours" else bare(opened)
            tasks.append(asyncio.create_task(work))
            await opened.wait()

    await follow(WARM)
    gc.collect()
    before = memory(os.getpid())
    await follow(number)
    gc.collect()
    size = (memory(os.getpid()) - before) / number / 1024
    print(json.dumps({"kilobytes": size}), flush=True)
    if seconds:
        begin = time.process_time()
        await asyncio.sleep(seconds)
        spent = (time.process_time() - begin) / seconds
        print(json.dumps({"cpu": spent}), flush=True)
    await asyncio.sleep(60)


if __name__ == "__main__":
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    kind, url, path, number, seconds = sys.argv[1:]
    asyncio.run(main(kind, url, path, int(number), float(seconds)))
