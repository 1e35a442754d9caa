"""The choice of a container's node: tags, constraints, resources, ports, strategies.

A pure function; engines receive the result.
Source: Docker Cloud API reference, "Deployment strategies" and "Tags".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ...wire.service_fields import EMPTIEST_NODE, EVERY_NODE, HIGH_AVAILABILITY
from ..state.errors import OperationFailed
from .demands import NO_DEMAND, Demand


@dataclass(slots=True)
class Candidate:
    """The properties of a node that placement considers."""

    uuid: str
    tags: Collection[str]
    #: The number of running containers.
    containers: int = 0
    #: The number of running containers of the service to place. Of a service on every
    #: node, stopped containers count as well.
    of_service: int = 0
    #: Host ports in use, as (port, protocol).
    host_ports: Collection[tuple[int, str]] = field(default_factory=frozenset)
    #: The containers of the service to place, running or not.
    replicas: int = 0
    #: What constraints compare, such as ``node.labels.zone``.
    attributes: Mapping[str, str] = field(default_factory=dict)
    #: Resource → the amount that running containers have not reserved.
    free: Mapping[str, float] = field(default_factory=dict)


def matching(
    nodes: Iterable[Candidate], tags: Collection[str], demand: Demand = NO_DEMAND
) -> list[Candidate]:
    """Return the nodes that have all of *tags* and meet the constraints."""
    return [
        node
        for node in nodes
        if set(tags) <= set(node.tags) and not demand.unmet(node.attributes)
    ]


def choose(
    nodes: Sequence[Candidate],
    *,
    tags: Collection[str] = (),
    strategy: str = EMPTIEST_NODE,
    host_ports: Collection[tuple[int, str]] = (),
    bound_to: Iterable[tuple[Collection[str], str]] = (),
    demand: Demand = NO_DEMAND,
) -> str:
    """Return the uuid of the node for one more container.

    Args:
        nodes: The available nodes in the order of creation, which breaks ties.
        tags: The tags that the node must have.
        strategy: EVERY_NODE chooses a node without a container of the service.
        host_ports: The fixed host ports; only one container of a node can have each.
        bound_to: Sets of nodes (uuids) that the node must be in, each with the reason:
            volumes to share or to reuse.
        demand: The resources and the attributes that the node must have.

    Raises:
        OperationFailed: No node is suitable; the text names the rule that excluded the
            last nodes.
    """
    if not nodes:
        raise OperationFailed("there is no node that containers could be deployed to")
    left = matching(nodes, tags)
    if not left:
        raise OperationFailed(f"no node has all of the tags {', '.join(sorted(tags))}")
    left = _with_attributes(left, demand)
    for uuids, why in bound_to:
        left = [node for node in left if node.uuid in uuids]
        if not left:
            raise OperationFailed(f"no node is left that has {why}")
    if strategy == EVERY_NODE:
        left = [node for node in left if not node.of_service]
        if not left:
            raise OperationFailed("every matching node has a container of this service")
    left = _with_room(left, demand)
    wanted = set(host_ports)
    free = [node for node in left if wanted.isdisjoint(node.host_ports)]
    if not free:
        taken = sorted(wanted & {port for node in left for port in node.host_ports})
        ports = ", ".join(f"{port}/{protocol}" for port, protocol in taken)
        raise OperationFailed(
            f"port is already allocated on every matching node: {ports}"
        )
    spread = _spread(nodes, demand.spread)
    if strategy == HIGH_AVAILABILITY:
        return min(
            free, key=lambda node: (*spread(node), node.of_service, node.containers)
        ).uuid
    return min(free, key=lambda node: (*spread(node), node.containers)).uuid


def _with_attributes(nodes: list[Candidate], demand: Demand) -> list[Candidate]:
    """Return the nodes that meet all constraints."""
    unmet = [demand.unmet(node.attributes) for node in nodes]
    left = [node for node, why in zip(nodes, unmet, strict=True) if not why]
    if not left:
        raise OperationFailed(
            "no node meets the constraints of placement:"
            f" {', '.join(dict.fromkeys(unmet))}"
        )
    return left


def _with_room(nodes: list[Candidate], demand: Demand) -> list[Candidate]:
    """Return the nodes with enough resources, and with room for one more container."""
    most = demand.most_per_node
    left = [node for node in nodes if most is None or node.replicas < most]
    if not left:
        raise OperationFailed(
            f"every matching node has {most} of max_replicas_per_node containers"
        )
    lacking = [demand.lacking(node.free) for node in left]
    roomy = [node for node, why in zip(left, lacking, strict=True) if not why]
    if not roomy:
        raise OperationFailed(
            f"no matching node has {' or '.join(dict.fromkeys(lacking))} left to"
            " reserve"
        )
    return roomy


def _spread(
    nodes: Iterable[Candidate], attributes: Sequence[str]
) -> Callable[[Candidate], tuple[int, ...]]:
    """Return a function that counts the containers of the service beside a node.

    Each number is of the nodes with the same value of one attribute, and of all
    attributes before.
    """
    if not attributes:
        return lambda _: ()
    counts: Counter[tuple[str, ...]] = Counter()

    def groups(node: Candidate) -> list[tuple[str, ...]]:
        values = [node.attributes.get(name, "") for name in attributes]
        return [tuple(values[:depth]) for depth in range(1, len(values) + 1)]

    for node in nodes:
        for group in groups(node):
            counts[group] += node.of_service
    return lambda node: tuple(counts[group] for group in groups(node))
