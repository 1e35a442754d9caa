"""The cost of many containers on a real Swarm: time, CPU, calls to the Engine.

    DOCKER_HOST=tcp://… python benchmarks/swarm.py [CONTAINERS] [IMAGE]

Each container is one service, spread over the nodes; the nodes must have the image. The
server runs in another process. The figures depend on the machine: use them to compare
two versions on the same machine.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import sys
import time
from collections import Counter
from multiprocessing.connection import Connection
from typing import Any, NamedTuple
from unittest.mock import patch

from aiodockercloud import DockerCloud
from aiodockercloud.batch import each
from aiodockercloud.server import running
from aiodockercloud.server.engines.swarm import Swarm
from aiodockercloud.server.engines.swarm.docker_api import Api
from aiodockercloud.server.engines.swarm.watch import Watch
from aiodockercloud.types import Service

#: Seconds for the measurement of an idle server.
IDLE = 60.0
#: Seconds for all services to start, and for all services to terminate.
PATIENCE = 600.0
#: A command that runs until SIGTERM.
COMMAND = """sh -c 'trap "exit 0" TERM; while true; do sleep 5 & wait; done'"""
#: Operations at the same time.
LIMIT = 50


class Cost(NamedTuple):
    """The resources that a server has used since its start."""

    seconds: float
    cpu: float
    calls: float
    looks: float

    def since(self, before: Cost) -> Cost:
        return Cost(*(a - b for a, b in zip(self, before, strict=True)))

    def __str__(self) -> str:
        return (
            f"{self.seconds:6.1f} s, {self.calls / self.seconds:5.1f} calls/s,"
            f" {self.cpu / self.seconds:6.1%} of a core,"
            f" {self.cpu / max(1, self.looks) * 1000:5.1f} ms CPU a look"
        )


async def serve(pipe: Connection) -> None:
    """Serve until the pipe receives False; send the cost for each True."""
    counts: Counter[str] = Counter()
    call, look = Api.call, Watch.look

    async def counted_call(api: Api, *args: Any, **options: Any) -> Any:
        counts["calls"] += 1
        return await call(api, *args, **options)

    async def counted_look(watch: Watch) -> None:
        counts["looks"] += 1
        await look(watch)

    with patch.object(Api, "call", counted_call):
        with patch.object(Watch, "look", counted_look):
            await _serve(pipe, counts)


async def _serve(pipe: Connection, counts: Counter[str]) -> None:
    async with running(Swarm(os.environ["DOCKER_HOST"])) as server:
        pipe.send((server.url, server.user, server.apikey))
        while await asyncio.to_thread(pipe.recv):
            pipe.send(
                Cost(
                    time.monotonic(),
                    time.process_time(),
                    counts["calls"],
                    counts["looks"],
                )
            )


def server(pipe: Connection) -> None:
    asyncio.run(serve(pipe))


async def measure(count: int, image: str, pipe: Connection) -> None:
    def cost() -> Cost:
        pipe.send(True)
        found: Cost = pipe.recv()
        return found

    url, user, key = await asyncio.to_thread(pipe.recv)
    async with DockerCloud(url, user=user, apikey=key) as cloud:

        async def create(number: int) -> Service:
            service = await cloud.services.create(
                image=image,
                name=f"bench-{number}",
                run_command=COMMAND,
                deployment_strategy="EMPTIEST_NODE",
            )
            started = await cloud.services.start(service)
            return await cloud.services.wait(started, "Running", timeout=PATIENCE)

        async def remove(service: Service | None) -> None:
            assert service is not None
            gone = await cloud.services.delete(service)
            await cloud.services.wait(gone, "Terminated", timeout=PATIENCE)

        before = cost()
        done = await each(range(count), create, limit=LIMIT, fail_fast=True)
        print(f"{count} services up:  {cost().since(before)}")
        nodes = Counter([c["node"] for c in await cloud.containers.list()])
        print(f"on {len(nodes)} nodes: {' / '.join(map(str, nodes.values()))}")
        before = cost()
        await asyncio.sleep(IDLE)
        print(f"nothing to do:    {cost().since(before)}")
        before = cost()
        services = [outcome.result for outcome in done]
        await each(services, remove, limit=LIMIT, fail_fast=True)
        print(f"{count} services down: {cost().since(before)}")


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    image = sys.argv[2] if len(sys.argv) > 2 else "hello:latest"
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=server, args=(theirs,), daemon=True)
    process.start()
    theirs.close()  # so that ours ends with the process
    try:
        asyncio.run(measure(count, image, ours))
        ours.send(False)
        process.join(60)
    finally:
        process.terminate()


if __name__ == "__main__":
    main()
