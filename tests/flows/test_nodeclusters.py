"""Node clusters of the embedded catalogue, and their nodes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from aiodockercloud import (
    BadRequest,
    ConflictError,
    DockerCloud,
    OperationNotAllowed,
    Unavailable,
    WaitFailed,
)
from aiodockercloud.server import Embedded, Server, running
from aiodockercloud.server.engines import EngineError
from aiodockercloud.types import NodeCluster
from tests.support.flows import Raw, client_of, containers, done, run

REGION, TYPE = "/api/infra/v1/region/aws/us-east-1/", "/api/infra/v1/nodetype/aws/"


async def farm(cloud: DockerCloud, **fields: Any) -> NodeCluster:
    """Return a deployed cluster."""
    cluster = await cloud.nodeclusters.create(
        **{"name": "farm", "region": REGION, "node_type": f"{TYPE}t2.micro/", **fields}
    )
    await done(cloud, await cloud.nodeclusters.deploy(cluster))
    return await cloud.nodeclusters.inspect(cluster)


async def test_cluster_is_deployed_with_nodes_that_name_it(live: DockerCloud) -> None:
    cluster = await live.nodeclusters.create(
        name="farm",
        region=REGION,
        node_type=f"{TYPE}t2.micro/",
        target_num_nodes=2,
        tags=[{"name": "blue"}],
    )
    assert (cluster["state"], cluster["nodes"], cluster["disk"]) == ("Init", [], 60)

    deploying = await live.nodeclusters.deploy(cluster)
    assert deploying["state"] == "Deploying"
    await done(live, deploying)

    cluster = await live.nodeclusters.inspect(cluster)
    assert (cluster["state"], cluster["current_num_nodes"]) == ("Deployed", 2)
    for uri in cluster["nodes"]:
        node = await live.nodes.inspect(uri)
        assert node["state"] == "Deployed"
        assert node["node_cluster"] == cluster["resource_uri"]
        assert node["region"] == REGION
        tags = {tag["name"]: tag.get("origin") for tag in node["tags"]}
        assert tags["blue"] is None
        assert tags["provider=aws"] == "tutum"


@pytest.mark.parametrize(
    ("region", "node_type", "disk", "cpu", "memory"),
    [
        ("aws/eu-west-1", "aws/m4.xlarge", 250, 4, 16_384),
        ("aws/us-east-1", "aws/t2.micro", 60, 1, 1024),
        ("digitalocean/lon1", "digitalocean/512mb", 20, 1, 512),
    ],
)
async def test_node_has_the_type_the_disk_and_a_zone_of_its_cluster(
    live: DockerCloud, region: str, node_type: str, disk: int, cpu: int, memory: int
) -> None:
    zones = (await live.regions.inspect(region))["availability_zones"]
    cluster = await farm(
        live, region=region, node_type=node_type, disk=disk, target_num_nodes=3
    )

    for uri in cluster["nodes"]:
        node = await live.nodes.inspect(uri)
        assert node["node_type"] == cluster["node_type"]
        assert (node["cpu"], node["memory"], node["disk"]) == (cpu, memory, disk)
        if zones:
            zone = node["availability_zone"]
            assert zone in zones
            assert (await live.azs.inspect(str(zone)))["region"] == cluster["region"]
        else:
            assert node["availability_zone"] is None


async def test_changed_target_scales_at_once_also_to_zero_and_back(
    live: DockerCloud,
) -> None:
    cluster = await farm(live)

    for target, state in ((3, "Deployed"), (1, "Deployed"), (0, "Empty cluster")):
        scaling = await live.nodeclusters.update(cluster, target_num_nodes=target)
        assert scaling["state"] == "Scaling"
        await done(live, scaling)
        cluster = await live.nodeclusters.inspect(cluster)
        assert (cluster["state"], cluster["current_num_nodes"]) == (state, target)

    await done(live, await live.nodeclusters.update(cluster, target_num_nodes=1))
    assert (await live.nodeclusters.inspect(cluster))["state"] == "Deployed"


async def test_new_node_gets_a_container_of_a_service_on_every_node(
    live: DockerCloud,
) -> None:
    service = await run(live, name="agent", deployment_strategy="EVERY_NODE")
    before = len(await containers(live, service))

    cluster = await farm(live)
    (node,) = cluster["nodes"]
    service = await live.services.wait(service, "Running")

    while len(found := await containers(live, service)) == before:
        scaling = await live.actions.list(object=service, state="In progress")
        for action in scaling:
            await done(live, {"dockercloud_action_uri": action["resource_uri"]})
    assert len(found) == before + 1
    assert node in {container["node"] for container in found}


async def test_removal_of_a_node_lowers_the_target_and_terminates_containers(
    live: DockerCloud,
) -> None:
    cluster = await farm(live, target_num_nodes=2, tags=["own"])
    service = await run(live, tags=["own"], target_num_containers=2)
    first, second = await containers(live, service)

    leaving = await live.nodes.delete(first["node"])
    assert leaving["state"] == "Terminating"
    await done(live, leaving)

    assert (await live.nodes.inspect(first["node"]))["state"] == "Terminated"
    assert (await live.containers.inspect(first))["state"] == "Terminated"
    assert (await live.containers.inspect(second))["state"] == "Running"
    cluster = await live.nodeclusters.inspect(cluster)
    assert (cluster["target_num_nodes"], cluster["state"]) == (1, "Deployed")


async def test_tags_of_a_cluster_replace_its_former_tags_on_its_nodes(
    live: DockerCloud,
) -> None:
    cluster = await farm(live, tags=["blue"])
    (uri,) = cluster["nodes"]
    node = await live.nodes.inspect(uri)
    await live.nodes.update(node, tags=[*node["tags"], {"name": "own"}])

    await live.nodeclusters.update(cluster, tags=["green"])

    tags = [tag["name"] for tag in (await live.nodes.inspect(uri))["tags"]]
    assert "blue" not in tags
    assert {"own", "green"} <= set(tags)
    await run(live, name="picky", tags=["green", "own"])


async def test_tags_that_the_engine_cannot_set_are_not_stored(
    live: DockerCloud, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = await farm(live, tags=["blue"])

    async def tag_node(node: str, tags: Sequence[str]) -> None:
        raise EngineError("out of reach")

    monkeypatch.setattr(server.engine, "tag_node", tag_node)
    with pytest.raises(Unavailable, match="out of reach"):
        await live.nodeclusters.update(cluster, tags=["green"])

    node = await live.nodes.inspect(cluster["nodes"][0])
    assert "green" not in {tag["name"] for tag in node["tags"]}
    assert (await live.nodeclusters.inspect(cluster))["tags"] == [{"name": "blue"}]


async def test_delete_terminates_cluster_nodes_and_containers(
    live: DockerCloud,
) -> None:
    cluster = await farm(live, tags=["own"])
    service = await run(live, tags=["own"])

    leaving = await live.nodeclusters.delete(cluster)
    assert leaving["state"] == "Terminating"
    await done(live, leaving)

    terminated = await live.nodeclusters.inspect(cluster)
    assert (terminated["state"], terminated["current_num_nodes"]) == ("Terminated", 0)
    assert (await live.nodes.inspect(cluster["nodes"][0]))["state"] == "Terminated"
    assert (await live.services.inspect(service))["state"] == "Not running"


async def test_change_of_a_terminated_cluster_or_node_is_a_422(
    live: DockerCloud,
) -> None:
    cluster = await farm(live)
    await done(live, await live.nodeclusters.delete(cluster))

    with pytest.raises(OperationNotAllowed, match="farm is Terminated"):
        await live.nodeclusters.update(cluster, tags=["late"])
    with pytest.raises(OperationNotAllowed, match="is Terminated"):
        await live.nodes.update(cluster["nodes"][0], tags=["late"])


class GatedNodes(Embedded):
    """An engine that provisions nodes only while ``gate`` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()
        self.gate.set()

    async def add_node(self, node: str, tags: Sequence[str]) -> None:
        await self.gate.wait()
        await super().add_node(node, tags)


