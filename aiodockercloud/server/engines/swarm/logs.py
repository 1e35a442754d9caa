"""The log of one Swarm service as lines: first of its former tasks, then new lines.

Source: Docker Engine API, "GetTaskLogs" and "ServiceLogs".
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import unquote_plus

import aiohttp

from ....wire.loglines import format_seconds, parse_line_stamp
from .. import EngineError, EngineUnavailable, LogLine
from . import observations
from .docker_api import Api, DockerProblem, frames

log: logging.Logger = logging.getLogger(__name__)

Json = Mapping[str, Any]
Lines = AsyncGenerator[LogLine, None]

_STREAMS: Mapping[int, Literal["stdout", "stderr"]] = {1: "stdout", 2: "stderr"}
#: The number of frames with a message of the Engine.
_MESSAGE = 3


def notice(text: str) -> LogLine:
    """Return a line of the engine's own, in place of missing lines."""
    return LogLine(time.time_ns(), "stderr", text, None)


@dataclass(frozen=True, slots=True)
class Form:
    """The form of lines: ``<stamp> <text>``, or ``<stamp> <details> <text>``.

    Attributes:
        tty: Whether the container has a terminal: its stream has no frames.
        details: Whether details, ``a=b,c=d`` with quoted values, precede the text.
    """

    tty: bool
    details: bool = False

    def head(self, raw: bytes) -> bytes:
        """Return what precedes the text of a line."""
        return raw[: len(raw) - len(self.text(raw))]

    def text(self, raw: bytes) -> bytes:
        """Return the text of a line."""
        parts = raw.split(b" ", 1 + self.details)
        return parts[-1] if len(parts) > 1 + self.details else b""

    def line(
        self, stream: Literal["stdout", "stderr"], raw: bytes, *, partial: bool = False
    ) -> LogLine:
        """Return a line of a response."""
        stamp, _, text = raw.partition(b" ")
        details: tuple[tuple[str, str], ...] = ()
        try:
            moment = parse_line_stamp(stamp.decode())
        except ValueError:
            moment, text = time.time_ns(), raw
        else:
            if self.details:
                quoted, _, text = text.partition(b" ")
                details = _details(quoted)
        clean = text.removesuffix(b"\n").removesuffix(b"\r")
        return LogLine(
            moment,
            stream,
            clean.decode(errors="replace"),
            partial=partial,
            details=details,
        )


def _details(quoted: bytes) -> tuple[tuple[str, str], ...]:
    """Return the details of a line; a service has ids of its node and its task, too."""
    pairs = (one.partition("=") for one in quoted.decode(errors="replace").split(","))
    return tuple(
        (unquote_plus(name), unquote_plus(value)) for name, _, value in pairs if name
    )


class Ending:
    """The end of a followed log; closes the open stream."""

    def __init__(self) -> None:
        self._ended = asyncio.Event()
        self._response: aiohttp.ClientResponse | None = None

    @property
    def has_come(self) -> bool:
        """Whether the container has been removed, or the engine closed."""
        return self._ended.is_set()

    def end(self) -> None:
        """Close the open stream, and open no other."""
        self._ended.set()
        if self._response is not None:
            self._response.close()

    def watch(self, response: aiohttp.ClientResponse) -> None:
        """Close this stream at the end."""
        self._response = response
        if self.has_come:
            response.close()

    async def pause(self, seconds: float) -> None:
        """Wait for the end, at most that long."""
        try:
            async with asyncio.timeout(seconds):
                await self._ended.wait()
        except TimeoutError:
            pass


async def joined(
    past: Callable[..., Lines],
    new: Callable[..., Lines],
    *,
    tail: int | None,
    follow: bool,
    since_ns: int,
) -> Lines:
    """Yield the last lines and, with *follow*, the lines after these.

    Args:
        past: Returns ``history``.
        new: Returns ``follow``.
        tail: The number of past lines; None for all.
        follow: Whether new lines follow.
        since_ns: The earliest stamp of a line, in nanoseconds since 1970.
    """
    last: LogLine | None = None
    # The last line is always read, because new lines are those after this line.
    wanted = max(tail, 1) if tail is not None and follow else tail
    async with aclosing(past(tail=wanted)) as lines:
        async for line in lines:
            if line.missing == 0:  # a notice has the stamp of now
                last = line
            if tail != 0 and line.time_ns >= since_ns:
                yield line
    if follow:
        async with aclosing(new(after=last)) as lines:
            async for line in lines:
                yield line


