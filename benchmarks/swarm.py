"""Many containers on a Swarm: time, CPU, memory and requests to the Engine.

    python -m benchmarks swarm
    DOCKER_HOST=unix://… python -m benchmarks.swarm [CONTAINERS]
    python -m benchmarks.swarm --simulate [CONTAINERS …]

On a real Swarm, whose nodes must have the image ``hello:latest``, the peer is
aiodocker: the time of the server to start and to terminate services of one container
each, divided by the time that aiodocker needs in the same run to create and to remove
the same services.

A simulated manager answers as a real one was recorded, in a process of its own: the
growth with the number of containers shows what the server itself costs.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import resource
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any, NamedTuple
from unittest.mock import patch

import aiodocker

from aiodockercloud import DockerCloud
from aiodockercloud.batch import each
from aiodockercloud.server import running
from aiodockercloud.server.engines.swarm import Swarm
from aiodockercloud.server.engines.swarm.docker_api import Api
from aiodockercloud.server.garbage import collected_seldom
from aiodockercloud.types import Service
from tests.support.simulated import simulated

from .harness import Row

#: Seconds for the measurement of an idle server.
IDLE = 10.0
#: Seconds for any one service to start, and to terminate.
PATIENCE = 3600.0
IMAGE = "hello:latest"
#: A command that runs until SIGTERM.
SCRIPT = 'trap "exit 0" TERM; while true; do sleep 5 & wait; done'
#: Operations at the same time on a simulated Swarm; requests of the peer.
LIMIT = 50


class Cost(NamedTuple):
    """The resources that a server has used since its start."""

    seconds: float
    cpu: float
    requests: float
    megabytes: float

    def since(self, before: Cost) -> Cost:
        return Cost(*(a - b for a, b in zip(self, before, strict=True)))

    def each_of(self, containers: int) -> str:
        """Return the cost of each container, in words."""
        return (
            f"{self.seconds:7.1f} s; each container"
            f" {self.seconds / containers * 1e3:6.1f} ms,"
            f" {self.cpu / containers * 1e3:6.2f} ms of CPU,"
            f" {self.requests / containers:5.2f} requests,"
            f" {self.megabytes / containers * 1e3:6.1f} KB"
        )


# --- the server, in a process of its own ----------------------------------------------


async def serve(pipe: Connection, docker: str) -> None:
    """Serve until the pipe receives False; send the cost for each True."""
    counts: Counter[str] = Counter()
    call = Api.call

    async def counted(api: Api, *args: Any, **options: Any) -> Any:
        counts["requests"] += 1
        return await call(api, *args, **options)

    # Garbage as in the process of ``aiodockercloud serve``.
    with patch.object(Api, "call", counted), collected_seldom():
        async with running(Swarm(docker)) as server:
            pipe.send((server.url, server.user, server.apikey))
            while await asyncio.to_thread(pipe.recv):
                used = resource.getrusage(resource.RUSAGE_SELF)
                pipe.send(
                    Cost(
                        time.monotonic(),
                        time.process_time(),
                        counts["requests"],
                        used.ru_maxrss / 1024,
                    )
                )


def server(pipe: Connection, docker: str) -> None:
    asyncio.run(serve(pipe, docker))


async def simulate(pipe: Connection) -> None:
    """Simulate a Swarm until the pipe receives anything."""
    async with simulated() as swarm:
        pipe.send(swarm.url)
        await asyncio.to_thread(pipe.recv)


def simulation(pipe: Connection) -> None:
    asyncio.run(simulate(pipe))


@contextmanager
def process(target: Any, *args: Any) -> Iterator[Connection]:
    """Run a function in a process of its own; yield a pipe to the function."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=target, args=(theirs, *args), daemon=True)
    child.start()
    theirs.close()  # so that ours ends with the process
    try:
        yield ours
        ours.send(False)
        child.join(60)
    finally:
        child.terminate()


# --- the two contestants --------------------------------------------------------------


async def ours(
    count: int, pipe: Connection, limit: int = LIMIT
) -> tuple[Cost, Cost, Cost]:
    """Start and terminate services; return the cost of both, and of idling."""

    def cost() -> Cost:
        pipe.send(True)
        found: Cost = pipe.recv()
        return found

    url, user, key = await asyncio.to_thread(pipe.recv)
    async with DockerCloud(url, user=user, apikey=key) as cloud:

        async def create(number: int) -> Service:
            service = await cloud.services.create(
                image=IMAGE,
                name=f"bench-{number}",
                run_command=f"sh -c '{SCRIPT}'",
                deployment_strategy="EMPTIEST_NODE",
            )
            started = await cloud.services.start(service)
            return await cloud.services.wait(started, "Running", timeout=PATIENCE)

        async def remove(service: Service | None) -> None:
            assert service is not None
            gone = await cloud.services.delete(service)
            await cloud.services.wait(gone, "Terminated", timeout=PATIENCE)

        began = cost()
        done = await each(range(count), create, limit=limit, fail_fast=True)
        up = cost()
        await asyncio.sleep(IDLE)
        idled = cost()
        services = [outcome.result for outcome in done]
        await each(services, remove, limit=limit, fail_fast=True)
        return up.since(began), cost().since(idled), idled.since(up)


