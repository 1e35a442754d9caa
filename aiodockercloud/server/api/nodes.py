"""Nodes: the hosts on which containers run.

Source: Docker Cloud API reference, "Nodes".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...exceptions import NotSupported
from ...wire.scopes import READ
from ..control import names
from ..control.control_plane import ControlPlane
from ..state.records import Node
from . import catalog, fields
from .fields import Field, listing, optional_text
from .readonly import Late
from .render import date, inspected, listed, origin, refuse_terminated, serve_operations
from .resource import OPERATE, Call, Reply, Resource

FIELDS: Mapping[str, Field] = {
    "nickname": Field(optional_text),
    "tags": Field(listing(fields.tag), list),
}
READ_ONLY: Mapping[str, str] = {
    **dict.fromkeys(
        (
            *("availability_zone", "cpu", "current_num_containers"),
            *("deployed_datetime", "destroyed_datetime", "disk", "docker_execdriver"),
            *("docker_graphdriver", "external_fqdn", "last_seen", "memory"),
            *("private_ips", "public_ip", "resource_uri", "tunnel", "uuid"),
            "dockercloud_action_uri",
        ),
        "",
    ),
    "docker_version": "upgrade it with the operation docker-upgrade",
    "node_cluster": "a node stays in its cluster",
    "node_type": "create a node cluster of the type",
    "region": "create a node cluster in the region",
    "state": "change it with an operation, such as terminate",
}

resource: Resource = Resource("node")


def render(cloud: ControlPlane, node: Node) -> dict[str, Any]:
    """Return the JSON object of a node; every key is always present."""
    fqdn = names.node_dns(cloud, node)
    cluster = cloud.cluster_of(node)
    # A node that the engine provisions has the type, the disk and the zone of its
    # cluster.
    size = catalog.size(cluster.node_type) if cluster else None
    return {
        "availability_zone": catalog.zone(cluster.region, node.uuid)
        if cluster
        else None,
        "cpu": size.cpu if size else node.cpu,
        "current_num_containers": cloud.load_of(node).present_of.total(),
        "deployed_datetime": date(node.deployed),
        "destroyed_datetime": date(node.destroyed),
        "disk": cluster.disk if cluster and size else node.disk,
        "docker_execdriver": "",
        "docker_graphdriver": node.storage_driver,
        "docker_version": node.docker_version,
        "external_fqdn": fqdn,
        "last_seen": date(node.last_seen),
        "memory": size.memory if size else node.memory,
        "nickname": node.nickname or fqdn,
        "node_cluster": cluster.uri if cluster else None,
        "node_type": catalog.uri("nodetype", cluster.node_type) if cluster else None,
        "private_ips": [],
        "public_ip": node.address,
        "region": catalog.uri("region", cluster.region) if cluster else None,
        "resource_uri": node.uri,
        "state": node.state,
        "tags": [{"name": name} for name in node.tags]
        + [{"name": name, "origin": "tutum"} for name in node.auto_tags],
        "tunnel": None,
        "uuid": node.uuid,
    }


def find(call: Call) -> Node:
    """Return the node that the path names.

    Raises:
        ObjectNotFound: The caller's namespace has no such node.
    """
    node: Node = call.get("node", call.pk)
    return node


@resource.route("GET", key=False, scope=READ)
async def index(call: Call) -> Reply:
    getters = {"uuid": lambda n: n.uuid, "state": lambda n: n.state}
    return await listed(call, "node", render, getters, [*FIELDS, *READ_ONLY])


@resource.route("GET", scope=READ)
async def inspect(call: Call) -> Reply:
    return inspected(call, find(call), render)


@resource.route("PATCH", scope=OPERATE)
async def update(call: Call) -> Reply:
    """Change nickname and tags; changed tags apply to later deployments."""
    node = find(call)
    refuse_terminated(node)
    read_only = call.read_only(READ_ONLY, Late(lambda: render(call.cloud, node)))
    body = fields.read(await call.body(), FIELDS, read_only=read_only)
    if "tags" in body:
        tags = [tag for tag in body["tags"] if tag not in node.auto_tags]
        await call.cloud.engine.tag_node(node.engine_id, tags)
        node.tags = tags
    if "nickname" in body:
        node.nickname = body["nickname"] or ""
    call.cloud.touch(node)
    action = call.cloud.operations.record("update", node, origin(call))
    return Reply(render(call.cloud, node), 200, action)


def _find_provisioned(call: Call) -> Node:
    """Return the node that the path names, if the engine provisions its nodes.

    Raises:
        NotSupported: The engine runs on bring-your-own nodes.
    """
    if not call.cloud.engine.provisions:
        raise NotSupported(
            f"the {call.cloud.engine.name} engine does not provision nodes: upgrade"
            " Docker on the node itself"
        )
    return find(call)


serve_operations(
    resource, find, render, "deploy", "health-check", "terminate", scope=OPERATE
)
serve_operations(resource, _find_provisioned, render, "docker-upgrade", scope=OPERATE)
