"""What our server shows has every key of the reference's examples, with its JSON type.

The objects are as rich as those of the examples: all fields set, linked, in a stack.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from typing import Any

import pytest

from aiodockercloud import DockerCloud
from aiodockercloud.server import Embedded
from tests.support.facts import PATIENCE, SHARED, SHELL
from tests.support.flows import done

EXAMPLES = SHARED / "reference" / "examples"
if not EXAMPLES.is_dir():
    pytest.skip("the examples of the reference are not here", allow_module_level=True)

#: Where what we show has another type than the example, and why.
EXCEPTIONS: dict[str, str] = {
    "node.tunnel": "null: machines are reached without a tunnel",
}

#: Objects whose keys are made of the user's names.
MAPPINGS = frozenset({"labels", "link_variables", "endpoints"})


@pytest.fixture
def engine() -> Embedded:
    return Embedded()


def kind(value: Any) -> str:
    """The JSON type of a value."""
    if isinstance(value, bool):
        return "boolean"
    names = {
        dict: "object",
        list: "array",
        str: "string",
        int: "number",
        float: "number",
        type(None): "null",
    }
    return names[type(value)]


def differences(place: str, example: Any, shown: Any) -> list[str]:
    """Keys that are missing and values of another type, each with its place."""
    if example is None:
        return []  # not set in the example: any type will do
    if kind(example) != kind(shown):
        return [f"{place}: {kind(shown)}, not {kind(example)}"]
    if isinstance(example, dict):
        if place.rpartition(".")[2] in MAPPINGS:
            values = {kind(value) for value in shown.values()} or {"string"}
            return [] if values == {"string"} else [f"{place}: values are {values}"]
        found = [f"{place}.{key}: missing" for key in example if key not in shown]
        for key in example.keys() & shown.keys():
            found += differences(f"{place}.{key}", example[key], shown[key])
        return sorted(found)
    if isinstance(example, list) and example:
        if not shown:
            return [f"{place}: empty, so nothing to compare"]
        # The example's elements are of one shape; null where something is not set.
        return min(
            (differences(f"{place}[]", one, shown[0]) for one in example), key=len
        )
    return []


DB = {
    "name": "db",
    "image": SHELL,
    "run_command": "sleep 3600",
    "container_ports": [{"inner_port": 3306}],
    "container_envvars": [{"key": "MYSQL_PASS", "value": "**Random**"}],
    "bindings": [{"container_path": "/data"}],
    "tags": ["tag_one"],
}
WEB = {
    "name": "web",
    "image": SHELL,
    "run_command": 'sh -c "echo ready; sleep 3600"',
    "entrypoint": "",
    "nickname": "wordpress-stackable",
    "target_num_containers": 2,
    "container_ports": [
        {"protocol": "tcp", "inner_port": 80, "published": True},
    ],
    "container_envvars": [{"key": "DB_PASS", "value": "test"}],
    "linked_to_service": [{"to_service": "db", "name": "DB"}],
    "bindings": [
        {"container_path": "/tmp"},
        {"host_path": "/etc", "container_path": "/etc"},
        {"volumes_from": "db"},
    ],
    "labels": {"com.example.description": "Accounting webapp"},
    "autorestart": "ON_FAILURE",
    "roles": ["global"],
    "tags": ["tag_one"],
    "cpu_shares": 100,
    "cpuset": "0,1",
    "memory": 2048,
    "memory_swap": 8192,
    "cgroup_parent": "m-executor-abcd",
    "cap_add": ["ALL"],
    "cap_drop": ["NET_ADMIN", "SYS_ADMIN"],
    "devices": ["/dev/ttyUSB0:/dev/ttyUSB0"],
    "dns": ["8.8.8.8"],
    "dns_search": ["example.com"],
    "extra_hosts": ["onehost:50.31.209.229"],
    "security_opt": ["label:user:USER"],
    "domainname": "domainname",
    "hostname": "hostname",
    "mac_address": "02:42:ac:11:65:43",
    "read_only": True,
    "user": "root",
    "working_dir": "/app",
}
CLUSTER: dict[str, Any] = {
    "name": "TestCluster",
    "node_type": "/api/infra/v1/nodetype/aws/t2.micro/",
    "region": "/api/infra/v1/region/aws/us-east-1/",
    "disk": 60,
    "nickname": "my test cluster",
    "tags": ["tag_one"],
    "provider_options": {
        "vpc": {"id": "vpc-1", "subnets": ["subnet-1"], "security_groups": ["sg-1"]},
        "iam": {"instance_profile_name": "my_instance_profile"},
    },
}


async def first(stream: Any) -> Any:
    async with stream as frames:
        return await anext(frames)


class World:
    """Return objects with many fields, as a client receives the objects."""

    def __init__(self, cloud: DockerCloud) -> None:
        self.shown: dict[str, Any] = {}
        self._cloud = cloud

    async def build(self) -> None:
        cloud, shown = self._cloud, self.shown
        async with AsyncExitStack() as stack:
            events = await stack.enter_async_context(
                cloud.events.subscribe(type="action")
            )
            cluster = await cloud.nodeclusters.create(**CLUSTER)
            await done(cloud, await cloud.nodeclusters.deploy(cluster))
            shop = await cloud.stacks.create(name="shop", services=[DB, WEB])
            await done(cloud, await cloud.stacks.start(shop))
            shown["docker-cloud-event"] = await anext(events)
        shown["node-cluster"] = await cloud.nodeclusters.inspect(cluster)
        shown["node"] = await cloud.nodes.inspect(shown["node-cluster"]["nodes"][0])
        shown["stack"] = await cloud.stacks.inspect(shop)
        web = await cloud.services.find("web.shop")
        shown["service"] = {**web, "container_ports": await self._fixed_port()}
        shown["container"] = await cloud.containers.inspect(web["containers"][0])
        shown["service-triggers"] = await cloud.triggers.create(web, name="deploy")
        shown["action"] = (await cloud.actions.list())[0]
        repository = await cloud.repositories.create(
            name="my.registry.com/myrepo", username="me", password="secret"
        )
        shown["external-repository"] = repository
        shown["registry"] = await cloud.registries.inspect("registry-1.docker.io")
        shown["provider"] = await cloud.providers.inspect("digitalocean")
        shown["region"] = await cloud.regions.inspect("digitalocean/ams2")
        shown["node-type"] = await cloud.nodetypes.inspect("digitalocean/1gb")
        shown["availability-zone"] = await cloud.azs.inspect(
            "aws/ap-northeast-1/ap-northeast-1a"
        )
        started = next(
            a for a in await cloud.actions.list() if a["action"] == "Stack Start"
        )
        shown["get-the-logs-of-an-action"] = await first(cloud.actions.logs(started))
        shown["get-the-logs-of-a-service"] = await first(cloud.services.logs(web))
        shown["get-the-logs-of-a-container"] = await first(
            cloud.containers.logs(web["containers"][0])
        )

    async def _fixed_port(self) -> Any:
        """Only a fixed host port gives a service an endpoint; never started."""
        service = await self._cloud.services.create(
            image=SHELL,
            name="fixed",
            container_ports=[{"inner_port": 80, "outer_port": 80}],
        )
        return service["container_ports"]


@pytest.fixture
async def world(live: DockerCloud) -> World:
    world = World(live)
    async with asyncio.timeout(PATIENCE):
        await world.build()
    return world


async def test_every_example_is_matched_by_what_our_server_shows(
    world: World, live: DockerCloud
) -> None:
    found: list[str] = []
    for path in sorted(EXAMPLES.glob("*.json")):
        example = json.loads(path.read_text(encoding="utf-8"))
        if path.stem == "listen-to-new-docker-cloud-events":
            continue  # {"error": "…"}: the test below
        found += differences(path.stem, example, world.shown.pop(path.stem))

    assert {text.partition(":")[0] for text in found} == set(EXCEPTIONS), found
    assert not world.shown, "objects that no example is about"


async def test_error_example_is_matched_by_our_errors(raw: Any) -> None:
    name = "listen-to-new-docker-cloud-events.json"
    example = json.loads((EXAMPLES / name).read_text(encoding="utf-8"))

    answer = await raw("GET", "/api/audit/v1/events/", auth=None)

    assert answer.status == 401
    assert differences("error", example, answer.json()) == []
    assert set(answer.json()) == set(example)
