"""The time of embedded containers: the real time, and one that a test drives."""

from __future__ import annotations

import asyncio
import time

from aiodockercloud.server.engines.embedded.clock import Clock, ManualClock


async def test_clock_returns_the_real_time() -> None:
    clock = Clock()
    before = time.time_ns(), time.monotonic()

    await clock.sleep(0)

    assert before[0] <= clock.time_ns() <= time.time_ns()
    assert before[1] <= clock.monotonic() <= time.monotonic()


async def test_manual_clock_wakes_sleepers_in_order_at_their_own_moments() -> None:
    clock = ManualClock(0)
    woken: list[tuple[str, float]] = []

    async def sleeper(name: str, *pauses: float) -> None:
        for pause in pauses:
            await clock.sleep(pause)
            woken.append((name, clock.monotonic()))

    async with asyncio.TaskGroup() as group:
        group.create_task(sleeper("a", 3, 1))
        group.create_task(sleeper("b", 1, 2.5))
        group.create_task(sleeper("c", 10))
        await clock.advance(5)
        assert woken == [("b", 1), ("a", 3), ("b", 3.5), ("a", 4)]
        await clock.advance(5)

    assert woken[-1] == ("c", 10)
    assert clock.time_ns() == 10_000_000_000
