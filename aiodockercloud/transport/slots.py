"""The bound on the number of requests at the same time."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress

__all__ = ["Slots"]


class Slots:
    """Slots for requests, which waiting tasks receive in the order of their arrival.

    An ``asyncio.Semaphore`` costs two coroutines for each request; a request that finds
    a free slot needs none.

    Args:
        number: How many slots there are.

    Attributes:
        free: How many further requests may be sent at this moment.
    """

    def __init__(self, number: int) -> None:
        self.free: int = number
        self._waiting: deque[asyncio.Future[None]] = deque()

    def take(self) -> bool:
        """Take a slot, and return whether one was free; if not, :meth:`wait`."""
        if not self.free:
            return False
        self.free -= 1
        return True

    async def wait(self) -> None:
        """Take the next slot that another task returns."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                with suppress(ValueError):  # give() removes canceled ones, too
                    self._waiting.remove(turn)
            else:  # canceled in the moment in which the task received a slot
                self.give()
            raise

    def give(self) -> None:
        """Return a slot, which the first waiting task receives."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self.free += 1
