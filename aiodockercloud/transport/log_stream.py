"""Logs that continue after the last line when the connection is lost.

Source: Docker Cloud API reference, "Services" and "Containers", on logs.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Mapping
from datetime import datetime
from math import isfinite
from typing import Any, Generic, Literal, Protocol, TypedDict, TypeVar, Unpack

from aiohttp import ClientWebSocketResponse

from .. import types, wire
from ..exceptions import (
    DockerCloudError,
    NotSupported,
    StreamClosed,
)
from ..wire import loglines
from ..wire.loglines import NANOSECONDS, unstamped
from ..wire.window import WINDOW_PROTOCOL
from . import diagnostics
from .reconnect import Reconnecting
from .settings import DEFAULT_LIMITS, DEFAULT_TIMINGS, Limits, Timings
from .stream import CONTROL
from .websocket import shut

__all__ = ["LogOptions", "LogStream", "Since", "Tail", "check_options"]

L = TypeVar("L", bound="types.ActionLogLine")

_CONTROL = (*CONTROL, "position")
_NO_UNTIL = (
    "until: the server cannot end a log when the containers have stopped; wait for the"
    " state, then read the log with follow=False"
)
_NO_OUTPUTS = (
    "stdout, stderr, details: the server cannot select them; read both outputs, and"
    " select by the streamType of the lines"
)
#: The options that select what the server sends, with their defaults.
_OUTPUTS: Mapping[str, bool] = {"stdout": True, "stderr": True, "details": False}
_NONE: frozenset[str | None] = frozenset()
_loads = wire.loads

#: A number of past lines, or all of them.
Tail = int | Literal["all"]

#: A time: a ``datetime`` with a time zone, seconds since 1970, or the stamp of a line.
Since = datetime | float | str


class LogOptions(TypedDict, total=False):
    """The options of :meth:`Services.logs`."""

    tail: Tail | None
    follow: bool
    since: Since | None
    until: Literal["stopped"] | None
    reconnect: bool
    stdout: bool
    stderr: bool
    timestamps: bool
    details: bool


class Connect(Protocol):
    """Open the websocket of a log with the given query."""

    def __call__(
        self, *, params: Mapping[str, Any]
    ) -> Awaitable[ClientWebSocketResponse[Any]]: ...


class LogStream(Reconnecting[L], Generic[L]):
    """An async iterator of the lines of a log, as dicts, which reconnects.

    The first connection is attempted once, so that a wrong address or key raises at
    once. Later, the stream reconnects after a lost connection and after an answer with
    status 429, 502, 503 or 504. The pauses grow from 0.2 seconds to half a minute, have
    a jitter and respect ``Retry-After``; a new line resets the pauses. Errors that no
    repetition resolves (401, 403, 404) are raised, and so is the last error when the
    stream fails each time: after 5 connections in a row without a new line, or 100
    attempts in a row without a connection (``fruitless_connections`` and
    ``failed_attempts`` of :class:`~aiodockercloud.transport.settings.Limits`).

    After a reconnect the stream continues with the line after the last line of each
    container: no line is lost or repeated, even when the service was redeployed or
    scaled or the server was restarted in between. When the server no longer has some
    lines, the stream yields one item with the key ``missed``: the number of lost lines,
    or ``None`` when that number is unknown. The embedded engine keeps 10,000 lines of
    each container; a reader that is slower than its containers loses the older lines.

    Servers other than aiodockercloud's cannot continue a log from a point in time. The
    stream requests their last 10,000 lines again and drops the known lines. When no
    line is known, lines may be missing, and the stream yields one item with ``missed``.

    Args:
        connect: Opens the websocket.
        timings: The durations; see :class:`~aiodockercloud.transport.settings.Timings`.
        limits: The bounds; see :class:`~aiodockercloud.transport.settings.Limits`.
        options: The options of :meth:`~.resources.services.Services.logs`.

    Attributes:
        reconnects: How often the connection was lost so far.

    Raises:
        ValueError: *since* is no valid time, or *until* or *tail* is invalid.
        TypeError: *since* has another type.
        NotSupported: On entering, or on the first step: the server does not know
            *until*, and the stream would not end.
        ApiError: On entering, or on the first step: the server refused the upgrade.
        ConnectError: On entering, or on the first step: no response was received.
        StreamClosed: The connection was lost and *reconnect* is false, or the stream
            failed each time, or the client was closed.
        RuntimeError: Another task reads the stream, or a closed stream is entered.
    """

    __slots__ = (
        "_ask_for",
        "_at",
        "_before",
        "_comparing",
        "_first",
        "_follow",
        "_known",
        "_last",
        "_outputs",
        "_refusal",
        "_since",
        "_stamped",
        "_tail",
        "_unproven",
        "_until",
        "reconnects",
    )

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
        check_options(options)
        self._tail = options.get("tail")
        self._follow = options.get("follow", True)
        since = options.get("since")
        self._since = None if since is None else _nanoseconds(since)
        self._until = options.get("until")
        self._outputs = {
            name: chosen
            for name, default in _OUTPUTS.items()
            if (chosen := options.get(name, default)) is not default
        }
        #: The error for a server that would ignore an option.
        self._refusal = _NO_UNTIL if self._until else ""
        self._refusal = self._refusal or (_NO_OUTPUTS if self._outputs else "")
        #: Lines keep their stamps in ``_last``: the stamps are positions.
        self._stamped = options.get("timestamps", True)
        self.reconnects: int = 0
        # The position to continue from: the last line of each container, and the time
        # of the first request by the server's clock, from its frame "position".
        self._last: dict[str | None, L] = {}
        self._at: str | None = None
        #: The stamp of the first line, from servers without that frame.
        self._first: int | None = None
        #: The stamp and the text of the last line of each container whose known lines
        #: the server sends again.
        self._known: dict[str | None, tuple[int | None, str]] = {}
        #: The containers in ``_known`` without a repeated line so far: their next line
        #: may come after missing ones.
        self._unproven: frozenset[str | None] = _NONE
        #: Whether lines are compared with the known ones.
        self._comparing = False
        #: ``_last`` as of the current connection's start.
        self._before: dict[str | None, L] = {}

    async def __anext__(self) -> L:
        # Repeats Stream.__anext__: at a million lines a call through super() shows.
        frames, last = self._frames, self._last
        while True:
            if not frames:
                await self._more()
            data = frames.popleft()
            line: Any
            try:
                line = _loads(data)
                kind = line.get("type")
            except (ValueError, AttributeError):
                line = self._mended(data)
                kind = line.get("type")
            if kind != "log" and kind in _CONTROL:
                self._control(line)
            elif "missed" in line:
                found: L = line
                diagnostics.missed(self._ws, "lines", line["missed"])
                return found if self._stamped else unstamped(found)
            elif not self._comparing or self._is_new(line, data):
                try:
                    found = last[line.get("source")] = line
                except TypeError:
                    raise self._no_line() from None
                return found if self._stamped else unstamped(found)

    # --- connections ----------------------------------------------------------------

    async def _receive(self) -> None:
        while True:
            try:
                await super()._receive()
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
        """Connect and request the lines that were not received yet."""
        again = self._opened_at is not None
        enough = self._at_least(self._limits.resumed_lines)
        query: dict[str, Any] = {
            "follow": self._follow,
            "tail": self._tail,
            "until": self._until,
            **self._outputs,
        }
        if self._since is not None:
            query["since"] = loglines.format_stamp(self._since)
        if again and self._at is not None:
            query |= {"at": self._at, "seen": self._seen()}
        elif again and (self._last or self._since is not None):
            query["tail"] = enough
        ws = await self._ask_for(params=query)
        old = ws.protocol != WINDOW_PROTOCOL
        if old and self._refusal:
            await shut(ws)
            raise NotSupported(self._refusal)
        if old and (self._at is not None if again else self._since is not None):
            # Such a server ignores the time and would send its usual few lines.
            self._at = None
            await shut(ws)
            ws = await self._ask_for(params={"follow": self._follow, "tail": enough})
        self._before = dict(self._last)
        self._known = {
            source: (loglines.log_stamp(line), str(line.get("log")))
            for source, line in self._last.items()
        }
        proven = self._at is not None or not self._known
        self._unproven = _NONE if proven else frozenset(self._known)
        self._comparing = bool(self._known) or (
            old and (again or self._since is not None)
        )
        if again and old and self._follow and not self._known:
            self._report_gap(None)
        return ws

    def _at_least(self, lines: int) -> Tail:
        """Return *lines*, or the requested number of past lines if that is larger."""
        return "all" if isinstance(self._tail, str) else max(self._tail or 0, lines)

    def _seen(self) -> str | None:
        """Return the query for the last lines, those of the newest stamps first."""
        stamps = [
            (stamp, str(source or ""))
            for source, line in self._last.items()
            if (stamp := loglines.log_stamp(line)) is not None
        ]
        found = ""
        for stamp, source in sorted(stamps, reverse=True):
            one = f"{source}:{loglines.format_seconds(stamp)}"
            if len(found) + len(one) > self._limits.resume_query:
                break
            found += f",{one}" if found else one
        return found or None

    def _control(self, frame: dict[str, Any]) -> None:
        if frame["type"] == "position":
            at = frame.get("at")
            self._at = at if isinstance(at, str) else None
            if frame.get("until") != self._until:
                self._frames.clear()
                self._end = StreamClosed(1003, _NO_UNTIL)
                raise NotSupported(_NO_UNTIL)
            return
        try:
            super()._control(frame)
        except StreamClosed:
            self._frames.clear()  # the next step ends the stream or reconnects

    def _no_line(self) -> StreamClosed:
        """Return the error for a frame whose ``source`` is not a name."""
        self._end = StreamClosed(1007, "a frame is not a line of a log")
        return self._end

    # --- lines that come again ------------------------------------------------------

    def _is_new(self, line: L, data: bytes) -> bool:
        """Return whether a line has not been yielded yet.

        The first line after missing ones goes back to the buffer, behind an item that
        reports the gap, and counts as not new for now.
        """
        source, stamp = line.get("source"), loglines.log_stamp(line)
        if source is not None and not isinstance(source, str):
            raise self._no_line()
        if source not in self._known:
            return self._at is not None or self._is_wanted(stamp)
        last, text = self._known[source]
        if stamp == last and str(line.get("log")) == text:
            self._forget(source)
            return False
        if stamp is not None and last is not None and stamp <= last:
            self._unproven -= {source}
            return False
        missing = source in self._unproven
        self._forget(source)
        if missing:
            self._unproven = _NONE  # one report for all containers
            self._frames.appendleft(data)
            self._report_gap(source)
        return not missing

    def _forget(self, source: str | None) -> None:
        """Regard all further lines of a container as new."""
        del self._known[source]
        self._unproven -= {source}
        self._comparing = bool(self._known) or self._at is None

    def _is_wanted(self, stamp: int | None) -> bool:
        """Return whether a line belongs to the requested part of the log.

        A server that knows ``since`` selects the lines itself; for the lines of other
        servers the selection is made here.
        """
        return stamp is None or stamp >= max(self._since or 0, self._first or 0)

    def _report_gap(self, source: str | None) -> None:
        """Put an item with ``missed`` in front of the buffered lines."""
        report = {
            "type": "log",
            **({} if source is None else {"source": source}),
            "log": "[lines may be missing: the connection was lost]\n",
            "streamType": "stderr",
            "timestamp": int(time.time()),
            "missed": None,
        }
        self._frames.appendleft(wire.dumps(report))


def check_options(options: LogOptions) -> None:
    """Refuse options of a log that no request can be sent for.

    Raises:
        ValueError: *since* is no valid time, *until* or *tail* is invalid, or no output
            is to be read.
        TypeError: *since* has another type.
    """
    tail, until, since = options.get("tail"), options.get("until"), options.get("since")
    if isinstance(tail, str) and tail != "all":
        raise ValueError(f"tail: must be a number or 'all', not {tail!r}")
    if not (options.get("stdout", True) or options.get("stderr", True)):
        raise ValueError("stdout, stderr: one of them must be true")
    if until not in (None, "stopped"):
        raise ValueError(f"until: must be 'stopped', not {until!r}")
    if until is not None and not options.get("follow", True):
        raise ValueError("until: a log without follow ends with its past lines")
    if since is not None:
        _nanoseconds(since)


def _nanoseconds(moment: Since) -> int:
    """Return a time in nanoseconds since 1970.

    Raises:
        ValueError: The text is no time, or the time has no zone or is before 1970.
        TypeError: The value has another type.
    """
    if not isinstance(moment, str | datetime | int | float):
        raise TypeError("since: must be a datetime, a number of seconds or a stamp")
    if isinstance(moment, str):
        try:
            found = loglines.parse_stamp(moment)
        except ValueError as exc:
            raise ValueError(f"since: {exc}") from None
    elif isinstance(moment, datetime):
        if moment.tzinfo is None:
            raise ValueError("since: a datetime needs a time zone, as in UTC")
        whole = moment.replace(microsecond=0).timestamp()
        found = round(whole) * NANOSECONDS + moment.microsecond * 1000
    elif isfinite(moment):
        found = round(moment * NANOSECONDS)
    else:
        raise ValueError(f"since: {moment} is no number of seconds")
    if found < 0:
        raise ValueError("since: must not be before 1970")
    return found


def _stamp(data: bytes) -> int | None:
    """Return the stamp of a line in nanoseconds; None for other frames."""
    try:
        line = _loads(data)
        return None if "missed" in line else loglines.log_stamp(line)
    except (ValueError, AttributeError, TypeError):
        return None
