"""Busy commands of the small shell beside other tasks of the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import islice

import pytest

from aiodockercloud.server.engines.embedded import Clock
from aiodockercloud.server.engines.embedded.shell import Pipe, Shell
from aiodockercloud.server.engines.embedded.shell.lexer import Stream
from tests.support.facts import PATIENCE


class Busy:
    """Shells that run a script, and the pieces of their output."""

    def __init__(self, script: str, count: int = 1) -> None:
        self.pieces: list[str] = []
        self._tasks = [
            asyncio.create_task(self._shell().run(["sh", "-c", script]))
            for _ in range(count)
        ]

    def _shell(self) -> Shell:
        return Shell({}, write=self._write, stdin=Pipe(ended=True), clock=Clock())

    async def _write(self, stream: Stream, text: str) -> None:
        self.pieces.append(text)

    async def end(self) -> list[int]:
        async with asyncio.timeout(PATIENCE):
            return await asyncio.gather(*self._tasks)

    async def cancel(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)


@pytest.mark.parametrize(
    "script",
    ["while :; do echo a; done", "yes", "seq 1000000000", "yes | cat", "yes | grep y"],
)
@pytest.mark.parametrize("count", [2, 50])
async def test_busy_commands_together_do_one_step_between_other_tasks(
    script: str, count: int
) -> None:
    busy = Busy(script, count)
    for _ in range(10 * count):  # all of them have begun
        await asyncio.sleep(0)
    steps = []
    for _ in range(500):
        before = len(busy.pieces)
        await asyncio.sleep(0)
        steps.append(len(busy.pieces) - before)
    await busy.cancel()

    assert max(steps) == 1


async def test_busy_commands_proceed_in_turn() -> None:
    busy = Busy("for x in 1 2 3; do echo $x; done", 20)

    assert await busy.end() == [0] * 20
    assert "".join(busy.pieces) == "1\n" * 20 + "2\n" * 20 + "3\n" * 20


async def test_cancelled_commands_leave_their_turns_to_the_others() -> None:
    ending = [Busy("yes", 5) for _ in range(5)]
    staying = Busy("while :; do echo a; done", 5)
    for busy in ending:
        await asyncio.sleep(0)
        await busy.cancel()
    before = len(staying.pieces)
    for _ in range(200):
        await asyncio.sleep(0)
    after = len(staying.pieces)
    await staying.cancel()

    assert after > before


def _lines(pieces: list[str]) -> Iterator[int]:
    return (piece.count("\n") for piece in pieces)


async def test_sort_of_many_lines_gives_other_tasks_turns() -> None:
    busy = Busy("seq 20000 | sort -rn")
    assert await busy.end() == [0]

    assert max(_lines(busy.pieces)) <= 64
    assert list(islice("".join(busy.pieces).split(), 3)) == ["20000", "19999", "19998"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [("-n", "a 2,b 2,c 10"), ("-rn", "c 10,a 2,b 2"), ("-u", "c 10,a 2,b 2")],
)
async def test_sort_keeps_the_order_of_equal_keys(options: str, expected: str) -> None:
    busy = Busy(f"printf 'c 10\\na 2\\nb 2\\n' | sort {options} -k2")
    assert await busy.end() == [0]

    assert "".join(busy.pieces).split("\n")[:3] == expected.split(",")


async def test_cut_with_many_ranges_ends() -> None:
    """Each character was compared with each range: hours for one long line."""
    busy = Busy(
        "R=$(seq 1 2 20000 | tr '\\n' ,); yes ab | head -40000 | tr -d '\\n' "
        '| cut -c "${R}1"'
    )
    assert await busy.end() == [0]

    assert "".join(busy.pieces) == "a" * 10_000 + "\n"


@pytest.mark.parametrize(
    ("ranges", "expected"),
    [("2", "b"), ("3-", "cdef"), ("-2", "ab"), ("4,1-2,2-3", "abcd"), ("9", "")],
)
async def test_cut_chooses_each_character_once(ranges: str, expected: str) -> None:
    busy = Busy(f"echo abcdef | cut -c {ranges}")
    assert await busy.end() == [0]

    assert "".join(busy.pieces) == expected + "\n"


async def test_grep_with_too_many_patterns_is_refused() -> None:
    busy = Busy('grep "$(seq 101)"')
    assert await busy.end() == [2]

    assert "too many patterns" in "".join(busy.pieces)