async def test_operation_that_the_state_forbids_is_a_422_and_changes_nothing() -> None:
    engine = GatedNodes()
    async with running(engine) as server, client_of(server) as cloud:
        await forbidden(cloud, engine)


async def forbidden(live: DockerCloud, engine: GatedNodes) -> None:
    cluster = await farm(live)
    with pytest.raises(OperationNotAllowed, match="deploy"):
        await live.nodeclusters.deploy(cluster)

    engine.gate.clear()
    scaling = await live.nodeclusters.update(cluster, target_num_nodes=2)
    with pytest.raises(OperationNotAllowed, match="scale"):
        await live.nodeclusters.update(cluster, target_num_nodes=5, tags=["late"])
    engine.gate.set()
    await done(live, scaling)

    cluster = await live.nodeclusters.inspect(cluster)
    assert (cluster["target_num_nodes"], cluster["tags"]) == (2, [])


async def test_docker_upgrade_restarts_the_containers_of_the_node(
    live: DockerCloud,
) -> None:
    cluster = await farm(live, tags=["own"])
    service = await run(live, tags=["own"])
    (before,) = await containers(live, service)

    upgrading = await live.nodes.upgrade_docker(cluster["nodes"][0])
    assert upgrading["state"] == "Upgrading"
    await done(live, upgrading)

    (after,) = await containers(live, service)
    assert (after["uuid"], after["state"]) == (before["uuid"], "Running")
    assert (await live.nodes.inspect(cluster["nodes"][0]))["state"] == "Deployed"


