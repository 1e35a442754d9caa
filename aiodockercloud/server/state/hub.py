"""Events to many readers: one journal, each event made into text once.

An event's ``id`` names this run of the server and how many events there have been in
it, so it is also the point from which a reader goes on. To clients it is opaque.

Source: Docker Cloud API reference, "Docker Cloud Events"; ids, positions and gaps are
ours.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncGenerator, Collection, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from ... import wire
from ..journal import Journal, Missed
from .records import EVERYBODY, Record, new_uuid

#: ``since`` of a reader that begins now and wants to be told positions.
NOW = "now"


class Event(NamedTuple):
    """An event as it is sent, with what readers select by."""

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
        #: Events passed over after which a reader is told how far it is: its position
        #: must not grow older than the journal while nothing that it wants happens.
        self._stride = max(1, history // 10)

    def publish(self, record: Record, action: str, parents: Sequence[str]) -> None:
        """Tell all readers that *record* was created, updated or deleted."""
        # Every key in every frame: the Go client keeps a missing key's last value.
        frame = {
            "type": record.kind,
            "action": action,
            "parents": list(parents),
            "resource_uri": record.uri,
            "state": record.state,
            "uuid": new_uuid(),
            "datetime": wire.format_event_date(
                datetime.fromtimestamp(time.time(), UTC)
            ),
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
        """The id of the point after so many events of this run."""
        return f"{self._run}-{position}"

    def position_of(self, id: str) -> int | None:
        """The point that an id names; None when it is none of this run."""
        run, _, number = id.rpartition("-")
        if run != self._run or not number.isdecimal():
            return None
        if len(number) > len(str(self.journal.end)):
            return None  # nor may it be too long to be a number
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
        """The frames of one namespace from this call on; empty sets select all.

        Args:
            since: Begin after the event of this id, or ``"now"``. Such a reader is
                told its position, first of all and now and then, and what it came too
                late for is a frame ``gap``; others get ``Missed``.
        """

        def selected(event: Event) -> bool:
            return (
                event.namespace in (namespace, EVERYBODY)
                and (not types or event.type in types)
                and (not objects or event.resource_uri in objects)
                and (not parents or not set(parents).isdisjoint(event.parents))
            )

        def gap(position: int, missed: int | None) -> str:
            return _frame("gap", id=self.id_at(position), missed=missed)

        # Only a reader of everything can be told how much of it is gone.
        everything = not (types or objects or parents)
        start: int | None = self.journal.end
        if since is not None and since != NOW:
            start = self.position_of(since)

        async def frames() -> AsyncGenerator[str | Missed, None]:
            position = self.journal.start if start is None else start
            if since is not None:
                # Still the old one where that is gone: a reader whose connection
                # breaks right here has not been told of the gap yet.
                known = since if start is None else self.id_at(position)
                yield _frame("position", id=known)
                if start is None:
                    yield gap(position, None)
            passed_over = 0
            async for event in self.journal.read(since=position, follow=True):
                if isinstance(event, Missed):
                    position += event.count
                    mine = everything and self._namespaces <= {namespace, EVERYBODY}
                    yield (
                        event
                        if since is None
                        else gap(position, event.count if mine else None)
                    )
                    continue
                position += 1
                passed_over += 1
                if selected(event):
                    passed_over = 0
                    yield event.text
                elif since is not None and passed_over >= self._stride:
                    passed_over = 0
                    yield _frame("position", id=self.id_at(position))

        return frames()


def _frame(kind: str, **more: Any) -> str:
    return wire.dumps({"type": kind, **more}).decode()
