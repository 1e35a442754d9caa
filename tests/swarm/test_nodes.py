"""Nodes of a Swarm: removed, joined again, drained, lost."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from aiodockercloud import DockerCloud, WaitFailed
from aiodockercloud.server import Server, running
from aiodockercloud.server.engines import EngineError
from aiodockercloud.server.engines.swarm import naming
from aiodockercloud.server.engines.swarm.docker_api import Api
from aiodockercloud.types import Node
from tests.support import swarms
from tests.support.flows import client_of, containers
from tests.support.swarms import PATIENCE, WAIT, done, hostname, sh, until

pytestmark = [swarms.need(3), pytest.mark.asyncio(loop_scope="module")]
fixture = partial(pytest_asyncio.fixture, loop_scope="module")

#: The number of the node that is removed, drained or lost, and a tag for the node.
THIRD, THERE = 3, f"there-{uuid.uuid4().hex[:8]}"


@asynccontextmanager
async def node_api(number: int) -> AsyncIterator[Api]:
    """Connect to the Engine of a node."""
    api = Api(os.environ[f"DOCKER_HOST_{number}"])
    try:
        yield api
    finally:
        await api.close()


@fixture()
async def docker() -> AsyncIterator[Api]:
    async with swarms.manager() as api:
        yield api


@fixture(scope="module")
async def server() -> AsyncIterator[Server]:
    user = swarms.new_user()
    async with swarms.engine() as engine, running(engine, user=user) as server:
        yield server


@fixture()
async def live(server: Server) -> AsyncIterator[DockerCloud]:
    async with client_of(server) as cloud:
        yield cloud
        await swarms.clear(cloud)
        for node in await cloud.nodes.list(state="Deployed"):
            if {"name": THERE} in node["tags"]:
                await cloud.nodes.update(node, tags=[])


async def node_named(cloud: DockerCloud, number: int) -> Node:
    """Return the existing node with this number."""
    address = swarms.address(number)
    live = [n for n in await cloud.nodes.list() if n["state"] != "Terminated"]
    [found] = [node for node in live if node["public_ip"] == address]
    return found


async def started(cloud: DockerCloud, **fields: Any) -> Mapping[str, Any]:
    """Start a service on the node with the tag ``THERE``; return its container."""
    service = await cloud.services.create(
        **{"image": swarms.IMAGE, "run_command": sh(WAIT), "tags": [THERE], **fields}
    )
    await done(cloud, await cloud.services.start(service))
    [container] = await containers(cloud, service)
    return container


async def join(cloud: DockerCloud) -> None:
    """Join the third Engine to the Swarm as a new node, with a join token."""
    token = await cloud.request("POST", "/api/infra/v1/token/")
    async with node_api(THIRD) as api:
        with contextlib.suppress(EngineError):  # when the Engine has already left
            await api.call("POST", "swarm/leave", params={"force": True})
        data = {
            "ListenAddr": "0.0.0.0:2377",
            "AdvertiseAddr": swarms.address(THIRD),
            "RemoteAddrs": [f"{swarms.address(1)}:2377"],
            "JoinToken": token["token"],
        }
        await api.call("POST", "swarm/join", data=data)
    await until(partial(is_deployed, cloud))


async def is_deployed(cloud: DockerCloud) -> bool:
    """Whether the third Engine is a deployed node."""
    address = swarms.address(THIRD)
    live = await cloud.nodes.list(state="Deployed")
    return any(node["public_ip"] == address for node in live)


# --- removal ------------------------------------------------------------------------


async def test_removed_node_is_drained_leaves_and_can_join_again(
    live: DockerCloud,
) -> None:
    third = await node_named(live, THIRD)
    tags = [tag["name"] for tag in third["tags"]]
    await live.nodes.update(third, tags=[*tags, THERE])
    moves = await started(live, name="moves", autorestart="ALWAYS")
    once = await started(live, name="once")
    keeps = await started(
        live, name="keeps", autorestart="ALWAYS", bindings=[{"container_path": "/data"}]
    )
    places = {c["node"] for c in (moves, once, keeps)}
    assert places == {third["resource_uri"]}
    second = await node_named(live, 2)
    await live.nodes.update(second, tags=[THERE])
    try:
        await done(live, await live.nodes.delete(third))

        assert (await live.nodes.inspect(third))["state"] == "Terminated"
        async with node_api(THIRD) as api:
            info = await api.call("GET", "info")
            assert info["Swarm"]["LocalNodeState"] == "inactive"
        for container in (once, keeps):
            assert (await live.containers.inspect(container))["state"] == "Terminated"
        moved = await live.containers.wait(moves, "Running", timeout=PATIENCE)
        assert moved["node"] == second["resource_uri"]
        [cluster] = await live.nodeclusters.list()
        assert cluster["target_num_nodes"] == cluster["current_num_nodes"] == 2
    finally:
        await join(live)

    new = await node_named(live, THIRD)
    assert new["uuid"] != third["uuid"]
    [cluster] = await live.nodeclusters.list()
    assert cluster["target_num_nodes"] == cluster["current_num_nodes"] == 3
    assert cluster["state"] == "Deployed"


async def test_lost_node_is_removed_by_force(live: DockerCloud) -> None:
    third = await node_named(live, THIRD)
    await live.nodes.update(third, tags=[THERE])
    keeps = await started(live, name="keeps", bindings=[{"container_path": "/data"}])
    await swarms.tool("kill", str(THIRD))
    try:
        await live.nodes.wait(third, "Unreachable", timeout=PATIENCE)

        await done(live, await live.nodes.delete(third))

        assert (await live.nodes.inspect(third))["state"] == "Terminated"
        assert (await live.containers.inspect(keeps))["state"] == "Terminated"
    finally:
        # Without this folder the Engine no longer belongs to the Swarm that removed
        # the node, and starts as a single Engine.
        home = Path(os.environ[f"DOCKER_HOST_{THIRD}"].removeprefix("unix://")).parent
        shutil.rmtree(home / "data" / "swarm")
        await swarms.tool("up", str(THIRD))
    await until(partial(is_deployed, live))


# --- changes in Docker --------------------------------------------------------------


async def set_availability(docker: Api, hostname: str, availability: str) -> None:
    wanted = {"Availability": availability}
    for node in await docker.call("GET", "nodes"):
        if node["Description"]["Hostname"] == hostname:
            await docker.update(f"nodes/{node['ID']}", lambda spec: spec | wanted)


@pytest.mark.parametrize("availability", ["drain", "pause"])
async def test_drained_node_is_deployed_and_shows_its_availability(
    live: DockerCloud, docker: Api, availability: str
) -> None:
    third = await node_named(live, THIRD)
    await live.nodes.update(third, tags=[THERE])
    tag = {"name": f"availability={availability}", "origin": "tutum"}

    async def reported() -> bool:
        return tag in (await live.nodes.inspect(third))["tags"]

    await set_availability(docker, hostname(THIRD), availability)
    try:
        await until(reported)
        assert (await live.nodes.inspect(third))["state"] == "Deployed"
        with pytest.raises(WaitFailed, match=f"no node has all of the tags {THERE}"):
            await started(live, name="nowhere")
        check = await live.nodes.health_check(third)
        await done(live, check)
        logs = live.actions.logs(check["dockercloud_action_uri"])
        async with asyncio.timeout(PATIENCE), logs as lines:
            log = [line["log"] async for line in lines]
        assert f"its availability is {availability}" in "".join(log)
    finally:
        await set_availability(docker, hostname(THIRD), "active")

    async def restored() -> bool:
        return tag not in (await live.nodes.inspect(third))["tags"]

    await until(restored)
    await started(live, name="there")


async def test_label_set_in_docker_is_a_tag(live: DockerCloud, docker: Api) -> None:
    third = await node_named(live, THIRD)
    await live.nodes.update(third, tags=["mine"])
    nodes = await docker.call("GET", "nodes")
    [id] = [
        n["ID"]
        for n in nodes
        if n["Spec"].get("Labels", {}).get("dc.tag.mine") == "true"
    ]

    def labelled(spec: dict[str, Any]) -> dict[str, Any]:
        return spec | {"Labels": spec["Labels"] | {"dc.tag.theirs": "true"}}

    await docker.update(f"nodes/{id}", labelled)

    async def reported() -> bool:
        tags = (await live.nodes.inspect(third))["tags"]
        return {"name": "theirs"} in tags and {"name": "mine"} in tags

    await until(reported)
    await live.nodes.update(third, tags=[])
    found = await docker.call("GET", f"nodes/{id}")
    assert naming.tags_of(found["Spec"]["Labels"]) == []
