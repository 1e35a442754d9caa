"""Nodes: fields, tags, and a node that is lost and recovers."""

from __future__ import annotations

import pytest

from aiodockercloud import BadRequest, DockerCloud, ObjectNotFound, WaitFailed
from aiodockercloud.server import Embedded, Server
from aiodockercloud.server.engines import ContainerObservation
from aiodockercloud.types import Node
from tests.support.facts import IDLE, PATIENCE
from tests.support.flows import containers, done, run


@pytest.fixture
async def node(live: DockerCloud) -> Node:
    return (await live.nodes.list())[0]


def engine_id(engine: Embedded, node: Node) -> str:
    """Return the engine's id of a node, found by the node's address."""
    for one in engine.nodes:
        if engine._nodes[one].address == node["public_ip"]:
            return one
    raise AssertionError(node)


async def test_list_has_every_node_deployed(live: DockerCloud) -> None:
    found = await live.nodes.list()

    assert len(found) == 3
    assert {node["state"] for node in found} == {"Deployed"}
    for node in found:
        assert node["external_fqdn"] == node["public_ip"]
        assert node["cpu"] > 0
        assert node["memory"] > 0
        assert node["last_seen"]
        assert node["node_cluster"] is None
        assert node["docker_version"]
    assert (await live.nodes.inspect(found[0])) == found[0]


async def test_update_changes_nickname_and_tags(live: DockerCloud, node: Node) -> None:
    updated = await live.nodes.update(node, nickname="big", tags=["db", {"name": "x"}])

    assert updated["nickname"] == "big"
    assert updated["tags"] == [{"name": "db"}, {"name": "x"}]
    assert await live.nodes.inspect(node) == {
        key: value for key, value in updated.items() if key != "dockercloud_action_uri"
    }
    (action,) = await live.actions.list(object=node)
    assert (action["action"], action["state"]) == ("Node Update", "Success")


async def test_update_with_an_unknown_field_changes_nothing(
    live: DockerCloud, node: Node
) -> None:
    with pytest.raises(BadRequest, match="colour"):
        await live.nodes.update(node, nickname="big", colour="red")  # type: ignore[call-arg]  # refused

    assert await live.nodes.inspect(node) == node


async def test_node_has_its_number_of_containers(live: DockerCloud) -> None:
    await run(live, target_num_containers=6)

    assert [n["current_num_containers"] for n in await live.nodes.list()] == [2, 2, 2]


async def test_find_by_the_beginning_of_the_uuid(live: DockerCloud, node: Node) -> None:
    assert (await live.nodes.find(node["uuid"][:12]))["uuid"] == node["uuid"]
    with pytest.raises(ObjectNotFound):
        await live.nodes.find("ffffffff-nothing")


async def test_lost_node_is_unreachable_and_gets_no_containers_until_recovery(
    live: DockerCloud, engine: Embedded, node: Node
) -> None:
    lost = engine_id(engine, node)

    engine.lose_node(lost)
    assert (await live.nodes.inspect(node))["state"] == "Unreachable"
    service = await run(live, target_num_containers=4)
    places = {c["node"] for c in await containers(live, service)}
    assert node["resource_uri"] not in places

    engine.recover_node(lost)
    assert (await live.nodes.inspect(node))["state"] == "Deployed"


async def test_stop_on_a_lost_node_fails_and_works_after_recovery(
    live: DockerCloud, engine: Embedded
) -> None:
    service = await run(live, name="web", target_num_containers=3)
    inside = await containers(live, service)
    node = await live.nodes.inspect(inside[0]["node"])
    lost = engine_id(engine, node)
    engine.lose_node(lost)

    with pytest.raises(WaitFailed, match="unreachable"):
        await done(live, await live.services.stop(service))
    states = [c["state"] for c in await containers(live, service)]
    assert states == ["Running", "Stopped", "Stopped"]
    assert (await live.services.inspect(service))["state"] == "Partly running"

    engine.recover_node(lost)
    await done(live, await live.services.stop(service))
    assert (await live.services.inspect(service))["state"] == "Stopped"


@pytest.mark.parametrize("operation", ["stop", "delete", "redeploy"])
async def test_container_on_a_lost_node_keeps_its_state(
    live: DockerCloud, engine: Embedded, operation: str
) -> None:
    service = await run(live)
    (container,) = await containers(live, service)
    lost = engine_id(engine, await live.nodes.inspect(container["node"]))
    engine.lose_node(lost)

    with pytest.raises(WaitFailed):
        await done(live, await getattr(live.containers, operation)(container))
    assert (await live.containers.inspect(container))["state"] == "Running"
    assert (await live.services.inspect(service))["state"] == "Running"

    engine.recover_node(lost)
    await done(live, await getattr(live.containers, operation)(container))


async def test_delete_on_a_lost_node_fails_and_works_after_recovery(
    live: DockerCloud, engine: Embedded
) -> None:
    service = await run(live)
    (container,) = await containers(live, service)
    lost = engine_id(engine, await live.nodes.inspect(container["node"]))
    engine.lose_node(lost)

    with pytest.raises(WaitFailed):
        await done(live, await live.services.delete(service))
    engine.recover_node(lost)
    await done(live, await live.services.delete(service))

    assert (await live.services.inspect(service))["state"] == "Terminated"


async def test_crash_on_a_lost_node_is_observed_after_recovery(
    live: DockerCloud, engine: Embedded
) -> None:
    service = await run(live, image=IDLE)
    (container,) = await containers(live, service)
    lost = engine_id(engine, await live.nodes.inspect(container["node"]))
    engine.lose_node(lost)
    engine.crash(container["uuid"], 7)
    assert (await live.containers.inspect(container))["state"] == "Running"

    engine.recover_node(lost)

    await live.services.wait(service, "Stopped", timeout=PATIENCE)
    assert (await live.containers.inspect(container))["exit_code"] == 7


async def test_container_that_returns_with_its_node_is_starting_and_waited_for(
    live: DockerCloud, server: Server
) -> None:
    service = await run(live, autorestart="ALWAYS")
    (container,) = await containers(live, service)
    observe, uuid = server.cloud.observe, container["uuid"]
    observe(ContainerObservation(uuid=uuid, state="stopped", message="node a is down"))
    assert (await live.containers.inspect(container))["state"] == "Stopped"

    # The exit code of the task that the loss of the node has ended.
    observe(ContainerObservation(uuid=uuid, state="starting", exit_code=255))

    assert (await live.containers.inspect(container))["state"] == "Starting"
    with pytest.raises(TimeoutError):  # and not WaitFailed at once
        await live.services.wait(service, "Running", timeout=0.2)
    observe(ContainerObservation(uuid=uuid, state="running"))
    await live.services.wait(service, "Running", timeout=PATIENCE)