async def theirs(count: int) -> tuple[float, float]:
    """Do the same with aiodocker; return the seconds up and down."""
    container = {"Image": IMAGE, "Command": ["sh", "-c", SCRIPT]}
    async with aiodocker.Docker(url=os.environ["DOCKER_HOST"]) as docker:
        network = await docker.networks.create({"Name": "raw", "Driver": "overlay"})
        template = {
            "ContainerSpec": container,
            "RestartPolicy": {"Condition": "none"},
            "Networks": [{"Target": "raw"}],
        }

        async def create(number: int) -> str:
            made = await docker.services.create(
                {**template}, name=f"raw-{number}", endpoint_spec={"Mode": "dnsrr"}
            )
            return str(made["ID"])

        async def until(fact: Callable[[list[str]], bool]) -> None:
            """Wait for a fact about the states of the tasks."""
            while True:
                found = [t for t in await docker.tasks.list() if t["ServiceID"] in ids]
                if fact([task["Status"]["State"] for task in found]):
                    return
                await asyncio.sleep(0.3)

        began = time.monotonic()
        done = await each(range(count), create, limit=LIMIT, fail_fast=True)
        ids = {str(outcome.result) for outcome in done}
        await until(lambda states: states.count("running") == count)
        up = time.monotonic()
        await each(ids, docker.services.delete, limit=LIMIT, fail_fast=True)
        await until(lambda states: not states)
        down = time.monotonic()
        await asyncio.sleep(1)  # until the network is unused
        await network.delete()
        return up - began, down - up


# --- what is measured -----------------------------------------------------------------


async def rows() -> AsyncIterator[Row]:
    """Yield the rows of a real and of a simulated Swarm."""
    ups, downs, figures = list[float](), list[float](), "needs `DOCKER_HOST`"
    if "DOCKER_HOST" in os.environ:
        up, down, figures = await beside_aiodocker(200)
        ups, downs = [up], [down]
    peer = "aiodocker, the same services"
    yield Row("Swarm, 200 services up (time)", peer, 1.10, False, ups, figures)
    yield Row("Swarm, 200 services gone (time)", peer, 1.15, False, downs, figures)
    few, many = [await grown(count) for count in (100, 1000)]
    for name, less, more in zip(("up", "gone"), few, many, strict=False):
        yield Row(
            f"simulated Swarm, 100 → 1,000 services {name}: CPU",
            "",
            11,
            False,
            [more.cpu / less.cpu],
            f"{more.requests / 1000:.2f} : {less.requests / 100:.2f} requests each",
        )


async def grown(count: int) -> tuple[Cost, Cost, Cost]:
    """Return the cost of services on a simulated Swarm: up, gone, idle."""
    with process(simulation) as swarm, process(server, swarm.recv()) as pipe:
        return await ours(count, pipe)


async def beside_aiodocker(count: int) -> tuple[float, float, str]:
    """Return the ratios of the times up and gone on a real Swarm, and the figures."""
    first = await theirs(count)
    with process(server, os.environ["DOCKER_HOST"]) as pipe:
        # All at once, as the peer: its requests do not wait for the containers.
        up, gone, _ = await ours(count, pipe, limit=count)
    second = await theirs(count)
    bare_up, bare_gone = ((a + b) / 2 for a, b in zip(first, second, strict=True))
    figures = (
        f"{up.seconds:.1f} + {gone.seconds:.1f} : {bare_up:.1f} + {bare_gone:.1f} s,"
        f" {up.requests / count:.1f} + {gone.requests / count:.1f} requests each"
    )
    return up.seconds / bare_up, gone.seconds / bare_gone, figures


async def growth(counts: list[int]) -> None:
    """Print the cost of each container for growing numbers, on a simulated Swarm."""
    for count in counts:
        up, gone, idle = await grown(count)
        print(f"{count} containers")
        print(f"  up:   {up.each_of(count)}")
        print(f"  gone: {gone.each_of(count)}")
        print(f"  idle: {idle.cpu / idle.seconds:.1%} of a core", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--simulate", nargs="*", type=int, metavar="CONTAINERS")
    parser.add_argument("count", nargs="?", type=int, default=200)
    options = parser.parse_args()
    if options.simulate is not None:
        asyncio.run(growth(options.simulate or [100, 1000, 10_000]))
    elif "DOCKER_HOST" in os.environ:
        up, gone, figures = asyncio.run(beside_aiodocker(options.count))
        print(f"up {up:.2f}, gone {gone:.2f} ({figures})")
    else:
        parser.error("set DOCKER_HOST to the Engine of a manager, or use --simulate")


if __name__ == "__main__":
    main()
