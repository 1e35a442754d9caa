"""Logs of Tutum servers.

Source: Tutum API reference, "Services" and "Containers", on logs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any, Protocol, Self, TypeVar, Unpack

from .. import types, wire
from ..exceptions import BadRequest, MethodNotAllowed, NotSupported, ObjectNotFound
from ..wire import loglines
from .log_stream import Connect, LogOptions, LogStream
from .settings import DEFAULT_LIMITS, DEFAULT_TIMINGS, Limits, Timings

__all__ = ["TutumLog"]

L = TypeVar("L", bound="types.ActionLogLine")


class Fetch(Protocol):
    """Request a log as one text with the given query."""

    def __call__(self, *, params: Mapping[str, Any]) -> Awaitable[dict[str, Any]]: ...


class TutumLog(LogStream[L]):
    """A log of a Tutum server: a websocket or, before May 2015, one text.

    A server with the text only refuses the websocket. The stream then requests the
    text, yields the lines of the text and ends, even with *follow*.

    Args:
        connect: Opens the websocket.
        fetch: Requests the text.
        timings: As for :class:`LogStream`.
        limits: As for :class:`LogStream`.
        options: As for :class:`LogStream`.
    """

    __slots__ = ("_fetch", "_is_text")

    def __init__(
        self,
        connect: Connect,
        fetch: Fetch,
        *,
        timings: Timings = DEFAULT_TIMINGS,
        limits: Limits = DEFAULT_LIMITS,
        **options: Unpack[LogOptions],
    ) -> None:
        super().__init__(connect, timings=timings, limits=limits, **options)
        self._fetch = fetch
        self._is_text = False

    async def __aenter__(self) -> Self:
        self._refuse_closed()
        await self._begin()
        return self

    async def _receive(self) -> None:
        if self._opened_at is None and not (self._is_text or self._closed):
            await self._begin()
        if not self._is_text:
            await super()._receive()
        elif not self._frames:
            raise StopAsyncIteration

    async def _begin(self) -> None:
        try:
            await self._open()
        except (BadRequest, ObjectNotFound, MethodNotAllowed, NotSupported) as refused:
            if self._refusal:
                # One text cannot contain the lines to come, and states no outputs.
                if isinstance(refused, ObjectNotFound):
                    raise
                raise NotSupported(self._refusal) from refused
            tail = self._tail
            if self._since is not None:
                self._comparing = True
                tail = self._at_least(self._limits.resumed_lines)
            answer = await self._fetch(params={"tail": tail})
            self._is_text = True
            lines = loglines.log_lines(str(answer.get("logs") or ""))
            self._frames.extend(map(wire.dumps, lines))
