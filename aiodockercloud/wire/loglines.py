"""Lines of logs: their stamps and their text. No I/O.

The text of a line begins with the engine's time stamp, which has nanoseconds. Real
clients expect the stamp there, and a reader that reconnects continues from the last
stamp.

Source: Docker Cloud API reference, "Services", on logs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeVar, cast

from .values import parse_date

__all__ = [
    "NANOSECONDS",
    "format_seconds",
    "format_stamp",
    "log_lines",
    "log_stamp",
    "log_text",
    "parse_line_stamp",
    "parse_stamp",
    "unstamped",
]

Line = TypeVar("Line", bound=Mapping[str, Any])

_STAMP = re.compile(r"^\d{4}-\d\d-\d\dT[\d:.]+Z ")


def unstamped(line: Line) -> Line:
    """Return a copy of a log line without the engine's stamp."""
    return cast(Line, {**line, "log": _STAMP.sub("", str(line.get("log", "")))})


def log_text(line: Mapping[str, Any]) -> str:
    """Return the text of a log line, without the engine's stamp and the newline."""
    return _STAMP.sub("", str(line.get("log", ""))).rstrip("\r\n")


#: In one second.
NANOSECONDS = 1_000_000_000

_SECONDS = r"(?a)(\d{1,12})(?:\.(\d{1,9}))?"
_DATE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(.*)", re.ASCII)


def parse_stamp(text: str) -> int:
    """Read a time as requests have it: a stamp, or seconds since 1970.

    Args:
        text: A date of RFC 3339, in UTC unless it has a zone, or a decimal number;
            either with up to nine decimals.

    Returns:
        Nanoseconds since 1970.

    Raises:
        ValueError: The text is neither.
    """
    if match := re.fullmatch(_SECONDS, text):
        return int(match[1]) * NANOSECONDS + _fraction(match[2])
    return parse_line_stamp(text)


def parse_line_stamp(text: str) -> int:
    """Return the nanoseconds since 1970 of a stamp as lines begin with.

    Raises:
        ValueError: The text is no date of RFC 3339.
    """
    match = _DATE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a time, as in 2016-05-04T12:00:00.123Z")
    return _whole_seconds(match[1] + match[3]) * NANOSECONDS + _fraction(match[2])


def _fraction(decimals: str | None) -> int:
    return int(decimals.ljust(9, "0")) if decimals else 0


@lru_cache(64)  # Most lines have the second of the line before.
def _whole_seconds(date: str) -> int:
    return round(parse_date(date).timestamp())


def format_stamp(nanoseconds: int) -> str:
    """Return a stamp as lines begin with, ``2016-05-04T12:00:00.123456789Z``."""
    seconds, rest = divmod(nanoseconds, NANOSECONDS)
    return f"{_second(seconds)}.{rest:09}Z"


def format_seconds(nanoseconds: int) -> str:
    """Return a time as seconds since 1970, e.g. ``1462363200.123456789``."""
    return f"{nanoseconds // NANOSECONDS}.{nanoseconds % NANOSECONDS:09}"


@lru_cache(64)  # Most lines have the second of the line before.
def _second(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"


def log_stamp(line: Mapping[str, Any]) -> int | None:
    """Return when a line was written, in nanoseconds since 1970.

    A line without a stamp has its ``timestamp``; ``None`` is returned without either.
    """
    if match := _STAMP.match(str(line.get("log", ""))):
        try:
            return parse_line_stamp(match[0].rstrip())
        except ValueError:
            pass
    seconds = line.get("timestamp")
    return int(seconds) * NANOSECONDS if isinstance(seconds, int) else None


_TEXT_LINE = r"(?:\[([^\]]+)\] )?(\d{4}-\d\d-\d\dT[\d:.]+Z) "


def log_lines(text: str) -> Iterator[dict[str, Any]]:
    """Yield the lines of a log that is one text, each line as in a stream.

    Tutum wrote a service's line as ``[web-1] 2014-10-13T11:01:43.000000000Z hello``.
    The text does not state the output of a line, so that each line counts as
    ``stdout``.
    """
    for line in text.splitlines():
        found: dict[str, Any] = {"type": "log", "streamType": "stdout"}
        if match := re.match(_TEXT_LINE, line):
            source, stamp = match.groups()
            if source:
                found["source"] = source
                line = line[match.start(2) :]
            found["timestamp"] = int(parse_date(stamp).timestamp())
        found["log"] = f"{line}\n"
        yield found
