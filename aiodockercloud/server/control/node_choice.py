"""The node of a new container, from the state: what ``placement`` considers.

Services that share volumes (``volumes_from``) are placed together, container by
container.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable

from ...wire import states
from ...wire.service_fields import EVERY_NODE
from ..state.errors import OperationFailed
from ..state.loads import HostPort, Load, Loads
from ..state.records import SHARED, Container, Node, Service
from ..state.state import State
from . import demands, kept_volumes, placement


def volume_owners(cloud: State, service: Service) -> list[Service]:
    """Return the services whose volumes the containers of a service share."""
    wanted = (b["volumes_from"] for b in service.definition["bindings"])
    return [cloud.services[uuid] for uuid in wanted if uuid in cloud.services]


def peers(
    cloud: State, owner: Service, ordinal: int, node: str | None = None
) -> list[Container]:
    """Return the containers of *owner* whose volumes container *ordinal* may share.

    The container with the same ordinal, or else the last one. Of a service on every
    node: all containers.

    Args:
        cloud: The state.
        owner: The service that has the volumes.
        ordinal: The number of the container that shares the volumes.
        node: Considers the containers on this node only.
    """
    everywhere = owner.definition["deployment_strategy"] == EVERY_NODE
    if not everywhere:
        same = cloud.numbered(owner, ordinal)
        if found := [c for c in same if node in (None, c.node)]:
            return found
    containers = [c for c in cloud.containers_of(owner) if node in (None, c.node)]
    return containers if everywhere else containers[-1:]


def shared_with(cloud: State, container: Container) -> list[Container]:
    """Return the containers whose volumes a container shares."""
    wanted = (b["volumes_from"] for b in container.definition["bindings"])
    return [
        peer
        for uuid in wanted
        if uuid in cloud.services
        for peer in peers(
            cloud, cloud.services[uuid], container.ordinal, container.node
        )
    ]


#: Sets of nodes that a container is bound to, each with the reason.
_Bound = list[tuple[set[str], str]]


def _by_number(cloud: State, service: Service, ordinal: int) -> _Bound:
    """Bind a container to the containers of the same number that it is connected to.

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
        if member is not service:
            for peer in cloud.numbered(member, ordinal):
                bound.append(({peer.node}, f"the volumes shared with {peer.name}"))
    return bound


def _by_volumes(cloud: State, service: Service) -> _Bound:
    """Bind a container to nodes with volumes of any number."""
    return [
        ({peer.node for peer in found}, f"the volumes of {owner.name}")
        for owner in volume_owners(cloud, service)
        if (found := cloud.containers_of(owner))
    ]


def _connected(cloud: State, service: Service) -> list[Service]:
    """Return the services that ``volumes_from`` connects, in either direction.

    A service on every node connects no others: each of its containers serves the
    containers of its node, of any number.
    """
    found, left = {service.uuid: service}, [service]
    while left:
        one = left.pop()
        if one.definition["deployment_strategy"] == EVERY_NODE:
            continue
        neighbours = [*volume_owners(cloud, one), *cloud.sharing_volumes_of(one)]
        for other in neighbours:
            everywhere = other.definition["deployment_strategy"] == EVERY_NODE
            if other.uuid not in found and not everywhere:
                found[other.uuid] = other
                left.append(other)
    return list(found.values())


class Foreseen:
    """The changes before a placement: containers to be removed, and to be created.

    Args:
        leaving: Containers that do not count, because they are about to be removed.
    """

    def __init__(self, leaving: Iterable[Container] = ()) -> None:
        self._leaving = Loads()
        #: Node uuid → how many containers of the service are about to be created.
        self.coming: Counter[str] = Counter()
        self.leave(leaving)

    def leave(self, containers: Iterable[Container]) -> None:
        """Foresee the removal of containers."""
        for container in containers:
            self._leaving.update(container)

    def load_leaving(self, node: Node) -> Load:
        """Return the load of a node by the containers that are about to be removed."""
        return self._leaving.of(node.uuid)


