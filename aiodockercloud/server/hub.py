"""Events to many readers: one journal, each event made into text once.

Source: Docker Cloud API reference, "Docker Cloud Events".
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Collection, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from .. import wire
from .journal import Journal, Missed
from .models import EVERYBODY, Record, new_uuid

#: How many events are kept for readers that fall behind.
HISTORY = 10_000


class Event(NamedTuple):
    """An event as it is sent, with what readers select by."""

    namespace: str
    type: str
    resource_uri: str
    parents: Sequence[str]
    text: str


class Hub:
    def __init__(self) -> None:
        self.journal: Journal[Event] = Journal(HISTORY)

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
        }
        self.journal.append(
            Event(
                record.namespace,
                record.kind,
                record.uri,
                parents,
                wire.dumps(frame).decode(),
            )
        )

    def subscribe(
        self,
        namespace: str,
        *,
        types: Collection[str] = (),
        objects: Collection[str] = (),
        parents: Collection[str] = (),
    ) -> AsyncGenerator[str | Missed, None]:
        """The frames of one namespace from this call on; empty sets select all."""

        def selected(event: Event) -> bool:
            return (
                event.namespace in (namespace, EVERYBODY)
                and (not types or event.type in types)
                and (not objects or event.resource_uri in objects)
                and (not parents or not set(parents).isdisjoint(event.parents))
            )

        async def frames(since: int) -> AsyncGenerator[str | Missed, None]:
            async for event in self.journal.read(since=since, follow=True):
                if isinstance(event, Missed):
                    yield event
                elif selected(event):
                    yield event.text

        return frames(self.journal.end)
