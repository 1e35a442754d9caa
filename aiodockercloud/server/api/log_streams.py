"""Logs as frames: of a container, of all of a service, of an action.

A reader whose connection was lost comes back for the rest. For that it says when it
first asked (``at``, which the first frame has told it) and of each container the stamp
of the last line that it has (``seen``); it gets all from there on, that line included.

Source: Docker Cloud API reference, "Get the logs of a service" and its sisters; what
real clients read from the frames.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import deque
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field, replace
from functools import partial
from heapq import heappop, heappush
from typing import Any

from ... import wire
from ...exceptions import BadRequest
from ...wire import loglines, states
from ...wire.window import WINDOW_PROTOCOL
from ..control.control_plane import ControlPlane
from ..engines import EngineError, LogLine, NoSuchContainer
from ..journal import Journal, Missed
from ..state.records import Container, Service
from .merge import Merge
from .resource import Call

#: Lines sent from the end of a log when the reader does not say.
TAIL = 300
#: What ``tail`` may be.
_TAIL = re.compile(r"all|\d{1,18}", re.ASCII)

Frames = AsyncGenerator[str, None]
Lines = AsyncGenerator[LogLine, None]
#: Lines with the name of their container.
Named = AsyncGenerator[tuple[str, LogLine], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which lines of a log a reader wants.

    Attributes:
        tail: How many past ones at most; None: all.
        follow: New ones, too.
        since_ns: None that are older, in nanoseconds since 1970.
        at_ns: When a reader that has come back first asked; else 0. What is past for
            ``tail`` is what was past then.
        seen: What it has: container's name → stamp of its last line. A container's own
            log has no names: ``""``.
        tell: The reader wants to be told the moment, to be able to come back.
    """

    tail: int | None
    follow: bool
    since_ns: int = 0
    at_ns: int = 0
    seen: Mapping[str, int] = field(default_factory=dict)
    tell: bool = False


def selection(call: Call) -> Selection:
    """What the query of a log asks for.

    Raises:
        BadRequest: A part of it is not what it should be.
    """
    query = call.query
    try:
        follow = wire.parse_bool(query.get("follow") or "true")
    except ValueError:
        raise BadRequest("follow: must be true or false") from None
    since_ns = _moment("since", query.get("since"))
    tail = query.get("tail") or ("all" if query.get("since") else str(TAIL))
    if not _TAIL.fullmatch(tail):
        raise BadRequest("tail: must be a number of lines, or all")
    seen = {}
    for pair in filter(None, query.get("seen", "").split(",")):
        name, _, stamp = pair.rpartition(":")
        seen[name] = _moment("seen", stamp)
    offered = call.request.headers.get("Sec-WebSocket-Protocol", "")
    return Selection(
        tail=None if tail == "all" else int(tail),
        follow=follow,
        since_ns=since_ns,
        at_ns=_moment("at", query.get("at")),
        seen=seen,
        tell=WINDOW_PROTOCOL in offered,
    )


def _moment(name: str, text: str | None) -> int:
    try:
        return loglines.parse_stamp(text) if text else 0
    except ValueError:
        raise BadRequest(
            f"{name}: must be a date as 2016-05-04T12:00:00.123456789Z, or seconds"
            " since 1970"
        ) from None


# --- frames -------------------------------------------------------------------------


def _frame(line: LogLine, source: str | None) -> str:
    """One line as a frame; the text begins with the engine's stamp, as it always has,
    and ends in its newline. ``missed`` marks a word in place of lines."""
    frame: dict[str, Any] = {"type": "log"}
    if source is not None:
        frame["source"] = source
    frame["log"] = f"{loglines.format_stamp(line.time_ns)} {line.text}\n"
    frame["streamType"] = line.stream
    frame["timestamp"] = line.time_ns // loglines.NANOSECONDS
    if line.missing != 0:
        frame["missed"] = line.missing
    return wire.dumps(frame).decode()


