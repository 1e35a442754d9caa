"""Logs as frames: of a container, of all containers of a service, of an action.

A client that reconnects continues a log with two parameters: ``at``, the time of its
first request, as the first frame reported the time, and ``seen``, the stamp of the last
received line of each container. The server then sends all lines from these stamps on,
the lines with these stamps included.

With ``until=stopped`` a followed log ends when nothing runs any more. The first frame
confirms the parameter: servers that do not know ``until`` would never end the stream.

Source: Docker Cloud API reference, "Get the logs of a service" and the same sections of
containers and actions; the behaviour of real clients.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any

from ... import wire
from ...wire import loglines, states
from ...wire.merge import Merge, OrderedMerge
from ..control.control_plane import ControlPlane
from ..engines import EngineError, LogLine, NoSuchContainer
from ..journal import Journal, Missed
from ..state.records import Container, Service
from . import log_frames
from .log_selection import Selection

#: The states in which nothing runs or is about to run.
_AT_REST = frozenset({states.NOT_RUNNING, states.STOPPED, states.TERMINATED})

Frames = AsyncGenerator[str, None]
Lines = AsyncGenerator[LogLine, None]
#: A task that ends when a log with the parameter ``until`` is to end.
Stop = asyncio.Task[None]
#: Lines with the name of their container.
Named = AsyncGenerator[tuple[str, LogLine], None]


# --- logs of containers -------------------------------------------------------------


def _lines(
    cloud: ControlPlane, container: Container, wanted: Selection, key: str
) -> Lines:
    """Return the selected lines of one container.

    Raises:
        EngineError: The log cannot be read. Raised by the call or by the iteration.
    """
    read = partial(_read, cloud, container, wanted, follow=wanted.follow)
    if (stamp := wanted.seen.get(key)) is not None:
        return read(tail=None, since_ns=stamp)
    if wanted.tail is None or not (wanted.at_ns or wanted.stream):
        return read(tail=wanted.tail, since_ns=wanted.since_ns)
    return _resumed(cloud, container, wanted, wanted.tail)


def _read(
    cloud: ControlPlane, container: Container, wanted: Selection, **which: Any
) -> Lines:
    """Return the lines of one container, of the wanted output only."""
    lines = cloud.engine.logs(container.uuid, details=wanted.details, **which)
    return lines if wanted.stream is None else _of_stream(lines, wanted.stream)


async def _of_stream(found: Lines, stream: str) -> Lines:
    """Yield the lines of one output, and those that stand for missing lines."""
    async with aclosing(found) as lines:
        async for line in lines:
            if line.stream == stream or line.missing != 0:
                yield line


async def _resumed(
    cloud: ControlPlane, container: Container, wanted: Selection, tail: int
) -> Lines:
    """Yield the last *tail* lines before the first request, and all later lines."""
    at_ns = wanted.at_ns or cloud.engine.time_ns()
    read = partial(_read, cloud, container, wanted, tail=None)
    past: deque[LogLine] = deque(maxlen=tail)
    if tail:
        async with aclosing(read(follow=False, since_ns=wanted.since_ns)) as lines:
            async for line in lines:
                if line.time_ns >= at_ns:
                    break
                past.append(line)
    for line in past:
        yield line
    async with aclosing(read(follow=wanted.follow, since_ns=at_ns)) as lines:
        async for line in lines:
            yield line


def _rests(cloud: ControlPlane, record: Container | Service) -> bool:
    """Return whether nothing of a record runs or is about to run.

    A container that is restarted does not count in the state of its service.
    """
    parts = cloud.containers_of(record) if isinstance(record, Service) else []
    return all(one.state in _AT_REST for one in (record, *parts))


@asynccontextmanager
async def _stopping(
    cloud: ControlPlane, record: Container | Service, wanted: Selection
) -> AsyncIterator[Stop | None]:
    """Yield a task that ends when nothing of the record runs any more.

    The task is ``None`` for a log without such an end.
    """
    if not wanted.until_stopped:
        yield None
        return
    task = asyncio.create_task(cloud.until(record, lambda: _rests(cloud, record)))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _until(
    stop: Stop, cloud: ControlPlane, container: Container, wanted: Selection, key: str
) -> Lines:
    """Yield the selected lines of one container until *stop*, then the remaining ones.

    Raises:
        EngineError: The log cannot be read.
    """
    last, same = wanted.seen.get(key), 0  # the last stamp, and its lines so far
    async with aclosing(_lines(cloud, container, wanted, key)) as lines:
        while not stop.done():
            step = asyncio.ensure_future(anext(lines, None))
            try:
                await asyncio.wait({step, stop}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                if not step.done():
                    step.cancel()
                    await asyncio.gather(step, return_exceptions=True)
            if step.cancelled():
                break
            if (line := step.result()) is None:
                return
            if line.missing == 0:
                same = same + 1 if line.time_ns == last else 1
                last = line.time_ns
            yield line
    # All lines exist by now. Those after the last one may not have been read yet.
    rest = replace(wanted, follow=False)
    if last is not None:
        rest = replace(rest, seen={**wanted.seen, key: last})
    async with aclosing(_lines(cloud, container, rest, key)) as lines:
        async for line in lines:
            if same and line.time_ns == last and line.missing == 0:
                same -= 1
                continue
            yield line


async def _frames(
    cloud: ControlPlane,
    container: Container,
    wanted: Selection,
    source: str | None,
    stop: Stop | None = None,
) -> Frames:
    """Yield the frames of one container.

    An error does not end the log of a service: one frame reports the error. With
    ``follow`` the attempt is repeated until the container is terminated.
    """
    key, reported = source or "", False
    while True:
        last: LogLine | None = None
        try:
            found = (
                _lines(cloud, container, wanted, key)
                if stop is None
                else _until(stop, cloud, container, wanted, key)
            )
            async with aclosing(found) as lines:
                async for line in lines:
                    last = line
                    yield log_frames.frame(line, source, wanted)
            return
        except EngineError as error:
            if _was_removed_before(container, max(wanted.seen.values(), default=0)):
                return  # the client had most probably received all its lines
            if wanted.follow and _is_being_created(container, error):
                await cloud.until(container, lambda: not _is_starting(container))
                continue
            if not reported:
                yield log_frames.frame(
                    log_frames.unreadable(container, error), source, wanted
                )
            reported = True
        if not wanted.follow or container.state == states.TERMINATED:
            return
        if stop is not None and stop.done():
            return
        if last is not None:
            wanted = replace(wanted, seen={key: last.time_ns + 1})
        await asyncio.sleep(cloud.settings.timings.log_retry)


def _is_starting(container: Container) -> bool:
    return container.state == states.STARTING


def _is_being_created(container: Container, error: EngineError) -> bool:
    """Return whether the engine does not know the container yet."""
    return isinstance(error, NoSuchContainer) and _is_starting(container)


def _is_wanted(container: Container, wanted: Selection) -> bool:
    """Return whether a container may have lines that the client has not received.

    A terminated container may have such lines for a client that has reconnected, even
    if the client has newer lines of other containers: ``Merge`` does not order lines.
    """
    if container.state != states.TERMINATED:
        return True
    return bool(wanted.at_ns) and not _was_removed_before(container, wanted.at_ns)


def _was_removed_before(container: Container, moment_ns: int) -> bool:
    terminated = container.state == states.TERMINATED
    return terminated and (container.destroyed or 0) * loglines.NANOSECONDS < moment_ns


async def container_log(
    cloud: ControlPlane, container: Container, wanted: Selection
) -> Frames:
    """Yield the frames of a container's log.

    A followed log ends with the container, or when the container has stopped.
    """
    if wanted.send_position:
        yield log_frames.position(cloud, wanted)
    if not _is_wanted(container, wanted):
        return
    async with (
        _stopping(cloud, container, wanted) as stop,
        aclosing(_frames(cloud, container, wanted, None, stop)) as frames,
    ):
        async for frame in frames:
            yield frame


# --- logs of services ---------------------------------------------------------------


def service_log(cloud: ControlPlane, service: Service, wanted: Selection) -> Frames:
    """Return the frames of the logs of all containers of a service.

    Without ``follow`` the lines are ordered by their stamps. With ``follow`` the lines
    are in the order of arrival, from each container in turn (see :class:`Merge`). New
    containers are added from their first line on. A followed log ends with the service,
    or when the service has stopped.
    """
    return (_followed if wanted.follow else _sorted)(cloud, service, wanted)


def _containers(
    cloud: ControlPlane, service: Service, wanted: Selection
) -> list[Container]:
    if not wanted.at_ns:
        return cloud.containers_of(service)
    return [
        container
        for container in cloud.containers.values()
        if container.service == service.uuid and _is_wanted(container, wanted)
    ]


async def _sorted(cloud: ControlPlane, service: Service, wanted: Selection) -> Frames:
    if wanted.send_position:
        yield log_frames.position(cloud, wanted)
    end = wanted.at_ns or cloud.engine.time_ns()
    # The tail is that of the first request, without regard to received lines: the
    # selection must not change when the client reconnects.
    first = replace(wanted, seen={})
    logs = [
        (container.name, _past(cloud, container, first, end))
        for container in _containers(cloud, service, wanted)
    ]
    found = _in_order(logs) if wanted.tail is None else _last(logs, wanted.tail)
    async with aclosing(found) as lines:
        async for name, line in lines:
            if line.time_ns >= wanted.seen.get(name, 0):
                yield log_frames.frame(line, name, wanted)


async def _past(
    cloud: ControlPlane, container: Container, wanted: Selection, end: int
) -> Lines:
    """Yield the selected lines of one container before the stamp *end*."""
    try:
        async with aclosing(_lines(cloud, container, wanted, container.name)) as lines:
            async for line in lines:
                if line.time_ns >= end and line.missing == 0:
                    return
                yield line
    except EngineError as error:
        yield log_frames.unreadable(container, error)


async def _last(logs: Sequence[tuple[str, Lines]], tail: int) -> Named:
    """Yield the last *tail* lines of several logs, each of at most *tail* lines."""
    found: list[tuple[str, LogLine]] = []
    for name, log in logs:
        async with aclosing(log) as lines:
            found += [(name, line) async for line in lines]
    found.sort(key=lambda item: item[1].time_ns)
    for item in found[max(0, len(found) - tail) :]:
        yield item


async def _in_order(logs: Sequence[tuple[str, Lines]]) -> Named:
    """Yield the lines of several logs, oldest first; one line of each is in memory."""

    async def named(name: str, log: Lines) -> Named:
        async with aclosing(log) as lines:
            async for line in lines:
                yield name, line

    sources = [named(name, log) for name, log in logs]
    async with AsyncExitStack() as open_logs:
        for source in sources:
            await open_logs.enter_async_context(aclosing(source))
        async for item in OrderedMerge(sources, lambda item: item[1].time_ns):
            yield item


async def _followed(cloud: ControlPlane, service: Service, wanted: Selection) -> Frames:
    if wanted.send_position:
        yield log_frames.position(cloud, wanted)
    merge = Merge[str](cloud.settings.limits.lines_ahead)

    def join(container: Container, wanted: Selection, stop: Stop | None) -> None:
        if container.uuid not in merge:
            frames = _frames(cloud, container, wanted, container.name, stop)
            merge.add(container.uuid, frames)

    async def watch(stop: Stop | None) -> None:
        """Add the logs of all containers, existing and new, until the service ends."""

        def has_ended() -> bool:
            stopped = stop is not None and stop.done()
            return stopped or service.state == states.TERMINATED

        def has_news() -> bool:
            return has_ended() or any(
                container.uuid not in merge
                for container in cloud.containers_of(service)
            )

        for container in _containers(cloud, service, wanted):
            join(container, wanted, stop)
        # The logs of new containers are read from their first line on.
        whole = replace(wanted, tail=None, since_ns=0)
        while not has_ended():
            for container in cloud.containers_of(service):
                join(container, whole, stop)
            await cloud.until(service, has_news)
        for container in cloud.containers_of(service):  # new, and stopped already
            join(container, whole, stop)
        merge.complete()

    # The task of the stop starts first, so the task is done before a watcher that the
    # same change wakes up.
    async with _stopping(cloud, service, wanted) as stop, aclosing(merge):
        watcher = asyncio.create_task(watch(stop))
        try:
            async for frame in merge:
                yield frame
        finally:
            # Before the logs are closed: the watcher could add a log meanwhile.
            watcher.cancel()
            await asyncio.gather(watcher, return_exceptions=True)


# --- logs of actions ----------------------------------------------------------------


async def action_log(journal: Journal[list[Any]], wanted: Selection) -> Frames:
    """Yield the frames of an action's log; a followed log ends with the action."""
    async for line in journal.read(tail=wanted.tail, follow=wanted.follow):
        frame: dict[str, Any] = {"type": "log"}
        if isinstance(line, Missed):
            frame["log"] = f"[{line.count} lines are missing]"
            frame["timestamp"] = int(time.time())
            frame["missed"] = line.count
        else:
            moment, frame["log"] = line
            frame["timestamp"] = int(moment)
        yield wire.dumps(frame).decode()
