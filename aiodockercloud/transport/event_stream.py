"""Events that continue after the last event when the connection is lost.

Source: Docker Cloud API reference, "Docker Cloud Events"; ids, positions and gaps are
aiodockercloud's.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Generic, TypeVar, cast

from aiohttp import ClientWebSocketResponse

from .. import types
from ..exceptions import DockerCloudError, StreamClosed
from . import diagnostics
from .reconnect import Reconnecting
from .settings import DEFAULT_LIMITS, DEFAULT_TIMINGS, Limits, Timings

__all__ = ["Connect", "EventStream"]

#: aiohttp's class is generic since 3.14 only, and aliases are evaluated at run time.
Connect = Callable[[str | None], Awaitable["ClientWebSocketResponse[Any]"]]


E = TypeVar("E", bound="types.Event | types.SnapshotEvent | types.SnapshotGapEvent")


class EventStream(Reconnecting[E], Generic[E]):
    """An async iterator of events, as dicts, which reconnects.

    The first connection is attempted once, so that a wrong address or key raises at
    once. Later, the stream reconnects after a lost connection and after an answer with
    status 429, 502, 503 or 504. The pauses grow from 0.2 seconds to half a minute, have
    a jitter and respect ``Retry-After``; a new event resets the pauses. Errors that no
    repetition resolves (401, 403, 404) are raised, and so is the last error when the
    stream fails each time: after 5 connections in a row without a new event that were
    lost soon, or 100 attempts in a row without a connection
    (``fruitless_connections`` and ``failed_attempts`` of
    :class:`~aiodockercloud.transport.settings.Limits`).

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

    __slots__ = (
        "_ahead",
        "_objects",
        "_received_event",
        "_unconfirmed",
        "gaps",
        "position",
    )

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
        self.gaps: int = 0
        self._objects = objects
        #: Items to return before the next frame is read.
        self._ahead: deque[dict[str, Any]] = deque()
        if objects is not None:
            self._ahead.append({"type": "snapshot"})
        #: The client requested a position on this connection, and the server has not
        #: confirmed the position yet.
        self._unconfirmed = False
        #: An event was received on this connection.
        self._received_event = False

    async def __anext__(self) -> E:
        self._become_reader()
        try:
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
        finally:
            self._awaited = False

    async def _more(self) -> None:
        await self._receive()  # __anext__ has refused a second reader

    # --- items ----------------------------------------------------------------------

    async def _deliver(self, item: dict[str, Any]) -> E:
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
            diagnostics.missed(self._ws, "events", item.get("missed"))
        elif kind != "snapshot":
            self._received_event = True
        # A gap that the client detected has no id: no position to continue from.
        self.position = _id(item)
        return cast(E, item)

    async def _look_ahead(self, patience: float | None = None) -> None:
        """Receive the next frame, which may contain the position only.

        Args:
            patience: Seconds to wait for the frame; ``None`` waits without a limit.
        """
        if self._unconfirmed:
            patience = self._timings.event_confirmation
        frame: Any = None
        limit = asyncio.timeout(patience)
        try:
            async with limit:
                frame = await super().__anext__()
        except TimeoutError:
            if not limit.expired():
                raise
        if frame is not None and not isinstance(frame.get("type"), str):
            raise StreamClosed(1007, "a frame is not an event")
        is_position = frame is not None and frame.get("type") == "position"
        if self._unconfirmed:
            self._unconfirmed = False
            if not is_position:
                self._ahead.append(_gap())
        if frame is None:
            return
        if is_position:
            self.position = _id(frame)
        else:
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


def _id(item: dict[str, Any]) -> str | None:
    """Return the position of an item; ``None`` for an id that is no position."""
    found = item.get("id")
    return found if isinstance(found, str) else None


def _gap() -> dict[str, Any]:
    return {"type": "gap", "id": None, "missed": None}
