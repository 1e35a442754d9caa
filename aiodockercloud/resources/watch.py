"""Hints about changes: one event stream for all waits of a client.

A hint reports that an object may have changed, but not how: the waiting side inspects
the object itself. A lost, late or repeated event therefore never yields a wrong state.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from contextlib import asynccontextmanager, suppress

from .. import types, wire
from ..exceptions import DockerCloudError
from ..transport import diagnostics
from ..transport.event_stream import EventStream
from ..transport.settings import Timings

__all__ = ["ChangeFeed", "Subscription"]


class Subscription:
    """Hints about changes of some objects and of their parts.

    Args:
        feed: The event stream.
        uuids: The uuids of the objects.
        ignored: The states of events that are no hints. By default, every event is a
            hint; with a set of states, events of containers and of creations are not.

    Attributes:
        state: The state that the last event stated of one of the objects, if any.
    """

    def __init__(
        self, feed: ChangeFeed, uuids: Iterable[str], ignored: Collection[str] | None
    ) -> None:
        self.uuids: frozenset[str] = frozenset(uuid.lower() for uuid in uuids)
        self.state: str | None = None
        self._feed = feed
        self._ignored = ignored
        self._notified = asyncio.Event()

    @property
    def live(self) -> bool:
        """Whether the event stream is open: each event arrives, or a hint."""
        return self._feed.live

    def notify(self) -> None:
        """Wake up the waiting side, now or at its next :meth:`wait`."""
        self._notified.set()

    def receive(self, event: types.Event, uuid: str) -> None:
        """Wake up the waiting side, unless the event is no hint.

        Args:
            event: An event of one of the objects or of their parts.
            uuid: The uuid of the event's object.
        """
        state = event.get("state")
        if uuid in self.uuids and isinstance(state, str):
            self.state = state
        if self._ignored is None or not (
            state in self._ignored
            or event["type"] == "container"
            or event.get("action") == "create"
        ):
            self.notify()

    async def reaches(self, state: str, poll: float) -> bool:
        """Return whether an event states a final state of the object.

        Args:
            state: A state that the object never leaves.
            poll: Seconds after which to return without the event.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(poll):
                while self.live and self.state != state:
                    await self._notified.wait()
                    self._notified.clear()
        return self.state == state

    async def wait(self, poll: float) -> None:
        """Return at the next hint, or at once when a hint came since the last call.

        Args:
            poll: Seconds after which to return without a hint.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(poll):
                await self._notified.wait()
        self._notified.clear()


class ChangeFeed:
    """The event stream that all waits of one client share.

    The stream is open while subscriptions exist. Each subscription gets its first hint
    when the stream is open: the first inspection follows, and no change in between is
    missed. When the server refuses the stream, or the connection is lost, subscriptions
    return by the clock only.

    Args:
        subscribe: Returns a new event stream.
        timings: The pauses before each attempt to connect again.

    Attributes:
        live: Whether the stream is open.
    """

    def __init__(
        self, subscribe: Callable[[], EventStream[types.Event]], timings: Timings
    ) -> None:
        self._subscribe = subscribe
        self._timings = timings
        self._subscriptions: set[Subscription] = set()
        #: Uuid → the subscriptions to the object, so an event costs what it notifies.
        self._by_uuid: defaultdict[str, set[Subscription]] = defaultdict(set)
        self._task: asyncio.Task[None] | None = None
        #: The stream is open, or the attempt to open it failed.
        self._settled = False
        self.live: bool = False

    @asynccontextmanager
    async def subscribe(
        self, *uuids: str, ignored: Collection[str] | None = None
    ) -> AsyncIterator[Subscription]:
        """Subscribe to changes for the time of the block.

        Args:
            *uuids: The uuids of the objects.
            ignored: As for :class:`Subscription`.

        Yields:
            The subscription.
        """
        subscription = Subscription(self, uuids, ignored)
        self._subscriptions.add(subscription)
        for uuid in subscription.uuids:
            self._by_uuid[uuid].add(subscription)
        if self._task is None:
            self._settled = False
            self._task = asyncio.create_task(self._run(), name="events for waiting")
        elif self._settled:
            subscription.notify()
        try:
            yield subscription
        finally:
            self._subscriptions.remove(subscription)
            for uuid in subscription.uuids:
                self._by_uuid[uuid].remove(subscription)
                if not self._by_uuid[uuid]:
                    del self._by_uuid[uuid]
            if not self._subscriptions and self._task is not None:
                task, self._task = self._task, None
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        delays = self._timings.pauses()
        try:
            while True:
                pause = next(delays)
                with suppress(StopAsyncIteration):
                    try:
                        async with self._subscribe() as events:
                            self.live = True
                            self._notify_all()
                            while True:
                                self._dispatch(await anext(events))
                    except DockerCloudError as exc:
                        if not wire.is_transient(exc):
                            return
                        diagnostics.interrupted(None, exc, pause)
                self.live = False
                self._notify_all()
                await asyncio.sleep(pause)
        finally:
            self.live = False
            self._notify_all()

    def _dispatch(self, event: types.Event) -> None:
        if event["type"] == "gap":
            self._notify_all()
            return
        try:
            # Events of other servers may lack these keys.
            uris = (event.get("resource_uri", ""), *event.get("parents", ()))
            own, *parents = [uri.rstrip("/").rpartition("/")[2] for uri in uris]
        except (TypeError, AttributeError):  # such an event may be about any object
            self._notify_all()
            return
        for uuid in {own, *parents}:
            for subscription in self._by_uuid.get(uuid, ()):
                subscription.receive(event, own)

    def _notify_all(self) -> None:
        self._settled = True
        for subscription in self._subscriptions:
            subscription.notify()
