"""The types of the dicts name what our server sends, in every state of each kind."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from typing import Any, get_args

import pytest
from typeguard import CollectionCheckStrategy, check_type

from aiodockercloud import DockerCloud, WaitFailed, types, wire
from aiodockercloud.server import Server, running
from aiodockercloud.server.state.records import EVENT_KINDS
from aiodockercloud.types import Service, Stack
from tests.support.facts import PATIENCE
from tests.support.flows import Gated, containers, done

TYPES: Mapping[str, Any] = {
    "service": types.Service,
    "stack": types.Stack,
    "container": types.Container,
    "node": types.Node,
    "nodecluster": types.NodeCluster,
    "action": types.Action,
    "trigger": types.Trigger,
    "repository": types.Repository,
    "registry": types.Registry,
    "secret": types.StoredFile,
    "config": types.StoredFile,
    "provider": types.Provider,
    "region": types.Region,
    "az": types.AvailabilityZone,
    "nodetype": types.NodeType,
}


def check(value: object, type: Any) -> None:
    """Compare all keys and values of a dict with its type.

    Raises:
        TypeCheckError: A required key is missing, a key has no type, or a value has
            another type.
    """
    check_type(value, type, collection_check_strategy=CollectionCheckStrategy.ALL_ITEMS)


class Checked(DockerCloud):
    """A client that compares each object it receives with the type of its kind."""

    def __init__(self, server: Server) -> None:
        super().__init__(server.url, user=server.user, apikey=server.apikey)
        #: The states of the compared objects, by kind.
        self.states: dict[str, set[str]] = defaultdict(set)

    async def request(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        answer = await super().request(method, path, **more)
        target = wire.split_path(path)
        assert target is not None
        if (method, target.kind) == ("DELETE", "repository"):
            check(answer, types.Changed)
            return answer
        for one in answer["objects"] if "objects" in answer else [answer]:
            check(one, TYPES[target.kind])
            self.states[target.kind].add(one.get("state", ""))
        return answer

    async def look(self) -> None:
        """List the objects of each kind."""
        for api in (
            *(self.services, self.stacks, self.containers, self.nodes),
            *(self.nodeclusters, self.actions, self.repositories, self.registries),
            *(self.providers, self.regions, self.azs, self.nodetypes),
        ):
            assert isinstance(await api.list(), list)


@pytest.fixture
def engine() -> Gated:
    engine = Gated(nodes=2)
    engine.gate.set()
    return engine


@pytest.fixture
async def cloud(engine: Gated) -> AsyncIterator[Checked]:
    async with running(engine) as server, Checked(server) as cloud:
        yield cloud


def states(literal: Any) -> set[str]:
    return set(get_args(literal))


async def shop(cloud: DockerCloud) -> Stack:
    """Return a new stack whose services use what a service can have."""
    return await cloud.stacks.create(
        name="shop",
        services=[
            {"name": "db", "image": "acme/db", "bindings": [{"container_path": "/x"}]},
            {
                "name": "web",
                "image": "acme/web",
                "target_num_containers": 2,
                "container_ports": [{"inner_port": 80, "published": True}],
                "container_envvars": [{"key": "A", "value": "1"}],
                "linked_to_service": [{"to_service": "db", "name": "DB"}],
                "bindings": [
                    {"volumes_from": "db"},
                    {"host_path": "/etc", "container_path": "/etc"},
                ],
                "labels": {"a": "b"},
                "memory": 64,
                "cpu_shares": 100,
            },
        ],
    )


async def watched(cloud: Checked, answer: Any) -> None:
    """Look at all objects while an operation runs, and at its end."""
    await cloud.look()
    await done(cloud, answer)
    await cloud.look()


async def test_objects_of_stacks_have_their_types_in_every_state(
    cloud: Checked, engine: Gated
) -> None:
    stack = await shop(cloud)
    await watched(cloud, await cloud.stacks.start(stack))
    web: Service = await cloud.services.find("web.shop")
    first, *_ = await containers(cloud, web)
    for operate in (
        cloud.containers.stop,
        cloud.containers.start,
        cloud.containers.redeploy,
    ):
        await watched(cloud, await operate(first))
    await watched(cloud, await cloud.services.scale(web, 3))
    for change in (cloud.services.redeploy, cloud.services.stop, cloud.services.start):
        await watched(cloud, await change(web))
    await cloud.triggers.create(web)
    (trigger,) = await cloud.triggers.list(web)
    await watched(cloud, await cloud.triggers.call(web, trigger))
    await cloud.triggers.delete(web, trigger)
    for act in (cloud.stacks.redeploy, cloud.stacks.stop, cloud.stacks.delete):
        await watched(cloud, await act(stack))
    await cloud.repositories.delete(
        await cloud.repositories.create(name="acme.example/a", username="u")
    )

    assert cloud.states["service"] == states(types.ServiceState)
    assert cloud.states["stack"] == states(types.StackState)
    assert cloud.states["container"] == states(types.ContainerState)


async def test_actions_have_their_type_in_every_state(
    cloud: Checked, engine: Gated
) -> None:
    web = await cloud.services.create(image="acme/web", target_num_containers=2)
    await watched(cloud, await cloud.services.start(web))
    first, second = await containers(cloud, web)
    engine.gate.clear()
    engine.knocked.clear()
    redeploying = await cloud.containers.redeploy(first)
    async with asyncio.timeout(PATIENCE):
        await engine.knocked.wait()
    pending = await cloud.containers.stop(second)
    await cloud.look()
    await cloud.actions.cancel(pending["dockercloud_action_uri"])
    engine.gate.set()
    with pytest.raises(WaitFailed, match="Canceled"):
        await watched(cloud, pending)
    await done(cloud, redeploying)
    for node in engine.nodes:
        engine.lose_node(node)
    with pytest.raises(WaitFailed, match="Failed"):
        await watched(cloud, await cloud.services.stop(web))

    assert cloud.states["action"] == states(types.ActionState)


async def test_nodes_and_clusters_have_their_types_in_every_state(
    cloud: Checked, engine: Gated, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(node: str) -> bool:
        return False

    lost = engine.nodes[0]
    engine.lose_node(lost)
    (node,) = await cloud.nodes.list(state="Unreachable")
    deploying = await cloud.nodes.deploy(node)
    engine.recover_node(lost)
    await watched(cloud, deploying)
    cluster = await cloud.nodeclusters.create(
        name="farm",
        region="/api/infra/v1/region/aws/us-east-1/",
        node_type="/api/infra/v1/nodetype/aws/t2.micro/",
        target_num_nodes=2,
        tags=["own"],
    )
    await watched(cloud, await cloud.nodeclusters.deploy(cluster))
    cluster = await cloud.nodeclusters.inspect(cluster)
    node_uri, *_ = cluster["nodes"]
    await watched(cloud, await cloud.nodes.upgrade_docker(node_uri))
    with monkeypatch.context() as patch:
        patch.setattr(engine, "check_node", fail)
        await watched(cloud, await cloud.nodes.health_check(node_uri))
        await cloud.nodeclusters.inspect(cluster)
    await watched(cloud, await cloud.nodes.health_check(node_uri))
    await watched(cloud, await cloud.nodes.delete(node_uri))
    await watched(cloud, await cloud.nodeclusters.update(cluster, target_num_nodes=0))
    await watched(cloud, await cloud.nodeclusters.delete(cluster))

    assert cloud.states["node"] == states(types.NodeState)
    assert cloud.states["nodecluster"] == states(types.NodeClusterState)


async def test_items_of_streams_have_their_types(cloud: Checked) -> None:
    events: dict[str, list[types.ObjectEvent]] = defaultdict(list)
    async with cloud.events.subscribe() as stream, asyncio.timeout(PATIENCE):
        stack = await shop(cloud)
        web = await cloud.services.find("web.shop")
        await cloud.nodes.update((await cloud.nodes.list())[0], nickname="n")
        await cloud.nodeclusters.create(
            name="farm",
            region="/api/infra/v1/region/aws/us-east-1/",
            node_type="/api/infra/v1/nodetype/aws/t2.micro/",
        )
        started = await cloud.stacks.start(stack)
        async for event in stream:
            assert event["type"] != "gap"
            events[event["type"]].append(event)
            if event["resource_uri"] == started["dockercloud_action_uri"]:
                if event["state"] == "Success":
                    break

    assert set(events) == EVENT_KINDS
    for member in get_args(types.ObjectEvent):
        kind, literal = get_args(member)
        for event in events[get_args(kind)[0]]:
            check(event, member)
            assert event["state"] in get_args(literal)
    async with cloud.events.snapshot() as snapshot:
        check(await anext(snapshot), types.SnapshotEvent)
    (container, *_) = await containers(cloud, web)
    action = started["dockercloud_action_uri"]
    for log, type in (
        (cloud.services.logs(web, follow=False), types.ServiceLogLine),
        (cloud.containers.logs(container, follow=False), types.LogLine),
        (cloud.actions.logs(action, follow=False), types.ActionLogLine),
    ):
        async with log:
            lines = [line async for line in log]
        assert lines
        for line in lines:
            check(line, type)
    async with cloud.containers.exec(container, "echo hello") as process:
        check([frame async for frame in process], list[types.ExecFrame])
    result = await cloud.containers.run(container, "echo hello")
    check(result, types.ExecResult)


def test_types_of_events_are_those_of_the_server() -> None:
    kinds = {get_args(get_args(one)[0])[0] for one in get_args(types.ObjectEvent)}

    assert kinds == EVENT_KINDS
