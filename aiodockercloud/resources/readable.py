"""The common base of the sub-APIs: paths, reading, operations and logs."""

from __future__ import annotations

import builtins
from collections.abc import AsyncIterator, Awaitable, Mapping
from functools import partial
from typing import Any, ClassVar, Generic, TypeVar, Unpack, cast

from .. import wire
from ..exceptions import InvalidResponse
from ..transport.log_stream import LogOptions, LogStream
from ..transport.session import Transport
from ..transport.tutum_log import TutumLog
from ..types.references import Reference
from .filters import Filters
from .paging import Pages

__all__ = ["Readable", "Reference", "Resource"]

T = TypeVar("T")
F = TypeVar("F")


class Readable(Generic[T]):
    """Read access to one kind of object: ``list``, ``iterate`` and ``inspect``.

    A reference to an object is its dict, its ``resource_uri`` or its key, which is the
    uuid for most kinds. An object is read and changed in the namespace of its
    ``resource_uri``; the client's namespace applies to a key alone.

    Besides the errors that a method lists, every method can raise the errors of
    :meth:`~aiodockercloud.DockerCloud.request`, for example ``AuthError`` and
    ``ConnectError``. An invalid reference, such as the URI of another kind, raises
    ``ValueError`` before a request is sent.
    """

    kind: str
    # The field that identifies an object whose dict has no ``resource_uri``.
    key: str = "uuid"
    # The filters of the kind; without them, the server checks the filters.
    filters: ClassVar[Filters | None] = None

    def __init__(self, cloud: Transport, kind: str | None = None) -> None:
        self.cloud = cloud
        if kind is not None:
            self.kind = kind

    # The sub-APIs name their filters: "*args: Any" allows them any signature.
    async def list(self, *args: Any, **filters: Any) -> builtins.list[T]:  # noqa: D417
        """Return all objects that match, from all pages.

        Args:
            **filters: Filters of the API by name, for example ``state="Running"`` or
                ``stack__name="web"``. Filters with the value ``None`` are left out. A
                list, tuple or set selects the objects that match any of its values,
                and with ``ne``, as in ``state__ne=["Stopped", "Terminated"]``, those
                that have none of its values. ``state__in="Running,Stopped"`` is a list
                as well. An object's dict is sent as its ``resource_uri``.
                ``labels="a=b"`` or ``labels={"a": "b", "c": "d"}`` selects by all of
                these labels, and ``labels="a"`` by the name of a label;
                ``tags__name="ssd"`` selects by the name of a tag. ``terminated=False``
                leaves out terminated objects, and ``terminated=True`` all others.
                ``limit`` is the number of objects on a page.

        Returns:
            The objects as dicts, newest first. Their dicts can have fewer keys than
            the result of ``inspect``. Recently terminated objects are included, unless
            a filter leaves them out.

        Raises:
            UnknownFilter: The API has no such filter; a ``TypeError`` as well.
            BadRequest: A value is invalid; the message names the filter.
            InvalidResponse: As for ``iterate``.
            TypeError: A filter has a value of another type; the message names the
                filter.
            ValueError: The dict of a filter has no ``resource_uri``, or a ``datetime``
                has no time zone; the message names the filter.

        Source:
            Docker Cloud API reference, "List all services", and the page "List all …"
            of every other kind.
        """
        pages = self._pages(filters)
        found: builtins.list[T] = []
        while not pages.ended:
            found += await pages.next()
        return found

    async def iterate(  # noqa: D417 - as for list
        self, *args: Any, **filters: Any
    ) -> AsyncIterator[T]:
        """Yield the objects that ``list`` returns, one by one.

        A page is requested when the caller needs its first object.

        Args:
            **filters: Filters of the API by name, as for ``list``.

        Yields:
            The objects as dicts, newest first, and each object once. The caller may
            change each object in its turn, for example start each object in the state
            ``"Not running"``: objects that leave or join the list in the meantime move
            others to other pages, and none of these is missed.

        Raises:
            UnknownFilter: The API has no such filter; a ``TypeError`` as well.
            BadRequest: A value is invalid.
            InvalidResponse: The server's answer is no page of a list, or its pages do
                not end: the server repeated more objects than
                ``Limits.repeated_objects`` allows.
            TypeError: A filter has a value of another type, as for ``list``.
            ValueError: As for ``list``.

        Source:
            Docker Cloud API reference, "List all services", and the page "List all …"
            of every other kind.
        """
        pages = self._pages(filters)
        while not pages.ended:
            for found in await pages.next():
                yield found

    def _pages(self, filters: Mapping[str, Any]) -> Pages[T]:
        """Return the pages of a list; the filters are checked as for ``list``."""
        # Tutum's objects have other fields.
        if self.filters is not None and self.cloud.dialect.by_subsystem:
            self.filters.check(filters)
        request = partial(self._page, self._list_path())
        most = self.cloud.limits.repeated_objects
        return Pages(request, filters, most_repeated=most)

    def _page(self, path: str, params: Mapping[str, Any]) -> Awaitable[dict[str, Any]]:
        return self.cloud.request("GET", path, params=params)

    async def inspect(self, thing: Reference) -> T:
        """Return one object with all its fields.

        Args:
            thing: The object: its dict, its ``resource_uri`` or its key.

        Returns:
            The object's current dict.

        Raises:
            ObjectNotFound: The object does not exist. A server forgets terminated
                objects after some time.

        Source:
            Docker Cloud API reference, "Get an existing service", and the page "Get …"
            of every other kind.
        """
        return await self._call("GET", self._path(thing))

    def target(self, thing: Reference) -> wire.Target:
        """Return the kind, the namespace and the key that a reference contains.

        Args:
            thing: The object: its dict, its ``resource_uri`` or its key.

        Raises:
            ValueError: The reference is invalid or refers to another kind.

        :meta private:
        """
        return wire.target_of(self.kind, thing, key=self.key)

    def checked(self, found: F) -> F:
        """Return a dict of the server that names its object.

        Raises:
            InvalidResponse: The dict does not name an object of this kind.

        :meta private:
        """
        try:
            self.target(cast(Mapping[str, Any], found))
        except (TypeError, ValueError) as exc:
            raise InvalidResponse(f"an object of the server: {exc}") from exc
        return found

    def _list_path(self) -> str:
        cloud = self.cloud
        return wire.path(self.kind, namespace=cloud.namespace, dialect=cloud.dialect)

    def _path(self, thing: Reference, *operation: str, stream: bool = False) -> str:
        """Return the path of an object, or of an operation on the object."""
        cloud = self.cloud
        return wire.object_path(
            self.kind,
            thing,
            operation,
            key=self.key,
            # The namespace of the object's URI precedes the client's.
            namespace=cloud.namespace,
            dialect=cloud.dialect,
            stream=stream,
        )

    def _call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Awaitable[T]:
        found = self.cloud.request(
            method, path, params=params, json=json, headers=headers
        )
        return cast(Awaitable[T], found)


