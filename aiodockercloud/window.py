"""Flow control of a stream: how much one side may send before the other grants more.

Because what is granted is what the reader has room for, each side always receives: the
pings that are in line behind the data are answered however slow the reader is, and
what waits is bounded, by ``wire.WINDOW`` credits of ``wire.CREDIT_BYTES`` each (and
one frame, which may cost more than is left).
"""

from __future__ import annotations

import asyncio
from math import inf

from . import wire
from .exceptions import StreamClosed

__all__ = ["Credits"]

#: What is used before it is granted anew: not each frame is worth a message.
BATCH = wire.WINDOW // 2


class Credits:
    """What one side of a stream may still send; without a window, whatever TCP takes.

    Attributes:
        left: Credits left; the one who sends takes ``wire.frame_cost`` off, and may
            overdraw them with one frame.
    """

    def __init__(self, *, windowed: bool) -> None:
        self.left: float = wire.WINDOW if windowed else inf
        self._granted = asyncio.Event()

    def grant(self, message: bytes) -> None:
        """Add what the other side's message grants.

        Raises:
            StreamClosed: It grants nothing that can be understood.
        """
        if not message.isdigit() or len(message) > 9:
            raise StreamClosed(1008, "a grant is not a number")
        self.left += int(message)
        self._granted.set()

    async def some(self) -> None:
        """Wait until there is something left."""
        while self.left <= 0:
            self._granted.clear()
            await self._granted.wait()

    def end(self) -> None:
        """Hold nobody up any more: the stream is over."""
        self.left = inf
        self._granted.set()
