"""Volumes that outlive their container, until the next container of the same number.

A volume belongs to a service and the number of a container, not to one container. When
a container is replaced, or disappears without an order, its volumes are kept for the
next container of the same number. Only an order ends a volume: terminating the
container, scaling the service down, terminating the service, or a redeploy without
``reuse_volumes``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ...wire import states
from ..state.errors import engine_errors
from ..state.records import Container, Service
from ..state.state import State

__all__ = ["Kept", "discard", "find", "keep", "removable", "taken_over"]


class Kept(NamedTuple):
    """Volumes without a container.

    Attributes:
        node: The uuid of the node that has the volumes.
        volumes: Container path → uuid of the volume.
    """

    node: str
    volumes: dict[str, str]


def keep(cloud: State, container: Container) -> None:
    """Keep the volumes of a container that will be removed, or was lost."""
    service = cloud.services[container.service]
    if not container.volumes:
        return
    before = find(cloud, service, container.ordinal)
    same_node = before is not None and before.node == container.node
    older = before.volumes if before is not None and same_node else {}
    found = Kept(container.node, {**older, **dict(container.volumes)})
    _store(cloud, service, container.ordinal, found)


def find(cloud: State, service: Service, ordinal: int) -> Kept | None:
    """Return the volumes that wait for the next container of this number, if any.

    The volumes of a terminated node went with the node.
    """
    found = service.kept_volumes.get(str(ordinal))
    if found is None:
        return None
    node = cloud.nodes.get(found["node"])
    if node is None or node.state == states.TERMINATED:
        return None
    return Kept(found["node"], dict(found["volumes"]))


def taken_over(cloud: State, container: Container) -> None:
    """Let a container that runs own its volumes again.

    Volumes on paths that the container lacks stay for a later definition, as that of a
    rollback.
    """
    service = cloud.services[container.service]
    found = find(cloud, service, container.ordinal)
    rest: dict[str, str] = {}
    if found is not None:
        owned = {volume for _, volume in container.volumes}
        rest = {p: v for p, v in found.volumes.items() if v not in owned}
    node = found.node if found is not None else container.node
    _store(cloud, service, container.ordinal, Kept(node, rest))


def removable(cloud: State, container: Container) -> list[str]:
    """Return the volumes of a container that are not kept for the next container."""
    service = cloud.services[container.service]
    found = find(cloud, service, container.ordinal)
    waiting = set(found.volumes.values()) if found is not None else set()
    return [volume for _, volume in container.volumes if volume not in waiting]


async def discard(
    cloud: State, service: Service, which: Callable[[int], bool] = lambda _: True
) -> None:
    """Remove the kept volumes of a service.

    Args:
        cloud: The state.
        service: The service.
        which: Selects the numbers of containers; by default all numbers.

    Raises:
        OperationFailed: The engine cannot remove the volumes.
    """
    for ordinal in [int(text) for text in service.kept_volumes]:
        if not which(ordinal):
            continue
        found = find(cloud, service, ordinal)
        if found is not None and found.volumes:
            engine_id = cloud.nodes[found.node].engine_id
            with engine_errors():
                await cloud.engine.remove_volumes(
                    engine_id, list(found.volumes.values())
                )
        _store(cloud, service, ordinal, None)


def _store(cloud: State, service: Service, ordinal: int, found: Kept | None) -> None:
    entries = {k: v for k, v in service.kept_volumes.items() if k != str(ordinal)}
    if found is not None and found.volumes:
        entries[str(ordinal)] = {"node": found.node, "volumes": found.volumes}
    if entries != service.kept_volumes:
        service.kept_volumes = entries
        cloud.save(service)
