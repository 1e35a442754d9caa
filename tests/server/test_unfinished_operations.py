"""Operations that did not come to their end: the server's end came first, somebody
cancelled them, or the machine was lost under them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
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
    """An engine whose machines come up, and whose containers start again, only while
    ``gate`` is set."""

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
    """An engine that lets its machines go only while ``gate`` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()

    async def remove_node(self, node: str) -> None:
        await self.gate.wait()
        await super().remove_node(node)


async def test_cluster_that_the_end_interrupts_is_on_its_way_after_a_restart(
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


async def test_docker_upgrade_that_the_end_interrupts_brings_up_what_ran(
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
    ("gone", "state"), [(False, "Unreachable"), (True, "Terminated")]
)
async def test_docker_upgrade_of_a_node_that_is_lost_on_the_way_leaves_it_lost(
    monkeypatch: pytest.MonkeyPatch, gone: bool, state: str
) -> None:
    engine = Embedded()
    async with running(engine) as server, client_of(server) as cloud:
        await run(cloud)
        [node] = await cloud.nodes.list()
        [machine] = engine.nodes

        async def stop_container(uuid: str) -> None:
            if gone:
                await engine.remove_node(machine)
            else:
                engine.lose_node(machine)
            raise EngineError("out of reach")

        with monkeypatch.context() as patch:
            patch.setattr(engine, "stop_container", stop_container)
            with pytest.raises(WaitFailed, match="out of reach"):
                await done(cloud, await cloud.nodes.upgrade_docker(node))

        assert (await cloud.nodes.inspect(node))["state"] == state


async def test_deploying_a_lost_node_that_is_cancelled_can_be_asked_for_again() -> None:
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
    """An engine that outlives the server; what runs ends when the next one starts, and
    does not go."""

    volatile = False

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()

    async def start(self, observe: Observe) -> None:
        await super().start(observe)
        for uuid in list(self._containers):
            await self.stop_container(uuid)

    async def remove_container(self, uuid: str, *, volumes: bool) -> None:
        await self.gate.wait()
        raise EngineError("it does not go")

    async def close(self) -> None:
        pass


async def test_autodestroy_that_begins_with_the_server_is_done_once(
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
            with pytest.raises(WaitFailed, match="it does not go"):
                await done(cloud, destroying)
        action = server.cloud.actions[str(destroying["uuid"])]
        lines = [text for _, text in action.log]
    await Embedded.close(engine)
    assert lines == ["because of autodestroy", "it does not go"]
