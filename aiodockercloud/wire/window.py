"""Flow control of a stream: how much one side may send before the other grants more.

Because what is granted is what the reader has room for, each side always receives: the
pings that are in line behind the data are answered however slow the reader is, and
what waits is bounded, by ``WINDOW`` credits of ``CREDIT_BYTES`` each (and
one frame, which may cost more than is left).
"""

from __future__ import annotations

import asyncio
from math import inf

from ..exceptions import StreamClosed

__all__ = [
    "BATCH",
    "CREDIT_BYTES",
    "WINDOW",
    "WINDOW_PROTOCOL",
    "Credits",
    "frame_cost",
]

#: A stream whose two sides grant each other what may be sent: see ``Credits``. The
#: client offers it as a websocket subprotocol; without it TCP alone holds senders up.
#: A server that takes it also knows ``since``, ``at`` and ``seen`` of logs.
WINDOW_PROTOCOL = "window.aiodockercloud"

#: Credits each side begins with: so much may be on its way or wait for the reader.
#: Text messages are data and cost them, binary messages grant more (a decimal number).
WINDOW = 1000

#: A frame costs one credit, and one more for each of so many bytes.
CREDIT_BYTES = 4096

#: What is used before it is granted anew: not each frame is worth a message.
BATCH = WINDOW // 2


def frame_cost(data: str | bytes) -> int:
    """What a frame costs of the window."""
    if isinstance(data, str) and not data.isascii():
        data = data.encode()
    return 1 + len(data) // CREDIT_BYTES


class Credits:
    """What one side of a stream may still send; without a window, whatever TCP takes.

    Attributes:
        left: Credits left; the one who sends takes ``frame_cost`` off, and may
            overdraw them with one frame.
    """

    def __init__(self, *, windowed: bool) -> None:
        self.left: float = WINDOW if windowed else inf
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

    async def wait(self) -> None:
        """Wait until there is something left."""
        while self.left <= 0:
            self._granted.clear()
            await self._granted.wait()

    def end(self) -> None:
        """Hold nobody up any more: the stream is over."""
        self.left = inf
        self._granted.set()
