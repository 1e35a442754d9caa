"""A bounded list and its readers."""

from __future__ import annotations

import asyncio
import weakref
from contextlib import aclosing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodockercloud.server.journal import Journal, Missed


def filled(count: int, *, limit: int = 100) -> Journal[int]:
    journal: Journal[int] = Journal(limit)
    for number in range(count):
        journal.append(number)
    return journal


async def read(
    journal: Journal[int],
    *,
    tail: int | None = None,
    since: int | None = None,
    follow: bool = False,
) -> list[int | Missed]:
    async with asyncio.timeout(60):
        return [
            item async for item in journal.read(tail=tail, since=since, follow=follow)
        ]


# --- reading ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tail", "since", "expected"),
    [
        (None, None, [0, 1, 2, 3, 4]),
        (2, None, [3, 4]),
        (0, None, []),
        (5, None, [0, 1, 2, 3, 4]),
        (500, None, [0, 1, 2, 3, 4]),
        (None, 0, [0, 1, 2, 3, 4]),
        (None, 3, [3, 4]),
        (None, 5, []),
        (None, 9, []),
    ],
)
async def test_read_without_follow_yields_the_kept_items(
    tail: int | None, since: int | None, expected: list[int]
) -> None:
    assert await read(filled(5), tail=tail, since=since) == expected


@pytest.mark.parametrize("count", [3, 5, 7, 12, 13])
async def test_oldest_items_are_dropped_one_by_one(count: int) -> None:
    journal = filled(count, limit=5)
    kept = [number for number in range(count)][-5:]

    for _ in range(3):
        assert journal.drop_oldest() == kept.pop(0)
        assert (len(journal), journal.start) == (len(kept), count - len(kept))
    journal.append(count)

    assert await read(journal) == [*kept, count]
    assert await read(journal, since=0) == [Missed(count - len(kept)), *kept, count]


async def test_dropped_items_are_reported_to_a_reader_that_follows() -> None:
    journal = filled(3, limit=5)
    reading = journal.read(follow=True)
    assert await anext(reading) == 0
    for _ in range(2):
        journal.drop_oldest()

    assert await anext(reading) == Missed(1)
    assert await anext(reading) == 2
    await reading.aclose()


async def test_read_of_an_empty_journal_ends() -> None:
    assert await read(filled(0)) == []
    assert await read(filled(0), tail=10) == []


async def test_read_of_a_full_journal_has_the_last_items_only() -> None:
    journal = filled(10, limit=3)

    assert (journal.start, journal.end) == (7, 10)
    assert await read(journal) == [7, 8, 9]
    assert await read(journal, tail=100) == [7, 8, 9]


async def test_read_since_a_dropped_item_yields_the_number_of_missed_items() -> None:
    assert await read(filled(10, limit=3), since=2) == [Missed(5), 7, 8, 9]


@given(
    count=st.integers(0, 40),
    limit=st.integers(1, 20),
    since=st.integers(0, 45),
)
def test_read_since_any_number_accounts_for_every_item(
    count: int, limit: int, since: int
) -> None:
    found = asyncio.run(read(filled(count, limit=limit), since=since))

    missed = sum(item.count for item in found if isinstance(item, Missed))
    items = [item for item in found if not isinstance(item, Missed)]
    assert items == list(range(since, count))[missed:]
    assert len(items) == min(limit, max(0, count - since))


# --- following ----------------------------------------------------------------------


async def test_follow_yields_each_new_item_then_ends() -> None:
    journal = filled(2)
    async with (
        asyncio.timeout(60),
        aclosing(journal.read(tail=1, follow=True)) as items,
    ):
        assert await anext(items) == 1
        waiting = asyncio.create_task(anext(items))
        await asyncio.sleep(0)
        assert not waiting.done()
        journal.append(2)
        assert await waiting == 2
        journal.append(3)
        journal.append(4)
        journal.close()
        assert [item async for item in items] == [3, 4]