def _position(cloud: ControlPlane, wanted: Selection) -> str:
    at = wanted.at_ns or cloud.engine.time_ns()
    return wire.dumps({"type": "position", "at": loglines.format_stamp(at)}).decode()


def _unreadable(container: Container, error: EngineError) -> LogLine:
    text = f"[log of {container.name}: {error}]"
    return LogLine(time.time_ns(), "stderr", text, None)


# --- of containers ------------------------------------------------------------------


def _lines(
    cloud: ControlPlane, container: Container, wanted: Selection, key: str
) -> Lines:
    """The lines of one container that are wanted.

    Raises (now or on the first step):
        EngineError: It cannot be read.
    """
    read = partial(cloud.engine.logs, container.uuid, follow=wanted.follow)
    if (stamp := wanted.seen.get(key)) is not None:
        return read(tail=None, since_ns=stamp)
    if not wanted.at_ns or wanted.tail is None:
        return read(tail=wanted.tail, since_ns=wanted.since_ns)
    return _as_of(cloud, container, wanted, wanted.tail)


async def _as_of(
    cloud: ControlPlane, container: Container, wanted: Selection, tail: int
) -> Lines:
    """The last *tail* lines before the reader first asked, and all since."""
    read = partial(cloud.engine.logs, container.uuid, tail=None)
    past: deque[LogLine] = deque(maxlen=tail)
    if tail:
        async with aclosing(read(follow=False, since_ns=wanted.since_ns)) as lines:
            async for line in lines:
                if line.time_ns >= wanted.at_ns:
                    break
                past.append(line)
    for line in past:
        yield line
    async with aclosing(read(follow=wanted.follow, since_ns=wanted.at_ns)) as lines:
        async for line in lines:
            yield line


async def _frames(
    cloud: ControlPlane, container: Container, wanted: Selection, source: str | None
) -> Frames:
    """The frames of one container. One that cannot be read does not end the log of its
    service: a word says so, and a reader that follows gets the rest when it can be."""
    key, told = source or "", False
    while True:
        last: LogLine | None = None
        try:
            async with aclosing(_lines(cloud, container, wanted, key)) as lines:
                async for line in lines:
                    last = line
                    yield _frame(line, source)
            return
        except EngineError as error:
            if _went_before(container, max(wanted.seen.values(), default=0)):
                return  # most probably nothing of it was left to read
            if wanted.follow and _is_being_made(container, error):
                await cloud.until(container, lambda: not _is_starting(container))
                continue
            if not told:
                yield _frame(_unreadable(container, error), source)
            told = True
        if not wanted.follow or container.state == states.TERMINATED:
            return
        if last is not None:
            wanted = replace(wanted, seen={key: last.time_ns + 1})
        await asyncio.sleep(cloud.settings.timings.log_retry)


def _is_starting(container: Container) -> bool:
    return container.state == states.STARTING


def _is_being_made(container: Container, error: EngineError) -> bool:
    """Whether it is only that the engine has not got it yet."""
    return isinstance(error, NoSuchContainer) and _is_starting(container)


def _is_wanted(container: Container, wanted: Selection) -> bool:
    """Whether it may have lines that the reader has not got: one that is gone may for
    a reader that has come back, even if it has newer ones of others (see ``Merge``)."""
    if container.state != states.TERMINATED:
        return True
    return bool(wanted.at_ns) and not _went_before(container, wanted.at_ns)


def _went_before(container: Container, moment_ns: int) -> bool:
    gone = container.state == states.TERMINATED
    return gone and (container.destroyed or 0) * loglines.NANOSECONDS < moment_ns


async def container_log(
    cloud: ControlPlane, container: Container, wanted: Selection
) -> Frames:
    """The frames of one container's log; it ends with the container."""
    if wanted.tell:
        yield _position(cloud, wanted)
    if _is_wanted(container, wanted):
        async with aclosing(_frames(cloud, container, wanted, None)) as frames:
            async for frame in frames:
                yield frame


