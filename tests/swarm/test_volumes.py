"""Files in volumes on a real Swarm outlive failed and canceled deployments."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from aiodockercloud import DockerCloud, DockerCloudError
from aiodockercloud.server import Server
from aiodockercloud.server.engines.swarm import naming
from aiodockercloud.types import Service
from tests.support import swarms
from tests.support.flows import client_of
from tests.support.swarms import PATIENCE, WAIT, done, sh

pytestmark = swarms.need(1)

GOOD: dict[str, Any] = {
    "image": swarms.IMAGE,
    "run_command": sh(WAIT),
    "tags": [],
    "bindings": [{"container_path": "/data"}],
}
FAULTS: dict[str, dict[str, Any]] = {
    "the image is missing": {"image": "localhost:1/acme/missing:latest"},
    "the tag of the image is missing": {"image": "hello:typo"},
    "no node has the tag": {"tags": [{"name": "typo"}]},
    "a quote is open": {"run_command": "sh -c 'oops"},
    "no such program": {"run_command": "/no/such/program"},
}


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with swarms.server() as server:
        yield server


@pytest.fixture
async def live(server: Server) -> AsyncIterator[DockerCloud]:
    async with client_of(server) as cloud:
        yield cloud


async def container_of(cloud: DockerCloud, service: Service) -> str:
    return (await cloud.services.inspect(service))["containers"][0]


async def written(cloud: DockerCloud, service: Service) -> None:
    """Write a file into the volume of the service's container."""
    result = await cloud.containers.run(
        await container_of(cloud, service), "sh -c 'echo kept > /data/file'"
    )
    assert result["exit_code"] == 0


async def read(cloud: DockerCloud, service: Service) -> str:
    """Return what is in the file."""
    container = await container_of(cloud, service)
    result = await cloud.containers.run(container, "cat /data/file")
    return result["stdout"].strip()


@pytest.fixture
async def db(live: DockerCloud) -> Service:
    """A running service with a file in its volume."""
    service = await swarms.run(live, name="db", **GOOD)
    await written(live, service)
    return service


async def redeployed(live: DockerCloud, service: Service) -> None:
    """Redeploy, which is refused, or fails at its end."""

    async def whole() -> None:
        action = await live.services.redeploy(service)
        await live.actions.wait(action, timeout=PATIENCE)

    with pytest.raises(DockerCloudError):
        await whole()


@pytest.mark.parametrize("fault", FAULTS)
async def test_file_survives_a_failed_redeploy_and_the_rollback(
    live: DockerCloud, db: Service, fault: str
) -> None:
    await live.services.update(db, **FAULTS[fault])
    await redeployed(live, db)

    await done(live, await live.services.rollback(db))

    assert await read(live, db) == "kept"


@pytest.mark.parametrize("repair", ["redeploy", "start"])
async def test_file_survives_a_failed_redeploy_and_a_repaired_version(
    live: DockerCloud, db: Service, repair: str
) -> None:
    await live.services.update(db, **FAULTS["the image is missing"])
    await redeployed(live, db)
    await live.services.update(db, **GOOD)

    await done(live, await getattr(live.services, repair)(db))

    assert await read(live, db) == "kept"


@asynccontextmanager
async def silent_registry() -> AsyncIterator[tuple[str, asyncio.Event]]:
    """Yield the host of a registry that never answers, and whether a pull has begun."""
    asked = asyncio.Event()

    async def connected(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        asked.set()
        with suppress(ConnectionError):
            await reader.read()
        writer.close()

    gateway = f"{swarms.address(1).rpartition('.')[0]}.1"
    async with await asyncio.start_server(connected, gateway, 0) as listening:
        yield f"{gateway}:{listening.sockets[0].getsockname()[1]}", asked


async def test_file_survives_the_cancel_of_a_redeploy_that_pulls(
    live: DockerCloud, db: Service
) -> None:
    async with silent_registry() as (host, asked):
        await live.services.update(db, image=f"{host}/acme/app:latest")
        action = (await live.services.redeploy(db))["dockercloud_action_uri"]
        async with asyncio.timeout(PATIENCE):
            await asked.wait()
        await live.actions.cancel(action)
        with suppress(DockerCloudError):
            await live.actions.wait(action, timeout=PATIENCE)

    await done(live, await live.services.rollback(db))

    assert await read(live, db) == "kept"


async def test_stack_update_keeps_a_service_that_the_update_leaves_out(
    live: DockerCloud,
) -> None:
    stack = await live.stacks.create(
        name="shop", services=[{"name": "db", **GOOD}, {"name": "web", **GOOD}]
    )
    await done(live, await live.stacks.start(stack))
    db = await live.services.inspect((await live.services.list(name="db"))[0])
    await written(live, db)
    web: Any = {
        "name": "web",
        **GOOD,
        "container_envvars": [{"key": "A", "value": "1"}],
    }

    for services in ([web], []):
        await live.stacks.update(stack, services=services)
        await done(live, await live.stacks.redeploy(stack))

    assert (await live.services.inspect(db))["state"] == "Running"
    assert await read(live, db) == "kept"


async def test_pruning_stack_update_ends_the_service_and_its_volume(
    live: DockerCloud,
) -> None:
    stack = await live.stacks.create(name="shop", services=[{"name": "db", **GOOD}])
    await done(live, await live.stacks.start(stack))
    db = (await live.services.list(name="db"))[0]

    container = await live.containers.inspect(await container_of(live, db))
    volume = naming.volume_name(
        str(container["bindings"][0]["volume"]).rstrip("/").rpartition("/")[2]
    )

    await live.stacks.update(stack, services=[], prune=True)

    await live.services.wait(db, state="Terminated", timeout=PATIENCE)
    async with swarms.manager() as docker:

        async def removed() -> bool:
            found = await docker.call("GET", "volumes")
            return volume not in {one["Name"] for one in found["Volumes"] or ()}

        await swarms.until(removed)
