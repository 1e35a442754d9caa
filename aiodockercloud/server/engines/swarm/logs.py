"""The log of one Swarm service as lines: its former tasks, then what comes.

Source: Docker Engine API, "GetTaskLogs" and "ServiceLogs".
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Literal

import aiohttp

from ....wire.loglines import format_seconds, parse_line_stamp
from .. import EngineUnavailable, LogLine
from . import observations
from .docker_api import QUIET, TIMEOUT, Api, DockerProblem, frames

log = logging.getLogger(__name__)

Json = Mapping[str, Any]
Lines = AsyncGenerator[LogLine, None]

#: Seconds between two tries of a stream that broke.
_AGAIN = 1.0
#: Characters of one line; longer ones are cut into several.
_LONGEST = 1024 * 1024
_STREAMS: Mapping[int, Literal["stdout", "stderr"]] = {1: "stdout", 2: "stderr"}
_WORD = 3


def note(text: str) -> LogLine:
    """A word of our own in a log, in place of lines."""
    return LogLine(time.time_ns(), "stderr", text, None)


class Ending:
    """Whether what is followed is gone; ends the stream that is open."""

    def __init__(self) -> None:
        self._gone = asyncio.Event()
        self._response: aiohttp.ClientResponse | None = None

    @property
    def gone(self) -> bool:
        return self._gone.is_set()

    def end(self) -> None:
        self._gone.set()
        if self._response is not None:
            self._response.close()

    def watch(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        if self.gone:
            response.close()

    async def pause(self, seconds: float) -> None:
        """Until it is gone, at most that long."""
        try:
            async with asyncio.timeout(seconds):
                await self._gone.wait()
        except TimeoutError:
            pass


async def history(
    api: Api,
    tasks: Sequence[Json],
    nodes: Mapping[str, Json],
    since_ns: int,
    *,
    tty: bool,
    tail: int | None,
) -> Lines:
    """The last *tail* lines of a container's tasks (None: all), oldest first, and none
    older than *since_ns*.

    What a lost node keeps to itself is a line that says so.
    """
    ran = [
        t for t in tasks if t["Status"].get("ContainerStatus", {}).get("ContainerID")
    ]
    ran.sort(key=lambda task: parse_line_stamp(task["CreatedAt"]))
    if tail is None:
        for task in ran:
            async with aclosing(
                _of_task(api, task, nodes, since_ns, tty, None)
            ) as lines:
                async for line in lines:
                    yield line
        return
    left = tail
    found: list[list[LogLine]] = []
    for task in reversed(ran):
        if not left:
            break
        async with aclosing(_of_task(api, task, nodes, since_ns, tty, left)) as lines:
            last = deque([line async for line in lines], maxlen=left)
        found.append(list(last))
        left -= len(last)
    for part in reversed(found):
        for line in part:
            yield line


async def _of_task(
    api: Api,
    task: Json,
    nodes: Mapping[str, Json],
    since_ns: int,
    tty: bool,
    tail: int | None,
) -> Lines:
    node = nodes.get(task.get("NodeID", ""))
    if node is None or observations.is_down(node):
        where = observations.hostname(node) or "a node that was removed"
        yield note(f"[a part of this log is on {where}, which does not answer]")
        return
    path, params = (
        f"tasks/{task['ID']}/logs",
        _params(since=format_seconds(since_ns), tail="all" if tail is None else tail),
    )
    try:
        async with api.stream(path, params, silence=TIMEOUT) as response:
            async with aclosing(_lines(response, tty)) as lines:
                async for line in lines:
                    yield line
    except (
        DockerProblem,
        EngineUnavailable,
        aiohttp.ClientError,
        TimeoutError,
    ) as error:
        if not isinstance(error, DockerProblem) or error.status != 404:
            yield note(f"[a part of this log could not be read: {error}]")


async def following(
    api: Api,
    service: str,
    ending: Ending,
    since_ns: int,
    *,
    tty: bool,
    after: LogLine | None,
) -> Lines:
    """Lines after that one, of whatever task, until *ending*; breaks are bridged."""
    while not ending.gone:
        since = max(since_ns, after.time_ns if after else 0)
        seen = {after} if after else set()
        params = _params(follow=True, since=format_seconds(since), tail="all")
        try:
            path = f"services/{service}/logs"
            async with api.stream(path, params, silence=QUIET) as response:
                ending.watch(response)
                async with aclosing(_lines(response, tty, words=False)) as lines:
                    async for line in lines:
                        if line.time_ns < since or line in seen:
                            continue
                        after = line
                        yield line
        except DockerProblem as error:
            if error.status == 404:
                return
            log.warning("log of service %s: %s", service, error)
        except TimeoutError:
            continue
        except (EngineUnavailable, aiohttp.ClientError) as error:
            if not ending.gone:
                log.warning("log of service %s: %s", service, error)
        await ending.pause(_AGAIN)


def _params(**more: Any) -> dict[str, Any]:
    return {"stdout": True, "stderr": True, "timestamps": True, **more}


async def _lines(
    response: aiohttp.ClientResponse, tty: bool, *, words: bool = True
) -> Lines:
    """The lines of a stream, with the frames of a long one joined."""
    if tty:
        held = b""
        async for some in response.content.iter_any():
            *whole, held = (held + some).split(b"\n")
            if len(held) > _LONGEST:
                whole, held = [*whole, held], b""
            for raw in whole:
                yield _line("stdout", raw)
        if held:
            yield _line("stdout", held)
        return
    parts: dict[int, bytes] = {}
    async with aclosing(frames(response)) as framed:
        async for kind, payload in framed:
            if kind == _WORD:
                text = payload.decode(errors="replace").strip()
                if words:
                    yield note(f"[{text}]")
                else:
                    log.debug("Docker says in a log: %s", text)
                continue
            if held := parts.pop(kind, b""):
                payload = held + payload.partition(b" ")[2]
            if payload.endswith(b"\n") or len(payload) > _LONGEST:
                yield _line(_STREAMS.get(kind, "stdout"), payload)
            else:
                parts[kind] = payload
    for kind, payload in parts.items():
        yield _line(_STREAMS.get(kind, "stdout"), payload)


def _line(stream: Literal["stdout", "stderr"], raw: bytes) -> LogLine:
    stamp, _, text = raw.partition(b" ")
    try:
        moment = parse_line_stamp(stamp.decode())
    except ValueError:
        moment, text = time.time_ns(), raw
    clean = text.removesuffix(b"\n").removesuffix(b"\r")
    return LogLine(moment, stream, clean.decode(errors="replace"))