class Resource(Readable[T]):
    """Objects that change: creation, updates, operations and logs."""

    def _create(
        self, fields: Mapping[str, Any], *, headers: Mapping[str, str] | None = None
    ) -> Awaitable[T]:
        return self._call("POST", self._list_path(), json=fields, headers=headers)

    def _update(
        self,
        thing: Reference,
        fields: Mapping[str, Any],
        *,
        version: int | None = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Awaitable[T]:
        path = self._path(thing)
        if version is not None:
            params = {**(params or {}), "version": version}
        return self._call("PATCH", path, params=params, json=fields, headers=headers)

    def _operate(
        self,
        thing: Reference,
        operation: str,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Awaitable[T]:
        path = self._path(thing, operation)
        return self._call("POST", path, params=params, headers=headers)

    def read_logs(
        self, thing: Reference, **options: Unpack[LogOptions]
    ) -> LogStream[Any]:
        """Return the log of an object as a stream.

        Args:
            thing: The object: its dict, its ``resource_uri`` or its uuid.
            **options: The options of :meth:`Services.logs`.

        Returns:
            A stream of lines. In the dialect of Tutum, the stream falls back to the
            text that old servers return instead.

        Raises:
            ValueError: The option ``since`` is not a point in time, or the option
                ``until`` is invalid.
            TypeError: The option ``since`` has another type.

        Source:
            Docker Cloud API reference, "Get the logs of a service" and the pages of
            containers and actions.

        :meta private:
        """
        cloud = self.cloud
        timings, limits = cloud.timings, cloud.limits
        connect = partial(
            cloud.stream, self._path(thing, "logs", stream=True), pings=False
        )
        if cloud.dialect.by_subsystem:
            log = LogStream[Any](connect, timings=timings, limits=limits, **options)
        else:
            text = partial(cloud.request, "GET", self._path(thing, "logs"))
            log = TutumLog(connect, text, timings=timings, limits=limits, **options)
        cloud.streams.add(log)
        return log