async def test_follow_of_a_closed_journal_yields_the_rest_and_ends() -> None:
    journal = filled(3)
    journal.close()
    journal.close()

    assert await read(journal, tail=2, follow=True) == [1, 2]


async def test_follow_from_the_end_yields_no_old_item() -> None:
    journal = filled(3)
    reader = asyncio.create_task(read(journal, since=journal.end, follow=True))
    await asyncio.sleep(0)
    journal.append(3)
    journal.close()

    assert await reader == [3]


async def test_follow_from_beyond_the_end_starts_there() -> None:
    journal = filled(3)
    reader = asyncio.create_task(read(journal, since=5, follow=True))
    for number in range(3, 7):
        await asyncio.sleep(0)
        journal.append(number)
    journal.close()

    assert await reader == [5, 6]


async def test_follow_too_slowly_yields_each_gap() -> None:
    journal = filled(2, limit=3)
    async with (
        asyncio.timeout(60),
        aclosing(journal.read(since=0, follow=True)) as items,
    ):
        assert await anext(items) == 0
        for number in range(2, 10):
            journal.append(number)
        journal.close()
        assert [item async for item in items] == [Missed(6), 7, 8, 9]


async def test_follow_by_many_readers_at_their_own_pace() -> None:
    journal = filled(0)
    readers = [
        asyncio.create_task(read(journal, since=since, follow=True))
        for since in range(20)
    ]
    for number in range(20):
        journal.append(number)
        if number % 3 == 0:
            await asyncio.sleep(0)
    journal.close()

    assert await asyncio.gather(*readers) == [list(range(n, 20)) for n in range(20)]


async def test_follow_cancelled_by_one_reader_continues_for_the_others() -> None:
    journal = filled(0)
    cancelled, stays = (
        asyncio.create_task(read(journal, follow=True)) for _ in range(2)
    )
    await asyncio.sleep(0)
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled

    journal.append(0)
    journal.close()

    assert await stays == [0]


async def test_append_after_all_readers_left_succeeds() -> None:
    journal = filled(0)
    cancelled = asyncio.create_task(read(journal, follow=True))
    await asyncio.sleep(0)
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled

    journal.append(0)

    assert await read(journal) == [0]


async def test_append_while_a_reader_holds_an_item_is_read_next() -> None:
    journal = filled(2)
    found: list[int | Missed] = []
    async with asyncio.timeout(60):
        async for item in journal.read(follow=False):
            found.append(item)
            if len(found) < 5:
                journal.append(10 + len(found))

    assert found == [0, 1, 11, 12, 13, 14]


async def test_slow_reader_keeps_no_dropped_items_in_memory() -> None:
    """Each reader keeps at most one item, not a copy of the journal."""
    journal: Journal[object] = Journal(10)
    items = [frozenset({number}) for number in range(10)]
    for item in items:
        journal.append(item)
    async with asyncio.timeout(60), aclosing(journal.read(follow=True)) as reading:
        await anext(reading)
        fallen = weakref.ref(items[5])
        del items, item
        for number in range(10, 20):
            journal.append(number)
        assert fallen() is None
        assert await anext(reading) == Missed(9)


# --- searching ----------------------------------------------------------------------


@given(count=st.integers(0, 40), limit=st.integers(1, 20), wanted=st.integers(-5, 45))
def test_first_wanted_item_is_found_among_those_kept(
    count: int, limit: int, wanted: int
) -> None:
    journal = filled(count, limit=limit)

    found = journal.first(lambda item: item >= wanted)

    assert found == min(journal.end, max(journal.start, wanted))
    if found < journal.end:
        assert journal[found] == found


def test_first_looks_at_few_items() -> None:
    journal, looked = filled(100_000, limit=50_000), []

    journal.first(lambda item: looked.append(item) or item >= 77_777)  # type: ignore[func-returns-value]  # counts

    assert len(looked) < 20
