"""The table and the page of the measured rows, as Markdown."""

from __future__ import annotations

import os
import platform
import statistics
import tomllib
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from .harness import ROUNDS, Row

#: What to know about a row that misses its goal: the profile in a sentence.
NOTES = Path(__file__).with_name("notes.toml")

_HEAD = (
    "| what | beside | ratio | spread | goal | | ours : peer |\n"
    "|---|---|---|---|---|---|---|"
)


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a table."""
    return "\n".join([_HEAD, *(_line(row) for row in rows)])


def _line(row: Row) -> str:
    if not row.ratios:
        return (
            f"| {row.what} | {row.peer} | | | {_goal(row)} | not run | {row.figures} |"
        )
    spread = f"{min(row.ratios):.2f} … {max(row.ratios):.2f}"
    if len(row.ratios) == 1:
        spread = ""
    verdict = "" if row.goal is None else "holds" if row.holds else "**misses**"
    cells = (row.what, row.peer, f"{row.ratio:.2f}", spread, _goal(row), verdict)
    return f"| {' | '.join(cells)} | {row.figures} |"


def _goal(row: Row) -> str:
    if row.goal is None:
        return ""
    return f"{'≥' if row.at_least else '≤'} {row.goal:g}"


#: What one process carries: a row, and the sentence about its cost.
_CARRIES = {
    "server, GET of one object": "{rate:,.0f} reads of an object a second",
    "server, list of 25 services": "{rate:,.0f} list pages of 25 services a second",
    "server, durable PATCH": "{rate:,.0f} durable changes a second",
    "one log to 200 readers": "{rate:,.0f} frames of logs a second, over all readers",
    "events to 500 readers": "{rate:,.0f} frames of events a second, over all readers",
    "1,000 → 10,000 containers of 10 services: memory": (
        "{room:,.0f} containers of the embedded engine in a GiB of memory"
    ),
}


def carries(rows: Sequence[Row]) -> list[str]:
    """Return what one process carries with one core, a sentence each."""
    found = {row.what: row.cost for row in rows if row.cost}
    return [
        sentence.format(rate=1 / found[what], room=2**30 / found[what])
        for what, sentence in _CARRIES.items()
        if what in found
    ]


def page(rows: Sequence[Row], when: datetime | None = None) -> str:
    """Return the page of the documentation."""
    when = when or datetime.now(UTC)
    notes = tomllib.loads(NOTES.read_text())
    missing = [row for row in rows if row.ratios and not row.holds]
    sentences = [
        f"- **{row.what}**{f', beside {row.peer}' if row.peer else ''}:"
        f" {notes.get(row.what, 'Not studied yet.')}"
        for row in missing
    ]
    head = _PAGE.format(
        rounds=ROUNDS,
        date=when.strftime("%-d %B %Y"),
        machine=machine(),
        table=table(rows),
        carries="\n".join(f"- {sentence}" for sentence in carries(rows)),
    )
    if not sentences:
        return head
    return head + "\n".join(["\n## Rows that miss their goal\n", *sentences, ""])


def machine() -> str:
    """Return the machine and the versions of the libraries in a sentence."""
    packages = ("aiohttp", "orjson", "aiodocker", "requests", "websockets", "moto")
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in packages)
    load = statistics.fmean(os.getloadavg())
    return (
        f"{os.cpu_count()} cores, {platform.system()}, Python"
        f" {platform.python_version()}, {versions}; load {load:.1f}"
    )


_PAGE = """\
# Performance

`make bench` measures all rows of this page and writes the page. A part is measured by
`make bench ARGS=server`: `client`, `server`, `streams`, `growth`, `start`, `batch`,
`attack`, `swarm`.

## Method

A row compares the project with a peer that does the same work, in the same run. Both
sides take turns in short slices; a ratio is the median of the rounds ({rounds} of most
rows), the spread is their range, and a row without a spread has one round. The CPU time
of the measured process counts, because wall time depends on what else the machine does;
a row that measures wall time says so. Of rates, more is better (≥); of costs, less is
better (≤). Pages and objects that do not change are kept by the server, so the rows of
reads show what an unchanged answer costs.

Measured on {date}: {machine}.

## Results

{table}

## Growth

Containers of 10 services, on one machine with 3 nodes of the embedded engine.

![CPU seconds to start](_static/growth-time.svg)
![Memory](_static/growth-memory.svg)

## What one process carries

A server is one process with one event loop, so it uses one core. From the costs above,
one core of this machine is fully used by one of these:

{carries}

{{doc}}`running` states what to do beyond that.
"""
