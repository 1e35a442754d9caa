"""The control plane from inside: concurrent jobs, close, and sweep."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Sized
from typing import Any

import pytest

from aiodockercloud import AuthError, DockerCloud, WaitFailed
from aiodockercloud.server import Embedded, Server, running
from aiodockercloud.server.engines import (
    ContainerObservation,
    ContainerSpec,
    EngineError,
)
from aiodockercloud.server.engines import ImageInfo as Info
from tests.support.facts import PATIENCE, SHELL
from tests.support.flows import Gated, client_of, containers, done, environment, run

CLUSTER: dict[str, Any] = {
    "name": "more",
    "node_type": "aws/t2.micro",
    "region": "aws/us-east-1",
}

# --- concurrent jobs ----------------------------------------------------------------


class Slow(Gated):
    """An engine that starts and removes containers only while ``gate`` is set.

    ``knocked`` is set when a request starts to wait.
    """

    async def create(self, spec: ContainerSpec) -> None:
        self._report(ContainerObservation(uuid=spec.uuid, state="starting"))
        await super().create(spec)

    async def remove_container(self, uuid: str, *, volumes: Collection[str]) -> None:
        self.knocked.set()
        await self.gate.wait()
        await super().remove_container(uuid, volumes=volumes)


@pytest.fixture
def engine() -> Slow:
    engine = Slow(nodes=3)
    engine.gate.set()
    return engine


async def knock(engine: Slow) -> None:
    """Wait until the engine holds a request."""
    async with asyncio.timeout(PATIENCE):
        await engine.knocked.wait()
    engine.knocked.clear()


async def cancel(live: DockerCloud, answer: Any) -> None:
    uri = answer["dockercloud_action_uri"]
    assert (await live.actions.inspect(uri))["state"] == "Pending"
    await live.actions.cancel(uri)
    with pytest.raises(WaitFailed, match="Canceled"):
        await live.actions.wait(uri, timeout=PATIENCE)


async def test_cancel_of_a_pending_operation_leaves_the_removal_by_another_job(
    live: DockerCloud, engine: Slow
) -> None:
    web = await run(live, name="web", target_num_containers=2)
    first, second = await containers(live, web)
    engine.gate.clear()
    engine.knocked.clear()
    redeploying = await live.containers.redeploy(first)
    await knock(engine)

    await cancel(live, await live.containers.stop(second))

    assert (await live.containers.inspect(first))["state"] == "Terminating"
    assert (await live.containers.inspect(second))["state"] == "Running"
    engine.gate.set()
    await done(live, redeploying)


async def test_cancel_of_a_pending_operation_leaves_the_start_by_another_job(
    live: DockerCloud, engine: Slow
) -> None:
    web = await run(live, name="web")
    (first,) = await containers(live, web)
    engine.gate.clear()
    engine.knocked.clear()
    redeploying = await live.containers.redeploy(first)
    await knock(engine)  # to remove the old container
    engine.gate.set()
    engine.gate.clear()
    await knock(engine)  # to create the new container

    await cancel(live, await live.services.redeploy(web))

    (new,) = await containers(live, web)
    assert new["state"] == "Starting"
    engine.gate.set()
    await done(live, redeploying)
    assert (await live.services.inspect(web))["state"] == "Running"


async def test_node_added_during_an_operation_receives_its_container_afterwards(
    live: DockerCloud, server: Server, engine: Slow
) -> None:
    everywhere = await live.services.create(
        image=SHELL, run_command="sleep 1000", deployment_strategy="EVERY_NODE"
    )
    engine.gate.clear()
    started = await live.services.start(everywhere)
    await knock(engine)
    cluster = await live.nodeclusters.create(**CLUSTER, target_num_nodes=2)
    await done(live, await live.nodeclusters.deploy(cluster))

    engine.gate.set()
    await done(live, started)

    service = server.cloud.services[everywhere["uuid"]]
    async with asyncio.timeout(PATIENCE):
        await server.cloud.until(
            service, lambda: len(server.cloud.containers_of(service)) == 5
        )
    assert {len(server.cloud.containers_on(n)) for n in server.cloud.live_nodes()} == {
        1
    }


# --- close --------------------------------------------------------------------------


class SilentRegistry(Embedded):
    """An engine whose registry never responds.

    The creation of the second container waits until the request for the image of the
    first container is cancelled.
    """

    def __init__(self) -> None:
        super().__init__()
        self.cancelled = asyncio.Event()
        self.waiting = asyncio.Event()
        self.requests = 0

    async def image_info(self, name: str) -> Info | None:
        if self.requests:
            self.waiting.set()
            await self.cancelled.wait()
        return await super().image_info(name)

    async def image_digest(
        self, name: str, credentials: tuple[str, str] | None
    ) -> str | None:
        self.requests += 1
        try:
            return await asyncio.Future()
        finally:
            self.cancelled.set()
            await asyncio.sleep(0.01)  # as the close of a connection to a registry does


async def test_close_of_the_server_starts_no_further_registry_request() -> None:
    engine = SilentRegistry()
    async with running(engine) as server, client_of(server) as live:
        await run(live, name="one", autoredeploy=True)
        other = await live.services.create(
            image="acme/other", name="other", autoredeploy=True
        )
        await live.services.start(other)
        async with asyncio.timeout(PATIENCE):
            await engine.waiting.wait()

    assert engine.requests == 1
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "pushes"]


# --- credentials of containers --------------------------------------------------------


async def refused(server: Server, auth: str) -> None:
    async with DockerCloud(server.url, auth=auth, retry=None) as inside:
        with pytest.raises(AuthError):
            await inside.services.list()


async def test_role_global_credentials_are_invalid_after_the_container_is_removed(
    live: DockerCloud, server: Server, engine: Slow
) -> None:
    web = await run(live, image=SHELL, run_command="sleep 1000", roles=["global"])
    (container,) = await containers(live, web)
    auth = (await environment(live, container))["DOCKERCLOUD_AUTH"]

    await engine.remove_container(container["uuid"], volumes=())

    await refused(server, auth)


async def test_role_global_credentials_are_invalid_if_the_container_cannot_start(
    live: DockerCloud, server: Server, engine: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[str] = []

    async def create(spec: ContainerSpec) -> None:
        given.append(spec.environment["DOCKERCLOUD_AUTH"])
        raise EngineError("no such image")

    monkeypatch.setattr(engine, "create", create)
    web = await live.services.create(image=SHELL, roles=["global"])
    action = await live.services.start(web)
    with pytest.raises(WaitFailed, match="no such image"):
        await live.actions.wait(action, timeout=PATIENCE)

    (auth,) = given
    await refused(server, auth)


# --- sweep --------------------------------------------------------------------------


def sizes(server: Server) -> dict[str, int]:
    """Return the number of items that each part of the control plane keeps."""
    cloud = server.cloud
    parts = (
        cloud,
        cloud.observer,
        cloud.operations,
        cloud.autoredeploy,
        cloud.accounts,
    )
    return {
        f"{type(part).__name__}.{name}": len(value)
        for part in parts
        for name, value in vars(part).items()
        if isinstance(value, Sized)
    }


async def life(live: DockerCloud) -> None:
    """Create, use and terminate objects of all kinds."""
    stack = await live.stacks.create(
        name="shop", services=[{"name": "web", "image": SHELL, "roles": ["global"]}]
    )
    await done(live, await live.stacks.start(stack))
    (web,) = (await live.stacks.inspect(stack))["services"]
    async with live.services.logs(web):
        await live.services.inspect(web)
    await done(live, await live.stacks.delete(stack))
    cluster = await live.nodeclusters.create(**CLUSTER)
    await done(live, await live.nodeclusters.deploy(cluster))
    await done(live, await live.nodeclusters.delete(cluster))


async def test_sweep_removes_everything_of_terminated_objects(
    live: DockerCloud, server: Server
) -> None:
    found = []
    for _ in range(2):
        await life(live)
        server.cloud.sweep(time.time() + 1)
        found.append(sizes(server))

    assert found[1] == found[0]
