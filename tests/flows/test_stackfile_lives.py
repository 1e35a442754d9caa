"""Real stack files live through every operation on the fewest nodes that hold them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from aiodockercloud import DockerCloud
from aiodockercloud.server import Embedded, Settings, running
from aiodockercloud.server.settings import Timings
from aiodockercloud.stackfile import load
from aiodockercloud.types import Service, Stack
from tests.support.facts import IDLE
from tests.support.flows import client_of, containers, done
from tests.support.realfiles import GOOD, STACKFILES, references

Fields = dict[str, Any]
EVERY_NODE = "EVERY_NODE"
#: Every container of these tests runs on: a redeploy need not observe the containers.
SETTINGS = Settings(timings=Timings(settle=0.0))


def host_ports(service: Fields) -> set[tuple[int, str]]:
    """Return the fixed host ports of a service of a stack file."""
    return {
        (port["outer_port"], port.get("protocol", "tcp"))
        for port in service.get("container_ports", ())
        if port.get("outer_port") is not None
    }


def fewest_nodes(services: Sequence[Fields], further: int) -> int:
    """Return the number of nodes that the host ports of a stack file require.

    Args:
        services: The services of the file.
        further: How many containers each service gets beyond its target.
    """
    wanted = Counter(
        port
        for service in services
        for port in host_ports(service)
        for _ in range(service.get("target_num_containers", 1) + further)
    )
    return max(wanted.values(), default=1)


class Life:
    """A running stack, and the operations on the stack and its services."""

    def __init__(self, cloud: DockerCloud, stack: Stack) -> None:
        self.cloud, self.stack = cloud, stack

    async def do(self, operation: str, state: str) -> None:
        """Carry out an operation of the stack; every container then has the state."""
        call = getattr(self.cloud.stacks, operation)
        await done(self.cloud, await call(self.stack))
        await self.check(state)

    async def members(self) -> list[Service]:
        stack = await self.cloud.stacks.inspect(self.stack)
        return [await self.cloud.services.inspect(uri) for uri in stack["services"]]

    async def check(self, state: str) -> None:
        nodes = len(await self.cloud.nodes.list())
        for service in await self.members():
            target = service["target_num_containers"]
            if service["deployment_strategy"] == EVERY_NODE:
                target = nodes
            found = [c["state"] for c in await containers(self.cloud, service)]
            assert found == [state] * target, service["name"]

    async def scale(self, service: Service, by: int) -> None:
        service = await self.cloud.services.inspect(service)
        target = service["target_num_containers"] + by
        await done(self.cloud, await self.cloud.services.scale(service, target))
        await self.check("Running")


async def stand_ins(cloud: DockerCloud, services: Sequence[Fields]) -> None:
    """Start stacks with the services that the file expects in other stacks."""
    wanted: dict[str, set[str]] = {}
    for name, stack in references(services):
        wanted.setdefault(stack, set()).add(name)
    for stack_name, names in wanted.items():
        other = await cloud.stacks.create(
            name=stack_name,
            services=[{"name": name, "image": IDLE} for name in sorted(names)],
        )
        await done(cloud, await cloud.stacks.start(other))


def growing(services: Sequence[Fields], further: int) -> list[str]:
    """Return the names of the services that scale up, in the order of scaling.

    A service with a fixed host port has room for a further container only beside a
    further container of each service whose volumes it shares.
    """
    found = [
        service
        for service in services
        if service.get("deployment_strategy") != EVERY_NODE
        and (further or not host_ports(service))
    ]
    found.sort(key=lambda s: any(b.get("volumes_from") for b in s.get("bindings", ())))
    return [service["name"] for service in found]


@pytest.mark.parametrize("further", [0, 1], ids=["without-room", "with-room"])
@pytest.mark.parametrize("file", GOOD)
async def test_stack_file_scales_redeploys_stops_starts_and_is_terminated(
    file: str, further: int
) -> None:
    """Only the services with room, for their host ports, scale up."""
    services: list[Fields] = load(STACKFILES / file).services
    for service in services:
        service["image"] = IDLE
    tags = sorted({tag["name"] for s in services for tag in s.get("tags", ())})
    nodes = [tags] * fewest_nodes(services, further)
    async with (
        running(Embedded(nodes=nodes), settings=SETTINGS) as server,
        client_of(server) as cloud,
    ):
        await stand_ins(cloud, services)
        stack = await cloud.stacks.create(name="real", services=services)
        life = Life(cloud, stack)
        await life.do("start", "Running")
        await life.do("redeploy", "Running")
        members = {member["name"]: member for member in await life.members()}
        names = growing(services, further)
        for name in names:
            await life.scale(members[name], 1)
        await life.do("redeploy", "Running")
        for name in names:
            await life.scale(members[name], -1)
        await life.do("redeploy", "Running")
        await life.do("stop", "Stopped")
        await life.do("start", "Running")
        await life.do("delete", "Terminated")
        assert (await cloud.stacks.inspect(stack))["state"] == "Terminated"
