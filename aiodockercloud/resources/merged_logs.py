"""The logs of several services as one stream.

Source: aiodockercloud; the Docker Cloud API has the logs of single services only.
"""

from __future__ import annotations

import asyncio
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Mapping,
    Sequence,
)
from typing import Self, Unpack, cast

from .. import types
from ..transport.log_stream import LogOptions, LogStream, check_options
from ..transport.stream import ENTERED_CLOSED
from ..wire.loglines import log_stamp, unstamped
from ..wire.merge import Merge, OrderedMerge
from .answers import reading
from .readable import Reference
from .services import Services

__all__ = ["MergedLogStream", "ServiceLists", "listed"]

#: Yields the services of a stream, and again after each change, until no service can be
#: added any more.
ServiceLists = AsyncGenerator[Sequence["types.Service"], None]


async def listed(services: Services, things: Sequence[Reference]) -> ServiceLists:
    """Yield the services that references name; a dict with a name needs no request."""
    yield [
        cast("types.Service", thing)
        if isinstance(thing, Mapping) and {"name", "resource_uri"} <= thing.keys()
        else await services.inspect(thing)
        for thing in things
    ]


class _ServiceLog(AsyncIterator["types.MergedLogLine"]):
    """The log of one service, each line with the name of the service."""

    def __init__(
        self, service: types.Service, log: LogStream[types.ServiceLogLine]
    ) -> None:
        self._log = log
        self._name, self._uri = service["name"], service["resource_uri"]

    async def open(self) -> None:
        await self._log.__aenter__()

    async def __anext__(self) -> types.MergedLogLine:
        line = await anext(self._log)
        return {
            **line,
            "service": self._name,
            "service_uri": self._uri,
            "container": line.get("source", ""),
        }

    async def aclose(self) -> None:
        await self._log.close()


class MergedLogStream(AsyncIterator["types.MergedLogLine"]):
    """An async iterator of the lines of several services, as dicts, for one reader.

    The stream is an async context manager as well. A caller who iterates without
    entering calls :meth:`close` in the end.

    Each service has a websocket of its own, which reconnects as
    :class:`~aiodockercloud.transport.log_stream.LogStream` describes: no line is lost
    or repeated. A followed stream yields the lines in the order of their arrival, one
    line of each service in turn; without *follow* the lines of all services are in the
    order of their time stamps. An error of one service ends the stream.

    Args:
        services: The sub-API of services.
        lists: Returns the lists of services.
        **options: The options of the logs, as for ``cloud.logs``.

    Raises:
        ValueError: An option is invalid, as for ``services.logs``.
        TypeError: An option has another type.
        DockerCloudError: On entering, or on a step: the errors of a log.
        RuntimeError: On entering: the stream was closed. On a step: another task reads
            the stream.
    """

    def __init__(
        self,
        services: Services,
        lists: Callable[[], ServiceLists],
        **options: Unpack[LogOptions],
    ) -> None:
        check_options(options)
        self._services = services
        self._lists = lists
        self._stamped = options.get("timestamps", True)
        # The stamps order the lines of several services.
        self._options: LogOptions = {**options, "timestamps": True}
        self._opening = asyncio.Lock()
        self._logs: dict[str, _ServiceLog] = {}
        self._lines: (
            Merge[types.MergedLogLine] | OrderedMerge[types.MergedLogLine] | None
        ) = None
        self._watcher: asyncio.Task[None] | None = None
        self._awaited = self._closed = False

    async def __aenter__(self) -> Self:
        if self._closed:
            raise RuntimeError(ENTERED_CLOSED)
        await self._open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def __anext__(self) -> types.MergedLogLine:
        if self._awaited:
            raise RuntimeError("another task reads this stream; each needs its own")
        self._awaited = True
        try:
            await self._open()
            if self._lines is None:  # closed before the first step
                raise StopAsyncIteration
            line = await anext(self._lines)
            return line if self._stamped else unstamped(line)
        finally:
            self._awaited = False

    async def close(self) -> None:
        """Close the streams of all services.

        Idempotent. A task that waits for a line gets the end of the iteration.
        """
        self._closed = True
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.gather(self._watcher, return_exceptions=True)
        if isinstance(self._lines, Merge):
            self._lines.complete()
            await self._lines.aclose()
        await self._close_logs()

    async def aclose(self) -> None:
        """Close the stream, as :meth:`close` does: for ``contextlib.aclosing``."""
        await self.close()

    async def _close_logs(self) -> None:
        await asyncio.gather(*(log.aclose() for log in self._logs.values()))

    async def _open(self) -> None:
        """Open the logs of all services; a call that fails or is cancelled undoes it.

        Raises:
            DockerCloudError: The services cannot be listed, or a log was refused.
        """
        if self._lines is not None or self._closed:
            return
        async with self._opening:
            lists = self._lists()
            try:
                with reading("service"):
                    added = self._add(await anext(lists), self._options)
                opened = (log.open() for log in added.values())
                results = await asyncio.gather(*opened, return_exceptions=True)
                for error in filter(None, results):
                    raise error
            except BaseException:
                await lists.aclose()
                await self._close_logs()
                self._logs.clear()
                raise
            if self._options.get("follow", True):
                merge = Merge[types.MergedLogLine](
                    self._services.cloud.limits.merged_lines
                )
                for uri, log in added.items():
                    merge.add(uri, log)
                self._watcher = asyncio.create_task(self._watch(lists, merge))
                self._lines = merge
            else:
                await lists.aclose()
                logs = list(added.values())
                self._lines = OrderedMerge(logs, lambda line: log_stamp(line) or 0)

    def _add(
        self, services: Sequence[types.Service], options: LogOptions
    ) -> dict[str, _ServiceLog]:
        """Return the logs of the services that are new, by their URIs."""
        added = {
            one["resource_uri"]: _ServiceLog(
                one, self._services.read_logs(one, **options)
            )
            for one in services
            if one["resource_uri"] not in self._logs
        }
        self._logs |= added
        return added

    async def _watch(
        self, lists: ServiceLists, merge: Merge[types.MergedLogLine]
    ) -> None:
        """Add the logs of new services, each from its first line on."""
        whole: LogOptions = {**self._options, "tail": "all", "since": None}
        try:
            with reading("service"):
                async for services in lists:
                    for uri, log in self._add(services, whole).items():
                        merge.add(uri, log)
        except Exception as error:
            merge.fail(error)
        finally:
            merge.complete()
            await lists.aclose()
