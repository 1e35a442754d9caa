"""The node of a new container, from the state: what ``placement`` considers.

Services that share volumes (``volumes_from``) are placed together, container by
container.
"""

from __future__ import annotations

from ...wire import states
from ...wire.service_fields import EVERY_NODE
from ..state.records import SHARED, Container, Node, Service
from ..state.state import State
from . import kept_volumes, placement


def volume_owners(cloud: State, service: Service) -> list[Service]:
    """Return the services whose volumes the containers of a service share."""
    wanted = (b["volumes_from"] for b in service.definition["bindings"])
    return [cloud.services[uuid] for uuid in wanted if uuid in cloud.services]


def peers(
    cloud: State, owner: Service, ordinal: int, node: str | None = None
) -> list[Container]:
    """Return the containers of *owner* whose volumes container *ordinal* may share.

    The container with the same ordinal, or else the last one. Of a service on every
    node: all containers, or those on *node*.
    """
    containers = cloud.containers_of(owner)
    if owner.definition["deployment_strategy"] == EVERY_NODE:
        return [c for c in containers if node in (None, c.node)]
    return [c for c in containers if c.ordinal == ordinal] or containers[-1:]


def _bound_to(
    cloud: State, service: Service, ordinal: int
) -> list[tuple[set[str], str]]:
    """Return sets of nodes that a container's shared volumes require, with the reasons.

    The containers with one ordinal of all services that ``volumes_from`` connects are
    placed together: a service that shares the volumes of two other services could not
    be placed if these were on different nodes.
    """
    bound = [
        ({peer.node for peer in found}, f"the volumes of {owner.name}")
        for owner in volume_owners(cloud, service)
        if (found := peers(cloud, owner, ordinal))
    ]
    for member in _connected(cloud, service):
        for peer in cloud.containers_of(member):
            if peer.ordinal == ordinal and member is not service:
                bound.append(({peer.node}, f"the volumes shared with {peer.name}"))
    return bound


def _connected(cloud: State, service: Service) -> list[Service]:
    """Return the services that ``volumes_from`` connects, in either direction."""
    found, left = {service.uuid: service}, [service]
    while left:
        one = left.pop()
        neighbours = [*volume_owners(cloud, one), *cloud.sharing_volumes_of(one)]
        for other in neighbours:
            everywhere = other.definition["deployment_strategy"] == EVERY_NODE
            if other.uuid not in found and not everywhere:
                found[other.uuid] = other
                left.append(other)
    return list(found.values())


def candidates(
    cloud: State, service: Service, *, without: Container | None = None
) -> list[placement.Candidate]:
    """Return the nodes that accept containers, as placement sees the nodes.

    Args:
        cloud: The state.
        service: The service that a container is placed for.
        without: A container that does not count, because it is about to be removed.
    """
    found = []
    for node in cloud.live_nodes():
        owners = (service.namespace, SHARED)
        if node.state != states.DEPLOYED or node.namespace not in owners:
            continue
        if node.unschedulable:
            continue
        present = [c for c in cloud.containers_on(node) if c is not without]
        found.append(
            placement.Candidate(
                uuid=node.uuid,
                tags={*node.tags, *node.auto_tags},
                containers=len(present),
                of_service=sum(c.service == service.uuid for c in present),
                host_ports={
                    (outer, protocol)
                    for c in present
                    for _, protocol, published, outer in c.ports
                    if published and outer is not None
                },
            )
        )
    return found


def place(
    cloud: State,
    service: Service,
    ordinal: int,
    *,
    kept: kept_volumes.Kept | None,
    without: Container | None = None,
) -> Node:
    """Return the node for one more container, by the rules of ``placement``.

    Args:
        cloud: The state.
        service: The service of the container.
        ordinal: The number of the container.
        kept: Volumes for the container, which are on one node.
        without: A container that does not count, because it is about to be removed.

    Raises:
        OperationFailed: No node fits; the text names the rule that left none.
    """
    bound = _bound_to(cloud, service, ordinal)
    if kept is not None:
        bound.append(({kept.node}, "the volumes to be reused"))
    # The node must also be suitable for the connected containers that do not exist yet.
    together = [
        member
        for member in _connected(cloud, service)
        if member is service
        or (
            ordinal <= member.definition["target_num_containers"]
            and all(c.ordinal != ordinal for c in cloud.containers_of(member))
        )
    ]
    chosen = placement.choose(
        candidates(cloud, service, without=without),
        tags={tag for member in together for tag in member.definition["tags"]},
        strategy=service.definition["deployment_strategy"],
        host_ports={
            (port["outer_port"], port["protocol"])
            for member in together
            for port in member.definition["container_ports"]
            if port["outer_port"] is not None
        },
        bound_to=bound,
    )
    return cloud.nodes[chosen]
