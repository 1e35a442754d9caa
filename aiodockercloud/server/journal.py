"""A bounded list of items that many readers follow, each at its own pace.

A reader has a position instead of a queue, so a slow reader needs no memory and delays
no other reader. When items that a reader has not read are dropped, the reader receives
their number. Events, action logs and the embedded engine's container logs are journals.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

from ..wire.signal import Signal

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Missed:
    """Stands for the items that were dropped before a reader read them."""

    count: int


class Journal(Generic[T]):
    """The last *limit* items, numbered from 0 in the order of their arrival."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        #: A ring: item n is at index n % limit, so readers need no copy.
        self._items: list[T | None] = []
        self._start = 0
        self._next = 0
        self._closed = False
        self._news = Signal()

    def __len__(self) -> int:
        return self._next - self._start

    @property
    def end(self) -> int:
        """Return the number of the next item."""
        return self._next

    @property
    def start(self) -> int:
        """Return the number of the oldest kept item."""
        return self._start

    def __getitem__(self, number: int) -> T:
        """Return the item with this number; the item must be kept."""
        return cast("T", self._items[number % self._limit])

    def append(self, item: T) -> None:
        """Add an item, and drop the oldest one if the journal is full."""
        if len(self) == self._limit:
            self.drop_oldest()
        if self._next < self._limit:
            self._items.append(item)
        else:
            self._items[self._next % self._limit] = item
        self._next += 1
        self._news.send()

    def drop_oldest(self) -> T:
        """Remove the oldest item and return the item; the journal must have one."""
        item = self[self._start]
        self._items[self._start % self._limit] = None
        self._start += 1
        return item

    def first(self, wanted: Callable[[T], bool]) -> int:
        """Return the number of the first *wanted* item, or ``end`` without one.

        All items after a wanted item must be wanted too: the search is binary.
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
        """Close the journal: following readers receive the rest, then the end."""
        self._closed = True
        self._news.send()

    async def read(
        self, *, tail: int | None = None, since: int | None = None, follow: bool
    ) -> AsyncGenerator[T | Missed, None]:
        """Yield items, and :class:`Missed` for items that were dropped before.

        Args:
            tail: The number of last items to yield.
            since: The number of the first item to yield; overrides *tail*. Without
                both, all kept items are yielded.
            follow: Yield new items as well, until the journal is closed.
        """
        position = self.start
        if since is not None:
            position = since
        elif tail is not None:
            position = max(self.start, self._next - tail)
        items, limit = cast("list[T]", self._items), self._limit
        while True:
            while position < self._next:
                if position < (start := self._start):
                    yield Missed(start - position)
                    position = (
                        start  # more items may have been dropped since: check again
                    )
                    continue
                position += 1
                yield items[(position - 1) % limit]
            if self._closed or not follow:
                return
            await self._news.next()
