"""A bounded list that many readers follow, each at its own pace.

Readers keep a position instead of a queue, so a slow one costs nothing and holds
nobody up; what it can miss is what has fallen off the end, and it is told how much.
Events, action logs and the embedded engine's container logs are all journals.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Missed:
    """Told to a reader in place of the items it came too late for."""

    count: int


class Journal(Generic[T]):
    """The last *limit* items, numbered from 0 in the order they came."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        #: A ring: number n is at n % limit, so that readers need no copy.
        self._items: list[T] = []
        self._next = 0
        self._closed = False
        self._news: asyncio.Future[None] | None = None

    def __len__(self) -> int:
        return len(self._items)

    @property
    def end(self) -> int:
        """The number the next item will get."""
        return self._next

    @property
    def start(self) -> int:
        """The number of the oldest item still here."""
        return self._next - len(self._items)

    def __getitem__(self, number: int) -> T:
        """The item of this number, which must be here."""
        return self._items[number % self._limit]

    def append(self, item: T) -> None:
        if len(self._items) < self._limit:
            self._items.append(item)
        else:
            self._items[self._next % self._limit] = item
        self._next += 1
        if self._news is not None:
            self._wake()

    def first(self, wanted: Callable[[T], bool]) -> int:
        """The number of the first item that is *wanted*, ``end`` if there is none.

        All items after a wanted one must be wanted, too: few of them are looked at.
        """
        low, high = self.start, self._next
        while low < high:
            middle = (low + high) // 2
            if wanted(self[middle]):
                high = middle
            else:
                low = middle + 1
        return low

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
        items, limit = self._items, self._limit
        while True:
            while position < self._next:
                if position < (start := self._next - len(items)):
                    yield Missed(start - position)
                    position = start  # more may have fallen off meanwhile: look again
                    continue
                position += 1
                yield items[(position - 1) % limit]
            if self._closed or not follow:
                return
            if self._news is None:
                self._news = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._news)