async def test_failed_health_check_of_a_node_changes_the_state_of_its_cluster(
    live: DockerCloud, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = await farm(live)

    async def check_node(node: str) -> bool:
        return False

    monkeypatch.setattr(server.engine, "check_node", check_node)
    await done(live, await live.nodes.health_check(cluster["nodes"][0]))

    assert (await live.nodes.inspect(cluster["nodes"][0]))["state"] == "Unreachable"
    assert (await live.nodeclusters.inspect(cluster))["state"] == "Partly deployed"


async def test_failed_docker_upgrade_leaves_containers_unchanged(
    live: DockerCloud, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = await farm(live, tags=["own"])
    service = await run(live, tags=["own"])

    async def stop_container(uuid: str) -> None:
        raise EngineError("out of reach")

    with monkeypatch.context() as patch:
        patch.setattr(server.engine, "stop_container", stop_container)
        upgrading = await live.nodes.upgrade_docker(cluster["nodes"][0])
        with pytest.raises(WaitFailed, match="out of reach"):
            await live.actions.wait(upgrading)

    (container,) = await containers(live, service)
    assert container["state"] == "Running"
    await done(live, await live.containers.stop(container))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"region": "/api/infra/v1/region/aws/mars-1/"}, "region: there is no region"),
        ({"node_type": "nothing"}, "node_type: there is no nodetype"),
        (
            {"node_type": "/api/infra/v1/nodetype/digitalocean/1gb/"},
            "node_type: .* not available in aws/us-east-1",
        ),
        ({"disk": "many"}, "disk: must be a whole number"),
        ({"provider_options": {"vpc": {"x": 1}}}, r"provider_options\.vpc\.x"),
        ({"target_num_nodes": -1}, "target_num_nodes: "),
        ({"nodes": [], "color": "red"}, "color: there is no such field"),
    ],
)
async def test_wrong_field_is_refused_by_name(
    live: DockerCloud, raw: Raw, wrong: dict[str, Any], message: str
) -> None:
    fields: Any = {
        "name": "farm",
        "region": REGION,
        "node_type": f"{TYPE}t2.micro/",
        **wrong,
    }

    with pytest.raises(BadRequest, match=f"400.*: {message}"):
        await live.nodeclusters.create(**fields)

    assert await live.nodeclusters.list() == []


async def test_disk_as_text_becomes_a_number_and_the_name_is_unique(
    live: DockerCloud,
) -> None:
    fields: Any = {"disk": "80", "provider_options": {"vpc": {"id": "vpc-1"}}}
    cluster = await farm(live, **fields)

    assert cluster["disk"] == 80
    assert cluster["provider_options"] == {"vpc": {"id": "vpc-1"}}
    with pytest.raises(ConflictError, match="farm"):
        await farm(live)


async def test_token_and_tags_answer_the_requests_of_the_command_line(
    live: DockerCloud,
) -> None:
    await farm(live, tags=["blue"])

    token = await live.request("POST", "/api/infra/v1/token/")
    tags = await live.request("GET", "/api/infra/v1/tag/", params={"origin": "user"})

    assert len(token["token"]) == 32
    assert [tag["name"] for tag in tags["objects"]] == ["blue"]
