"""The routes of the server, with a real object and a body for each.

The routes come from the server's own table, in both dialects, so that a new route is
tested too. Streams are left out: each of their frames is an object of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from aiodockercloud import DockerCloud, wire
from aiodockercloud.server import Embedded, Server
from aiodockercloud.server.api.app import SERVED
from aiodockercloud.server.engines import ContainerSpec
from tests.support import endpoints
from tests.support.endpoints import NEW_CLUSTER, REPOSITORY, STUCK
from tests.support.facts import IDLE, PATIENCE
from tests.support.flows import run

Given = Callable[[DockerCloud, Server], Awaitable[Any]]
#: Kind, HTTP method, whether a key follows the kind, and the operation.
Route = tuple[str, str, bool, str]

#: Routes that answer 204; the reference documents no body for them.
WITHOUT_BODY = {
    ("repository", "DELETE", True, ""),
    ("repository", "DELETE", False, ""),
    ("account", "DELETE", True, ""),
    ("key", "DELETE", True, ""),
    ("secret", "DELETE", True, ""),
    ("config", "DELETE", True, ""),
}
#: Routes that this server refuses on purpose.
REFUSED = {("repository", "POST", True, "")}


def given(make: endpoints.Given) -> Given:
    async def made(cloud: DockerCloud, server: Server) -> Any:
        return await make(cloud)

    return made


def of_the_catalogue(kind: str, key: str) -> Given:
    return given(endpoints.entry(kind, key))


async def unreachable_node(cloud: DockerCloud, server: Server) -> Any:
    assert isinstance(server.engine, Embedded)
    node = (await cloud.nodes.list())[0]
    server.engine.lose_node(server.engine.nodes[0])
    return await cloud.nodes.wait(node, state="Unreachable", timeout=PATIENCE)


async def scaling_trigger(cloud: DockerCloud, server: Server) -> Any:
    service = await endpoints.running_service(cloud)
    return await cloud.triggers.create(service, operation="SCALEUP")


async def volume(cloud: DockerCloud, server: Server) -> Any:
    service = await run(cloud, bindings=[{"container_path": "/data"}])
    container = await cloud.containers.inspect(service["containers"][0])
    uuid = str(container["bindings"][0]["volume"]).rstrip("/").rpartition("/")[2]
    return {"resource_uri": f"/api/v1/volume/{uuid}/"}


async def volume_group(cloud: DockerCloud, server: Server) -> Any:
    service = await run(cloud, bindings=[{"container_path": "/data"}])
    return {"resource_uri": f"/api/v1/volumegroup/{service['uuid']}/"}


async def tagged_service(cloud: DockerCloud, server: Server) -> Any:
    return await cloud.services.create(image=IDLE, tags=[{"name": "red"}])


async def tagged_node(cloud: DockerCloud, server: Server) -> Any:
    node = await endpoints.deployed_node(cloud)
    return await cloud.nodes.update(node, tags=["red"])


async def tagged_cluster(cloud: DockerCloud, server: Server) -> Any:
    cluster = await endpoints.new_cluster(cloud)
    return await cloud.nodeclusters.update(cluster, tags=["red"])


async def changed_service(cloud: DockerCloud, server: Server) -> Any:
    service = await endpoints.running_service(cloud)
    await cloud.services.update(service, run_command="other")
    redeployed = await cloud.services.redeploy(service)
    await cloud.actions.wait(redeployed, timeout=PATIENCE)
    return service


#: The object of a kind in most routes.
OBJECTS: dict[str, Given] = {
    "service": given(endpoints.running_service),
    "container": given(endpoints.running_container),
    "stack": given(endpoints.running_stack),
    "trigger": given(endpoints.trigger),
    "node": given(endpoints.deployed_node),
    "nodecluster": given(endpoints.deployed_cluster),
    "provider": of_the_catalogue("provider", "aws"),
    "region": of_the_catalogue("region", endpoints.REGION),
    "az": of_the_catalogue("az", f"{endpoints.REGION}/us-east-1a"),
    "nodetype": of_the_catalogue("nodetype", endpoints.NODE_TYPE),
    "repository": given(endpoints.repository),
    "registry": given(endpoints.registry),
    "action": given(endpoints.ended_action),
    "account": given(endpoints.account),
    "key": given(endpoints.key),
    "secret": given(endpoints.secret),
    "config": given(endpoints.config),
    "volume": volume,
    "volumegroup": volume_group,
}
#: The object in the state that an operation needs.
FOR_OPERATION: dict[tuple[str, str], Given] = {
    ("service", "start"): given(endpoints.idle_service),
    ("service", "rollback"): changed_service,
    ("service", "tags/*"): tagged_service,
    ("container", "start"): given(endpoints.stopped_container),
    ("stack", "start"): given(endpoints.idle_stack),
    ("trigger", "call/*"): scaling_trigger,
    ("node", "deploy"): unreachable_node,
    ("node", "tags/*"): tagged_node,
    ("nodecluster", "deploy"): given(endpoints.new_cluster),
    ("nodecluster", "tags/*"): tagged_cluster,
    ("action", "cancel"): given(endpoints.action_in_progress),
}
#: The last part of the paths whose operation ends in ``*``.
LAST = {"tags/*": "tags/red", "call/*": "call/2"}
BODIES: dict[Route, Any] = {
    ("service", "POST", False, ""): {"image": IDLE},
    ("stack", "POST", False, ""): {"name": "other"},
    ("nodecluster", "POST", False, ""): NEW_CLUSTER,
    ("repository", "POST", False, ""): {
        "name": REPOSITORY,
        "username": "me",
        "password": "secret",
    },
    ("repository", "DELETE", False, ""): {"name": REPOSITORY},
    ("account", "POST", False, ""): {"user": "carol"},
    ("account", "PATCH", True, ""): {"namespaces": ["acme"]},
    ("key", "POST", False, ""): {"scopes": ["read"]},
    ("secret", "POST", False, ""): {"name": "token", "data": "eA=="},
    ("secret", "PATCH", True, ""): {"data": "eQ=="},
    ("config", "POST", False, ""): {"name": "site", "data": "eA=="},
    ("config", "PATCH", True, ""): {"data": "eQ=="},
    ("stack", "PATCH", True, ""): {"services": [{"name": "web", "image": IDLE}]},
    ("service", "PATCH", True, ""): {"autorestart": "ALWAYS"},
    ("node", "PATCH", True, ""): {"tags": [{"name": "red"}]},
    ("nodecluster", "PATCH", True, ""): {"target_num_nodes": 2},
    ("repository", "PATCH", True, ""): {"username": "me", "password": "other"},
    **{
        (kind, "POST", True, "tags"): [{"name": "blue"}]
        for kind in ("service", "node", "nodecluster")
    },
}


def is_stream(route: Route, dialect: wire.Dialect) -> bool:
    """Return whether a route answers something else than one JSON object."""
    kind, _, _, operation = route
    if kind == "metrics":
        return True  # Prometheus reads lines of text.
    if operation == "logs":
        return dialect is wire.DOCKER_CLOUD  # Tutum's logs are also a single text.
    # A backup is the bytes of a database.
    return kind in ("events", "backup") or operation == "exec"


ROUTES = {
    f"{dialect.name} {method} {kind}{' key' * key} {operation}".strip(): (
        dialect,
        (kind, method, key, operation),
    )
    for dialect, resources in SERVED.items()
    for kind, resource in resources.items()
    for (key, parts), handlers in resource.routes.items()
    for method in handlers
    for operation in ["/".join(parts)]
    if not is_stream((kind, method, key, operation), dialect)
    and (kind, method, key, operation) not in REFUSED
}


class Stuck(Embedded):
    """An engine on which the containers of one image never come up."""

    async def create(self, spec: ContainerSpec) -> None:
        if spec.image.startswith(f"{STUCK}:"):
            await asyncio.get_running_loop().create_future()
        await super().create(spec)


async def url_of(
    dialect: wire.Dialect, route: Route, cloud: DockerCloud, server: Server
) -> str:
    """Return the path of a route, with a real object for the key."""
    kind, _, key, operation = route
    if not key and kind != "trigger":
        if route in WITHOUT_BODY:
            await OBJECTS[kind](cloud, server)
        return wire.path(kind, dialect=dialect)
    make = FOR_OPERATION.get((kind, operation), OBJECTS[kind])
    uri = wire.respell((await make(cloud, server))["resource_uri"], dialect)
    if not key:
        service, trigger, _ = uri.partition("/trigger/")
        return service + trigger
    return uri + (LAST.get(operation, operation) + "/" if operation else "")
