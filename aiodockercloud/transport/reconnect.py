"""Streams that reconnect when the connection is lost."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from typing import Any, TypeVar

from aiohttp import ClientWebSocketResponse

from .. import wire
from ..exceptions import DockerCloudError, StreamClosed
from . import diagnostics
from .retry import retry_after
from .settings import DEFAULT_LIMITS, DEFAULT_TIMINGS, Limits, Timings
from .stream import Stream

__all__ = ["Reconnecting"]

T = TypeVar("T")


class Reconnecting(Stream[T]):
    """The base of the streams of logs and events: when to reconnect, after which pause.

    The first connection is attempted once, so that a wrong address or key raises at
    once. Later, the stream reconnects after a lost connection and after an answer with
    status 429, 502, 503 or 504. The pauses grow, have a jitter, take half a minute at
    most and respect ``Retry-After``. Errors that no repetition resolves (401, 403, 404)
    are raised. A stream that fails each time raises the last error: after
    ``limits.fruitless_connections`` or ``limits.failed_attempts``.

    Args:
        connect: Opens the websocket.
        reconnect: Whether to reconnect at all.
        timings: The durations; see :class:`~aiodockercloud.transport.settings.Timings`.
        limits: The bounds.
    """

    __slots__ = (
        "_again_at",
        "_delays",
        "_failed",
        "_fruitless",
        "_opened_at",
        "_reconnect",
    )

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
        #: When the last connection was opened; None before the first one.
        self._opened_at: float | None = None
        #: When the next attempt is allowed.
        self._again_at = 0.0
        #: The pauses before the next attempts; None while nothing has failed.
        self._delays: Iterator[float] | None = None
        #: Connections in a row without new items, and attempts in a row that failed.
        self._fruitless = self._failed = 0

    async def _open(self) -> ClientWebSocketResponse[Any]:
        """Return the connection; open one after the pause if necessary."""
        if self._ws is not None:
            return self._ws
        await self._wait_before_retry()
        ws = await super()._open()
        self._opened_at = asyncio.get_running_loop().time()
        self._failed = 0
        return ws

    async def _wait_before_retry(self) -> None:
        """Return when the next attempt is allowed.

        Raises:
            StopAsyncIteration: The stream was closed during the pause.
            StreamClosed: The client was closed.
        """
        now = asyncio.get_running_loop().time
        while (pause := self._again_at - now()) > 0 and not self._shut:
            if self._closed:
                raise StopAsyncIteration
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._arrived.next()  # close() sends the signal, too
        if self._shut and self._end is not None and self._opened_at is not None:
            raise self._end

    @abstractmethod
    def _made_progress(self) -> bool:
        """Return whether the current connection has yielded new items."""

    async def _should_reconnect(self, exc: DockerCloudError) -> bool:
        """Return whether the next step reconnects after an error.

        If so, the pause is set and the lost connection is closed. A stream that failed
        each time ends.
        """
        if not self._reconnect or self._opened_at is None or self._shut:
            return False
        if not wire.is_transient(exc):
            return False
        now = asyncio.get_running_loop().time()
        lost = isinstance(exc, StreamClosed)
        # A connection with new items, or one that lasted, proves that the server works.
        # A server that cuts each new connection keeps the pauses growing.
        lasted = now - self._opened_at > self._timings.lasting_connection
        if lost and (self._made_progress() or lasted):
            self._delays = None
            self._fruitless = 0
        elif lost:
            self._fruitless += 1
        else:
            self._failed += 1
        ws = self._ws if lost else None
        if self._gives_up():
            diagnostics.gave_up(ws, exc, max(self._fruitless, self._failed))
            return False
        self._delays = self._delays or self._timings.pauses()
        pause = max(next(self._delays), retry_after(exc))
        self._again_at = now + pause
        diagnostics.interrupted(ws, exc, pause)
        if lost:
            await self._drop()
        return True

    def _gives_up(self) -> bool:
        """Return whether the stream has failed so often that it never succeeds."""
        return (
            self._fruitless >= self._limits.fruitless_connections
            or self._failed >= self._limits.failed_attempts
        )
