"""Signals: each waiting task wakes up once, and a signal without a task is lost."""

from __future__ import annotations

import asyncio

from aiodockercloud.wire.signal import Signal
from tests.support.facts import PATIENCE


async def test_signal_wakes_up_every_task_that_waits() -> None:
    signal = Signal()
    waiting = [signal.next() for _ in range(3)]

    signal.send()

    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*waiting)


async def test_signal_without_a_waiting_task_is_lost() -> None:
    signal = Signal()
    signal.send()

    assert not signal.next().done()


async def test_cancelled_tasks_leave_little_behind() -> None:
    """One task waits all the time; a thousand others come and go."""
    signal = Signal()
    staying = signal.next()
    for _ in range(1000):
        signal.next().cancel()
        assert len(signal._waiting) <= 4
    signal.send()

    assert staying.done()
    assert not staying.cancelled()
