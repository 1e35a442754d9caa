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
from ..transport.settings import Timings
from ..types import Event
from .events import EventStream

__all__ = ["ChangeFeed", "Subscription"]


class Subscription:
    """Rings when there may be news of some objects, or of what belongs to them."""

    def __init__(self, uuids: Iterable[str]) -> None:
        self.uuids = frozenset(uuid.lower() for uuid in uuids)
        self._notified = asyncio.Event()

    def notify(self) -> None:
        self._notified.set()

    async def wait(self, poll: float) -> None:
        """Return at the next ring, at once if it rang since the last time; without
        one, after *poll* seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(poll):
                await self._notified.wait()
        self._notified.clear()


class ChangeFeed:
    """The event stream that all waiting of one client shares.

    It is open while there are alarms. Each rings first when the stream is there, so
    the first look comes after that and nothing falls between. Where there is no stream
    (it is refused, or cannot be had just now), alarms ring by the clock only.
    """

    def __init__(self, subscribe: Callable[[], EventStream], timings: Timings) -> None:
        self._subscribe = subscribe
        self._timings = timings
        self._subscriptions: set[Subscription] = set()
        self._task: asyncio.Task[None] | None = None
        #: The stream is there, or it is known that it is not.
        self._settled = False

    @asynccontextmanager
    async def subscribe(self, *uuids: str) -> AsyncIterator[Subscription]:
        """An alarm for the objects of these uuids, for the time of the block."""
        subscription = Subscription(uuids)
        self._subscriptions.add(subscription)
        if self._task is None:
            self._settled = False
            self._task = asyncio.create_task(self._run(), name="events for waiting")
        elif self._settled:
            subscription.notify()
        try:
            yield subscription
        finally:
            self._subscriptions.remove(subscription)
            if not self._subscriptions and self._task is not None:
                task, self._task = self._task, None
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        delays = self._timings.pauses()
        try:
            while True:
                with suppress(StopAsyncIteration):
                    try:
                        async with self._subscribe() as events:
                            self._notify_all()
                            while True:
                                self._dispatch(await anext(events))
                    except DockerCloudError as exc:
                        if not wire.is_transient(exc):
                            return
                self._notify_all()
                await asyncio.sleep(next(delays))
        finally:
            self._notify_all()

    def _dispatch(self, event: Event) -> None:
        if event["type"] == "gap":
            self._notify_all()
            return
        uris = (event.get("resource_uri", ""), *event.get("parents", ()))
        uuids = {uri.rstrip("/").rpartition("/")[2] for uri in uris}
        for subscription in self._subscriptions:
            if not subscription.uuids.isdisjoint(uuids):
                subscription.notify()

    def _notify_all(self) -> None:
        self._settled = True
        for subscription in self._subscriptions:
            subscription.notify()
