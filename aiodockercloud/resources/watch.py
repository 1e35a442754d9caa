"""Looking out for changes: one event stream for all that wait.

Whoever waits is told that there may be news, not what they are: it looks itself. So a
lost, late or doubled event never makes it believe anything that is not so.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress

from .. import wire
from ..exceptions import DockerCloudError
from ..types import Event
from .events import EventStream

__all__ = ["Alarm", "Watch"]


class Alarm:
    """Rings when there may be news of some objects, or of what belongs to them."""

    def __init__(self, uuids: Iterable[str]) -> None:
        self.uuids = frozenset(uuid.lower() for uuid in uuids)
        self._rung = asyncio.Event()

    def ring(self) -> None:
        self._rung.set()

    async def rings(self, poll: float) -> None:
        """Return at the next ring, at once if it rang since the last time; without
        one, after *poll* seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(poll):
                await self._rung.wait()
        self._rung.clear()


class Watch:
    """The event stream that all waiting of one client shares.

    It is open while there are alarms. Each rings first when the stream is there, so
    the first look comes after that and nothing falls between. Where there is no stream
    (it is refused, or cannot be had just now), alarms ring by the clock only.
    """

    def __init__(self, subscribe: Callable[[], EventStream]) -> None:
        self._subscribe = subscribe
        self._alarms: set[Alarm] = set()
        self._task: asyncio.Task[None] | None = None
        #: The stream is there, or it is known that it is not.
        self._settled = False

    @asynccontextmanager
    async def alarm(self, *uuids: str) -> AsyncIterator[Alarm]:
        """An alarm for the objects of these uuids, for the time of the block."""
        alarm = Alarm(uuids)
        self._alarms.add(alarm)
        if self._task is None:
            self._settled = False
            self._task = asyncio.create_task(self._run(), name="events for waiting")
        elif self._settled:
            alarm.ring()
        try:
            yield alarm
        finally:
            self._alarms.remove(alarm)
            if not self._alarms and self._task is not None:
                task, self._task = self._task, None
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        delays = wire.backoff()
        try:
            while True:
                with suppress(StopAsyncIteration):
                    try:
                        async with self._subscribe() as events:
                            self._ring_all()
                            while True:
                                self._tell(await anext(events))
                    except DockerCloudError as exc:
                        if not wire.is_transient(exc):
                            return
                self._ring_all()
                await asyncio.sleep(next(delays))
        finally:
            self._ring_all()

    def _tell(self, event: Event) -> None:
        if event["type"] == "gap":
            self._ring_all()
            return
        uris = (event.get("resource_uri", ""), *event.get("parents", ()))
        uuids = {uri.rstrip("/").rpartition("/")[2] for uri in uris}
        for alarm in self._alarms:
            if not alarm.uuids.isdisjoint(uuids):
                alarm.ring()

    def _ring_all(self) -> None:
        self._settled = True
        for alarm in self._alarms:
            alarm.ring()
