"""The operations of nodes, of the catalogue, of actions and of events."""

from __future__ import annotations

from .... import types
from . import frames
from .operation import (
    LOG,
    OLD_VERSION,
    VERSION,
    Operation,
    Rows,
    actions,
    inspection,
    listing,
)
from .own import NewToken

__all__ = ["rows"]


def rows() -> Rows:
    """Yield the rows of the table."""
    yield from _nodes()
    yield from _catalog()
    yield from _actions()


def _nodes() -> Rows:
    node, cluster = types.Node, types.NodeCluster
    yield from listing("node", "nodes", node, types.NodeFilters)
    yield from inspection("node/{uuid}", "node", node)
    yield (
        "PATCH node/{uuid}",
        Operation(
            id="update_node",
            summary="Change the nickname and the tags of a node.",
            description="Changed tags apply to later deployments.",
            answers={200: node},
            body=types.NodeFields,
            example={"tags": ["web"]},
            acts=True,
        ),
    )
    yield from actions(
        *("node", node),
        ("deploy", "Deploy a node again."),
        ("health-check", "Check whether a node answers."),
        ("docker-upgrade", "Upgrade Docker on a node."),
        ("terminate", "Terminate a node."),
        errors=(501,),
    )
    filters = types.NodeClusterFilters
    yield from listing("nodecluster", "node clusters", cluster, filters)
    yield (
        "POST nodecluster",
        Operation(
            id="create_node_cluster",
            summary="Create a node cluster, which is not deployed.",
            answers={201: cluster},
            body=types.NodeClusterFields,
            example={
                "name": "farm",
                "node_type": "/api/infra/v1/nodetype/aws/t2.micro/",
                "region": "/api/infra/v1/region/aws/us-east-1/",
                "target_num_nodes": 2,
            },
            errors=(409, 501),
            acts=True,
        ),
    )
    yield from inspection("nodecluster/{uuid}", "node cluster", cluster)
    yield (
        "PATCH nodecluster/{uuid}",
        Operation(
            id="update_node_cluster",
            summary="Change a node cluster; a new target scales a deployed cluster.",
            description="Status 202 means that the cluster scales.",
            answers={200: cluster, 202: cluster},
            body=types.NodeClusterChanges,
            example={"target_num_nodes": 3},
            parameters=VERSION,
            errors=(*OLD_VERSION, 501),
            acts=True,
        ),
    )
    yield from actions(
        *("nodecluster", cluster),
        ("deploy", "Deploy the nodes of a cluster."),
        ("docker-upgrade", "Upgrade Docker on the nodes of a cluster."),
        ("terminate", "Terminate a cluster with its nodes."),
        parameters=VERSION,
        errors=(*OLD_VERSION, 501),
    )


def _catalog() -> Rows:
    for kind, path, noun, plural, of, filters in (
        (
            *("provider", "{provider}", "provider", "providers"),
            *(types.Provider, types.ProviderFilters),
        ),
        (
            *("region", "{provider}/{region}", "region", "regions"),
            *(types.Region, types.RegionFilters),
        ),
        (
            *("az", "{provider}/{region}/{zone}", "availability zone"),
            *("availability zones", types.AvailabilityZone),
            types.AvailabilityZoneFilters,
        ),
        (
            *("nodetype", "{provider}/{type}", "node type", "node types"),
            *(types.NodeType, types.NodeTypeFilters),
        ),
        (
            *("registry", "{host}", "registry", "registries"),
            *(types.Registry, types.RegistryFilters),
        ),
    ):
        yield from listing(kind, plural, of, filters)
        yield from inspection(f"{kind}/{path}", noun, of)
    yield from listing("tag", "tags", types.Tag)
    yield (
        "POST token",
        Operation(
            id="create_token",
            summary="Create a token with which a node joins.",
            answers={201: NewToken},
        ),
    )


def _actions() -> Rows:
    action = types.Action
    yield from listing("action", "actions", action, types.ActionFilters)
    yield from inspection("action/{uuid}", "action", action)
    yield from actions(
        *("action", action),
        ("cancel", "Cancel an action that is pending or in progress."),
        ("retry", "Start the operation of an ended action again, as a new action."),
    )
    yield (
        "GET action/{uuid}/logs",
        Operation(
            id="stream_action_logs",
            summary="Stream the log of an action.",
            answers={},
            parameters=LOG,
            stream=frames.ACTION_LOG,
        ),
    )
    yield (
        "GET events",
        Operation(
            id="stream_events",
            summary="Stream the changes of all objects from now on.",
            answers={},
            parameters=("type", "object", "parent", "parents", "position"),
            stream=frames.EVENTS,
        ),
    )
