"""JSON by the rules of orjson, with the standard library only. No I/O.

orjson is optional, and ``json`` accepts and writes more: ``NaN``, lone surrogates, keys
that are no texts, integers of any size. These functions accept the same values as
orjson, so that a program does not depend on the packages beside it.
"""

from __future__ import annotations

import json
import re
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time
from enum import Enum
from math import isfinite
from typing import Any
from uuid import UUID

__all__ = ["dumps", "loads"]

#: How deep a value to write may be nested.
_DEPTH = 254
#: The integers that 64 bits can hold, with or without a sign.
_INTEGERS = range(-(2**63), 2**64)

_ENCODER = json.JSONEncoder(
    separators=(",", ":"), ensure_ascii=False, check_circular=False
)
#: The beginning of an escape that may stand for half of a character.
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def dumps(value: Any) -> bytes:
    """Return a value as JSON.

    Enumerations, dates, UUIDs and dataclasses are written as orjson writes them, and
    numbers that JSON does not have as ``null``.

    Raises:
        TypeError: JSON has no such value.
    """
    try:
        return _ENCODER.encode(_plain(value, _DEPTH)).encode()
    except UnicodeEncodeError:
        raise TypeError("str is not valid UTF-8: surrogates not allowed") from None


def loads(data: bytes | str) -> Any:
    """Return the value of a JSON text.

    Integers of more than 64 bits become floats.

    Raises:
        ValueError: The text is not JSON in UTF-8.
    """
    text = data if isinstance(data, str) else str(data, "utf-8")
    try:
        value = _DECODER.decode(text)
    except RecursionError:
        raise ValueError("depth limit exceeded") from None
    if isinstance(data, str) or _SURROGATE.search(text):
        # A text with half of a character has no form in UTF-8.
        json.dumps([text, value], ensure_ascii=False).encode()
    return value


def _plain(value: Any, depth: int) -> Any:
    """Return a value that ``json`` writes as orjson writes the original."""
    if depth == 0:
        raise TypeError("Recursion limit reached")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Enum):
        return _plain(value.value, depth)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        if value not in _INTEGERS:
            raise TypeError("Integer exceeds 64-bit range")
        return int(value)
    if type(value) is float:
        return value if isfinite(value) else None
    if isinstance(value, dict):
        if not all(type(key) is str for key in value):
            raise TypeError("Dict key must be str")
        return {key: _plain(one, depth - 1) for key, one in value.items()}
    if isinstance(value, list) or type(value) is tuple:
        return [_plain(one, depth - 1) for one in value]
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        named = {field.name: getattr(value, field.name) for field in fields(value)}
        return _plain(named, depth)
    raise TypeError(f"Type is not JSON serializable: {type(value).__name__}")


def _integer(text: str) -> int | float:
    value = int(text)
    return value if value in _INTEGERS else _number(text)


def _number(text: str) -> float:
    value = float(text)
    if not isfinite(value):
        raise ValueError("number is infinity when parsed as double")
    return value


def _refuse(text: str) -> None:
    raise ValueError(f"{text} is not JSON")


_DECODER = json.JSONDecoder(
    parse_int=_integer, parse_float=_number, parse_constant=_refuse
)
