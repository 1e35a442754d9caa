"""The control plane from inside: jobs beside each other, what its end and its sweep
leave behind."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sized
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

MACHINES: dict[str, Any] = {
    "name": "more",
    "node_type": "aws/t2.micro",
    "region": "aws/us-east-1",
}

# --- jobs beside each other -----------------------------------------------------------


class Slow(Gated):
    """An engine on which containers come up and go only while ``gate`` is set; it
    tells when it has begun to make one."""

    async def create(self, spec: ContainerSpec) -> None:
        self._report(ContainerObservation(uuid=spec.uuid, state="starting"))
        await super().create(spec)

    async def remove_container(self, uuid: str, *, volumes: bool) -> None:
        self.knocked.set()
        await self.gate.wait()
        await super().remove_container(uuid, volumes=volumes)


@pytest.fixture
def engine() -> Slow:
    engine = Slow(nodes=3)
    engine.gate.set()
    return engine


async def knock(engine: Slow) -> None:
    """Something is asked of the engine and held up."""
    async with asyncio.timeout(PATIENCE):
        await engine.knocked.wait()
    engine.knocked.clear()


async def cancel(live: DockerCloud, answer: Any) -> None:
    uri = answer["dockercloud_action_uri"]
    assert (await live.actions.inspect(uri))["state"] == "Pending"
    await live.actions.cancel(uri)
    with pytest.raises(WaitFailed, match="Canceled"):
        await live.actions.wait(uri, timeout=PATIENCE)


async def test_cancel_of_a_pending_operation_leaves_what_another_job_takes_down(
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


async def test_cancel_of_a_pending_operation_leaves_what_another_job_brings_up(
    live: DockerCloud, engine: Slow
) -> None:
    web = await run(live, name="web")
    (first,) = await containers(live, web)
    engine.gate.clear()
    engine.knocked.clear()
    redeploying = await live.containers.redeploy(first)
    await knock(engine)  # to take the old one down
    engine.gate.set()
    engine.gate.clear()
    await knock(engine)  # to bring the new one up

    await cancel(live, await live.services.redeploy(web))

    (new,) = await containers(live, web)
    assert new["state"] == "Starting"
    engine.gate.set()
    await done(live, redeploying)
    assert (await live.services.inspect(web))["state"] == "Running"


async def test_node_that_comes_during_an_operation_gets_its_container_afterwards(
    live: DockerCloud, server: Server, engine: Slow
) -> None:
    everywhere = await live.services.create(
        image=SHELL, run_command="sleep 1000", deployment_strategy="EVERY_NODE"
    )
    engine.gate.clear()
    started = await live.services.start(everywhere)
    await knock(engine)
    machines = await live.nodeclusters.create(**MACHINES, target_num_nodes=2)
    await done(live, await live.nodeclusters.deploy(machines))

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


# --- its end --------------------------------------------------------------------------


class Asked(Embedded):
    """An engine whose registry never answers; the second container waits to be made
    until the question about the first one's image is given up."""

    def __init__(self) -> None:
        super().__init__()
        self.given_up = asyncio.Event()
        self.waits = asyncio.Event()
        self.questions = 0

    async def image_info(self, name: str) -> Info | None:
        if self.questions:
            self.waits.set()
            await self.given_up.wait()
        return await super().image_info(name)

    async def image_digest(
        self, name: str, credentials: tuple[str, str] | None
    ) -> str | None:
        self.questions += 1
        try:
            return await asyncio.Future()
        finally:
            self.given_up.set()
            await asyncio.sleep(0.01)  # as what says goodbye to a registry


async def test_end_of_the_server_lets_no_job_ask_a_registry_any_more() -> None:
    engine = Asked()
    async with running(engine) as server, client_of(server) as live:
        await run(live, name="one", autoredeploy=True)
        other = await live.services.create(
            image="acme/other", name="other", autoredeploy=True
        )
        await live.services.start(other)
        async with asyncio.timeout(PATIENCE):
            await engine.waits.wait()

    assert engine.questions == 1
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "pushes"]


# --- credentials of containers --------------------------------------------------------


async def refused(server: Server, auth: str) -> None:
    async with DockerCloud(server.url, auth=auth, retry=None) as inside:
        with pytest.raises(AuthError):
            await inside.services.list()


async def test_role_global_gives_credentials_that_end_when_the_container_vanishes(
    live: DockerCloud, server: Server, engine: Slow
) -> None:
    web = await run(live, image=SHELL, run_command="sleep 1000", roles=["global"])
    (container,) = await containers(live, web)
    auth = (await environment(live, container))["DOCKERCLOUD_AUTH"]

    await engine.remove_container(container["uuid"], volumes=True)

    await refused(server, auth)


async def test_role_global_gives_credentials_that_end_when_the_container_cannot_start(
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


# --- its sweep ------------------------------------------------------------------------


def sizes(server: Server) -> dict[str, int]:
    """How much each part of the control plane has in its hands."""
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
    """Much is made, used and terminated."""
    stack = await live.stacks.create(
        name="shop", services=[{"name": "web", "image": SHELL, "roles": ["global"]}]
    )
    await done(live, await live.stacks.start(stack))
    (web,) = (await live.stacks.inspect(stack))["services"]
    async with live.services.logs(web):
        await live.services.inspect(web)
    await done(live, await live.stacks.delete(stack))
    machines = await live.nodeclusters.create(**MACHINES)
    await done(live, await live.nodeclusters.deploy(machines))
    await done(live, await live.nodeclusters.delete(machines))


async def test_sweep_leaves_nothing_of_what_is_gone(
    live: DockerCloud, server: Server
) -> None:
    found = []
    for _ in range(2):
        await life(live)
        server.cloud.sweep(time.time() + 1)
        found.append(sizes(server))

    assert found[1] == found[0]
