"""A bounded list that many readers follow, each at its own pace.

Readers keep a position instead of a queue, so a slow one costs nothing and holds
nobody up; what it can miss is what has fallen off the end, and it is told how much.
Events, action logs and the embedded engine's container logs are all journals.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from itertools import islice
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Missed:
    """Told to a reader in place of the items it came too late for."""

    count: int


class Journal(Generic[T]):
    """The last *limit* items, numbered from 0 in the order they came."""

    def __init__(self, limit: int) -> None:
        self._items: deque[T] = deque(maxlen=limit)
        self._next = 0
        self._closed = False
        self._news: asyncio.Future[None] | None = None

    @property
    def end(self) -> int:
        """The number the next item will get."""
        return self._next

    @property
    def start(self) -> int:
        """The number of the oldest item still here."""
        return self._next - len(self._items)

    def append(self, item: T) -> None:
        self._items.append(item)
        self._next += 1
        self._wake()

    def close(self) -> None:
        """End it: readers that follow get the rest, then their end."""
        self._closed = True
        self._wake()

    def _wake(self) -> None:
        news, self._news = self._news, None
        if news is not None and not news.done():
            news.set_result(None)

    async def read(
        self, *, tail: int | None = None, since: int | None = None, follow: bool
    ) -> AsyncGenerator[T | Missed, None]:
        """The last *tail* items, or those from number *since* on, or all; then,
        with *follow*, each new one until the journal is closed."""
        position = self.start
        if since is not None:
            position = since
        elif tail is not None:
            position = max(self.start, self._next - tail)
        while True:
            if position < self.start:
                yield Missed(self.start - position)
                position = self.start
            # Copied: items may fall off the end while the reader has one.
            # From the end, near which most readers are: a long journal costs nothing.
            behind = max(0, self._next - position)
            for item in reversed(list(islice(reversed(self._items), behind))):
                position += 1
                yield item
            if position < self._next:
                continue
            if self._closed or not follow:
                return
            if self._news is None:
                self._news = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._news)
