"""Dates and booleans, as the API writes them. No I/O."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

__all__ = ["format_date", "format_event_date", "parse_bool", "parse_date"]

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)


def format_date(moment: datetime | None) -> str | None:
    """``Tue, 1 Mar 2016 03:52:18 +0000``: the day of the month is not padded.

    The old CLI parses with exactly this pattern and crashes on any other.
    """
    if moment is None:
        return None
    moment = moment.astimezone(UTC)
    return (
        f"{_DAYS[moment.weekday()]}, {moment.day} {_MONTHS[moment.month - 1]}"
        f" {moment.year:04d} {moment:%H:%M:%S} +0000"
    )


def format_event_date(moment: datetime) -> str:
    """``2016-02-01T16:47:28Z``, as in events."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def parse_date(text: str) -> datetime:
    """Read either form of date, or any ISO 8601; UTC where it names no zone.

    Raises:
        ValueError: It is neither.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = parsedate_to_datetime(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


_WORDS = {"true": True, "1": True, "false": False, "0": False}


def parse_bool(text: str) -> bool:
    """``true``/``True``/``1`` and their opposites, as the clients spell them.

    Raises:
        ValueError: It is another word.
    """
    try:
        return _WORDS[text.strip().lower()]
    except KeyError:
        raise ValueError(f"{text!r} is not true or false") from None
