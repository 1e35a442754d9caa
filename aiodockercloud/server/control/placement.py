"""The choice of a container's node: tags, host ports, shared volumes, strategies.

A pure function; engines receive the result.
Source: Docker Cloud API reference, "Deployment strategies" and "Tags".
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from ...wire.service_fields import EMPTIEST_NODE, EVERY_NODE, HIGH_AVAILABILITY
from ..state.errors import OperationFailed


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


def matching(nodes: Iterable[Candidate], tags: Collection[str]) -> list[Candidate]:
    """Return the nodes that have all of *tags*."""
    return [node for node in nodes if set(tags) <= set(node.tags)]


def choose(
    nodes: Sequence[Candidate],
    *,
    tags: Collection[str] = (),
    strategy: str = EMPTIEST_NODE,
    host_ports: Collection[tuple[int, str]] = (),
    bound_to: Iterable[tuple[Collection[str], str]] = (),
) -> str:
    """Return the uuid of the node for one more container.

    Args:
        nodes: The available nodes in the order of creation, which breaks ties.
        tags: The tags that the node must have.
        strategy: EVERY_NODE chooses a node without a container of the service.
        host_ports: The fixed host ports; only one container of a node can have each.
        bound_to: Sets of nodes (uuids) that the node must be in, each with the reason:
            volumes to share or to reuse.

    Raises:
        OperationFailed: No node is suitable; the text names the rule that excluded the
            last nodes.
    """
    if not nodes:
        raise OperationFailed("there is no node that containers could be deployed to")
    left = matching(nodes, tags)
    if not left:
        raise OperationFailed(f"no node has all of the tags {', '.join(sorted(tags))}")
    for uuids, why in bound_to:
        left = [node for node in left if node.uuid in uuids]
        if not left:
            raise OperationFailed(f"no node is left that has {why}")
    if strategy == EVERY_NODE:
        left = [node for node in left if not node.of_service]
        if not left:
            raise OperationFailed("every matching node has a container of this service")
    wanted = set(host_ports)
    free = [node for node in left if wanted.isdisjoint(node.host_ports)]
    if not free:
        taken = sorted(wanted & {port for node in left for port in node.host_ports})
        ports = ", ".join(f"{port}/{protocol}" for port, protocol in taken)
        raise OperationFailed(
            f"port is already allocated on every matching node: {ports}"
        )
    if strategy == HIGH_AVAILABILITY:
        return min(free, key=lambda node: (node.of_service, node.containers)).uuid
    return min(free, key=lambda node: node.containers).uuid
