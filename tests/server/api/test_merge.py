"""Merged streams: each source in turn, and a bound on frames read in advance."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from aiodockercloud.server.api.merge import Merge
from tests.support.facts import PATIENCE

#: Frames of each source that are read in advance.
AHEAD = 50


async def numbered(name: str, count: int) -> AsyncGenerator[str, None]:
    for number in range(count):
        yield f"{name}{number}"


async def test_merge_takes_one_frame_of_each_source_in_turn() -> None:
    merge = Merge(AHEAD)
    merge.add("a", numbered("a", 1000))
    async with asyncio.timeout(PATIENCE), merge.frames() as frames:
        found = [await anext(frames) for _ in range(10)]
        merge.add("b", numbered("b", 1000))
        merge.add("c", numbered("c", 2))
        merge.complete()
        await asyncio.sleep(0)  # the merge reads both sources
        found += [frame async for frame in frames]

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

    merge = Merge(AHEAD)
    merge.add("a", endless())
    async with asyncio.timeout(PATIENCE), merge.frames() as frames:
        for taken in range(1, 200):
            await anext(frames)
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

    merge = Merge(AHEAD)
    merge.add("a", silent())
    merge.add("b", broken())
    async with asyncio.timeout(PATIENCE):
        async with merge.frames() as frames:
            assert await anext(frames) == "a"
            with pytest.raises(OSError, match="broken"):
                await anext(frames)
    assert closed
