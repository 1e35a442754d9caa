"""The relations between records that indexes keep: the keys of each record.

A relation is a function of one record alone, so a change of a record changes the keys
of this record only.
"""

from __future__ import annotations

from ...wire import states
from ...wire.images import ImageName
from ...wire.service_fields import JOB
from .records import (
    Action,
    Container,
    Node,
    NodeCluster,
    Record,
    Repository,
    Service,
    Stack,
    StoredFile,
    Trigger,
)

Key = tuple[str | None, ...]

#: In place of the health, for the state of a job that has ended as it should.
ENDED = "ended"
#: The kinds of records that have ``names``.
NAMED = frozenset({"service", "container", "stack", "nodecluster"})
#: The kinds of records that have ``keys``.
LOOKED_UP = frozenset({"service", "stack", "secret", "config", "repository"})


def owners(record: Record) -> tuple[Key, ...]:
    """Return the objects that a record is a part of, which never change."""
    owner: tuple[str | None, ...] = ()
    if isinstance(record, Service):
        owner = (record.stack,)
    elif isinstance(record, Container):
        owner = (record.service,)
    elif isinstance(record, Node):
        owner = (record.cluster,)
    elif isinstance(record, Trigger):
        owner = (record.service, record.container)
    elif isinstance(record, Action):
        owner = (record.object,)
    return tuple((record.kind, uuid) for uuid in owner if uuid)


def names(record: Record) -> tuple[Key, ...]:
    """Return the name under which a record is listed, which never changes."""
    if isinstance(record, Service | Container | Stack | NodeCluster):
        return ((record.kind, record.namespace, record.name),)
    return ()


def places(container: Container) -> tuple[str | tuple[str, str], ...]:
    """Return the service and the node of a container that is not terminated.

    With a known digest of the image, also the service with the deployment.
    """
    if container.state == states.TERMINATED:
        return ()
    if container.image_digest:
        deployment = container.service, container.deployment
        return container.service, container.node, deployment
    return container.service, container.node


def by_ordinal(container: Container) -> tuple[int, int]:
    """Return the place of a container in the list of its service."""
    return container.ordinal, container.number


def states_of_parts(record: Record) -> tuple[tuple[str, tuple[str, str | None]], ...]:
    """Return what the state of an owner is derived from, if a record has an owner."""
    if record.state == states.TERMINATED:
        return ()
    if isinstance(record, Container):
        return ((record.service, (record.state, record.health)),)
    if isinstance(record, Node) and record.cluster:
        return ((record.cluster, (record.state, None)),)
    if isinstance(record, Service) and record.stack:
        ended = record.definition.get("mode") == JOB and record.state == states.STOPPED
        return ((record.stack, (record.state, ENDED if ended else None)),)
    return ()


def keys(record: Record) -> frozenset[Key]:
    """Return the keys under which a record is looked up."""
    if record.state == states.TERMINATED:
        return frozenset()
    if isinstance(record, Repository):
        # A repository's name with a tag names no image of a service.
        name = str(ImageName.parse(record.name).familiar())
        return frozenset({registered(record.namespace, name)})
    if isinstance(record, Stack | StoredFile):
        return frozenset({has_name(record.kind, record.namespace, None, record.name)})
    if not isinstance(record, Service):
        return frozenset()
    definition = record.definition
    return frozenset(
        {
            has_name("service", record.namespace, record.stack, record.name),
            *(
                links_to(one["to_service"])
                for one in definition.get("linked_to_service", ())
            ),
            *(
                shares_volumes_of(one["volumes_from"])
                for one in definition.get("bindings", ())
                if one["volumes_from"]
            ),
        }
    )


def has_name(kind: str, namespace: str, stack: str | None, name: str) -> Key:
    """Return the key of the objects with a name."""
    return kind, namespace, stack, name


def registered(namespace: str, repository: str) -> Key:
    """Return the key of the credentials for a repository of images."""
    return "repository", namespace, repository


def links_to(service: str) -> Key:
    """Return the key of the services with a link to a service."""
    return "link", service


def shares_volumes_of(service: str) -> Key:
    """Return the key of the services that name a service in ``volumes_from``."""
    return "volumes", service
