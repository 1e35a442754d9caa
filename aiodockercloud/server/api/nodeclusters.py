"""Node clusters: nodes of one type, deployed and scaled together.

Source: Docker Cloud API reference, "Node Clusters".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ... import wire
from ...exceptions import BadRequest, NotSupported
from ...wire import states
from ...wire.scopes import READ
from ..control.control_plane import ControlPlane
from ..state.records import NodeCluster
from . import catalog, fields, versions
from .fields import Field, integer, listing, mapping, optional_text, required_text
from .render import date, inspected, listed, origin, refuse_terminated, serve_operations
from .resource import OPERATE, Call, Reply, Resource

_VPC = {"id", "subnets", "security_groups"}
_IAM = {"instance_profile_name"}


def _provider_options(place: str, value: Any) -> dict[str, Any]:
    """Return checked provider options; every key is optional.

    They are ``{"vpc": {"id", "subnets", "security_groups"}, "iam":
    {"instance_profile_name"}}``.
    """
    if value is None:
        return {}
    for part, options in mapping(place, value).items():
        allowed = {"vpc": _VPC, "iam": _IAM}.get(part)
        if allowed is None:
            raise BadRequest(f"{place}.{part}: must be vpc or iam")
        unknown = set(mapping(f"{place}.{part}", options)) - allowed
        if unknown:
            raise BadRequest(
                f"{place}.{part}.{min(unknown)}: there is no such option; options are"
                f" {', '.join(sorted(allowed))}"
            )
    return dict(value)


FIELDS: Mapping[str, Field] = {
    "name": Field(fields.name),
    "node_type": Field(required_text),
    "region": Field(required_text),
    "disk": Field(integer(1, 2000, unit=" (GB)"), 60),
    "nickname": Field(optional_text),
    "target_num_nodes": Field(integer(0, 100), 1),
    "tags": Field(listing(fields.tag), list),
    "provider_options": Field(_provider_options, dict),
}
READ_ONLY: Mapping[str, str] = {
    **dict.fromkeys(("nodes", "current_num_nodes"), "target_num_nodes"),
    **dict.fromkeys(("uuid", "resource_uri", "dockercloud_action_uri"), ""),
    **dict.fromkeys(("deployed_datetime", "destroyed_datetime"), ""),
    "state": "change it with an operation, such as deploy",
    "version": versions.READ_ONLY,
}
#: Fields of an existing cluster that cannot be changed: its nodes keep their type.
_FIXED = ("name", "node_type", "region", "disk", "provider_options")

resource: Resource = Resource("nodecluster")


def render(cloud: ControlPlane, cluster: NodeCluster) -> dict[str, Any]:
    """Return the JSON object of a node cluster; every key is always present."""
    nodes = cloud.nodes_of(cluster)
    return {
        "current_num_nodes": len(nodes),
        "deployed_datetime": date(cluster.deployed),
        "destroyed_datetime": date(cluster.destroyed),
        "disk": cluster.disk,
        "name": cluster.name,
        "nickname": cluster.nickname,
        "node_type": catalog.uri("nodetype", cluster.node_type),
        "nodes": [node.uri for node in nodes],
        "provider_options": cluster.provider_options,
        "region": catalog.uri("region", cluster.region),
        "resource_uri": cluster.uri,
        "state": cluster.state,
        "tags": [{"name": name} for name in cluster.tags],
        "target_num_nodes": cluster.target_num_nodes,
        "uuid": cluster.uuid,
        "version": cluster.version,
    }


def find(call: Call) -> NodeCluster:
    """Return the node cluster that the path names.

    Raises:
        ObjectNotFound: The caller's namespace has no such cluster.
    """
    cluster: NodeCluster = call.get("nodecluster", call.pk)
    return cluster


def _entry(kind: str, place: str, reference: str) -> catalog.Entry:
    """Return the catalogue entry that a URI or a key names.

    Raises:
        BadRequest: The catalogue has no such entry.
    """
    target = wire.split_path(reference)
    key = target.pk if target and target.kind == kind else reference
    entry = catalog.entries(kind, True).get(key)
    if entry is None:
        raise BadRequest(
            f"{place}: there is no {kind} {reference!r}; list them at {wire.path(kind)}"
        )
    return entry


@resource.route("GET", key=False, scope=READ)
async def index(call: Call) -> Reply:
    getters = {
        "uuid": lambda c: c.uuid,
        "name": lambda c: c.name,
        "state": lambda c: c.state,
    }
    return await listed(call, "nodecluster", render, getters, [*FIELDS, *READ_ONLY])


@resource.route("POST", key=False, scope=OPERATE)
async def create(call: Call) -> Reply:
    cloud = call.cloud
    _require_provisioning(call)
    read_only = call.read_only(READ_ONLY, {"state": states.INIT})
    body = fields.read(await call.body(), FIELDS, read_only=read_only)
    for name in ("name", "node_type", "region"):
        if name not in body:
            raise BadRequest(f"{name}: is missing")
    node_type = _entry("nodetype", "node_type", body["node_type"])
    region = _entry("region", "region", body["region"])
    if node_type.rendered["resource_uri"] not in region.rendered["node_types"]:
        raise BadRequest(
            f"node_type: {node_type.key} is not available in {region.key}; available"
            f" are {', '.join(region.rendered['node_types'])}"
        )
    for other in cloud.all("nodecluster", call.namespace):
        if other.name == body["name"] and other.state != states.TERMINATED:
            raise fields.duplicated_name("cluster", body["name"])
    given = {**fields.defaults(FIELDS), **body}
    cluster = NodeCluster(
        namespace=call.namespace,
        **{
            **given,
            "nickname": given["nickname"] or given["name"],
            "node_type": node_type.key,
            "region": region.key,
        },
    )
    cloud.add(cluster)
    action = cloud.operations.record("create", cluster, origin(call))
    return Reply(render(cloud, cluster), 201, action)


def _require_provisioning(call: Call) -> None:
    """Refuse a request that needs new nodes of an engine that provisions none.

    Raises:
        NotSupported: The engine runs on bring-your-own nodes.
    """
    if not call.cloud.engine.provisions:
        raise NotSupported(
            f"the {call.cloud.engine.name} engine does not provision nodes: bring your"
            " own with a token (POST /api/infra/v1/token/)"
        )


@resource.route("GET", scope=READ)
async def inspect(call: Call) -> Reply:
    return inspected(call, find(call), render)


@resource.route("PATCH", scope=OPERATE)
async def update(call: Call) -> Reply:
    """Change a cluster; a changed target scales the cluster at once.

    Changed tags are set on the cluster's nodes and apply to later deployments.
    """
    cluster, given = find(call), await call.body()
    # The engine sets the tags of nodes one by one: the updates of a cluster take turns.
    async with call.cloud.lock(cluster):
        return await _update(call, cluster, given)


async def _update(call: Call, cluster: NodeCluster, given: dict[str, Any]) -> Reply:
    cloud = call.cloud
    refuse_terminated(cluster)
    versions.check(call, cluster)
    rendered = render(cloud, cluster)
    read_only = call.read_only(READ_ONLY, rendered)
    body = fields.read(given, FIELDS, read_only=read_only)
    for name in _FIXED:
        if name in body and body[name] != rendered[name]:
            raise BadRequest(f"{name}: cannot be changed; create another cluster")
    if _scales(cluster, body):
        _require_provisioning(call)
        cloud.operations.check("scale", cluster, origin(call))
    if "tags" in body:
        await _tag_nodes(cloud, cluster, body["tags"])
        # Meanwhile, the end of a node may have changed the target.
        versions.check(call, cluster)
        cluster.tags = body["tags"]
    scales = _scales(cluster, body)
    target = body.get("target_num_nodes", cluster.target_num_nodes)
    cluster.nickname = body.get("nickname") or cluster.nickname
    cluster.target_num_nodes = target
    cloud.touch(cluster)
    if scales:
        action = cloud.operations.submit("scale", cluster, origin(call))
        return Reply(render(cloud, cluster), 202, action)
    action = cloud.operations.record("update", cluster, origin(call))
    return Reply(render(cloud, cluster), 200, action)


def _scales(cluster: NodeCluster, body: Mapping[str, Any]) -> bool:
    target = body.get("target_num_nodes", cluster.target_num_nodes)
    return target != cluster.target_num_nodes and cluster.state != states.INIT


async def _tag_nodes(
    cloud: ControlPlane, cluster: NodeCluster, tags: Sequence[str]
) -> None:
    """Replace the tags that the cluster's nodes have from their cluster."""
    for node in cloud.nodes_of(cluster):
        kept = [tag for tag in node.tags if tag not in cluster.tags]
        node_tags = list(dict.fromkeys([*kept, *tags]))
        await cloud.engine.tag_node(node.engine_id, node_tags)
        node.tags = node_tags
        cloud.touch(node)


def _find_provisioned(call: Call) -> NodeCluster:
    """Return the node cluster that the path names, if the engine provisions nodes."""
    _require_provisioning(call)
    return find(call)


serve_operations(
    resource,
    _find_provisioned,
    render,
    *("deploy", "docker-upgrade", "terminate"),
    scope=OPERATE,
)
