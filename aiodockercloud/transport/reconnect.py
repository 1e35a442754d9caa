"""Streams that connect again when the connection is lost."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar

from aiohttp import ClientWebSocketResponse

from .. import wire
from ..exceptions import DockerCloudError, StreamClosed
from .retry import retry_after
from .settings import DEFAULT_LIMITS, DEFAULT_TIMINGS, Limits, Timings
from .stream import Stream

__all__ = ["Reconnecting"]

T = TypeVar("T")


class Reconnecting(Stream[T]):
    """What logs and events share: when to connect again, and after what pause.

    The first connection is tried once, so a wrong address or key is an exception at
    once. Later, lost connections and overload are tried again with growing pauses
    (jittered, half a minute at most, ``Retry-After`` obeyed); what no repetition heals
    (401, 403, 404) is raised.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[ClientWebSocketResponse[Any]]],
        *,
        reconnect: bool,
        timings: Timings = DEFAULT_TIMINGS,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        super().__init__(connect, timings=timings, limits=limits)
        self._reconnect = reconnect
        #: None as long as there was no connection.
        self._opened_at: float | None = None
        self._again_at = 0.0
        self._delays = self._timings.pauses()

    async def _open(self) -> ClientWebSocketResponse[Any]:
        """Connect unless there is a connection, not before the pause is over."""
        if self._ws is not None:
            return self._ws
        await self._wait_before_retry()
        ws = await super()._open()
        self._opened_at = asyncio.get_running_loop().time()
        return ws

    async def _wait_before_retry(self) -> None:
        """Return when it may be tried again.

        Raises:
            StopAsyncIteration: It was closed meanwhile.
        """
        now = asyncio.get_running_loop().time
        while (pause := self._again_at - now()) > 0:
            if self._closed:
                raise StopAsyncIteration
            self._arrived.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._arrived.wait()  # closing it sets this, too

    @abstractmethod
    def _made_progress(self) -> bool:
        """Whether this connection has brought anything new."""

    async def _should_reconnect(self, exc: DockerCloudError) -> bool:
        """Whether the next step connects again after an error."""
        if not self._reconnect or self._opened_at is None or self._shut:
            return False
        if not wire.is_transient(exc):
            return False
        now = asyncio.get_running_loop().time()
        lost = isinstance(exc, StreamClosed)
        # A connection that brought something, or held, proves the server well; one
        # that is cut again and again as soon as it is made keeps growing pauses.
        held = now - self._opened_at > self._timings.longest_pause
        if lost and (self._made_progress() or held):
            self._delays = self._timings.pauses()
        self._again_at = now + max(next(self._delays), retry_after(exc))
        if lost:
            await self._drop()
        return True
