"""Bring-your-own nodes, and nodes that cannot be removed; without a Swarm."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from aiodockercloud import WaitFailed
from aiodockercloud.server import Embedded, running
from aiodockercloud.server.engines import EngineError
from tests.support.facts import until
from tests.support.flows import client_of, done


class Brought(Embedded):
    """An engine with bring-your-own nodes that outlives the server."""

    provisions = volatile = False

    async def add_node(self, node: str, tags: Sequence[str]) -> None:
        await super().add_node(node, tags)
        self._report(self._nodes[node].observation())

    async def tag_node(self, node: str, tags: Sequence[str]) -> None:
        await super().tag_node(node, tags)
        self._report(self._nodes[node].observation())


async def test_node_that_joins_receives_the_tags_of_the_cluster() -> None:
    engine = Brought()
    async with running(engine) as server, client_of(server) as cloud:
        [cluster] = await cloud.nodeclusters.list()
        await cloud.nodeclusters.update(cluster, tags=["ours"])

        await engine.add_node("new", ["own"])

        await until(lambda: tuple(engine._nodes["new"].tags) == ("own", "ours"))
        nodes = await cloud.nodes.list()
        assert [len(node["tags"]) for node in nodes] == [2, 1]


async def test_node_removed_during_the_downtime_of_the_server_is_terminated(
    tmp_path: Path,
) -> None:
    engine = Brought(nodes=2)
    account: dict[str, Any] = {"data_dir": tmp_path, "apikey": "s3cret"}
    async with running(engine, **account) as server, client_of(server) as cloud:
        assert (await cloud.nodeclusters.list())[0]["state"] == "Deployed"
    await engine.remove_node(engine.nodes[1])
    engine.lose_node(engine.nodes[0])

    async with running(engine, **account) as server, client_of(server) as cloud:
        states = [node["state"] for node in await cloud.nodes.list()]
        assert sorted(states) == ["Terminated", "Unreachable"]
        [cluster] = await cloud.nodeclusters.list()
        assert cluster["target_num_nodes"] == cluster["current_num_nodes"] == 1


class Clinging(Embedded):
    """An engine that fails to remove nodes."""

    async def remove_node(self, node: str) -> None:
        raise EngineError("the containers on it do not end")


@pytest.mark.parametrize(
    ("lost", "state"), [(False, "Deployed"), (True, "Unreachable")]
)
async def test_node_that_cannot_be_removed_keeps_its_state(
    lost: bool, state: str
) -> None:
    engine = Clinging()
    async with running(engine) as server, client_of(server) as cloud:
        if lost:
            engine.lose_node(engine.nodes[0])
        [node] = await cloud.nodes.list()

        with pytest.raises(WaitFailed, match="do not end"):
            await done(cloud, await cloud.nodes.delete(node))

        assert (await cloud.nodes.inspect(node))["state"] == state
