"""Text frames of websockets: encoded once for all readers, written once a loop turn."""

from __future__ import annotations

from functools import lru_cache

from aiohttp import web

from .connections import output_of

__all__ = ["FrameWriter"]

#: Bytes that wait for the end of a loop turn; more are written at once.
_LARGEST = 64 * 1024
#: Characters of a frame that is kept for other readers. With the number of kept frames,
#: this bounds the memory.
_KEPT = 4096

_FINAL_TEXT = 0x81


class FrameWriter:
    """Sends the frames of one websocket; all frames of a loop turn leave in one write.

    aiohttp writes, and the system sends, each frame by itself. Nothing else changes: no
    frame waits for longer than the loop turn, and a full transport holds the sender up.

    Args:
        request: The request of the websocket.
        ws: The websocket, open and without compression.
    """

    __slots__ = ("_frames", "_output", "_size", "_ws")

    def __init__(self, request: web.Request, ws: web.WebSocketResponse) -> None:
        self._output = output_of(request)
        self._ws = ws
        self._frames: list[bytes] = []
        self._size = 0

    async def send(self, text: str) -> None:
        """Send a frame in this loop turn; wait while the transport is full.

        Raises:
            ConnectionError: The connection is closed.
        """
        output = self._output
        if output is None:
            await self._ws.send_str(text)
            return
        if self._ws.closed or not output.is_open:
            raise ConnectionResetError("the websocket is closed")
        if not self._frames:
            output.at_end_of_turn(self.flush)
        frame = _kept(text) if len(text) <= _KEPT else _encoded(text)
        self._frames.append(frame)
        self._size += len(frame)
        if output.is_full or self._size >= _LARGEST:
            self.flush()
            await output.until_room()

    def flush(self) -> None:
        """Write the frames that wait; none may follow a close frame."""
        frames, self._frames, self._size = self._frames, [], 0
        output = self._output
        if frames and output is not None and output.is_open and not self._ws.closed:
            output.write(b"".join(frames))


def _encoded(text: str) -> bytes:
    """Return a text as an unmasked frame, RFC 6455, section 5.2."""
    data = text.encode()
    size = len(data)
    if size < 126:
        head = bytes((_FINAL_TEXT, size))
    elif size < 2**16:
        head = bytes((_FINAL_TEXT, 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((_FINAL_TEXT, 127)) + size.to_bytes(8, "big")
    return head + data


_kept = lru_cache(maxsize=1024)(_encoded)
