"""The cost of the embedded server for tests, as ratios of the same run.

    python benchmarks/embedded.py [ROUNDS]

A server with a client, as the pytest fixtures start both for each test, is compared
with a bare aiohttp application and session. A container is compared with an asyncio
task. The result is the median of the ratios of all rounds.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
import uuid
from collections.abc import Awaitable, Callable

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from aiodockercloud import DockerCloud
from aiodockercloud.server import Embedded, running
from aiodockercloud.server.engines import ContainerSpec

CONTAINERS = 1000


async def _bare_server() -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"meta": {}, "objects": []})

    app = web.Application()
    app.router.add_get("/", answer)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        async with session.get(server.make_url("/")) as response:
            await response.json()


async def _our_server() -> None:
    async with (
        running() as server,
        DockerCloud(server.url, user=server.user, apikey=server.apikey) as cloud,
    ):
        await cloud.services.list()


async def _bare_tasks() -> None:
    tasks = [asyncio.create_task(asyncio.sleep(3600)) for _ in range(CONTAINERS)]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _our_containers() -> None:
    engine = Embedded()
    await engine.start(lambda _: None)
    for number in range(CONTAINERS):
        await engine.create(
            ContainerSpec(
                uuid=str(uuid.uuid4()),
                name=f"idle-{number}",
                service="idle",
                stack=None,
                namespace="bench",
                node=engine.nodes[0],
                image="acme/idle",
            )
        )
    await engine.close()


async def _timed(work: Callable[[], Awaitable[None]]) -> float:
    start = time.process_time()
    await work()
    return time.process_time() - start


async def main(rounds: int) -> None:
    """Print one line for each comparison."""
    for name, bare, ours, each in (
        ("a server and a client", _bare_server, _our_server, 1),
        ("an idle container", _bare_tasks, _our_containers, CONTAINERS),
    ):
        await bare()
        await ours()
        pairs = [(await _timed(bare), await _timed(ours)) for _ in range(rounds)]
        ratio = statistics.median(mine / theirs for theirs, mine in pairs)
        cost = statistics.median(mine for _, mine in pairs) / each * 1e3
        print(f"{name:22} {ratio:6.1f} of bare asyncio ({cost:.3f} ms CPU)")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 9))
