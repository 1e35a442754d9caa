"""The values of options: checked, with messages for the person who typed them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import typer

from .. import checks
from ..redaction import redact

__all__ = ["at_least", "checked", "duration", "node_engine", "seconds"]

T = TypeVar("T")
U = TypeVar("U")

#: Seconds in a unit of a duration, as in ``30d``.
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def checked(convert: Callable[[Any], T], check: Callable[[T], U]) -> Callable[[Any], U]:
    """Return a parser for typer that reports the message of a failed check.

    Args:
        convert: Converts the text, such as ``int``.
        check: One of the functions of :mod:`aiodockercloud.checks`.
    """

    def parse(text: Any) -> U:
        try:
            value = convert(text)
        except ValueError:
            raise typer.BadParameter(f"{text!r} is not a number") from None
        try:
            return check(value)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None

    return parse


def at_least(least: int) -> Callable[[Any], int]:
    """Return a parser for typer of whole numbers from a least one on."""

    def check(number: int) -> int:
        if number < least:
            raise ValueError(f"{number} is too small: a number from {least} on")
        return number

    return checked(int, check)


def node_engine(text: str) -> tuple[str, str]:
    """Return name and URL of ``NAME=URL``.

    Raises:
        ValueError: The text has another form.
    """
    name, separator, url = text.partition("=")
    if not name or not separator:
        raise ValueError(f"{redact(text)!r} is not NAME=URL")
    return name, checks.docker_url(url)


def duration(text: str) -> int:
    """Return the seconds of ``30d``, ``12h``, ``5m`` or ``600s``.

    Raises:
        ValueError: The text has another form.
    """
    unit = _UNITS.get(text[-1:])
    if unit is None or not text[:-1].isascii() or not text[:-1].isdigit():
        raise ValueError(
            f"{text!r} is not a duration: a number and s, m, h or d, such as 30d"
        )
    return int(checks.duration(int(text[:-1]) * unit))


def seconds(text: str) -> float:
    """Return the seconds of a number, or of a duration such as ``5m``.

    Raises:
        ValueError: The text has another form, or is no time above 0.
    """
    try:
        return checks.duration(float(text))
    except ValueError:
        return duration(text)