def candidates(
    cloud: State,
    service: Service,
    foreseen: Foreseen,
    *,
    ports: Collection[HostPort] = (),
) -> list[placement.Candidate]:
    """Return the nodes that accept containers, as placement sees the nodes.

    Args:
        cloud: The state.
        service: The service that a container is placed for.
        foreseen: The changes before the placement.
        ports: The host ports that matter.
    """
    fixed = _fixed_ports(service)
    everywhere = service.definition["deployment_strategy"] == EVERY_NODE
    found = []
    #: Ports of the ingress network, which every node publishes.
    ingress: set[HostPort] = set()
    for node in cloud.live_nodes():
        owners = (service.namespace, SHARED)
        if node.state != states.DEPLOYED or node.namespace not in owners:
            continue
        if node.unschedulable:
            continue
        load, leaving = cloud.load_of(node), foreseen.load_leaving(node)
        coming = foreseen.coming[node.uuid]
        present = load.present_of[service.uuid] - leaving.present_of[service.uuid]
        running = load.running_of[service.uuid] - leaving.running_of[service.uuid]
        ingress |= {p for p in ports if load.ingress[p] > leaving.ingress[p]}
        found.append(
            placement.Candidate(
                uuid=node.uuid,
                tags={*node.tags, *node.auto_tags},
                # The documented strategies count running containers. A stopped one
                # keeps its host ports, and its place on a node of a service on every
                # node.
                containers=load.running - leaving.running + coming,
                of_service=(present if everywhere else running) + coming,
                host_ports={p for p in ports if load.ports[p] > leaving.ports[p]}
                | (fixed if coming else set()),
                replicas=present + coming,
                attributes=node.attributes,
                free=_free(node, load, leaving, service, coming),
            )
        )
    for candidate in found:
        candidate.host_ports = {*candidate.host_ports, *ingress}
    return found


def _free(
    node: Node, load: Load, leaving: Load, service: Service, coming: int
) -> dict[str, float]:
    """Return the resources of a node that its containers have not reserved."""
    left = demands.capacity(node.cpu, node.memory, node.generic_resources)
    planned = demands.reserved(service.definition) if coming else {}
    for amounts, times in (
        (load.reserved, -1),
        (leaving.reserved, 1),
        (planned, -coming),
    ):
        for name, amount in amounts.items():
            left[name] = left.get(name, 0) + times * amount
    return left


def place(
    cloud: State,
    service: Service,
    ordinal: int,
    *,
    kept: kept_volumes.Kept | None,
    foreseen: Foreseen | None = None,
    beside: Container | None = None,
) -> Node:
    """Return the node for one more container, by the rules of ``placement``.

    Args:
        cloud: The state.
        service: The service of the container.
        ordinal: The number of the container.
        kept: Volumes for the container, which are on one node.
        foreseen: The changes before the placement.
        beside: The container that the new one replaces, and that still runs. Of a
            service on every node, both are on the same node.

    Raises:
        OperationFailed: No node fits; the text names the rule that left none.
    """
    bound = _by_number(cloud, service, ordinal)
    reused: _Bound = []
    if kept is not None:
        reused.append(({kept.node}, "the volumes to be reused"))
    # The node must also be suitable for the connected containers that do not exist yet.
    absent = [
        member
        for member in _connected(cloud, service)
        if member is service or not cloud.numbered(member, ordinal)
    ]
    due = [
        member
        for member in absent
        if member is service or ordinal <= member.definition["target_num_containers"]
    ]
    # Best with room for the connected containers that a later scaling may add; if no
    # node has the volumes of this number, then with volumes of another number.
    attempts = [
        (absent, bound),
        (due, bound),
        (due, _by_volumes(cloud, service)),
    ]
    ports = {port for member in absent for port in _fixed_ports(member)}
    found = candidates(cloud, service, foreseen or Foreseen(), ports=ports)
    if beside is not None and service.definition["deployment_strategy"] == EVERY_NODE:
        reused.append(({beside.node}, f"the container {beside.name}"))
        for node in found:
            node.of_service = 0
    refusals = []
    for members, bound_to in attempts:
        try:
            return _choose(cloud, service, found, members, [*bound_to, *reused])
        except OperationFailed as error:
            refusals.append(error)
    raise refusals[1]


def _fixed_ports(service: Service) -> set[HostPort]:
    return {
        (port["outer_port"], port["protocol"])
        for port in service.definition["container_ports"]
        if port["outer_port"] is not None
    }


def _choose(
    cloud: State,
    service: Service,
    nodes: list[placement.Candidate],
    together: list[Service],
    bound_to: _Bound,
) -> Node:
    """Return a node that suits a container of each service of *together*."""
    chosen = placement.choose(
        nodes,
        tags={tag for member in together for tag in member.definition["tags"]},
        strategy=service.definition["deployment_strategy"],
        host_ports={port for member in together for port in _fixed_ports(member)},
        bound_to=bound_to,
        demand=demands.demand(
            service.definition,
            (member.definition for member in together if member is not service),
        ),
    )
    return cloud.nodes[chosen]
