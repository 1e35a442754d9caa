"""The time embedded containers live in: the real one, or one that a test drives."""

from __future__ import annotations

import asyncio
import heapq
import time

#: Rounds of the event loop given to what a passed moment has set off: enough for a
#: container to end, be restarted and be told about, with room to spare.
_SETTLE_ROUNDS = 50


class Clock:
    """The real time."""

    def time_ns(self) -> int:
        """Nanoseconds since 1970."""
        return time.time_ns()

    def monotonic(self) -> float:
        """Seconds since some moment; never goes back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class ManualClock(Clock):
    """A time that stands still until ``advance()``; for tests.

    ``Embedded(clock=ManualClock())`` makes an hour of restarts take no time.
    """

    def __init__(self, start_ns: int = 1_456_804_338_000_000_000) -> None:
        self._now = start_ns
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._count = 0

    def time_ns(self) -> int:
        return self._now

    def monotonic(self) -> float:
        return self._now / 1e9

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken = asyncio.get_running_loop().create_future()
        self._count += 1
        due = self._now + round(seconds * 1e9)
        heapq.heappush(self._sleepers, (due, self._count, woken))
        await woken

    async def advance(self, seconds: float) -> None:
        """Let *seconds* pass: wake who is due, in order, each at its own moment, and
        let what they set off (further sleeps included) run before the next."""
        target = self._now + round(seconds * 1e9)
        await _settle()
        while self._sleepers and self._sleepers[0][0] <= target:
            due, _, woken = heapq.heappop(self._sleepers)
            if woken.done():  # its sleeper was cancelled
                continue
            self._now = due
            woken.set_result(None)
            if not self._sleepers or self._sleepers[0][0] > due:
                await _settle()
        self._now = target


async def _settle() -> None:
    for _ in range(_SETTLE_ROUNDS):
        await asyncio.sleep(0)
