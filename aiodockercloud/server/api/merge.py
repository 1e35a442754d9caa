"""Many streams of frames made one, fairly."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

__all__ = ["Merge"]


class _Source:
    """Frames of one source that have not had their turn."""

    def __init__(self) -> None:
        self.frames: deque[str] = deque()
        self.room = asyncio.Event()


class Merge:
    """Takes one frame in turn from each source that has some waiting.

    So of n sources that all have more than can be taken, each gets every n-th frame,
    and one that says little is not held up by one that says much: once its frame is
    here, at most one of each other source comes before it.

    Args:
        ahead: The number of frames of each source that are read in advance.
    """

    def __init__(self, ahead: int) -> None:
        self._ahead = ahead
        self._keys: set[str] = set()
        self._reading: set[asyncio.Task[None]] = set()
        #: Sources that have frames, in their order.
        self._ready: deque[_Source] = deque()
        self._news = asyncio.Event()
        self._complete = False
        self._failed: BaseException | None = None

    def __contains__(self, key: str) -> bool:
        return key in self._keys

    def add(self, key: str, frames: AsyncGenerator[str, None]) -> None:
        """Read from *frames*, too, which are closed in the end."""
        self._keys.add(key)
        task = asyncio.create_task(self._fill(frames))
        self._reading.add(task)
        task.add_done_callback(self._ended)

    def complete(self) -> None:
        """Say that no more are added: the stream ends with the last one."""
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
        """All frames, for the time of the block: then nothing is read any more."""
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
