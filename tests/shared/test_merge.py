"""Merged streams: each source in turn, and a bound on frames read in advance."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from aiodockercloud.wire.merge import Merge, OrderedMerge
from tests.support.facts import PATIENCE

#: Frames of each source that are read in advance.
AHEAD = 50


async def numbered(name: str, count: int) -> AsyncGenerator[str, None]:
    for number in range(count):
        yield f"{name}{number}"


async def test_merge_takes_one_frame_of_each_source_in_turn() -> None:
    merge = Merge[str](AHEAD)
    merge.add("a", numbered("a", 1000))
    async with asyncio.timeout(PATIENCE), aclosing(merge):
        found = [await anext(merge) for _ in range(10)]
        merge.add("b", numbered("b", 1000))
        merge.add("c", numbered("c", 2))
        merge.complete()
        await asyncio.sleep(0)  # the merge reads both sources
        found += [frame async for frame in merge]

    assert found[:11] == [f"a{number}" for number in range(11)]
    assert found[11:17] == ["b0", "c0", "a11", "b1", "c1", "a12"]
    assert len(found) == len(set(found)) == 2002


async def test_merge_reads_a_bounded_number_of_frames_ahead() -> None:
    read = 0

    async def endless() -> AsyncGenerator[str, None]:
        nonlocal read
        while True:
            read += 1
            yield "x"

    merge = Merge[str](AHEAD)
    merge.add("a", endless())
    async with asyncio.timeout(PATIENCE), aclosing(merge):
        for taken in range(1, 200):
            await anext(merge)
            await asyncio.sleep(0)
            assert read <= taken + AHEAD


async def test_merge_fails_with_a_source_and_closes_the_others() -> None:
    closed = False

    async def silent() -> AsyncGenerator[str, None]:
        nonlocal closed
        try:
            await asyncio.Event().wait()
            yield ""
        finally:
            closed = True

    async def broken() -> AsyncGenerator[str, None]:
        yield "a"
        raise OSError("broken")

    merge = Merge[str](AHEAD)
    merge.add("a", silent())
    merge.add("b", broken())
    async with asyncio.timeout(PATIENCE):
        async with aclosing(merge):
            assert await anext(merge) == "a"
            with pytest.raises(OSError, match="broken"):
                await anext(merge)
    assert closed


async def test_merge_loses_no_item_of_a_cancelled_step() -> None:
    go = asyncio.Event()

    async def later() -> AsyncGenerator[str, None]:
        yield "a"
        await go.wait()
        yield "b"

    merge = Merge[str](AHEAD)
    merge.add("a", later())
    merge.complete()
    async with asyncio.timeout(PATIENCE), aclosing(merge):
        assert await anext(merge) == "a"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(merge), 0.01)
        go.set()
        assert [item async for item in merge] == ["b"]


async def test_ordered_merge_yields_the_items_of_all_sources_in_order() -> None:
    go = asyncio.Event()

    async def source(*numbers: int) -> AsyncGenerator[int, None]:
        for number in numbers:
            await go.wait()
            yield number

    async def empty() -> AsyncGenerator[int, None]:
        return
        yield 0

    merge = OrderedMerge([source(1, 4, 5), empty(), source(2, 3, 6)], int)
    go.set()
    async with asyncio.timeout(PATIENCE):
        assert [item async for item in merge] == [1, 2, 3, 4, 5, 6]