async def history(
    api: Api,
    tasks: Sequence[Json],
    nodes: Mapping[str, Json],
    since_ns: int,
    *,
    form: Form,
    tail: int | None,
) -> Lines:
    """Yield the lines of a container's tasks, oldest first.

    One line states that the log of a task on a lost node is missing.

    Args:
        api: The Engine of a manager.
        tasks: The tasks of the Swarm service.
        nodes: All nodes, by id.
        since_ns: The earliest stamp of a line, in nanoseconds since 1970.
        form: The form of the lines in the response.
        tail: The number of last lines; None for all.
    """
    ran = [
        t for t in tasks if t["Status"].get("ContainerStatus", {}).get("ContainerID")
    ]
    ran.sort(key=lambda task: parse_line_stamp(task["CreatedAt"]))
    if tail is None:
        for task in ran:
            async with aclosing(
                _task_lines(api, task, nodes, since_ns, form, None)
            ) as lines:
                async for line in lines:
                    yield line
        return
    left = tail
    found: list[list[LogLine]] = []
    for task in reversed(ran):
        if not left:
            break
        async with aclosing(
            _task_lines(api, task, nodes, since_ns, form, left)
        ) as lines:
            last = deque([line async for line in lines], maxlen=left)
        found.append(list(last))
        left -= len(last)
    for part in reversed(found):
        for line in part:
            yield line


async def _task_lines(
    api: Api,
    task: Json,
    nodes: Mapping[str, Json],
    since_ns: int,
    form: Form,
    tail: int | None,
) -> Lines:
    node = nodes.get(task.get("NodeID", ""))
    if node is None or observations.is_down(node):
        where = observations.hostname(node) or "a node that was removed"
        yield notice(f"[a part of this log is on {where}, which does not answer]")
        return
    longest = api.settings.longest_line
    path = f"tasks/{task['ID']}/logs"
    limit = "all" if tail is None else tail
    params = _params(form, since=format_seconds(since_ns), tail=limit)
    try:
        async with api.stream(
            path, params, silence=api.settings.request_timeout
        ) as response:
            async with aclosing(_lines(response, form, longest)) as lines:
                async for line in lines:
                    yield line
    except (EngineError, aiohttp.ClientError, TimeoutError) as error:
        if not isinstance(error, DockerProblem) or not error.not_found:
            yield notice(f"[a part of this log could not be read: {error}]")


async def follow(
    api: Api,
    service: str,
    ending: Ending,
    since_ns: int,
    *,
    form: Form,
    after: LogLine | None,
) -> Lines:
    """Yield new lines of all tasks until *ending*, over broken connections too.

    Args:
        api: The Engine of a manager.
        service: The id of the Swarm service.
        ending: The end of the log.
        since_ns: The earliest stamp of a line, in nanoseconds since 1970.
        form: The form of the lines in the response.
        after: The last line that the reader has, if any.
    """
    longest = api.settings.longest_line
    while not ending.has_come:
        since = max(since_ns, after.time_ns if after else 0)
        known = {after} if after else set()
        params = _params(form, follow=True, since=format_seconds(since), tail="all")
        try:
            path = f"services/{service}/logs"
            async with api.stream(path, params, silence=api.settings.quiet) as response:
                ending.watch(response)
                async with aclosing(
                    _lines(response, form, longest, messages=False)
                ) as lines:
                    async for line in lines:
                        if line.time_ns < since or line in known:
                            continue
                        after = line
                        yield line
        except DockerProblem as error:
            if error.not_found:
                return
            log.warning("log of service %s: %s", service, error)
        except TimeoutError:
            continue
        except (EngineUnavailable, aiohttp.ClientError) as error:
            if not ending.has_come:
                log.warning("log of service %s: %s", service, error)
        await ending.pause(api.settings.log_retry)


def _params(form: Form, **more: Any) -> dict[str, Any]:
    wanted = {"stdout": True, "stderr": True, "timestamps": True, **more}
    return {**wanted, "details": True} if form.details else wanted


async def _lines(
    response: aiohttp.ClientResponse,
    form: Form,
    longest: int,
    *,
    messages: bool = True,
) -> Lines:
    """Yield the lines of a stream, with the frames of a long line joined.

    Args:
        response: The stream.
        form: The form of the lines.
        longest: Bytes of a line. A longer line is divided into pieces, of which all but
            the last are partial.
        messages: Whether messages of the Engine are lines too.
    """
    if form.tty:
        held = b""
        async for data in response.content.iter_any():
            *whole, held = (held + data).split(b"\n")
            for raw in whole:
                yield form.line("stdout", raw)
            if len(held) > longest:
                yield form.line("stdout", held, partial=True)
                held = form.head(held)  # of the whole line
        if held:
            yield form.line("stdout", held)
        return
    parts: dict[int, bytes] = {}
    async with aclosing(frames(response)) as framed:
        async for kind, payload in framed:
            if kind == _MESSAGE:
                text = payload.decode(errors="replace").strip()
                if messages:
                    yield notice(f"[{text}]")
                else:
                    log.debug("message of Docker in a log: %s", text)
                continue
            if held := parts.pop(kind, b""):
                payload = held + form.text(payload)
            if (is_whole := payload.endswith(b"\n")) or len(payload) > longest:
                stream = _STREAMS.get(kind, "stdout")
                yield form.line(stream, payload, partial=not is_whole)
            else:
                parts[kind] = payload
    for kind, payload in parts.items():
        yield form.line(_STREAMS.get(kind, "stdout"), payload)
