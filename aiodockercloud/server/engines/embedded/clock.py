"""The time of embedded containers: the real time, or one that a test drives."""

from __future__ import annotations

import asyncio
import heapq
import time

from ....wire.loglines import NANOSECONDS

__all__ = ["Clock", "ManualClock"]

#: Rounds of the event loop after each wake-up: with room to spare, enough for a
#: container to end, to be restarted and to be reported.
_SETTLE_ROUNDS = 50


class Clock:
    """The real time."""

    def time_ns(self) -> int:
        """Return the present time.

        Returns:
            Nanoseconds since 1970.
        """
        return time.time_ns()

    def monotonic(self) -> float:
        """Return a time that never goes back.

        Returns:
            Seconds since an unspecified moment.
        """
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Return after a pause.

        Args:
            seconds: The length of the pause. Zero or less lets other tasks run once.
        """
        await asyncio.sleep(seconds)


class ManualClock(Clock):
    """A time that stands still until ``advance()`` is called; for tests.

    With ``Embedded(clock=ManualClock())`` a test passes an hour of restarts at once::

        clock = ManualClock()
        async with running(Embedded(clock=clock)) as server:
            ...
            await clock.advance(3600)

    Args:
        start_ns: The time at the beginning, in nanoseconds since 1970; by default a
            moment in March 2016.
    """

    def __init__(self, start_ns: int = 1_456_804_338_000_000_000) -> None:
        self._now = start_ns
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._count = 0

    def time_ns(self) -> int:
        """Return the time of this clock.

        Returns:
            Nanoseconds since 1970.
        """
        return self._now

    def monotonic(self) -> float:
        """Return the time of this clock.

        Returns:
            Seconds since 1970.
        """
        return self._now / NANOSECONDS

    async def sleep(self, seconds: float) -> None:
        """Return when ``advance()`` has moved the time on by *seconds*.

        Args:
            seconds: The length of the pause. Zero or less lets other tasks run once.
        """
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken = asyncio.get_running_loop().create_future()
        self._count += 1
        due = self._now + round(seconds * NANOSECONDS)
        heapq.heappush(self._sleepers, (due, self._count, woken))
        await woken

    async def advance(self, seconds: float) -> None:
        """Move the time on.

        Each sleeper that becomes due is woken at its own moment, in order. The woken
        tasks run, and may sleep again, before the next moment comes.

        Args:
            seconds: How far to move. Zero only lets tasks run.
        """
        target = self._now + round(seconds * NANOSECONDS)
        await _settle()
        while self._sleepers and self._sleepers[0][0] <= target:
            due, _, woken = heapq.heappop(self._sleepers)
            if woken.done():  # the sleeper was cancelled
                continue
            self._now = due
            woken.set_result(None)
            if not self._sleepers or self._sleepers[0][0] > due:
                await _settle()
        self._now = target


async def _settle() -> None:
    for _ in range(_SETTLE_ROUNDS):
        await asyncio.sleep(0)
