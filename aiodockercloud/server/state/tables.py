"""The changes of records, and waiting for a change.

All changes go through ``add``, ``save``, ``touch``, ``set_state`` and ``remove``, which
write to the store, publish events and wake the coroutines that wait for a change.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any, TypeVar

from ...wire import states
from ..settings import Settings
from . import records
from .hub import Hub
from .lookups import Lookups
from .records import (
    Container,
    Deployed,
    Node,
    Record,
    Repository,
    Service,
    Versioned,
)
from .store import Store

R = TypeVar("R", bound=Record)


class Tables(Lookups):
    """The tables of all records, and their changes.

    Args:
        store: The durable storage of the records.
        settings: Limits, retention and timings.
    """

    def __init__(self, store: Store, settings: Settings) -> None:
        super().__init__(store, settings)
        self.hub: Hub = Hub(history=settings.limits.event_history)
        self._waiting: dict[str, list[asyncio.Future[None]]] = defaultdict(list)
        #: Service uuid → the published health of the service, if the service has one.
        self._health: dict[str, str] = {}

    def add(self, record: Record) -> None:
        """Add a new record and publish its creation."""
        self._number += 1
        record.number = self._number
        if isinstance(record, Repository):
            # Not 1: another repository may have had the name, and its versions.
            record.version = record.number
        self.store.put(record)  # first: a record that JSON cannot contain is refused
        self._tables[record.kind][record.uuid] = record
        self._index(record)
        self._wake_waiting(record)
        if isinstance(record, Service):
            self._change_stack(record)
        self._publish(record, "create")

    def save(self, record: Record) -> None:
        """Store a change of a record without an event."""
        if isinstance(record, Versioned):
            self._count(record)
        self.store.put(record)
        if record.uuid in self._tables[record.kind]:
            self._update_indexes(record)
        self._stamp(record)
        self._wake_waiting(record)

    def _wake_waiting(self, record: Record) -> None:
        self._wake(record.uuid)
        if isinstance(record, Container):
            # A wait for a service also waits for changes of its containers.
            self._wake(record.service)
            self._follow_health(record)

    def _count(self, record: Versioned) -> None:
        """Increase the version of an object whose writable fields have changed."""
        content = record.content()
        if content == self._content.get(record.uuid):
            return
        self._content[record.uuid] = content
        record.version += 1
        if isinstance(record, Service):
            self._change_stack(record)

    def _change_stack(self, service: Service) -> None:
        """Increase the version of a service's stack: a PATCH of the stack overwrites
        the definition of the service, too."""
        if (stack := self.stack_of(service)) is not None:
            stack.version += 1
            self.save(stack)

    def touch(self, record: Record) -> None:
        """Store a change of a definition and publish an event."""
        self.save(record)
        self._publish(record, "update")

    def set_state(self, record: Record, state: str) -> None:
        """Set the state of a record, store the record and publish a changed state."""
        if record.state == state:
            self.save(record)
            return
        record.state = state
        if state == states.TERMINATED:
            if isinstance(record, Deployed):
                record.destroyed = time.time()
            if isinstance(record, Service):
                self._change_stack(record)
            if isinstance(record, Container):
                record.health = None
        self.save(record)
        self._publish(record, "delete" if state == states.TERMINATED else "update")

    def _publish(self, record: Record, action: str) -> None:
        if record.kind in records.EVENT_KINDS:
            health = self.health_of(record)
            self.hub.publish(record, action, self.parents(record), health=health)

    def _follow_health(self, container: Container) -> None:
        """Publish a change of the service's health after a change of a container."""
        known = self._health.get(container.service)
        if known is None and container.health is None:
            return
        service = self.services[container.service]
        if (health := self.health_of(service)) != known:
            if health is None:
                del self._health[service.uuid]
            else:
                self._health[service.uuid] = health
            self._publish(service, "update")

    def move(self, container: Container, node: Node) -> None:
        """Record that the engine moved a container to another node."""
        self._stamp(container)  # shows in the former node
        container.node = node.uuid
        self._update_indexes(container)
        self._stamp(container)

    def remove(self, record: Record) -> None:
        """Delete a record; the object is not readable any more."""
        self.stamps.existence(record)
        self._stamp(record)
        self.stamps.forget(record)
        self._tables[record.kind].pop(record.uuid, None)
        self._discard(record)
        self._wake(record.uuid)
        if isinstance(record, Service):
            self._health.pop(record.uuid, None)
            for trigger in self.triggers_of(record):
                self.remove(trigger)
        self.store.delete(record)

    def revert(
        self,
        kind: str,
        key: str,
        before: dict[str, Any] | None,
        after: dict[str, Any] | None,
    ) -> None:
        """Take a change of a refused request back, with an event.

        Args:
            kind: The kind of the record.
            key: The uuid of the record.
            before: The fields before the change; None for a new record.
            after: The fields after the change; None for a deleted record. Fields that
                the change left alone keep what others have written since.
        """
        record: Record | None = self._tables[kind].get(key)
        if before is None:
            if record is not None:
                self.remove(record)
                self._publish(record, "delete")
            return
        if record is None:
            self.load(kind, before)
            loaded: Record = self._tables[kind][key]
            record = loaded
            self._sort(self._tables[kind])
            self._index(loaded)
        for name, value in before.items():
            if after is not None and after.get(name) != value:
                setattr(record, name, value)
        if isinstance(record, Versioned):
            # The version goes back with the fields.
            self._content[record.uuid] = record.content()
        self.touch(record)

    def _wake(self, uuid: str) -> None:
        for waiter in self._waiting.pop(uuid, ()):
            if not waiter.done():
                waiter.set_result(None)

    async def until(self, record: Record, condition: Callable[[], bool]) -> None:
        """Return when *condition* holds, which each change of the record may cause."""
        while not condition():
            waiter = asyncio.get_running_loop().create_future()
            waiters = self._waiting[record.uuid]
            waiters.append(waiter)
            try:
                await waiter
            finally:
                # A cancelled waiter must not stay in the list.
                if waiter in waiters:
                    waiters.remove(waiter)
