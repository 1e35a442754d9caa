"""The parts of the Swarm engine beyond the contract, on a Swarm of three nodes."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import aiohttp
import pytest

from aiodockercloud.server.engines import (
    ContainerObservation,
    ContainerSpec,
    EngineError,
    MountSpec,
    NotSupportedByEngine,
    PortSpec,
)
from aiodockercloud.server.engines.swarm import Swarm, SwarmSettings, naming
from aiodockercloud.server.engines.swarm.docker_api import Api
from tests.support import swarms
from tests.support.swarms import until
from tests.support.worlds import PATIENCE, WAIT, Swarmed, sh, swarmed

pytestmark = swarms.need(3)


@pytest.fixture
async def world() -> AsyncIterator[Swarmed]:
    async with swarmed() as world:
        yield world


@pytest.fixture
async def docker() -> AsyncIterator[Api]:
    """Connect to the manager directly, without the engine."""
    async with swarms.manager() as api:
        yield api


async def service_of(docker: Api, spec: ContainerSpec) -> dict[str, object]:
    label = f"{naming.CONTAINER_LABEL}={spec.uuid}"
    params = {"filters": {"label": [label]}}
    [found] = await docker.call("GET", "services", params=params)
    return dict(found)


# --- names and ports ----------------------------------------------------------------


async def test_names_reach_containers_on_other_nodes(world: Swarmed) -> None:
    first, second, third = world.nodes()
    web: dict[str, Any] = {
        "command": None,
        "stack": "shop",
        "aliases": ["web", "web-1", "web.shop"],
    }
    await asyncio.gather(
        world.up(**web, node=first.id, options={"hostname": "one"}),
        world.up(**web, node=second.id, options={"hostname": "two"}),
    )
    friend, stranger = await asyncio.gather(
        world.up(stack="shop", node=third.id), world.up(stack="bar", node=third.id)
    )

    fetch = "timeout 3 wget -qO- http://{}/"
    found = {await world.output(friend, fetch.format("web")) for _ in range(20)}

    assert found == {"one", "two"}
    assert await world.output(stranger, fetch.format("web.shop")) in found
    assert await world.output(stranger, fetch.format("web")) == ""


async def test_published_ports_answer_from_outside(world: Swarmed) -> None:
    node = world.nodes()[1]
    ports = [PortSpec(80, "tcp", True, 18080)]
    fixed = await world.create(None, node=node.id, ports=ports)
    found = await world.until(fixed, "running")
    dynamic = await world.create(
        None, node=node.id, ports=[PortSpec(80, "tcp", True, None)]
    )
    [outer] = (await world.until(dynamic, "running")).ports[80, "tcp"]

    assert found.ports == {(80, "tcp"): (18080,)}
    async with asyncio.timeout(PATIENCE), aiohttp.ClientSession() as session:
        for port in (18080, outer):
            async with session.get(f"http://{node.address}:{port}/") as response:
                assert response.status == 200


async def test_port_that_is_taken_is_reported() -> None:
    ports = [PortSpec(80, "tcp", True, 18081)]
    async with swarmed(SwarmSettings(placing=0.5)) as world:
        await world.up(ports=ports)

        second = await world.create(WAIT, ports=ports)
        found = await world.until(second, "stopped")

    assert found.exit_code is None
    assert "port already in use" in found.message


# --- observations -------------------------------------------------------------------


async def test_missing_image_is_reported_at_once(world: Swarmed) -> None:
    spec = world.spec(autorestart="ALWAYS", image="nowhere/nothing:1")
    await world.engine.create(spec)

    found = await world.until(spec, "stopped")

    assert found.exit_code is None
    assert "No such image: nowhere/nothing:1" in found.message


async def test_command_that_cannot_run_is_reported(world: Swarmed) -> None:
    spec = await world.create("/no/such/command")

    found = await world.until(spec, "stopped")

    assert "/no/such/command" in found.message


async def test_service_deleted_in_docker_is_reported_as_removed(
    world: Swarmed, docker: Api
) -> None:
    spec = await world.up()

    service = await service_of(docker, spec)
    await docker.call("DELETE", f"services/{service['ID']}")

    await world.until(spec, "gone")


async def test_new_engine_finds_running_containers(world: Swarmed) -> None:
    spec = await world.up()
    first = world.history(spec)[-1]
    await world.engine.close()

    world.reported.clear()
    await world.engine.start(world.observe)

    assert world.history(spec) == [first]


async def test_services_of_others_are_left_alone(world: Swarmed, docker: Api) -> None:
    name = f"other-{uuid.uuid4().hex[:8]}"
    data = {
        "Name": name,
        "TaskTemplate": {"ContainerSpec": {"Image": swarms.IMAGE}},
        "EndpointSpec": {"Mode": "dnsrr"},
    }
    await docker.call("POST", "services/create", data=data)
    try:
        spec = await world.up()
        reported = {
            s.uuid for s in world.reported if isinstance(s, ContainerObservation)
        }
    finally:
        await docker.call("DELETE", f"services/{name}")

    assert reported == {spec.uuid}


async def test_braces_stay_braces(world: Swarmed) -> None:
    spec = await world.create(
        sh("echo $T; hostname"), environment={"T": "{{.Node.ID}} }}{{"}
    )
    await world.until(spec, "stopped")

    assert await world.lines(spec) == [
        ("stdout", "{{.Node.ID}} }}{{"),
        ("stdout", spec.name),
    ]


# --- volumes ------------------------------------------------------------------------


async def test_volume_outlives_a_stop_and_is_shared_and_removed(
    world: Swarmed,
) -> None:
    node = world.nodes()[1]
    volume = str(uuid.uuid4())
    owner = await world.up(
        node=node.id, mounts=[MountSpec("/data", volume, None, True)]
    )
    await world.output(owner, "echo kept >/data/file")
    await world.engine.stop_container(owner.uuid)
    await world.until(owner, "stopped")
    known = len(world.history(owner))
    await world.engine.start_container(owner.uuid)
    await world.until(owner, "running", since=known)
    sharer = await world.up(node=node.id, volumes_from=[owner.uuid])

    assert await world.output(owner, "cat /data/file") == "kept"
    assert await world.output(sharer, "cat /data/file") == "kept"

    api = Api(os.environ["DOCKER_HOST_2"])

    async def removed() -> bool:
        found = await api.call("GET", "volumes")
        names = {one["Name"] for one in found["Volumes"] or ()}
        return naming.volume_name(volume) not in names

    await world.engine.remove_container(sharer.uuid, volumes=())
    assert not await removed()
    await world.engine.remove_container(owner.uuid, volumes=[volume])
    await until(removed)
    await api.close()


# --- logs and exec ------------------------------------------------------------------


async def test_log_goes_on_through_stop_and_start(world: Swarmed) -> None:
    spec = await world.up(sh('echo up; trap "exit 0" TERM; sleep 3600 & wait'))
    logs = world.engine.logs(spec.uuid, tail=1, follow=True)

    async with asyncio.timeout(PATIENCE), aclosing(logs):
        assert (await anext(logs)).text == "up"
        await world.engine.stop_container(spec.uuid)
        await world.until(spec, "stopped")
        await world.engine.start_container(spec.uuid)
        assert (await anext(logs)).text == "up"

    assert len(await world.lines(spec)) == 2


async def test_long_line_stays_one_line(world: Swarmed) -> None:
    spec = await world.create(sh('yes | tr -d "\\n" | head -c 50000; echo'))
    await world.until(spec, "stopped")

    assert await world.lines(spec) == [("stdout", "y" * 50000)]


async def test_log_of_a_terminal_is_read(world: Swarmed) -> None:
    spec = await world.create(sh("echo one; echo two"), options={"tty": True})
    await world.until(spec, "stopped")

    assert await world.lines(spec) == [("stdout", "one"), ("stdout", "two")]


async def test_abandoned_logs_leave_no_connection(world: Swarmed) -> None:
    spec = await world.up(sh("echo up; sleep 3600"))
    assert isinstance(world.engine, Swarm)
    for _ in range(120):
        logs = world.engine.logs(spec.uuid, tail=1, follow=True)
        async with asyncio.timeout(PATIENCE), aclosing(logs):
            assert (await anext(logs)).text == "up"

    assert len(world.engine._api.streams.connector._acquired) <= 1  # events


async def test_exec_close_ends_the_command(world: Swarmed) -> None:
    spec = await world.up(node=world.nodes()[2].id)
    session = await world.engine.exec(spec.uuid, ["sh", "-c", "sleep 1234; true"])

    async def runs() -> bool:
        return "sleep 1234" in await world.output(spec, "ps")

    async def ended() -> bool:
        return not await runs()

    await until(runs)
    await session.close()
    await until(ended)


async def test_exec_without_the_nodes_engine_names_the_option(
    world: Swarmed,
) -> None:
    node = world.nodes()[2]
    spec = await world.up(node=node.id)
    engine = Swarm(poll=0.3)
    await engine.start(lambda found: None)

    with pytest.raises(
        NotSupportedByEngine, match=f"--node-engine {node.hostname}=URL"
    ):
        await engine.exec(spec.uuid, ["true"])
    await engine.close()


# --- nodes --------------------------------------------------------------------------


async def test_tags_restrict_the_nodes_of_a_container(world: Swarmed) -> None:
    third = world.nodes()[2]
    tag = f"tag {uuid.uuid4().hex[:4]}"
    await world.engine.tag_node(third.id, [tag])
    try:
        spec = await world.create(WAIT, pinned=False, tags=[tag])
        found = await world.until(spec, "running")
    finally:
        await world.engine.tag_node(third.id, [])

    assert found.node == third.id


async def test_join_token_is_for_workers(world: Swarmed, docker: Api) -> None:
    swarm = await docker.call("GET", "swarm")

    assert await world.engine.join_token() == swarm["JoinTokens"]["Worker"]


async def test_manager_and_unknown_nodes_are_not_removed(world: Swarmed) -> None:
    with pytest.raises(EngineError, match="docker node demote"):
        await world.engine.remove_node(world.nodes()[0].id)
    with pytest.raises(EngineError, match="bring your own"):
        await world.engine.add_node("unknown", [])


async def test_worker_is_refused_as_the_engine(world: Swarmed) -> None:
    engine = Swarm(os.environ["DOCKER_HOST_3"])

    with pytest.raises(EngineError, match="give the address of a manager"):
        await engine.start(lambda found: None)
    await engine.close()


async def test_lost_node_is_unreachable_and_its_containers_move(
    world: Swarmed,
) -> None:
    lost = world.nodes()[2]
    tag: dict[str, Any] = {"pinned": False, "tags": ["lost"], "autorestart": "ALWAYS"}
    await world.engine.tag_node(lost.id, ["lost"])
    moves = await world.up(swarms.sh(f"echo here; {swarms.WAIT}"), **tag)
    await world.engine.tag_node(world.nodes()[1].id, ["lost"])
    stays = await world.up(node=lost.id, pinned=True)
    known = len(world.history(moves))

    await swarms.tool("kill", "3")
    try:
        await world.until_node(lost.id, "unreachable")
        moved = await world.until(moves, "running", since=known)
        assert moved.node != lost.id
        stopped = await world.until(stays, "stopped")
        assert "is down" in stopped.message
        lines = await world.lines(moves)
        assert ("stdout", "here") in lines
        assert any(
            lost.hostname in text for stream, text in lines if stream == "stderr"
        )
    finally:
        await swarms.tool("up", "3")
    await world.until_node(lost.id, "ready")
    assert world.history(moves)[-1].state == "running"
    assert world.history(moves)[-1].node == moved.node
    assert world.history(stays)[-1].state == "stopped"
    for node in world.nodes():
        await world.engine.tag_node(node.id, [])
