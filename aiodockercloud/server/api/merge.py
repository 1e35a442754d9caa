"""A fair merge of several streams of frames."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

__all__ = ["Merge"]


class _Source:
    """The frames of one source that are read, but not yet yielded."""

    def __init__(self) -> None:
        self.frames: deque[str] = deque()
        self.room = asyncio.Event()


class Merge:
    """Yields one frame in turn from each source that has frames.

    Of n sources with more frames than the reader takes, each provides every n-th frame.
    A source with few frames does not wait for a source with many: once the only frame
    of a source is read, at most one frame of each other source is yielded before it.

    Args:
        ahead: The number of frames of each source that are read in advance.
    """

    def __init__(self, ahead: int) -> None:
        self._ahead = ahead
        self._keys: set[str] = set()
        self._reading: set[asyncio.Task[None]] = set()
        #: Sources with frames, in the order of their turns.
        self._ready: deque[_Source] = deque()
        self._news = asyncio.Event()
        self._complete = False
        self._failed: BaseException | None = None

    def __contains__(self, key: str) -> bool:
        return key in self._keys

    def add(self, key: str, frames: AsyncGenerator[str, None]) -> None:
        """Add a source, whose *frames* are closed at the end."""
        self._keys.add(key)
        task = asyncio.create_task(self._fill(frames))
        self._reading.add(task)
        task.add_done_callback(self._ended)

    def complete(self) -> None:
        """Declare that no further source comes: the stream ends with its sources."""
        self._complete = True
        self._news.set()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._reading.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._failed = task.exception()
        self._news.set()

    async def _fill(self, frames: AsyncGenerator[str, None]) -> None:
        source = _Source()
        waiting, room = source.frames, source.room
        async with aclosing(frames):
            async for frame in frames:
                waiting.append(frame)
                if len(waiting) == 1:
                    self._ready.append(source)
                    self._news.set()
                elif len(waiting) >= self._ahead:
                    room.clear()
                    await room.wait()

    @asynccontextmanager
    async def frames(self) -> AsyncIterator[AsyncGenerator[str, None]]:
        """Yield the merged frames; at the end of the block all sources are closed.

        An error of a source is raised after the frames that were read before it.
        """
        try:
            async with aclosing(self._take()) as frames:
                yield frames
        finally:
            reading = list(self._reading)
            for task in reading:
                task.cancel()
            await asyncio.gather(*reading, return_exceptions=True)

    async def _take(self) -> AsyncGenerator[str, None]:
        ready = self._ready
        while True:
            while not ready:
                if self._failed is not None:
                    raise self._failed
                if self._complete and not self._reading:
                    return
                self._news.clear()
                await self._news.wait()
            source = ready.popleft()
            waiting = source.frames
            frame = waiting.popleft()
            if waiting:
                ready.append(source)
            if len(waiting) == self._ahead // 2:
                source.room.set()
            yield frame
