"""Events: what happens to every object of the account, as it happens."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from aiohttp import ClientWebSocketResponse

from . import wire
from .exceptions import DockerCloudError, StreamClosed
from .stream import Stream
from .types import Event

if TYPE_CHECKING:
    from .client import DockerCloud

__all__ = ["EventStream", "Events"]

#: Seconds to the first and at most between further attempts to reconnect.
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 30.0

Selection = str | Mapping[str, Any] | Sequence[str | Mapping[str, Any]]


class EventStream(Stream[Event]):
    """Events as dicts; reconnects when the connection is lost.

    The first connection is tried once, so a wrong address or key is an exception at
    once. Later, lost connections and overload are tried again with growing pauses;
    refusals (401, 403, 404) are raised. The API replays nothing: events in the gap are
    missed. ``gaps`` counts them; a reader that keeps a picture of the state compares it
    and lists again.

    Attributes:
        gaps: How often the connection was lost so far.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[ClientWebSocketResponse[Any]]],
        *,
        reconnect: bool = True,
        first_pause: float = FIRST_PAUSE,
    ) -> None:
        super().__init__(connect)
        self.gaps = 0
        self._reconnect = reconnect
        self._first_pause = first_pause
        self._delays = wire.backoff(first_pause, cap=LONGEST_PAUSE)
        self._opened_at: float | None = None

    async def __anext__(self) -> Event:
        while True:
            try:
                return await super().__anext__()
            except DockerCloudError as exc:
                if (
                    not self._reconnect
                    or self._opened_at is None
                    or not wire.is_transient(exc)
                ):
                    raise
                if isinstance(exc, StreamClosed):
                    self._lost(self._opened_at)
            await self._drop()
            await asyncio.sleep(next(self._delays))

    async def _open(self) -> ClientWebSocketResponse[Any]:
        if self._ws is not None:
            return self._ws
        ws = await super()._open()
        self._opened_at = asyncio.get_running_loop().time()
        return ws

    def _lost(self, opened_at: float) -> None:
        self.gaps += 1
        # A connection that held proves the server well; one that is cut again and
        # again as soon as it is made does not, and keeps its growing pauses.
        if asyncio.get_running_loop().time() - opened_at > LONGEST_PAUSE:
            self._delays = wire.backoff(self._first_pause, cap=LONGEST_PAUSE)


class Events:
    """The event stream (``cloud.events``)."""

    def __init__(self, cloud: DockerCloud) -> None:
        self._cloud = cloud

    def subscribe(
        self,
        *,
        type: str | Sequence[str] | None = None,
        object: Selection | None = None,
        parent: Selection | None = None,
        reconnect: bool = True,
    ) -> EventStream:
        """Follow the events from the moment the stream is entered.

        Args:
            type: Only these types: ``"service"``, ``"container"``, ``"stack"``,
                ``"node"``, ``"nodecluster"``, ``"action"``.
            object: Only events of these objects, each its dict or resource URI.
            parent: Only events of objects that have one of these as a parent.
            reconnect: Whether to connect again when the connection is lost; see
                :class:`EventStream`.

        Returns:
            A stream of events, as in
            ``{"type": "service", "action": "update", "state": "Running",
            "resource_uri": str, "parents": [str], "uuid": str, "datetime": str}``.
            ``uuid`` is the event's, not the object's.

        Source: Docker Cloud API reference, "Docker Cloud Events".
        """
        cloud = self._cloud
        path = wire.path(
            "events", namespace=cloud.namespace, dialect=cloud.dialect, stream=True
        )
        params = {
            "type": _joined(type),
            "object": _joined(object),
            "parent": _joined(parent),
        }
        return EventStream(
            partial(cloud.stream, path, params=params), reconnect=reconnect
        )


def _joined(chosen: Selection | None) -> str | None:
    """Several values of one filter are joined by commas, as the Go client does."""
    if chosen is None:
        return None
    if isinstance(chosen, (str, Mapping)):
        chosen = [chosen]
    return ",".join(
        one if isinstance(one, str) else str(one["resource_uri"]) for one in chosen
    )