# --- of services --------------------------------------------------------------------


def service_log(cloud: ControlPlane, service: Service, wanted: Selection) -> Frames:
    """The logs of all containers of a service in one.

    Without ``follow`` in the order of their stamps. With it as they come, from each
    container in turn (see :class:`Merge`), and new containers join in with their first
    line; it ends with the service.
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
    if wanted.tell:
        yield _position(cloud, wanted)
    end = wanted.at_ns or cloud.engine.time_ns()
    # To be the same lines as when it was first asked, the tail is that of then.
    first = replace(wanted, seen={})
    logs = [
        (container.name, _past(cloud, container, first, end))
        for container in _containers(cloud, service, wanted)
    ]
    found = _in_order(logs) if wanted.tail is None else _last(logs, wanted.tail)
    async with aclosing(found) as lines:
        async for name, line in lines:
            if line.time_ns >= wanted.seen.get(name, 0):
                yield _frame(line, name)


async def _past(
    cloud: ControlPlane, container: Container, wanted: Selection, end: int
) -> Lines:
    """What one container wrote before a moment."""
    try:
        async with aclosing(_lines(cloud, container, wanted, container.name)) as lines:
            async for line in lines:
                if line.time_ns >= end and line.missing == 0:
                    return
                yield line
    except EngineError as error:
        yield _unreadable(container, error)


async def _last(logs: Sequence[tuple[str, Lines]], tail: int) -> Named:
    """The last lines of several logs, of which each brings no more than wanted."""
    found: list[tuple[str, LogLine]] = []
    for name, log in logs:
        async with aclosing(log) as lines:
            found += [(name, line) async for line in lines]
    found.sort(key=lambda item: item[1].time_ns)
    for item in found[max(0, len(found) - tail) :]:
        yield item


async def _in_order(logs: Sequence[tuple[str, Lines]]) -> Named:
    """All lines of several logs, oldest first; one of each is held at a time."""
    heads: list[tuple[int, int, LogLine]] = []

    async def take(index: int) -> None:
        if (line := await anext(logs[index][1], None)) is not None:
            heappush(heads, (line.time_ns, index, line))

    async with AsyncExitStack() as open_logs:
        for index, (_, log) in enumerate(logs):
            await open_logs.enter_async_context(aclosing(log))
            await take(index)
        while heads:
            _, index, line = heappop(heads)
            yield logs[index][0], line
            await take(index)


async def _followed(cloud: ControlPlane, service: Service, wanted: Selection) -> Frames:
    if wanted.tell:
        yield _position(cloud, wanted)
    merge = Merge(cloud.settings.limits.lines_ahead)

    def join(container: Container, wanted: Selection) -> None:
        if container.uuid not in merge:
            frames = _frames(cloud, container, wanted, container.name)
            merge.add(container.uuid, frames)

    async def watch() -> None:
        """Read from each container that is there or comes."""
        for container in _containers(cloud, service, wanted):
            join(container, wanted)
        # What is deployed from now on is read from its first line.
        whole = replace(wanted, tail=None, since_ns=0)
        while service.state != states.TERMINATED:
            for container in cloud.containers_of(service):
                join(container, whole)
            await cloud.until(service, has_news)
        merge.complete()

    def has_news() -> bool:
        return service.state == states.TERMINATED or any(
            container.uuid not in merge for container in cloud.containers_of(service)
        )

    async with merge.frames() as frames:
        watcher = asyncio.create_task(watch())
        try:
            async for frame in frames:
                yield frame
        finally:
            # Before the others end: it could still add one.
            watcher.cancel()
            await asyncio.gather(watcher, return_exceptions=True)


# --- of actions ---------------------------------------------------------------------


async def action_log(journal: Journal[list[Any]], wanted: Selection) -> Frames:
    """The frames of an action's log; it ends with the action."""
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
