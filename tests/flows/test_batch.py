"""Batches of operations: their limit, and the outcome of each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from aiodockercloud import DockerCloud, ObjectNotFound, batch
from tests.support.batches import note
from tests.support.facts import IDLE, PATIENCE


async def test_each_returns_outcomes_in_the_order_of_the_items() -> None:
    turns = [asyncio.Event() for _ in range(4)]
    turns[3].set()

    async def in_reverse(number: int) -> str:
        await turns[number].wait()
        if number:
            turns[number - 1].set()
        return f"<{number}>"

    async with asyncio.timeout(PATIENCE):
        outcomes = await batch.each(range(4), in_reverse)

    assert [(o.item, o.result, o.error, o.ok) for o in outcomes] == [
        (number, f"<{number}>", None, True) for number in range(4)
    ]


async def test_each_where_one_fails_completes_the_others() -> None:
    async def halve(number: int) -> int:
        if number % 2:
            raise ValueError(f"{number} is odd")
        return number // 2

    even, odd, last = await batch.each([2, 3, 4], halve, limit=1)

    assert (even.result, last.result) == (1, 2)
    assert not odd.ok
    assert odd.result is None
    assert str(odd.error) == "3 is odd"


async def test_each_with_fail_fast_cancels_the_others_and_raises() -> None:
    cancelled = []

    async def work(number: int) -> None:
        if number == 2:
            raise ValueError("two")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(number)
            raise

    with pytest.raises(ExceptionGroup) as caught:
        async with asyncio.timeout(PATIENCE):
            await batch.each(range(10), work, limit=3, fail_fast=True)

    assert [str(error) for error in caught.value.exceptions] == ["two"]
    assert sorted(cancelled) == [0, 1]


async def test_each_uses_its_limit_and_never_exceeds_it() -> None:
    full = asyncio.Event()
    running = most = 0

    async def work(_: int) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        if running == 5:
            full.set()
        await full.wait()
        await asyncio.sleep(0)
        running -= 1

    async with asyncio.timeout(PATIENCE):
        await batch.each(range(100), work, limit=5)

    assert most == 5


async def test_each_takes_an_item_when_its_operation_can_start() -> None:
    taken: list[int] = []
    free = asyncio.Semaphore(0)

    async def numbers() -> AsyncIterator[int]:
        for number in range(6):
            taken.append(number)
            yield number

    async def work(_: int) -> None:
        await free.acquire()

    running = asyncio.create_task(batch.each(numbers(), work, limit=2))
    for _ in range(20):
        await asyncio.sleep(0)
    assert taken == [0, 1]
    for _ in range(6):
        free.release()
    async with asyncio.timeout(PATIENCE):
        outcomes = await running

    assert [outcome.item for outcome in outcomes] == [0, 1, 2, 3, 4, 5]
    assert taken == [0, 1, 2, 3, 4, 5]


async def test_each_of_a_list_reports_progress_with_the_total() -> None:
    reported: list[Any] = []

    async def work(text: str) -> str:
        return text.upper()

    outcomes = await batch.each(["a", "b"], work, limit=1, progress=note(reported))

    assert reported == [(1, 2, outcomes[0]), (2, 2, outcomes[1])]


async def test_each_of_a_generator_reports_progress_without_a_total() -> None:
    reported: list[Any] = []

    async def work(text: str) -> str:
        return text.upper()

    outcomes = await batch.each(iter("ab"), work, limit=1, progress=note(reported))

    assert reported == [(1, None, outcomes[0]), (2, None, outcomes[1])]


async def test_each_whose_progress_raises_ends() -> None:
    def progress(done: int, total: int | None, outcome: object) -> None:
        raise RuntimeError("no room on the screen")

    async def work(number: int) -> None: ...

    with pytest.raises(ExceptionGroup) as caught:
        await batch.each(range(9), work, progress=progress, limit=1)

    assert str(caught.value.exceptions[0]) == "no room on the screen"


async def test_each_with_an_operation_that_cancels_itself_has_an_outcome() -> None:
    async def work(number: int) -> int:
        if number == 1:
            raise asyncio.CancelledError
        return number

    outcomes = await batch.each(range(3), work)

    assert [outcome.result for outcome in outcomes] == [0, None, 2]
    assert isinstance(outcomes[1].error, asyncio.CancelledError)


@pytest.mark.parametrize("limit", [1, 9])
async def test_each_with_fail_fast_raises_when_an_operation_cancels_itself(
    limit: int,
) -> None:
    async def work(number: int) -> None:
        if number == 1:
            raise asyncio.CancelledError

    with pytest.raises(ExceptionGroup) as caught:
        async with asyncio.timeout(PATIENCE):
            await batch.each(range(3), work, limit=limit, fail_fast=True)

    [error] = caught.value.exceptions
    assert isinstance(error.__cause__, asyncio.CancelledError)


async def test_each_when_cancelled_waits_for_its_operations() -> None:
    begun, cleaned = asyncio.Event(), []

    async def work(number: int) -> None:
        try:
            begun.set()
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned.append(number)

    running = asyncio.create_task(batch.each(range(9), work, limit=3))
    async with asyncio.timeout(PATIENCE):
        await begun.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    assert sorted(cleaned) == [0, 1, 2]


@pytest.mark.parametrize("limit", [0, -1])
async def test_each_with_a_limit_below_one_is_refused(limit: int) -> None:
    async def work(number: int) -> None: ...

    with pytest.raises(ValueError, match=f"1 or more, got {limit}"):
        await batch.each([1], work, limit=limit)


async def test_each_over_services_returns_the_result_or_error_of_each(
    live: DockerCloud,
) -> None:
    names = ["one", "two", "three"]
    created = await batch.each(
        names, lambda name: live.services.create(image=IDLE, name=name)
    )
    uuids = [outcome.result["uuid"] for outcome in created if outcome.result]

    outcomes = await batch.each([*uuids, "f" * 32], live.services.start)

    *started, missing = outcomes
    assert [o.result and o.result["name"] for o in started] == names
    assert isinstance(missing.error, ObjectNotFound)
