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


async def test_cancelled_task_leaves_no_future_behind() -> None:
    signal = Signal()
    for _ in range(10):
        signal.next().cancel()
    last = signal.next()

    assert signal._waiting == [last]
    signal.send()
    assert last.done()
    assert not last.cancelled()
