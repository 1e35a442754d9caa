"""The endpoints of the reference: the client's method, and a real object for it.

``docs/coverage.rst`` is this table in words; ``python -m tests.support.endpoints``
writes it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiodockercloud import DockerCloud
from tests.support.facts import IDLE
from tests.support.flows import done

PAGE = Path(__file__).parents[2] / "docs" / "coverage.rst"

#: An image of the test's engine whose containers never come up.
STUCK = "acme/stuck"
REPOSITORY = "registry.example.com/team/app"
REGION, NODE_TYPE = "aws/us-east-1", "aws/t2.micro"

Reference = dict[str, Any]
#: Brings an object into the state that an endpoint needs.
Given = Callable[[DockerCloud], Awaitable[Any]]


async def idle_service(cloud: DockerCloud) -> Any:
    return await cloud.services.create(image=IDLE, name="web")


async def running_service(cloud: DockerCloud) -> Any:
    service = await cloud.services.start(await idle_service(cloud))
    await done(cloud, service)
    return await cloud.services.inspect(service)


async def running_container(cloud: DockerCloud) -> Any:
    service = await running_service(cloud)
    return await cloud.containers.inspect(service["containers"][0])


async def stopped_container(cloud: DockerCloud) -> Any:
    container = await cloud.containers.stop(await running_container(cloud))
    await done(cloud, container)
    return container


async def idle_stack(cloud: DockerCloud) -> Any:
    return await cloud.stacks.create(
        name="shop", services=[{"name": "web", "image": IDLE}]
    )


async def running_stack(cloud: DockerCloud) -> Any:
    stack = await cloud.stacks.start(await idle_stack(cloud))
    await done(cloud, stack)
    return stack


async def new_cluster(cloud: DockerCloud) -> Any:
    return await cloud.nodeclusters.create(
        name="farm",
        node_type=f"/api/infra/v1/nodetype/{NODE_TYPE}/",
        region=f"/api/infra/v1/region/{REGION}/",
    )


async def deployed_cluster(cloud: DockerCloud) -> Any:
    cluster = await cloud.nodeclusters.deploy(await new_cluster(cloud))
    await done(cloud, cluster)
    return await cloud.nodeclusters.inspect(cluster)


async def deployed_node(cloud: DockerCloud) -> Any:
    cluster = await deployed_cluster(cloud)
    return await cloud.nodes.inspect(cluster["nodes"][0])


async def ended_action(cloud: DockerCloud) -> Any:
    service = await cloud.services.start(await idle_service(cloud))
    action = await cloud.actions.wait(service, timeout=60)
    await done(cloud, await cloud.services.stop(service))
    return action


async def action_in_progress(cloud: DockerCloud) -> Any:
    service = await cloud.services.create(image=STUCK, name="stuck")
    service = await cloud.services.start(service)
    return await cloud.actions.inspect(service["dockercloud_action_uri"])


async def trigger(cloud: DockerCloud) -> Any:
    service = await running_service(cloud)
    return await cloud.triggers.create(service, name="deploy")


async def repository(cloud: DockerCloud) -> Any:
    return await cloud.repositories.create(
        name=REPOSITORY, username="me", password="secret"
    )


async def account(cloud: DockerCloud) -> Any:
    return await cloud.accounts.create(user="bob")


async def key(cloud: DockerCloud) -> Any:
    return await cloud.keys.create(name="ci", scopes=["read"])


async def secret(cloud: DockerCloud) -> Any:
    return await cloud.secrets.create(name="token", data="x")


async def config(cloud: DockerCloud) -> Any:
    return await cloud.configs.create(name="site", data="x")


async def registry(cloud: DockerCloud) -> Any:
    return {"resource_uri": (await repository(cloud))["registry"]}


def entry(kind: str, key: str) -> Given:
    async def of_the_catalogue(cloud: DockerCloud) -> Any:
        return {"resource_uri": f"/api/infra/v1/{kind}/{key}/"}

    return of_the_catalogue


@dataclass(frozen=True)
class Endpoint:
    """What serves one endpoint of the reference."""

    #: The client's method below ``cloud``, and its arguments.
    client: str
    given: Given | None = None
    arguments: tuple[Any, ...] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)
    #: What the server answers, as documented or seen.
    status: int = 200
    #: On Docker Swarm: "yes", or "refused: " and why.
    swarm: str = "yes"


BROUGHT = "refused: nodes are your own machines"
NOT_OURS = "refused: upgrade Docker on the node itself"
NOTHING = "refused: own machines have none"

APP, INFRA = "/api/app/v1/[optional_namespace/]", "/api/infra/v1/"
AUDIT, REPO = "/api/audit/v1/", "/api/repo/v1/[optional_namespace/]"
NAMED = f"{INFRA}[optional_namespace/]"
SERVICE, STACK = f"{APP}service/", f"{APP}stack/"
CONTAINER, TRIGGER = f"{APP}container/", f"{APP}service/(uuid)/trigger/"
NODE, CLUSTER = f"{NAMED}node/", f"{NAMED}nodecluster/"
NEW_CLUSTER = {
    "name": "farm",
    "node_type": f"/api/infra/v1/nodetype/{NODE_TYPE}/",
    "region": f"/api/infra/v1/region/{REGION}/",
}
ACCOUNT = {"username": "me", "password": "secret"}

#: Method and path as the reference has them.
ENDPOINTS: Mapping[str, Endpoint] = {
    f"GET {AUDIT}action/": Endpoint("actions.list"),
    f"GET {AUDIT}action/(uuid)/": Endpoint("actions.inspect", ended_action),
    f"GET {AUDIT}action/(uuid)/logs/": Endpoint(
        "actions.logs", ended_action, status=101
    ),
    f"POST {AUDIT}action/(uuid)/cancel/": Endpoint(
        "actions.cancel", action_in_progress, status=202
    ),
    f"POST {AUDIT}action/(uuid)/retry/": Endpoint(
        "actions.retry", ended_action, status=202
    ),
    f"GET {INFRA}provider/": Endpoint("providers.list"),
    f"GET {INFRA}provider/(name)/": Endpoint(
        "providers.inspect", entry("provider", "aws")
    ),
    f"GET {INFRA}region/": Endpoint("regions.list"),
    f"GET {INFRA}region/(provider.name)/(name)/": Endpoint(
        "regions.inspect", entry("region", REGION), swarm=NOTHING
    ),
    f"GET {INFRA}az/": Endpoint("azs.list"),
    f"GET {INFRA}az/(provider.name)/(region.name)/(name)/": Endpoint(
        "azs.inspect", entry("az", f"{REGION}/us-east-1a"), swarm=NOTHING
    ),
    f"GET {INFRA}nodetype/": Endpoint("nodetypes.list"),
    f"GET {INFRA}nodetype/(provider.name)/(name)/": Endpoint(
        "nodetypes.inspect", entry("nodetype", NODE_TYPE), swarm=NOTHING
    ),
    f"GET {CLUSTER}": Endpoint("nodeclusters.list"),
    f"POST {CLUSTER}": Endpoint(
        "nodeclusters.create", fields=NEW_CLUSTER, status=201, swarm=BROUGHT
    ),
    f"GET {CLUSTER}(uuid)/": Endpoint("nodeclusters.inspect", new_cluster),
    f"POST {CLUSTER}(uuid)/deploy/": Endpoint(
        "nodeclusters.deploy", new_cluster, status=202, swarm=BROUGHT
    ),
    f"PATCH {CLUSTER}(uuid)/": Endpoint(
        "nodeclusters.update",
        deployed_cluster,
        fields={"target_num_nodes": 2},
        status=202,
        swarm="tags only; " + BROUGHT,
    ),
    f"DELETE {CLUSTER}(uuid)/": Endpoint(
        "nodeclusters.delete", deployed_cluster, status=202, swarm=BROUGHT
    ),
    f"GET {NODE}": Endpoint("nodes.list"),
    f"GET {NODE}(uuid)/": Endpoint("nodes.inspect", deployed_node),
    f"PATCH {NODE}(uuid)/": Endpoint(
        "nodes.update", deployed_node, fields={"tags": ["fast"]}
    ),
    f"POST {NODE}(uuid)/docker-upgrade/": Endpoint(
        "nodes.upgrade_docker", deployed_node, status=202, swarm=NOT_OURS
    ),
    f"POST {NODE}(uuid)/health-check/": Endpoint(
        "nodes.health_check", deployed_node, status=202
    ),
    f"DELETE {NODE}(uuid)/": Endpoint("nodes.delete", deployed_node, status=202),
    f"GET {REPO}registry/": Endpoint("registries.list"),
    f"GET {REPO}registry/(host)/": Endpoint("registries.inspect", registry),
    f"GET {REPO}repository/": Endpoint("repositories.list"),
    f"POST {REPO}repository/": Endpoint(
        "repositories.create", fields={"name": REPOSITORY, **ACCOUNT}, status=201
    ),
    f"GET {REPO}repository/(name)/": Endpoint("repositories.inspect", repository),
    f"PATCH {REPO}repository/(name)/": Endpoint(
        "repositories.update", repository, fields=ACCOUNT
    ),
    f"DELETE {REPO}repository/(name)/": Endpoint(
        "repositories.delete", repository, status=204
    ),
    f"GET {STACK}": Endpoint("stacks.list"),
    f"POST {STACK}": Endpoint("stacks.create", fields={"name": "shop"}, status=201),
    f"GET {STACK}(uuid)/export/": Endpoint("stacks.export", idle_stack),
    f"GET {STACK}(uuid)/": Endpoint("stacks.inspect", idle_stack),
    f"PATCH {STACK}(uuid)/": Endpoint(
        "stacks.update",
        idle_stack,
        fields={"services": [{"name": "web", "image": IDLE}]},
    ),
    f"POST {STACK}(uuid)/stop/": Endpoint("stacks.stop", running_stack, status=202),
    f"POST {STACK}(uuid)/start/": Endpoint("stacks.start", idle_stack, status=202),
    f"POST {STACK}(uuid)/redeploy/": Endpoint(
        "stacks.redeploy", running_stack, status=202
    ),
    f"DELETE {STACK}(uuid)/": Endpoint("stacks.delete", running_stack, status=202),
    f"GET {SERVICE}": Endpoint("services.list"),
    f"POST {SERVICE}": Endpoint("services.create", fields={"image": IDLE}, status=201),
    f"GET {SERVICE}(uuid)/": Endpoint("services.inspect", idle_service),
    f"GET {SERVICE}(uuid)/logs/": Endpoint(
        "services.logs", running_service, status=101
    ),
    f"PATCH {SERVICE}(uuid)/": Endpoint(
        "services.update", idle_service, fields={"autorestart": "ALWAYS"}
    ),
    f"POST {SERVICE}(uuid)/start/": Endpoint(
        "services.start", idle_service, status=202
    ),
    f"POST {SERVICE}(uuid)/stop/": Endpoint(
        "services.stop", running_service, status=202
    ),
    f"POST {SERVICE}(uuid)/scale/": Endpoint(
        "services.scale", running_service, status=202
    ),
    f"POST {SERVICE}(uuid)/redeploy/": Endpoint(
        "services.redeploy", running_service, status=202
    ),
    f"DELETE {SERVICE}(uuid)/": Endpoint(
        "services.delete", running_service, status=202
    ),
    f"GET {CONTAINER}": Endpoint("containers.list"),
    f"GET {CONTAINER}(uuid)/": Endpoint("containers.inspect", running_container),
    f"GET {CONTAINER}(uuid)/logs/": Endpoint(
        "containers.logs", running_container, status=101
    ),
    f"POST {CONTAINER}(uuid)/start/": Endpoint(
        "containers.start", stopped_container, status=202
    ),
    f"POST {CONTAINER}(uuid)/stop/": Endpoint(
        "containers.stop", running_container, status=202
    ),
    f"POST {CONTAINER}(uuid)/redeploy/": Endpoint(
        "containers.redeploy", running_container, status=202
    ),
    f"DELETE {CONTAINER}(uuid)/": Endpoint(
        "containers.delete", running_container, status=202
    ),
    f"GET {CONTAINER}(uuid)/exec/": Endpoint(
        "containers.exec", running_container, ("true",), status=101
    ),
    f"GET {TRIGGER}": Endpoint("triggers.list", idle_service),
    f"POST {TRIGGER}": Endpoint("triggers.create", idle_service, status=201),
    f"GET {TRIGGER}(trigger_uuid)/": Endpoint("triggers.inspect", trigger),
    f"DELETE {TRIGGER}(trigger_uuid)/": Endpoint("triggers.delete", trigger),
    f"POST {TRIGGER}(trigger_uuid)/call/": Endpoint(
        "triggers.call", trigger, status=202
    ),
    f"GET {AUDIT}[optional_namespace/]events/": Endpoint(
        "events.subscribe", status=101
    ),
}

#: The reference's own slips: its path → the one that was served.
SLIPS = {
    "GET /api/v1/[optional_namespace/]registry/(host)/": (
        f"GET {REPO}registry/(host)/"
    ),
    f"DELETE {REPO}repository/": f"DELETE {REPO}repository/(name)/",
}

HEAD = """\
What is implemented
===================

The table lists every endpoint of the Docker Cloud API reference, the method of the
client, and whether the server answers the endpoint on the embedded engine and on Docker
Swarm.

``[ns/]`` is an optional namespace. A test calls each method on the embedded engine with
real objects and compares this page with the calls; the refusals on Docker Swarm are
tested on an engine that provisions no nodes.

.. list-table::
   :class: wide
   :header-rows: 1
   :widths: 46 20 10 24

   * - Endpoint
     - Client
     - Embedded
     - Swarm
"""


def _method(name: str) -> str:
    """Return a link to the method of a sub-API, such as ``services.list``."""
    api, _, method = name.partition(".")
    owner = getattr(DockerCloud, api)
    return f":meth:`{name} <{owner.__module__}.{owner.__qualname__}.{method}>`"


def page() -> str:
    """``docs/coverage.rst``."""
    text = HEAD
    for path, endpoint in ENDPOINTS.items():
        shown = path.replace("optional_namespace", "ns")
        text += (
            f"   * - ``{shown}``\n"
            f"     - {_method(endpoint.client)}\n"
            "     - yes\n"
            f"     - {endpoint.swarm}\n"
        )
    return text


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
