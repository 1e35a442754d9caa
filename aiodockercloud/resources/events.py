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

from collections.abc import Awaitable, Mapping, Sequence
from functools import partial
from typing import Any

from aiohttp import ClientWebSocketResponse

from .. import types, wire
from ..transport.event_stream import Connect, EventStream
from ..transport.session import Transport
from ..transport.urls import SEVERAL
from ..wire import states
from .readable import Readable

__all__ = ["Events"]

#: The kinds that ``snapshot`` lists by default: all but actions.
KINDS: tuple[types.EventType, ...] = (
    "stack",
    "service",
    "container",
    "node",
    "nodecluster",
)
#: The types of all events.
TYPES = frozenset({*KINDS, "action"})

Selection = str | Mapping[str, Any] | Sequence[str | Mapping[str, Any]]


class Events:
    """The event stream: ``cloud.events``.

    Source: Docker Cloud API reference, "Docker Cloud Events".
    """

    def __init__(self, cloud: Transport) -> None:
        self._cloud = cloud

    def subscribe(
        self,
        *,
        type: types.EventType | Sequence[types.EventType] | None = None,
        object: Selection | None = None,
        parent: Selection | None = None,
        since: str | None = None,
        reconnect: bool = True,
    ) -> EventStream[types.Event]:
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
            ValueError: No events of such a type exist, an object is neither a dict with
                a ``resource_uri`` nor a ``resource_uri``, or a selection is empty. The
                message names the argument.
            TypeError: An argument has another type; the message names the argument.
            AuthError: The server refused the credentials. Errors of the server and of
                the connection are raised when the stream is entered or iterated.

        Source:
            Docker Cloud API reference, "Listen to new Docker Cloud Events".
        """
        if since is not None and not isinstance(since, str):
            raise TypeError("since: must be the id of an event, which is a text")
        connect = self._connect(
            None if type is None else ",".join(_types(type)),
            _uris("object", object),
            _uris("parent", parent),
        )
        stream = EventStream[types.Event](
            connect,
            since=since,
            reconnect=reconnect,
            timings=self._cloud.timings,
            limits=self._cloud.limits,
        )
        self._cloud.streams.add(stream)
        return stream

    def snapshot(
        self,
        *,
        type: types.EventType | Sequence[types.EventType] = KINDS,
        reconnect: bool = True,
    ) -> EventStream[types.ObjectEvent | types.SnapshotEvent | types.SnapshotGapEvent]:
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
            ValueError: No events of such a type exist, or *type* is empty.
            TypeError: *type* is neither a text nor a sequence of texts.
            AuthError: The server refused the credentials. Errors of the server and of
                the connection are raised when the stream is entered or iterated.

        Source:
            Docker Cloud API reference, "Listen to new Docker Cloud Events", and the
            page "List all …" of each type.
        """
        chosen = _types(type)
        list_objects = partial(self._list, chosen)
        connect = self._connect(",".join(chosen), None, None)
        stream = EventStream[
            types.ObjectEvent | types.SnapshotEvent | types.SnapshotGapEvent
        ](
            connect,
            reconnect=reconnect,
            objects=list_objects,
            timings=self._cloud.timings,
            limits=self._cloud.limits,
        )
        self._cloud.streams.add(stream)
        return stream

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
            return cloud.stream(path, params=params, pings=False)

        return connect

    async def _list(self, chosen: Sequence[str]) -> list[dict[str, Any]]:
        return [
            one
            for kind in (*KINDS, "action")
            if kind in chosen
            async for one in Readable[dict[str, Any]](self._cloud, kind).iterate(
                limit=self._cloud.limits.snapshot_page
            )
            if one.get("state") != states.TERMINATED
        ]


def _types(chosen: str | Sequence[str]) -> list[str]:
    """Return the types of events that an argument selects.

    Raises:
        ValueError: No events of such a type exist, or no type is selected.
        TypeError: The argument has another type.
    """
    found = _several("type", chosen, (str,))
    if unknown := set(found) - TYPES:
        raise ValueError(
            f"type: there are no events of type {', '.join(sorted(unknown))}; types"
            f" are {', '.join(sorted(TYPES))}"
        )
    return found


def _uris(name: str, chosen: Selection | None) -> str | None:
    """Return the URIs of objects joined by commas, as the Go client sends them.

    Raises:
        ValueError: An object has no URI, a text is no URI, or no object is selected.
        TypeError: The argument *name* has another type.
    """
    if chosen is None:
        return None
    found = []
    for one in _several(name, chosen, (str, Mapping)):
        uri = one if isinstance(one, str) else one.get("resource_uri")
        if not isinstance(uri, str) or "/" not in uri:
            raise ValueError(f"{name}: {uri!r} is not the resource_uri of an object")
        found.append(uri)
    return ",".join(found)


def _several(name: str, chosen: Any, allowed: tuple[type, ...]) -> list[Any]:
    """Return the values of an argument that is one value or a collection of values."""
    found = [chosen] if isinstance(chosen, allowed) else chosen
    if not isinstance(found, SEVERAL) or not all(isinstance(v, allowed) for v in found):
        names = " or ".join(one.__name__ for one in allowed)
        raise TypeError(f"{name}: must be {names}, or a list of these")
    if not found:
        raise ValueError(f"{name}: an empty list selects no events")
    return list(found)
