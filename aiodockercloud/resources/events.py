"""Events: what happens to every object of the account, as it happens.

A loop that keeps a picture of it all::

    picture = {}
    async with cloud.events.snapshot() as events:
        async for event in events:
            if "objects" in event:  # the start, or anew after a gap
                picture = {one["resource_uri"]: one for one in event["objects"]}
            elif event["action"] == "delete":
                picture.pop(event["resource_uri"], None)
            else:
                uri = event["resource_uri"]
                picture[uri] = {**picture.get(uri, {}), "state": event["state"]}
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from aiohttp import ClientWebSocketResponse

from .. import wire
from ..exceptions import DockerCloudError
from ..transport.reconnect import Reconnecting
from ..transport.session import Transport
from ..transport.settings import DEFAULT_LIMITS, DEFAULT_TIMINGS, Limits, Timings
from ..types import Event
from ..wire import states
from .readable import Readable

__all__ = ["EventStream", "Events"]

#: What ``snapshot`` lists: what exists, not what was done.
KINDS = ("stack", "service", "container", "node", "nodecluster")

Selection = str | Mapping[str, Any] | Sequence[str | Mapping[str, Any]]
Connect = Callable[[str | None], Awaitable[ClientWebSocketResponse[Any]]]


class EventStream(Reconnecting[Event]):
    """Events as dicts; reconnects when the connection is lost.

    The first connection is tried once, so a wrong address or key is an exception at
    once. Later, lost connections and overload are tried again with growing pauses
    (jittered, half a minute at most, ``Retry-After`` obeyed), which begin anew once an
    event has come; what no repetition heals (401, 403, 404) is raised.

    A reconnect goes on right after the last event: none is lost and none comes twice.
    Where that is not possible, the stream has one item more in that place::

        {"type": "gap", "id": str | None, "missed": int | None}

    The server keeps the last 10,000 events, in memory: it is not possible when more
    came meanwhile, when the server was restarted, or when the reader itself is slower
    than the events. ``missed`` is their number where the server knows it: it does not
    after a restart, nor with a selection. A server without ``since``, as the hosted
    one was, cannot go on at all: each reconnect is a gap. Whoever keeps a picture of
    the state lists it anew then, which :meth:`Events.snapshot` does by itself.

    Attributes:
        position: The ``id`` from which to go on, as ``subscribe(since=…)`` takes it;
            ``None`` as long as the server has told none.
        gaps: How many gaps there were so far.
    """

    def __init__(
        self,
        connect: Connect,
        *,
        since: str | None = None,
        reconnect: bool = True,
        objects: Callable[[], Awaitable[list[dict[str, Any]]]] | None = None,
        timings: Timings = DEFAULT_TIMINGS,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        """*objects* lists what there is: for the first item and for each gap."""
        super().__init__(
            lambda: connect(self.position),
            reconnect=reconnect,
            timings=timings,
            limits=limits,
        )
        self.position = since
        self.gaps = 0
        self._objects = objects
        #: Items to be given before any further frame is read.
        self._ahead: deque[Event] = deque()
        if objects is not None:
            self._ahead.append({"type": "snapshot"})
        #: This connection was to go on from a position, and has not said that it does.
        self._unconfirmed = False
        #: An event has come on this connection.
        self._received_event = False

    async def __anext__(self) -> Event:
        while not self._closed:
            try:
                await self._open()
                if self._ahead:
                    return await self._give(self._ahead[0])
                await self._look_ahead()
            except DockerCloudError as exc:
                if not await self._should_reconnect(exc):
                    raise
        raise StopAsyncIteration

    # --- items ----------------------------------------------------------------------

    async def _give(self, item: Event) -> Event:
        """Hand an item out; a cancelled attempt leaves all as it was."""
        kind = item["type"]
        if self._objects is not None and kind in ("snapshot", "gap"):
            await self._wait_before_retry()  # the last attempt may have failed
            found = await self._objects()
            if kind == "snapshot":
                if self.position is None and len(self._ahead) == 1:
                    with suppress(StopAsyncIteration):  # it ends with this item
                        await self._look_ahead(self._timings.event_confirmation)
                item["id"] = self.position
            item["objects"] = found
        self._ahead.popleft()
        if kind == "gap":
            self.gaps += 1
        elif kind != "snapshot":
            self._received_event = True
        # A gap that was found here, for want of ids, leaves no point to go on from.
        self.position = item.get("id")
        return item

    async def _look_ahead(self, patience: float | None = None) -> None:
        """Take the next frame; it may be about the position only."""
        if self._unconfirmed:
            patience = self._timings.event_confirmation
        frame: Any = None
        try:
            async with asyncio.timeout(patience) as limit:
                frame = await super().__anext__()
        except TimeoutError:
            if not limit.expired():
                raise
        told = frame is not None and frame.get("type") == "position"
        if self._unconfirmed:
            self._unconfirmed = False
            if not told:
                self._ahead.append(_gap())
        if told:
            self.position = frame["id"]
        elif frame is not None:
            self._ahead.append(frame)

    # --- connections ----------------------------------------------------------------

    async def _open(self) -> ClientWebSocketResponse[Any]:
        if self._ws is not None:
            return self._ws
        first, asked = self._opened_at is None, self.position
        ws = await super()._open()
        self._received_event = False
        self._unconfirmed = asked is not None
        if asked is None and not first and not self._ahead:
            self._ahead.append(_gap())
        return ws

    def _made_progress(self) -> bool:
        return self._received_event


def _gap() -> Event:
    return {"type": "gap", "id": None, "missed": None}


class Events:
    """The event stream (``cloud.events``)."""

    def __init__(self, cloud: Transport) -> None:
        self._cloud = cloud

    def subscribe(
        self,
        *,
        type: str | Sequence[str] | None = None,
        object: Selection | None = None,
        parent: Selection | None = None,
        since: str | None = None,
        reconnect: bool = True,
    ) -> EventStream:
        """Follow the events from the moment the stream is entered, or from *since*.

        Args:
            type: Only these types: ``"service"``, ``"container"``, ``"stack"``,
                ``"node"``, ``"nodecluster"``, ``"action"``.
            object: Only events of these objects, each its dict or resource URI.
            parent: Only events of objects that have one of these as a parent.
            since: The ``id`` of an event (or a stream's ``position``): go on right
                after it. The hosted service had no such thing.
            reconnect: Whether to connect again when the connection is lost; see
                :class:`EventStream`, which also says what a gap is.

        Returns:
            A stream of events, as in
            ``{"type": "service", "action": "update", "state": "Running",
            "resource_uri": str, "parents": [str], "uuid": str, "datetime": str,
            "id": str}``.
            ``uuid`` is the event's, not the object's; ``id`` is missing on servers
            that cannot go on from one.

        Source: Docker Cloud API reference, "Docker Cloud Events".
        """
        connect = self._connect(_joined(type), _joined(object), _joined(parent))
        return EventStream(
            connect,
            since=since,
            reconnect=reconnect,
            timings=self._cloud.timings,
            limits=self._cloud.limits,
        )

    def snapshot(
        self,
        *,
        type: str | Sequence[str] = KINDS,
        reconnect: bool = True,
    ) -> EventStream:
        """What there is now, then what changes: one loop keeps a true picture.

        Args:
            type: The types to list and to follow; by default all but actions.
            reconnect: As for :meth:`subscribe`.

        Returns:
            A stream whose first item is
            ``{"type": "snapshot", "id": str | None, "objects": [dict]}``: all objects
            that are not terminated, each with its ``resource_uri``, as ``list`` shows
            them. Events follow, from just before they were listed: one may tell a
            state that the object had on the way to the one listed, and the last event
            of an object always tells the last. An item ``gap`` has ``objects``, too,
            listed anew: they replace the picture.

            Listing is tried again where that may help, as connecting is.
        """
        types = (type,) if isinstance(type, str) else tuple(type)
        if unknown := set(types) - {*KINDS, "action"}:
            raise ValueError(f"there are no events of type {', '.join(unknown)}")
        listed = partial(self._list, types)
        connect = self._connect(_joined(types), None, None)
        return EventStream(
            connect,
            reconnect=reconnect,
            objects=listed,
            timings=self._cloud.timings,
            limits=self._cloud.limits,
        )

    def _connect(
        self, type: str | None, object: str | None, parent: str | None
    ) -> Connect:
        cloud = self._cloud
        dialect = cloud.dialect
        path = wire.path(
            "events", namespace=cloud.namespace, dialect=dialect, stream=True
        )
        start = "now" if dialect.by_subsystem else None

        def connect(position: str | None) -> Awaitable[ClientWebSocketResponse[Any]]:
            params = {
                "type": type,
                "object": object,
                "parent": parent,
                "since": position or start,
            }
            return cloud.stream(path, params=params)

        return connect

    async def _list(self, types: Sequence[str]) -> list[dict[str, Any]]:
        return [
            one
            for kind in (*KINDS, "action")
            if kind in types
            async for one in Readable[dict[str, Any]](self._cloud, kind).iterate(
                limit=self._cloud.limits.snapshot_page
            )
            if one.get("state") != states.TERMINATED
        ]


def _joined(chosen: Selection | None) -> str | None:
    """Several values of one filter are joined by commas, as the Go client does."""
    if chosen is None:
        return None
    if isinstance(chosen, (str, Mapping)):
        chosen = [chosen]
    return ",".join(
        one if isinstance(one, str) else str(one["resource_uri"]) for one in chosen
    )
