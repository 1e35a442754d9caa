"""Open streams, with the frames that faults count and hold back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from aiohttp import web

from .rules import Rule

#: Seconds after which a held-back frame is sent even if no other frame follows.
LATE = 0.1


class OpenStream:
    """An open websocket, with the state that rules keep about the websocket.

    Args:
        request: The request that opened the websocket.
        ws: The websocket.
        changed: Called after a frame is held back or taken.
    """

    __slots__ = ("_changed", "_held", "_timer", "_ws", "passing", "request")

    def __init__(
        self,
        request: web.Request,
        ws: web.WebSocketResponse,
        changed: Callable[[], None],
    ) -> None:
        self.request: web.Request = request
        #: How many more frames pass before a rule applies.
        self.passing: dict[Rule, int] = {}
        self._ws = ws
        self._changed = changed
        self._held: str | None = None
        self._timer: asyncio.Task[None] | None = None

    @property
    def holds_frame(self) -> bool:
        """Whether a frame is held back."""
        return self._held is not None

    def hold(self, frame: str) -> None:
        """Hold a frame back until :meth:`take`, or send the frame a bit later."""

        async def send_late() -> None:
            await asyncio.sleep(LATE)
            self._timer = None
            self.take()
            with suppress(ConnectionError):
                await self._ws.send_str(frame)

        self._held = frame
        self._timer = asyncio.create_task(send_late())
        self._changed()

    def take(self) -> str | None:
        """Return the frame that is held back, if any, and hold the frame no longer."""
        if (frame := self._held) is None:
            return None
        self._held = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._changed()
        return frame
