"""Dates and booleans in the spelling of the API. No I/O."""

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
    """Return a date as ``Tue, 1 Mar 2016 03:52:18 +0000``.

    The day of the month is not padded: the old CLI parses with exactly this pattern and
    crashes on other patterns. ``None`` stays ``None``.
    """
    if moment is None:
        return None
    moment = moment.astimezone(UTC)
    return (
        f"{_DAYS[moment.weekday()]}, {moment.day} {_MONTHS[moment.month - 1]}"
        f" {moment.year:04d} {moment:%H:%M:%S} +0000"
    )


def format_event_date(moment: datetime) -> str:
    """Return a date as ``2016-02-01T16:47:28Z``, the form of events."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


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
