"""Merges of several streams into one: in turn, or in the order of a key. No I/O."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import aclosing
from heapq import heappop, heappush
from typing import Any, Generic, Protocol, Self, TypeVar

__all__ = ["Merge", "OrderedMerge", "Source"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Source(Protocol[T_co]):
    """A stream that can be closed, such as an asynchronous generator."""

    def __aiter__(self) -> AsyncIterator[T_co]: ...

    def __anext__(self) -> Coroutine[Any, Any, T_co]: ...

    def aclose(self) -> Coroutine[Any, Any, None]: ...


class _Queue(Generic[T]):
    """The items of one source that are read, but not yet yielded."""

    def __init__(self) -> None:
        self.items: deque[T] = deque()
        self.room = asyncio.Event()


class Merge(AsyncIterator[T]):
    """Yields one item in turn from each source that has items.

    Of n sources with more items than the reader takes, each provides every n-th item. A
    source with few items does not wait for a source with many: once the only item of a
    source is read, at most one item of each other source is yielded before it.

    A cancelled step loses no item. An error of a source is raised after the items that
    were read before it. The reader calls :meth:`aclose` in the end.

    Args:
        ahead: The number of items of each source that are read in advance.
    """

    def __init__(self, ahead: int) -> None:
        self._ahead = ahead
        self._keys: set[str] = set()
        self._reading: set[asyncio.Task[None]] = set()
        #: Sources with items, in the order of their turns.
        self._ready: deque[_Queue[T]] = deque()
        self._news = asyncio.Event()
        self._complete = False
        self._failed: BaseException | None = None

    def __contains__(self, key: str) -> bool:
        return key in self._keys

    def add(self, key: str, source: Source[T]) -> None:
        """Add a source, which is closed at the end."""
        self._keys.add(key)
        task = asyncio.create_task(self._fill(source))
        self._reading.add(task)
        task.add_done_callback(self._ended)

    def complete(self) -> None:
        """Declare that no further source comes: the stream ends with its sources."""
        self._complete = True
        self._news.set()

    def fail(self, error: BaseException) -> None:
        """Raise an error after the items that were read before."""
        self._failed = error
        self._news.set()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._reading.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.fail(error)
        self._news.set()

    async def _fill(self, source: Source[T]) -> None:
        queue = _Queue[T]()
        waiting, room = queue.items, queue.room
        async with aclosing(source):
            async for item in source:
                waiting.append(item)
                if len(waiting) == 1:
                    self._ready.append(queue)
                    self._news.set()
                elif len(waiting) >= self._ahead:
                    room.clear()
                    await room.wait()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        ready = self._ready
        while not ready:
            if self._failed is not None:
                raise self._failed
            if self._complete and not self._reading:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        queue = ready.popleft()
        waiting = queue.items
        item = waiting.popleft()
        if waiting:
            ready.append(queue)
        if len(waiting) == self._ahead // 2:
            queue.room.set()
        return item

    async def aclose(self) -> None:
        """Close all sources."""
        reading = list(self._reading)
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)


class OrderedMerge(AsyncIterator[T]):
    """Yields the items of sources that are in order, as one stream that is in order.

    One item of each source is in memory. A cancelled step loses no item. The reader
    closes the sources.

    Args:
        sources: The sources.
        key: Returns the place of an item in the order.
    """

    def __init__(self, sources: Sequence[Source[T]], key: Callable[[T], int]) -> None:
        self._sources = sources
        self._key = key
        #: The next item of each source that is not at its end: key, source, item.
        self._heads: list[tuple[int, int, T]] = []
        #: The sources whose next item is to be read.
        self._due = list(reversed(range(len(sources))))

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        while self._due:
            index = self._due[-1]
            try:
                item = await anext(self._sources[index])
            except StopAsyncIteration:
                self._due.pop()
                continue
            self._due.pop()
            heappush(self._heads, (self._key(item), index, item))
        if not self._heads:
            raise StopAsyncIteration
        _, index, item = heappop(self._heads)
        self._due.append(index)
        return item
