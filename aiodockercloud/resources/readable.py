"""What the sub-APIs share: paths, list, iterate, inspect, operations, logs."""

from __future__ import annotations

import builtins
from collections.abc import AsyncIterator, Mapping
from functools import partial
from typing import Any, Generic, TypeVar, Unpack, cast

from .. import wire
from ..transport.log_stream import LogOptions, LogStream, TutumLog
from ..transport.session import Transport

__all__ = ["Readable", "Reference", "Resource"]

T = TypeVar("T")

#: What names an object everywhere: its dict, its ``resource_uri`` or its uuid.
Reference = str | Mapping[str, Any]


class Readable(Generic[T]):
    """Reading one kind of object: ``list``, ``iterate``, ``inspect``."""

    kind: str
    #: The key of the dict that names an object that has no ``resource_uri``.
    key: str = "uuid"

    def __init__(self, cloud: Transport, kind: str | None = None) -> None:
        self.cloud = cloud
        if kind is not None:
            self.kind = kind

    async def list(self, **filters: Any) -> builtins.list[T]:
        """All objects that match, from all pages, as one list.

        Args:
            filters: The API's filters by name, e.g. ``state="Running"`` or
                ``stack__name="web"``. ``None`` is left out; an object's dict stands
                for its URI; ``limit`` is the size of a page.

        Returns:
            The objects, newest first; they may be shorter than what ``inspect``
            answers. Recently terminated ones are among them.
        """
        return [found async for found in self.iterate(**filters)]

    async def iterate(self, **filters: Any) -> AsyncIterator[T]:
        """The same objects one by one; a page is fetched when it is needed."""
        path = self._path()
        given: set[str] = set()
        while True:
            page = await self.cloud.request("GET", path, params=filters)
            for found in page["objects"]:
                # What is created meanwhile moves others on to the next page.
                uri = found.get("resource_uri")
                if uri not in given:
                    if uri:
                        given.add(uri)
                    yield cast(T, found)
            offset = wire.next_offset(page)
            if offset is None or not page["objects"]:
                return
            filters = {**filters, "offset": offset, "limit": page["meta"]["limit"]}

    async def inspect(self, thing: Reference) -> T:
        """One object with all its details.

        Raises:
            ObjectNotFound: There is no such object.
        """
        return await self._call("GET", self._path(thing))

    def target(self, thing: Reference) -> wire.Target:
        return wire.target_of(self.kind, thing, key=self.key)

    def _path(
        self, thing: Reference | None = None, *operation: str, stream: bool = False
    ) -> str:
        """The path of the list, of an object or of an operation on it."""
        cloud = self.cloud
        key: tuple[str, ...] = ()
        namespace = cloud.namespace
        if thing is not None:
            target = self.target(thing)
            key = target.key
            # An object stays in the namespace that its URI names.
            namespace = target.namespace or namespace
        return wire.path(
            self.kind,
            *key,
            *operation,
            namespace=namespace,
            dialect=cloud.dialect,
            stream=stream,
        )

    async def _call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
    ) -> T:
        return cast(T, await self.cloud.request(method, path, params=params, json=json))


class Resource(Readable[T]):
    """Objects that change: operations, logs, and waiting for what becomes of them."""

    async def _create(self, fields: Mapping[str, Any]) -> T:
        return await self._call("POST", self._path(), json=fields)

    async def _update(self, thing: Reference, fields: Mapping[str, Any]) -> T:
        return await self._call("PATCH", self._path(thing), json=fields)

    async def _operate(
        self,
        thing: Reference,
        operation: str,
        *,
        params: Mapping[str, Any] | None = None,
    ) -> T:
        return await self._call("POST", self._path(thing, operation), params=params)

    def read_logs(self, thing: Reference, **options: Unpack[LogOptions]) -> LogStream:
        cloud = self.cloud
        timings, limits = cloud.timings, cloud.limits
        stream = partial(cloud.stream, self._path(thing, "logs", stream=True))
        if cloud.dialect.by_subsystem:
            return LogStream(stream, timings=timings, limits=limits, **options)
        text = partial(cloud.request, "GET", self._path(thing, "logs"))
        return TutumLog(stream, text, timings=timings, limits=limits, **options)
