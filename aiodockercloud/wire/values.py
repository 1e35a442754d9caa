"""Dates, booleans and durations in the spelling of the API. No I/O."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

__all__ = [
    "format_date",
    "format_event_date",
    "parse_bool",
    "parse_date",
    "parse_duration",
]

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)


def format_date(moment: datetime | None) -> str | None:
    """Return a date as ``Tue, 1 Mar 2016 03:52:18 +0000``.

    The day of the month is not padded: the old CLI parses with exactly this pattern and
    crashes on other patterns. ``None`` stays ``None``.
    """
    if moment is None:
        return None
    moment = moment.astimezone(UTC)
    return (
        f"{_DAYS[moment.weekday()]}, {moment.day} {_MONTHS[moment.month - 1]}"
        f" {moment.year:04d} {moment.isoformat()[11:19]} +0000"
    )


def format_event_date(moment: datetime) -> str:
    """Return a date as ``2016-02-01T16:47:28Z``, the form of events."""
    return f"{moment.astimezone(UTC).isoformat()[:19]}Z"


def parse_date(text: str) -> datetime:
    """Parse a date in either form of the API or in ISO 8601.

    A date without a zone is in UTC.

    Raises:
        ValueError: The text is no date.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = parsedate_to_datetime(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


_WORDS = {"true": True, "1": True, "false": False, "0": False}


def parse_bool(text: str) -> bool:
    """Parse ``true``, ``1``, ``false`` or ``0``, in upper or lower case.

    Raises:
        ValueError: The text is another word.
    """
    try:
        return _WORDS[text.strip().lower()]
    except KeyError:
        raise ValueError(f"{text!r} is not true or false") from None


_UNITS = {"h": "3600", "m": "60", "s": "1", "ms": "1e-3", "us": "1e-6", "ns": "1e-9"}
# The module re compiles these patterns for the first text; an import needs none.
_NUMBER = r"[0-9]{1,9}(?:\.[0-9]{1,9})?"
_PARTS = rf"({_NUMBER})(h|ms|us|ns|m|s)"
_DURATION = rf"{_NUMBER}|(?:{_NUMBER}(?:h|ms|us|ns|m|s))+"
#: Seconds; no duration of the API is longer than a year.
_LONGEST = 366 * 86400


def parse_duration(value: Any) -> int | float:
    """Return a duration in seconds: a number, or a text such as ``30s`` or ``1m30s``.

    Raises:
        ValueError: The value has neither form, or is negative or above a year.
    """
    found: int | float | None = None
    if isinstance(value, int | float) and not isinstance(value, bool):
        found = value
    elif isinstance(value, str) and re.fullmatch(_DURATION, text := value.strip()):
        parts = re.findall(_PARTS, text) or [(text, "s")]
        # Here, because only a duration as a text needs exact decimals.
        from decimal import Decimal  # noqa: PLC0415

        seconds = (Decimal(number) * Decimal(_UNITS[unit]) for number, unit in parts)
        found = float(sum(seconds))
    if found is None or not 0 <= found <= _LONGEST:
        raise ValueError(
            f"{str(value)[:60]!r} is not a duration; give seconds, such as 0.5, or"
            " a text such as 30s or 1m30s"
        )
    return int(found) if found == int(found) else found
