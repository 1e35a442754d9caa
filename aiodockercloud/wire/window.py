"""Flow control of a stream: how much one side may send before the other grants more.

The receiving side grants as many credits as its reader has room for, and so receives
each frame at once. Pings behind the data are therefore answered however slow the reader
is. The frames that wait for the reader are bounded by ``WINDOW`` credits of
``CREDIT_BYTES`` each, and one frame, which may cost more than the remaining credits.
"""

from __future__ import annotations

from math import inf

from ..exceptions import StreamClosed
from .signal import Signal

__all__ = [
    "BATCH",
    "CREDIT_BYTES",
    "WINDOW",
    "WINDOW_PROTOCOL",
    "Credits",
    "frame_cost",
]

#: The websocket subprotocol of streams with credits, see ``Credits``. The client offers
#: the subprotocol; on a stream without credits only TCP holds the sender up. A server
#: that accepts the subprotocol also knows ``since``, ``at`` and ``seen`` of logs.
WINDOW_PROTOCOL = "window.aiodockercloud"

#: Credits of each side at the start: the bound on frames that are on their way or wait
#: for the reader. Text messages are data and cost credits; a binary message is a
#: decimal number and grants as many credits.
WINDOW = 1000

#: A frame costs one credit, and another one for each of these numbers of bytes.
CREDIT_BYTES = 4096

#: The number of used credits after which the receiver grants as many: one message for
#: many frames.
BATCH = WINDOW // 2


def frame_cost(data: str | bytes) -> int:
    """Return the credits that a frame costs."""
    if isinstance(data, str) and not data.isascii():
        data = data.encode()
    return 1 + len(data) // CREDIT_BYTES


class Credits:
    """The credits with which one side of a stream may send.

    Without a window the credits have no bound, and only TCP holds the sender up.

    Attributes:
        left: The remaining credits. The sender subtracts ``frame_cost``, and may
            overdraw the credits with one frame.
    """

    __slots__ = ("_granted", "left")

    def __init__(self, *, windowed: bool) -> None:
        self.left: float = WINDOW if windowed else inf
        self._granted = Signal()

    def grant(self, message: bytes) -> None:
        """Add the credits that a message of the other side grants.

        Raises:
            StreamClosed: The message is no number.
        """
        if not message.isdigit() or len(message) > 9:
            raise StreamClosed(1008, "a grant is not a number")
        self.left += int(message)
        self._granted.send()

    async def wait(self) -> None:
        """Wait until at least one credit is left."""
        while self.left <= 0:
            await self._granted.next()

    def end(self) -> None:
        """Release the waiting sender: the stream has ended."""
        self.left = inf
        self._granted.send()
