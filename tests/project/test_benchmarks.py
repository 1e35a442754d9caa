"""The page of the benchmarks: verdicts, notes on rows that miss, and capacity."""

from __future__ import annotations

import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmarks import instructions, report
from benchmarks.__main__ import PAGE, PARTS
from benchmarks.harness import Row, paired, row

RATE = Row("server, GET of one object", "bare", 0.8, True, [0.9, 0.5, 0.7], "", 1e-4)
COST = Row("import", "aiohttp", 1.1, False, [1.0, 1.1, 1.2], "1 : 2 ms")


@pytest.mark.parametrize(
    ("ratios", "goal", "at_least", "holds"),
    [
        ([0.9, 0.5, 0.7], 0.7, True, True),
        ([0.9, 0.5, 0.7], 0.71, True, False),
        ([0.699], 0.7, True, True),  # as the table shows the ratio
        ([1.0, 1.1, 1.2], 1.1, False, True),
        ([1.2], 1.1, False, False),
        ([5.0], None, False, True),
    ],
)
def test_row_compares_the_median_with_its_goal(
    ratios: list[float], goal: float | None, at_least: bool, holds: bool
) -> None:
    assert Row("", "", goal, at_least, ratios).holds == holds


async def test_paired_drops_the_first_round_and_takes_turns() -> None:
    calls = []

    async def ours() -> float:
        calls.append("ours")
        return 2.0

    async def peer() -> float:
        calls.append("peer")
        return 1.0

    pairs = await paired(ours, peer, rounds=2)

    assert pairs == [[2.0, 1.0]] * 2
    assert calls == ["ours", "peer", "peer", "ours", "ours", "peer"]
    assert row("x", "y", 0.5, pairs).ratio == 0.5
    assert row("x", "y", 2, pairs, at_least=False).ratio == 2.0


def test_page_has_verdicts_and_a_sentence_for_each_row_that_misses() -> None:
    text = report.page([RATE, COST], datetime(2026, 11, 28, tzinfo=UTC))

    assert "| server, GET of one object | bare | 0.70 | 0.50 … 0.90 | ≥ 0.8 |" in text
    assert "**misses**" in text
    assert "| import | aiohttp | 1.10 | 1.00 … 1.20 | ≤ 1.1 | holds |" in text
    assert "- 10,000 reads of an object a second" in text
    missing = text.partition("## Rows that miss")[2]
    assert "server, GET of one object" in missing
    assert "import" not in missing


def test_row_that_was_not_run_is_said_to_be_so() -> None:
    text = report.table([Row("Swarm", "aiodocker", 1.1, False, [], "no DOCKER_HOST")])

    assert "| Swarm | aiodocker | | | ≤ 1.1 | not run | no DOCKER_HOST |" in text


def test_written_page_has_a_note_for_each_row_that_misses() -> None:
    text = PAGE.read_text()
    notes = tomllib.loads(report.NOTES.read_text())

    missing = set(re.findall(r"^\| ([^|]+?) \|.*\*\*misses\*\*", text, re.MULTILINE))
    assert missing <= set(notes), "a row that misses has a sentence in notes.toml"


@pytest.mark.parametrize("part", PARTS)
def test_each_part_exists(part: str) -> None:
    module = Path(report.__file__).with_name(f"{part}.py")

    assert "async def rows()" in module.read_text()


def test_more_instructions_than_the_bound_are_found() -> None:
    bounds = {"GET": 1.50, "list": 1.50, "PATCH": 1.50}
    ratios = {"GET": 1.49, "list": 1.5299, "PATCH": 1.5301, "new": 9.0}

    words = [line.rpartition(": ")[2] for line in instructions.verdicts(ratios, bounds)]

    assert words == ["holds", "holds", "ABOVE", "no bound"]


def test_bounds_are_stored_by_python_and_row() -> None:
    bounds = {"3.11": {"client, GET": 1.0577}, "3.13": {"client, GET": 1.2}}

    assert tomllib.loads(instructions.written(bounds)) == bounds


def test_every_row_of_the_gate_has_a_bound() -> None:
    bounds = tomllib.loads(instructions.BOUNDS.read_text())

    assert bounds.keys() == {"3.11"}  # the Python of CI
    assert list(bounds["3.11"]) == list(instructions.ROWS)
