"""Events for many readers: one journal of events, each encoded once.

The ``id`` of an event contains the run of the server and the number of the run's events
so far, so a reader can continue after the event. To clients, the id is opaque.

Source: Docker Cloud API reference, "Docker Cloud Events". Ids, positions and gaps are
additions of this server.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncGenerator, Collection, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from ... import wire
from ..journal import Journal, Missed
from .records import SHARED, Record, new_uuid

#: ``since`` of a reader that starts with the next event and receives positions.
NOW = "now"


class Event(NamedTuple):
    """An encoded event, with the fields by which readers select events."""

    namespace: str
    type: str
    resource_uri: str
    parents: Sequence[str]
    text: str


class Hub:
    """The events of all namespaces.

    Args:
        history: The number of events kept for readers that fall behind or reconnect.
    """

    def __init__(self, *, history: int) -> None:
        self.journal: Journal[Event] = Journal(history)
        self._run = secrets.token_hex(4)
        self._namespaces: set[str] = set()
        #: The number of unselected events after which a reader receives its position:
        #: the position must stay in the journal while no selected event occurs.
        self._stride = max(1, history // 10)

    def publish(
        self,
        record: Record,
        action: str,
        parents: Sequence[str],
        *,
        health: str | None = None,
    ) -> None:
        """Publish that *record* was created, updated or deleted."""
        # Each frame has every key: the Go client keeps the last value of a missing key.
        frame = {
            "type": record.kind,
            "action": action,
            "parents": list(parents),
            "resource_uri": record.uri,
            "state": record.state,
            "health": health,
            "uuid": new_uuid(),
            "datetime": _date(int(time.time())),
            "id": self.id_at(self.journal.end + 1),
        }
        self._namespaces.add(record.namespace)
        self.journal.append(
            Event(
                record.namespace,
                record.kind,
                record.uri,
                parents,
                wire.dumps(frame).decode(),
            )
        )

    def id_at(self, position: int) -> str:
        """Return the id of the position after this number of events of the run."""
        return f"{self._run}-{position}"

    def position_of(self, id: str) -> int | None:
        """Return the position of an id; ``None`` if the id is of another run."""
        run, _, number = id.rpartition("-")
        if run != self._run or not number.isdecimal():
            return None
        if len(number) > len(str(self.journal.end)):
            return None  # a number this long may be too long for int()
        return int(number) if int(number) <= self.journal.end else None

    def subscribe(
        self,
        namespace: str,
        *,
        types: Collection[str] = (),
        objects: Collection[str] = (),
        parents: Collection[str] = (),
        since: str | None = None,
    ) -> AsyncGenerator[str | Missed, None]:
        """Yield the frames of one namespace's events from this call on.

        Args:
            namespace: The namespace; events of shared records are included.
            types: The kinds of objects to select; empty selects all.
            objects: The URIs of the objects to select; empty selects all.
            parents: The URIs of the parents to select by; empty selects all.
            since: The id of the event after which to start, or ``"now"``. Such a reader
                receives its position at the start and from time to time, and dropped
                events as a frame ``gap``. Other readers receive :class:`Missed`.
        """

        def selected(event: Event) -> bool:
            return (
                event.namespace in (namespace, SHARED)
                and (not types or event.type in types)
                and (not objects or event.resource_uri in objects)
                and (not parents or not set(parents).isdisjoint(event.parents))
            )

        def gap(position: int, missed: int | None) -> str:
            return _frame("gap", id=self.id_at(position), missed=missed)

        # For a selection, the number of dropped events is unknown.
        everything = not (types or objects or parents)
        start: int | None = self.journal.end
        if since is not None and since != NOW:
            start = self.position_of(since)

        async def frames() -> AsyncGenerator[str | Missed, None]:
            position = self.journal.start if start is None else start
            if since is not None:
                # The reader's own id if unknown: a reader whose connection breaks here
                # has not received the gap yet.
                known = since if start is None else self.id_at(position)
                yield _frame("position", id=known)
                if start is None:
                    yield gap(position, None)
            unselected = 0
            async for event in self.journal.read(since=position, follow=True):
                if isinstance(event, Missed):
                    position += event.count
                    mine = everything and self._namespaces <= {namespace, SHARED}
                    yield (
                        event
                        if since is None
                        else gap(position, event.count if mine else None)
                    )
                    continue
                position += 1
                unselected += 1
                if selected(event):
                    unselected = 0
                    yield event.text
                elif since is not None and unselected >= self._stride:
                    unselected = 0
                    yield _frame("position", id=self.id_at(position))

        return frames()


@lru_cache(maxsize=2)
def _date(seconds: int) -> str:
    return wire.format_event_date(datetime.fromtimestamp(seconds, UTC))


def _frame(kind: str, **more: Any) -> str:
    return wire.dumps({"type": kind, **more}).decode()
