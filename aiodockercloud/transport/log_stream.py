"""Logs that go on where they were when the connection is lost."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Mapping
from datetime import datetime
from typing import Any, Protocol, Self, TypedDict, Unpack

from aiohttp import ClientWebSocketResponse

from .. import wire
from ..exceptions import (
    BadRequest,
    DockerCloudError,
    MethodNotAllowed,
    NotSupported,
    ObjectNotFound,
    StreamClosed,
)
from ..types import LogLine
from ..wire import loglines
from ..wire.loglines import NANOSECONDS
from ..wire.window import WINDOW_PROTOCOL
from .reconnect import Reconnecting
from .settings import DEFAULT_LIMITS, DEFAULT_TIMINGS, Limits, Timings
from .stream import CONTROL, shut

__all__ = ["LogStream", "Since", "TutumLog"]

_CONTROL = CONTROL | {"position"}
_loads = wire.loads

#: A moment: a ``datetime`` with its zone, seconds since 1970, or a stamp as lines have.
Since = datetime | float | str


class LogOptions(TypedDict, total=False):
    """What :meth:`Services.logs` takes."""

    tail: int | None
    follow: bool
    since: Since | None
    reconnect: bool


class Connect(Protocol):
    def __call__(
        self, *, params: Mapping[str, Any]
    ) -> Awaitable[ClientWebSocketResponse[Any]]: ...


class Fetch(Protocol):
    def __call__(self, *, params: Mapping[str, Any]) -> Awaitable[dict[str, Any]]: ...


class LogStream(Reconnecting[LogLine]):
    """Lines of a log as dicts; it reconnects when the connection is lost.

    The first connection is tried once, so a wrong address or key is an exception at
    once. Later, lost connections and overload are tried again with growing pauses
    (jittered, half a minute at most, ``Retry-After`` obeyed), which begin anew once a
    new line has come; what no repetition heals (401, 403, 404) is raised.

    After a reconnect it goes on with the line after the last one of each container:
    none is lost and none comes twice, whether the service was redeployed or scaled
    meanwhile or its server restarted. That holds as far as the lines are still kept.
    Where some are missing, a line says so that has the key ``missed``: their number, or
    ``None`` where it is not known. The embedded engine keeps 10,000 lines of each
    container; a reader slower than its containers misses those that have fallen off.

    Servers other than aiodockercloud's know no moment to go on from. They are asked for
    the last 10,000 lines again, of which the known ones are dropped; if none of them is
    known, lines may be missing, and one ``missed`` line says so.

    Attributes:
        reconnects: How often the connection was lost so far.
    """

    def __init__(
        self,
        connect: Connect,
        *,
        timings: Timings = DEFAULT_TIMINGS,
        limits: Limits = DEFAULT_LIMITS,
        **options: Unpack[LogOptions],
    ) -> None:
        super().__init__(
            self._ask,
            reconnect=options.get("reconnect", True),
            timings=timings,
            limits=limits,
        )
        self._ask_for = connect
        self._tail = options.get("tail")
        self._follow = options.get("follow", True)
        since = options.get("since")
        self._since = None if since is None else _nanoseconds(since)
        self.reconnects = 0
        #: The last line of each container, and when the server was first asked, as it
        #: told: what is needed to go on. Where it told nothing, the first line's stamp.
        self._last: dict[str | None, LogLine] = {}
        self._at: str | None = None
        self._first: int | None = None
        #: Of containers whose lines come again: stamp and text of their last one.
        self._known: dict[str | None, tuple[int | None, str]] = {}
        #: Those among them of which nothing has come again: lines may be missing.
        self._unproven: set[str | None] = set()
        self._comparing = False
        self._before: dict[str | None, LogLine] = {}

    async def __anext__(self) -> LogLine:
        # Not by way of Stream's: at a million lines each call counts.
        frames, last = self._frames, self._last
        while True:
            if not frames:
                await self._more()
            data = frames.popleft()
            try:
                line = _loads(data)
                kind = line.get("type")
            except (ValueError, AttributeError):
                line = self._not_an_object(data)
                kind = None
            if kind in _CONTROL:
                self._control(line)
            elif "missed" in line:
                found: LogLine = line
                return found
            elif not self._comparing or self._is_new(line, data):
                found = last[line.get("source")] = line
                return found

    # --- connections ----------------------------------------------------------------

    async def _more(self) -> None:
        while True:
            try:
                await super()._more()
                if self._first is None and not self._windowed:
                    self._first = _stamp(self._frames[0])
                return
            except DockerCloudError as exc:
                if not await self._should_reconnect(exc):
                    raise
                self.reconnects += isinstance(exc, StreamClosed)

    def _made_progress(self) -> bool:
        before = self._before
        return any(line is not before.get(key) for key, line in self._last.items())

    async def _ask(self) -> ClientWebSocketResponse[Any]:
        """Connect, and ask for what has not come yet."""
        again = self._opened_at is not None
        enough = max(self._tail or 0, self._limits.resumed_lines)
        query: dict[str, Any] = {"follow": self._follow, "tail": self._tail}
        if self._since is not None:
            query["since"] = loglines.format_stamp(self._since)
        if again and self._at is not None:
            query |= {"at": self._at, "seen": self._seen()}
        elif again and (self._last or self._since is not None):
            query["tail"] = enough
        ws = await self._ask_for(params=query)
        old = ws.protocol != WINDOW_PROTOCOL
        if old and (self._at is not None if again else self._since is not None):
            # It knows no moment, and would begin with its usual few lines.
            self._at = None
            await shut(ws)
            ws = await self._ask_for(params={"follow": self._follow, "tail": enough})
        self._before = dict(self._last)
        self._known = {
            source: (loglines.log_stamp(line), line["log"])
            for source, line in self._last.items()
        }
        self._unproven = set() if self._at is not None else set(self._known)
        self._comparing = bool(self._known) or (
            old and (again or self._since is not None)
        )
        if again and old and self._follow and not self._known:
            self._say_gap(None)
        return ws

    def _seen(self) -> str | None:
        """What has been had, those first that were heard of last."""
        stamps = [
            (stamp, source or "")
            for source, line in self._last.items()
            if (stamp := loglines.log_stamp(line)) is not None
        ]
        said = ""
        for stamp, source in sorted(stamps, reverse=True):
            one = f"{source}:{loglines.format_seconds(stamp)}"
            if len(said) + len(one) > self._limits.resume_query:
                break
            said += f",{one}" if said else one
        return said or None

    def _control(self, frame: dict[str, Any]) -> None:
        if frame["type"] == "position":
            self._at = frame["at"]
            return
        try:
            super()._control(frame)
        except StreamClosed:
            self._frames.clear()  # the next step ends or mends it

    # --- lines that come again ------------------------------------------------------

    def _is_new(self, line: LogLine, data: str | bytes) -> bool:
        """Return whether a line has not been yielded yet.

        The first line after missing ones goes back to the buffer, behind an item that
        reports the gap, and counts as not new for now.
        """
        source, stamp = line.get("source"), loglines.log_stamp(line)
        if source not in self._known:
            return self._at is not None or self._is_wanted(stamp)
        last, text = self._known[source]
        if stamp == last and line["log"] == text:
            self._forget(source)
            return False
        if stamp is not None and last is not None and stamp <= last:
            self._unproven.discard(source)
            return False
        missing = source in self._unproven
        self._forget(source)
        if missing:
            self._unproven.clear()  # said once
            self._frames.appendleft(data)
            self._say_gap(source)
        return not missing

    def _forget(self, source: str | None) -> None:
        """All that comes of this container now is new."""
        del self._known[source]
        self._unproven.discard(source)
        self._comparing = bool(self._known) or self._at is None

    def _is_wanted(self, stamp: int | None) -> bool:
        """Return whether a line belongs to the requested part of the log.

        A server that knows ``since`` selects the lines itself; for the lines of other
        servers the selection is made here.
        """
        return stamp is None or stamp >= max(self._since or 0, self._first or 0)

    def _say_gap(self, source: str | None) -> None:
        said = {
            "type": "log",
            **({} if source is None else {"source": source}),
            "log": "[lines may be missing: the connection was lost]\n",
            "streamType": "stderr",
            "timestamp": int(time.time()),
            "missed": None,
        }
        self._frames.appendleft(wire.dumps(said))


class TutumLog(LogStream):
    """A log of Tutum's: a websocket or, from servers before May 2015, one text.

    Such a server refuses the websocket; then the text is asked for, its lines are
    the stream, and after the last one it ends, even when it was to be followed.
    """

    def __init__(
        self,
        connect: Connect,
        fetch: Fetch,
        *,
        timings: Timings = DEFAULT_TIMINGS,
        limits: Limits = DEFAULT_LIMITS,
        **options: Unpack[LogOptions],
    ) -> None:
        super().__init__(connect, timings=timings, limits=limits, **options)
        self._fetch = fetch
        self._is_text = False

    async def __aenter__(self) -> Self:
        await self._begin()
        return self

    async def _more(self) -> None:
        if self._opened_at is None and not (self._is_text or self._closed):
            await self._begin()
        if not self._is_text:
            await super()._more()
        elif not self._frames:
            raise StopAsyncIteration

    async def _begin(self) -> None:
        try:
            await self._open()
        except (BadRequest, ObjectNotFound, MethodNotAllowed, NotSupported):
            tail = self._tail
            if self._since is not None:
                self._comparing = True
                tail = max(tail or 0, self._limits.resumed_lines)
            answer = await self._fetch(params={"tail": tail})
            self._is_text = True
            lines = loglines.log_lines(str(answer.get("logs") or ""))
            self._frames.extend(map(wire.dumps, lines))


def _nanoseconds(moment: Since) -> int:
    """A moment in nanoseconds since 1970.

    Raises:
        ValueError: It is not a moment, or has no zone, or is before 1970.
    """
    if isinstance(moment, str):
        found = loglines.parse_stamp(moment)
    elif isinstance(moment, datetime):
        if moment.tzinfo is None:
            raise ValueError("since: a datetime needs a time zone, as in UTC")
        whole = moment.replace(microsecond=0).timestamp()
        found = round(whole) * NANOSECONDS + moment.microsecond * 1000
    else:
        found = round(moment * NANOSECONDS)
    if found < 0:
        raise ValueError("since: must not be before 1970")
    return found


def _stamp(data: str | bytes) -> int | None:
    """When a line was written, if that is what the frame is."""
    try:
        line = _loads(data)
        return None if "missed" in line else loglines.log_stamp(line)
    except (ValueError, AttributeError, TypeError):
        return None
