"""Every removal of an embedded container asks its image to stop first."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from aiodockercloud import DockerCloud
from aiodockercloud.server import Embedded
from aiodockercloud.server.engines.embedded import Container
from aiodockercloud.types import Service
from tests.support.flows import containers, done, run

#: Names of the containers that ended in an orderly way.
ended: list[str] = []


@pytest.fixture
def engine() -> Embedded:
    engine = Embedded(nodes=1)
    ended.clear()

    @engine.image("acme/orderly")
    async def orderly(container: Container) -> None:
        await container.wait_stopped()
        await asyncio.sleep(0)  # the work of an orderly end
        ended.append(container.name)

    return engine


async def redeploy(live: DockerCloud, service: Service) -> Any:
    return await live.services.redeploy(service)


async def scale_down(live: DockerCloud, service: Service) -> Any:
    return await live.services.scale(service, 1)


async def terminate(live: DockerCloud, service: Service) -> Any:
    return await live.services.delete(service)


async def stop(live: DockerCloud, service: Service) -> Any:
    return await live.services.stop(service)


async def redeploy_container(live: DockerCloud, service: Service) -> Any:
    return await live.containers.redeploy((await containers(live, service))[0])


async def terminate_container(live: DockerCloud, service: Service) -> Any:
    return await live.containers.delete((await containers(live, service))[1])


async def terminate_node(live: DockerCloud, service: Service) -> Any:
    (container, _) = await containers(live, service)
    return await live.nodes.delete(container["node"])


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (redeploy, ["web-1", "web-2"]),
        (scale_down, ["web-2"]),
        (terminate, ["web-1", "web-2"]),
        (stop, ["web-1", "web-2"]),
        (redeploy_container, ["web-1"]),
        (terminate_container, ["web-2"]),
        (terminate_node, ["web-1", "web-2"]),
    ],
)
async def test_operation_that_ends_a_container_asks_it_to_stop(
    live: DockerCloud,
    operation: Callable[[DockerCloud, Service], Awaitable[Any]],
    expected: list[str],
) -> None:
    service = await run(live, image="acme/orderly", name="web", target_num_containers=2)

    await done(live, await operation(live, service))

    assert sorted(ended) == expected
