"""Events (``cloud.events``): the changes of all objects of the account.

A loop that keeps the current objects::

    current = {}
    async with cloud.events.snapshot() as events:
        async for event in events:
            if "objects" in event:  # at the start, and again after a gap
                current = {one["resource_uri"]: one for one in event["objects"]}
            elif event["action"] == "delete":
                current.pop(event["resource_uri"], None)
            else:
                uri = event["resource_uri"]
                current[uri] = {**current.get(uri, {}), "state": event["state"]}

Source: Docker Cloud API reference, "Docker Cloud Events".
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

#: The kinds that ``snapshot`` lists by default: all but actions.
KINDS = ("stack", "service", "container", "node", "nodecluster")

Selection = str | Mapping[str, Any] | Sequence[str | Mapping[str, Any]]
Connect = Callable[[str | None], Awaitable[ClientWebSocketResponse[Any]]]


class EventStream(Reconnecting[Event]):
    """An async iterator of events, as dicts, which reconnects.

    The first connection is attempted once, so that a wrong address or key raises at
    once. Later, the stream reconnects after a lost connection and after an answer with
    status 429, 502, 503 or 504. The pauses grow from 0.2 seconds to half a minute, have
    a jitter and respect ``Retry-After``; a new event resets the pauses. Errors that no
    repetition resolves (401, 403, 404) are raised.

    After a reconnect the stream continues right after the last event: no event is lost
    or repeated. Where the server cannot continue, the stream yields one item instead of
    the missing events::

        {"type": "gap", "id": str | None, "missed": int | None}

    The server keeps the last 10,000 events in memory. A gap occurs when more events
    happened in between, when the server was restarted, or when the reader is slower
    than the events. ``missed`` is the number of missing events, or ``None`` when that
    number is unknown: after a restart, and with a selection of events. Servers other
    than aiodockercloud's do not know ``since``: each reconnect is a gap. A reader that
    keeps a copy of the state lists the objects again after a gap;
    :meth:`Events.snapshot` does so by itself.

    Args:
        connect: Opens the websocket at a position, ``None`` for new events only.
        since: The position to start from.
        reconnect: Whether the stream connects again when the connection is lost.
        objects: Lists the current objects, for the first item and for each gap.
        timings: The durations; see :class:`~aiodockercloud.transport.settings.Timings`.
        limits: The bounds; see :class:`~aiodockercloud.transport.settings.Limits`.

    Attributes:
        position: The ``id`` to continue from, as ``subscribe(since=…)`` accepts;
            ``None`` as long as the server has reported no position.
        gaps: The number of gaps so far.
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
        super().__init__(
            lambda: connect(self.position),
            reconnect=reconnect,
            timings=timings,
            limits=limits,
        )
        self.position = since
        self.gaps = 0
        self._objects = objects
        #: Items to return before the next frame is read.
        self._ahead: deque[Event] = deque()
        if objects is not None:
            self._ahead.append({"type": "snapshot"})
        #: The client requested a position on this connection, and the server has not
        #: confirmed the position yet.
        self._unconfirmed = False
        #: An event was received on this connection.
        self._received_event = False

    async def __anext__(self) -> Event:
        while not self._closed:
            try:
                await self._open()
                if self._ahead:
                    return await self._deliver(self._ahead[0])
                await self._look_ahead()
            except DockerCloudError as exc:
                if not await self._should_reconnect(exc):
                    raise
        raise StopAsyncIteration

    # --- items ----------------------------------------------------------------------

    async def _deliver(self, item: Event) -> Event:
        """Return an item to the reader; a cancelled call changes nothing."""
        kind = item["type"]
        if self._objects is not None and kind in ("snapshot", "gap"):
            await self._wait_before_retry()  # the last attempt may have failed
            found = await self._objects()
            if kind == "snapshot":
                if self.position is None and len(self._ahead) == 1:
                    with suppress(StopAsyncIteration):  # the stream ends after it
                        await self._look_ahead(self._timings.event_confirmation)
                item["id"] = self.position
            item["objects"] = found
        self._ahead.popleft()
        if kind == "gap":
            self.gaps += 1
        elif kind != "snapshot":
            self._received_event = True
        # A gap that the client detected has no id: no position to continue from.
        self.position = item.get("id")
        return item

    async def _look_ahead(self, patience: float | None = None) -> None:
        """Receive the next frame, which may contain the position only.

        Args:
            patience: Seconds to wait for the frame; ``None`` waits without a limit.
        """
        if self._unconfirmed:
            patience = self._timings.event_confirmation
        frame: Any = None
        try:
            async with asyncio.timeout(patience) as limit:
                frame = await super().__anext__()
        except TimeoutError:
            if not limit.expired():
                raise
        is_position = frame is not None and frame.get("type") == "position"
        if self._unconfirmed:
            self._unconfirmed = False
            if not is_position:
                self._ahead.append(_gap())
        if is_position:
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
    """The event stream: ``cloud.events``.

    Source: Docker Cloud API reference, "Docker Cloud Events".
    """

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
        """Follow the events of the account.

        No request is sent before the stream is entered or iterated. The stream contains
        the events from that moment on, or from *since*.

        Args:
            type: The types of objects to select: ``"service"``, ``"container"``,
                ``"stack"``, ``"node"``, ``"nodecluster"``, ``"action"``.
            object: The objects to select, each as its dict or ``resource_uri``.
            parent: The parents of the objects to select, each as its dict or
                ``resource_uri``.
            since: The ``id`` of an event, or a stream's ``position``: the stream starts
                right after that event. The hosted server had no such parameter.
            reconnect: Whether the stream connects again when the connection is lost;
                see :class:`EventStream`, which also describes gaps.

        Returns:
            A stream of events as dicts, for example
            ``{"type": "service", "action": "update", "state": "Running",
            "resource_uri": str, "parents": [str], "uuid": str, "datetime": str,
            "id": str}``.
            ``uuid`` identifies the event, not the object. ``id`` is missing on servers
            that cannot continue from an event.

        Raises:
            AuthError: The server refused the credentials. Errors of the server and of
                the connection are raised when the stream is entered or iterated.

        Source:
            Docker Cloud API reference, "Listen to new Docker Cloud Events".
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
        """List the current objects, then follow their changes, as one stream.

        A request for a list is repeated in the same cases as a connection.

        Args:
            type: The types of objects to list and to follow; by default all types but
                actions.
            reconnect: Whether the stream connects again when the connection is lost;
                see :class:`EventStream`.

        Returns:
            A stream whose first item is
            ``{"type": "snapshot", "id": str | None, "objects": [dict]}``: all objects
            that are not terminated, as ``list`` returns them. Events follow, beginning
            just before the objects were listed: an event may report a state that
            precedes the listed one, and the last event of an object always reports its
            last state. An item ``gap`` has the key ``objects``, too: these objects
            replace all former ones.

        Raises:
            ValueError: No events of such a type exist.
            AuthError: The server refused the credentials. Errors of the server and of
                the connection are raised when the stream is entered or iterated.

        Source:
            Docker Cloud API reference, "Listen to new Docker Cloud Events", and the
            page "List all …" of each type.
        """
        types = (type,) if isinstance(type, str) else tuple(type)
        if unknown := set(types) - {*KINDS, "action"}:
            raise ValueError(f"there are no events of type {', '.join(unknown)}")
        list_objects = partial(self._list, types)
        connect = self._connect(_joined(types), None, None)
        return EventStream(
            connect,
            reconnect=reconnect,
            objects=list_objects,
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
    """Return the values of a filter joined by commas, as the Go client sends them."""
    if chosen is None:
        return None
    if isinstance(chosen, (str, Mapping)):
        chosen = [chosen]
    return ",".join(
        one if isinstance(one, str) else str(one["resource_uri"]) for one in chosen
    )
