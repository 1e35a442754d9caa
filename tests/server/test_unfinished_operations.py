"""Interrupted operations: by the end of the server, a cancel, or a lost node."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import pytest

from aiodockercloud import DockerCloud, WaitFailed
from aiodockercloud.server import Embedded, running
from aiodockercloud.server.engines import EngineError, Observe
from tests.support.facts import PATIENCE
from tests.support.flows import client_of, containers, done, run

ACCOUNT: dict[str, Any] = {"apikey": "s3cret"}
MACHINES: dict[str, Any] = {
    "name": "farm",
    "node_type": "aws/t2.micro",
    "region": "aws/us-east-1",
}


class Slow(Embedded):
    """An engine that deploys nodes and starts containers only while ``gate`` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.gate, self.knocked = asyncio.Event(), asyncio.Event()

    async def knock(self) -> None:
        async with asyncio.timeout(PATIENCE):
            await self.knocked.wait()

    async def _held(self) -> None:
        self.knocked.set()
        await self.gate.wait()

    async def add_node(self, node: str, tags: Sequence[str]) -> None:
        await self._held()
        await super().add_node(node, tags)

    async def start_container(
        self, uuid: str, *, credentials: tuple[str, str] | None = None
    ) -> None:
        await self._held()
        await super().start_container(uuid, credentials=credentials)


class Clinging(Embedded):
    """An engine that removes nodes only while ``gate`` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()

    async def remove_node(self, node: str) -> None:
        await self.gate.wait()
        await super().remove_node(node)


async def test_cluster_deployment_that_a_restart_interrupts_continues(
    tmp_path: Path,
) -> None:
    async with running(Clinging(), data_dir=tmp_path, **ACCOUNT) as server:
        async with client_of(server) as cloud:
            cluster = await cloud.nodeclusters.create(**MACHINES)
            await done(cloud, await cloud.nodeclusters.deploy(cluster))
            deleting = await cloud.nodeclusters.delete(cluster)
            assert deleting["state"] == "Terminating"

    engine = Clinging()
    async with running(engine, data_dir=tmp_path, **ACCOUNT) as server:
        async with client_of(server) as cloud:
            between = (await cloud.nodeclusters.inspect(cluster))["state"]
            engine.gate.set()
            await done(cloud, deleting)
            after = (await cloud.nodeclusters.inspect(cluster))["state"]
    assert (between, after) == ("Terminating", "Terminated")


async def test_docker_upgrade_that_a_restart_interrupts_starts_the_containers_that_ran(
    tmp_path: Path,
) -> None:
    engine = Slow()
    async with running(engine, data_dir=tmp_path, **ACCOUNT) as server:
        async with client_of(server) as cloud:
            web = await run(cloud, target_num_containers=2)
            idle = await run(cloud, name="idle")
            engine.gate.set()
            await done(cloud, await cloud.services.stop(idle))
            engine.gate.clear()
            [node] = await cloud.nodes.list()
            upgrading = await cloud.nodes.upgrade_docker(node)
            await engine.knock()

    async with running(Embedded(), data_dir=tmp_path, **ACCOUNT) as server:
        async with client_of(server) as cloud:
            await done(cloud, upgrading)
            states = [c["state"] for c in await containers(cloud, web)]
            others = [c["state"] for c in await containers(cloud, idle)]
            [node] = await cloud.nodes.list()
    assert states == ["Running", "Running"]
    assert others == ["Stopped"]
    assert node["state"] == "Deployed"


@pytest.mark.parametrize(
    ("removed", "state"), [(False, "Unreachable"), (True, "Terminated")]
)
async def test_docker_upgrade_of_a_node_that_is_lost_or_removed_keeps_its_new_state(
    monkeypatch: pytest.MonkeyPatch, removed: bool, state: str
) -> None:
    engine = Embedded()
    async with running(engine) as server, client_of(server) as cloud:
        await run(cloud)
        [node] = await cloud.nodes.list()
        [engine_node] = engine.nodes

        async def stop_container(uuid: str) -> None:
            if removed:
                await engine.remove_node(engine_node)
            else:
                engine.lose_node(engine_node)
            raise EngineError("unreachable")

        with monkeypatch.context() as patch:
            patch.setattr(engine, "stop_container", stop_container)
            with pytest.raises(WaitFailed, match="unreachable"):
                await done(cloud, await cloud.nodes.upgrade_docker(node))

        assert (await cloud.nodes.inspect(node))["state"] == state


async def test_deploy_of_an_unreachable_node_can_be_repeated_after_a_cancel() -> None:
    engine = Slow()
    async with running(engine) as server, client_of(server) as cloud:
        [node] = await cloud.nodes.list()
        engine.lose_node(engine.nodes[0])
        deploying = await cloud.nodes.deploy(node)
        await engine.knock()
        await cancelled(cloud, deploying)

        assert (await cloud.nodes.inspect(node))["state"] == "Unreachable"
        engine.recover_node(engine.nodes[0])
        assert (await cloud.nodes.inspect(node))["state"] == "Deployed"


async def cancelled(cloud: DockerCloud, answer: Any) -> None:
    await cloud.actions.cancel(answer["dockercloud_action_uri"])
    with pytest.raises(WaitFailed, match="Canceled"):
        await cloud.actions.wait(answer, timeout=PATIENCE)


class Outliving(Embedded):
    """An engine that outlives the server.

    At the start of the next server, the running containers stop and cannot be removed.
    """

    volatile = False

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()

    async def start(self, observe: Observe) -> None:
        await super().start(observe)
        for uuid in list(self._containers):
            await self.stop_container(uuid)

    async def remove_container(self, uuid: str, *, volumes: Collection[str]) -> None:
        await self.gate.wait()
        raise EngineError("the container cannot be removed")

    async def close(self) -> None:
        pass


async def test_autodestroy_at_the_start_of_the_server_runs_once(
    tmp_path: Path,
) -> None:
    engine = Outliving()
    async with running(engine, data_dir=tmp_path, **ACCOUNT) as server:
        async with client_of(server) as cloud:
            await run(cloud, autodestroy="ALWAYS")

    async with running(engine, data_dir=tmp_path, **ACCOUNT) as server:
        async with client_of(server) as cloud:
            destroying, *_ = await cloud.actions.list()
            engine.gate.set()
            with pytest.raises(WaitFailed, match="the container cannot be removed"):
                await done(cloud, destroying)
        action = server.cloud.actions[str(destroying["uuid"])]
        lines = [text for _, text in action.log]
    await Embedded.close(engine)
    assert lines == ["because of autodestroy", "the container cannot be removed"]
