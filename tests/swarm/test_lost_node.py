"""A node that loses power under load, and returns, on a Swarm of three nodes."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from aiodockercloud import DockerCloud, DockerCloudError
from aiodockercloud.server.engines.swarm.docker_api import Api
from aiodockercloud.types import Container, Service
from tests.support import swarms
from tests.support.flows import client_of, containers
from tests.support.storm import differences, settled
from tests.support.swarms import PATIENCE, WAIT, done, run, sh

pytestmark = swarms.need(3)

#: The nodes that the test may switch off. Node 1 is the manager.
WORKERS = (3, 2)
#: Seconds that a read may take while a node is lost.
READ = 10.0
#: A script that prints a line each second.
TALK = "trap 'exit 0' TERM; while true; do echo tick; sleep 1 & wait; done"


class Load:
    """Clients that read and change objects, and the errors that occur."""

    def __init__(self, cloud: DockerCloud, busy: Service) -> None:
        self._cloud = cloud
        self._busy = busy
        self.reads: Counter[str] = Counter()
        self.problems: list[str] = []

    async def read(self) -> None:
        cloud = self._cloud
        asks: list[Callable[[], Coroutine[Any, Any, Any]]] = [
            cloud.services.list,
            cloud.containers.list,
            cloud.nodes.list,
            cloud.actions.list,
            lambda: cloud.services.inspect(self._busy),
        ]
        while True:
            for ask in asks:
                try:
                    async with asyncio.timeout(READ):
                        await ask()
                except (DockerCloudError, TimeoutError) as error:
                    self.problems.append(f"{ask}: {error!r}")
                self.reads["done"] += 1
                await asyncio.sleep(0.02)

    async def change(self) -> None:
        """Scale up and down.

        An action may fail when a new container was assigned to the lost node.
        """
        for target in [1, 4] * 1000:
            try:
                answer = await self._cloud.services.scale(self._busy, target)
                await self._cloud.actions.wait(answer, timeout=PATIENCE)
            except DockerCloudError as error:
                if "500" in str(error) or "internal error" in str(error):
                    self.problems.append(f"scale to {target}: {error!r}")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(self.read()) for _ in range(4)]
        tasks.append(asyncio.create_task(self.change()))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            self.problems += [
                repr(end)
                for end in ended
                if not isinstance(end, asyncio.CancelledError)
            ]


async def on_node(cloud: DockerCloud, service: Service, node: Any) -> list[Container]:
    found = await containers(cloud, service)
    return [one for one in found if one["node"] == node["resource_uri"]]


async def until_equal(cloud: DockerCloud, docker: Api, user: str) -> None:
    """Wait until the server reports the state of the Swarm."""
    left: list[str] = []

    async def equal() -> bool:
        left[:] = await differences(cloud, await swarms.task_counts(docker, user))
        return not left

    try:
        await swarms.until(equal)
    except TimeoutError:
        raise AssertionError(left) from None


async def test_lost_node_stops_only_its_own_containers_and_returns() -> None:
    async with (
        swarms.server() as server,
        client_of(server) as cloud,
        swarms.manager() as docker,
    ):
        one_each: dict[str, Any] = {
            "target_num_containers": 3,
            "deployment_strategy": "HIGH_AVAILABILITY",
        }
        # This service is the first, so that its containers are on all nodes.
        free = await run(
            cloud, name="free", autorestart="ALWAYS", target_num_containers=6
        )
        bound, batch, talk, busy = await asyncio.gather(
            run(cloud, name="bound", autorestart="ALWAYS", **one_each),
            run(cloud, name="batch", run_command=sh(WAIT), **one_each),
            run(cloud, name="talk", run_command=sh(TALK), **one_each),
            run(cloud, name="busy", autorestart="ALWAYS"),
        )
        by_address = {node["public_ip"]: node for node in await cloud.nodes.list()}
        for lost in WORKERS:
            node = by_address[swarms.address(lost)]
            if await on_node(cloud, free, node):
                break
        [talking] = await on_node(cloud, talk, node)
        assert await on_node(cloud, free, node)
        load = Load(cloud, busy)
        received: Counter[str] = Counter()
        news = asyncio.Condition()

        async def receive() -> None:
            async with cloud.services.logs(talk, tail=0) as lines:
                async for line in lines:
                    async with news:
                        received[line["source"]] += 1
                        news.notify_all()

        async def receive_more(*names: str) -> None:
            before = Counter(received)
            async with asyncio.timeout(PATIENCE), news:
                await news.wait_for(
                    lambda: all(received[name] > before[name] + 2 for name in names)
                )

        others = [f"talk-{n}" for n in (1, 2, 3) if f"talk-{n}" != talking["name"]]
        listening = asyncio.create_task(receive())
        try:
            async with load.running():
                await receive_more(*others, talking["name"])
                await swarms.tool("kill", str(lost))

                node = await cloud.nodes.wait(node, "Unreachable", timeout=PATIENCE)
                await receive_more(*others)

                async def elsewhere() -> bool:
                    found = await containers(cloud, free)
                    return len(found) == 6 and all(
                        one["state"] == "Running"
                        and one["node"] != node["resource_uri"]
                        for one in found
                    )

                await swarms.until(elsewhere)
                for service in (bound, batch, talk):
                    found = await cloud.services.wait(
                        service, "Partly running", timeout=PATIENCE
                    )
                    assert found["running_num_containers"] == 2
            reads = load.reads["done"]
            assert load.problems == []
            assert reads > 100
            await settled(cloud, PATIENCE)
            await until_equal(cloud, docker, server.user)

            async with load.running():
                await swarms.tool("up", str(swarms.nodes()))
                await cloud.nodes.wait(node, "Deployed", timeout=PATIENCE)
                await cloud.services.wait(bound, "Running", timeout=PATIENCE)
                await receive_more(*others)
            assert load.problems == []
            await settled(cloud, PATIENCE)
            await until_equal(cloud, docker, server.user)
            # Containers without a restart policy stay stopped on their node.
            assert (await cloud.services.inspect(batch))["state"] == "Partly running"
            await done(cloud, await cloud.services.start(batch))
            for container in await on_node(cloud, batch, node):
                result = await cloud.containers.run(container, "hostname")
                assert result["stdout"].strip() == container["name"]
            await until_equal(cloud, docker, server.user)
        finally:
            await swarms.tool("up", str(swarms.nodes()))
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
