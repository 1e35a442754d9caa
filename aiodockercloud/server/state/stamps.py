"""Stamps: whether anything that an object is rendered from has changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .records import Container, Node, NodeCluster, Record, Service, Stack

__all__ = ["Stamps"]


class Stamps:
    """The number of the last change that can show in each object.

    All changes have one sequence of numbers: the larger of two numbers is the later
    change. An object is rendered from itself and its parts, and from what all objects
    share: the nodes, the stacks that exist, and the services that a link or
    ``volumes_from`` ties together.
    """

    def __init__(self) -> None:
        #: The number of the last change of any record.
        self.number: int = 0
        #: Uuid → the number of the last change of the object or of one of its parts.
        self._own: dict[str, int] = {}
        #: Service uuid → the number of the last change of one of its containers.
        self._parts: dict[str, int] = {}
        #: The number of the last change that can show in any object.
        self._common = 0
        #: The services that name another service or are named by one, also formerly.
        self._tied: set[str] = set()

    def of(self, record: Record) -> int:
        """Return the stamp of an object: two renderings with one stamp are equal.

        A container has the stamp of its service.
        """
        key = record.service if isinstance(record, Container) else record.uuid
        return max(self._own.get(key, 0), self._common)

    def of_parts(self, record: Record) -> int:
        """Return the stamp of what an object is rendered from beside its own record.

        Only services have such a stamp: a change of the service's own record leaves
        the stamp as it is, unless the service is tied to another service.
        """
        return max(self._parts.get(record.uuid, 0), self._common)

    def changed(self, record: Record, service: Service | None = None) -> None:
        """Count a change of a record.

        Args:
            record: The record.
            service: The service of a container.
        """
        self.number += 1
        self._own[record.uuid] = self.number
        if isinstance(record, Node | NodeCluster):
            self._common = self.number
        elif isinstance(record, Container):
            self._own[record.service] = self._own[record.node] = self.number
            self._parts[record.service] = self.number
        elif isinstance(record, Service):
            service = record
        if service is not None and service.stack is not None:
            self._own[service.stack] = self.number
        if isinstance(record, Service | Container):
            self._tie(record)

    def existence(self, record: Record) -> None:
        """Count the addition or the removal of a record."""
        if isinstance(record, Stack):
            # The stack is part of the names and the keys of its services.
            self.number += 1
            self._common = self.number

    def forget(self, record: Record) -> None:
        """Forget an object that is not readable any more."""
        self._own.pop(record.uuid, None)
        self._parts.pop(record.uuid, None)
        self._tied.discard(record.uuid)

    def _tie(self, record: Service | Container) -> None:
        uuid = record.service if isinstance(record, Container) else record.uuid
        if named := [*_named(record.definition)]:
            self._tied.update(named, [uuid])
        if uuid in self._tied:
            self._common = self.number


def _named(definition: Mapping[str, Any]) -> Iterator[str]:
    """Yield the services that a definition names."""
    for link in definition["linked_to_service"]:
        yield link["to_service"]
    for binding in definition["bindings"]:
        if owner := binding["volumes_from"]:
            yield owner
