"""Log lines: text, and time stamps formatted, parsed and found in lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodockercloud.types import LogLine
from aiodockercloud.wire import loglines


@given(st.integers(0, 4_102_444_800 * 10**9))
def test_parse_stamp_of_a_formatted_stamp_returns_the_same_time(
    nanoseconds: int,
) -> None:
    assert loglines.parse_stamp(loglines.format_stamp(nanoseconds)) == nanoseconds


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("1970-01-01T00:00:01Z", 10**9),
        ("1970-01-01T00:01:00Z", 60 * 10**9),
        ("1970-01-01T00:00:01.000000002Z", 1_000_000_002),
        ("1970-01-01T00:00:01.5Z", 1_500_000_000),
        ("1970-01-01T01:00:01.000000001+01:00", 1_000_000_001),
        ("1970-01-01T00:00:01", 10**9),
        ("1", 10**9),
        ("1.000000001", 1_000_000_001),
    ],
)
def test_parse_stamp_reads_dates_and_seconds(text: str, nanoseconds: int) -> None:
    assert loglines.parse_stamp(text) == nanoseconds


@pytest.mark.parametrize("text", ["42", "1.5", "hello", "", "1970-01-01"])
def test_parse_line_stamp_of_the_first_word_of_a_line_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time"):
        loglines.parse_line_stamp(text)


@pytest.mark.parametrize(
    ("line", "nanoseconds"),
    [
        ({"log": "1970-01-01T00:00:01.5Z text\n", "timestamp": 7}, 1_500_000_000),
        ({"log": "text\n", "timestamp": 7}, 7 * 10**9),
        ({"log": "9999-99-99T99:99:99Z text\n", "timestamp": 7}, 7 * 10**9),
        ({"log": "text\n"}, None),
        ({}, None),
    ],
)
def test_log_stamp_of_a_line_is_in_the_text_or_the_timestamp(
    line: LogLine, nanoseconds: int | None
) -> None:
    assert loglines.log_stamp(line) == nanoseconds


def test_log_text_of_a_stamped_line_is_the_text_alone() -> None:
    line = {"log": "2016-05-04T12:00:00.123456789Z hello world\n"}

    assert loglines.log_text(line) == "hello world"
    assert loglines.log_text({"log": "plain\r\n"}) == "plain"
