"""JSON is the same with and without orjson."""

from __future__ import annotations

import enum
import json
import types
from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodockercloud.wire import json_text

orjson = pytest.importorskip("orjson", reason="nothing to compare with")


class Word(enum.StrEnum):
    OFF = "OFF"


class Number(enum.IntEnum):
    ONE = 1


class Any_(enum.Enum):
    X = "x"


class Text(str):
    pass


class Float(float):
    pass


class Dict(dict[str, int]):
    pass


@dataclass
class Data:
    name: str
    when: date


Point = namedtuple("Point", "x")


def outcome(function: Callable[[Any], Any], argument: Any) -> tuple[Any, ...]:
    """Return the result with its type, or the kind of error."""
    try:
        found = function(argument)
    except TypeError:
        return (TypeError,)
    except ValueError:
        return (ValueError,)
    if isinstance(found, bytes):
        # Versions of orjson write some floats in other words, as 1e22 and 1e+22.
        return bytes, repr(json.loads(found))
    return type(found), found


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, False, 0, 1.5, -0.0, 1e22, 5e-324, 'é\x00\x7f\u2028/"\\'),
        *(float("nan"), float("inf"), 2**64 - 1, 2**64, -(2**63), -(2**63) - 1),
        *(Word.OFF, Number.ONE, Any_.X, Text("x"), Float(1.5), Dict(a=1), Point(1)),
        *({Word.OFF: 1}, {Text("a"): 1}, {1: 2}, {None: 1}, {"a": {"b": ()}}),
        *("\udc80", {"\udc80": 1}, b"x", bytearray(b"x"), {1}, Decimal(1), Path("/x")),
        *(types.MappingProxyType({"a": 1}), UUID(int=1), Data, int),
        *(datetime(2026, 1, 2), datetime(2026, 1, 2, 3, 4, 5, 6, UTC), date.max),
        *(Data("a", date(2026, 1, 2)), [Data("a", date(2026, 1, 2))]),
        # Versions of orjson differ by one level.
        *(nested(250), nested(400)),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_values_are_written_the_same_with_and_without_orjson(value: Any) -> None:
    assert outcome(json_text.dumps, value) == outcome(orjson.dumps, value)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "1", " 1\n", "01", "1.", "-", "-0", "1E5", "1e400", "-1e400", "+1"),
        *("NaN", "Infinity", "-Infinity", "'a'", "[1,]", '{"a":1,"a":2}', "{a:1}"),
        *("18446744073709551615", "18446744073709551616", "-9223372036854775809"),
        *("9" * 400, "9" * 5000, "\ufeff1", "\x0b1", "\xa01", '"\x01"', "nul"),
        *('"\\ud800"', '"\\udc00"', '"\\ud83d\\ude00"', '"\\uD83D"', '{"\\ud800":1}'),
        *('"\ud800"', "[" * 100_000, '{"a":' * 100_000, "1 2", "[]]"),
        *(b'"\xff"', b'"\xed\xa0\x80"', b"\xef\xbb\xbf1", '"é"'.encode("latin-1")),
        *('"a"'.encode("utf-16"), '"é"'.encode(), b"\xff\xfe"),
    ],
    ids=lambda text: repr(text)[:40],
)
def test_texts_are_read_the_same_with_and_without_orjson(text: str | bytes) -> None:
    assert outcome(json_text.loads, text) == outcome(orjson.loads, text)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner)
    ),
    max_leaves=10,
)


@given(VALUES)
def test_any_value_is_written_the_same(value: Any) -> None:
    assert outcome(json_text.dumps, value) == outcome(orjson.dumps, value)


@given(st.text() | st.text('[]{}:,"\\ud0189abfnulltre -+.eE \n', max_size=30))
def test_any_text_is_read_the_same(text: str) -> None:
    assert outcome(json_text.loads, text) == outcome(orjson.loads, text)
