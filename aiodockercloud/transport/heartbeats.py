"""Heartbeats: one timer for all streams of a client, and the pulse of each stream."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from typing import Any, Protocol

from aiohttp import ClientError, ClientWebSocketResponse

__all__ = ["Heartbeats", "Pulse"]

#: Beats in one heartbeat.
_BEATS = 8

#: Beats without a message before a ping is sent, and before the peer counts as silent:
#: at least one heartbeat, and half a heartbeat more for the answer.
_PING = _BEATS + 1
_SILENT = _PING + _BEATS // 2

#: Streams that beat before other tasks have their turn.
_TURN = 100


class Beating(Protocol):
    """A stream that checks its peer."""

    def beat(self) -> bool: ...


class Heartbeats:
    """Calls ``beat()`` of each stream, eight times in a heartbeat.

    A timer for each connection, as aiohttp has, costs twice as much for idle streams.

    Args:
        streams: The streams of the client; ``beat()`` returns whether one is open.
        heartbeat: Seconds of a heartbeat.
    """

    def __init__(self, streams: Iterable[Beating], heartbeat: float) -> None:
        self._streams = streams
        self._pause = heartbeat / _BEATS
        self._timer: asyncio.TimerHandle | None = None
        #: Whether a stream is open, as far as the current beat has seen.
        self._open = False

    def start(self) -> None:
        """Begin with the beats, until no stream is open any more. Idempotent."""
        self._open = True
        if self._timer is None:
            self._plan()

    def _plan(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._pause, self._begin)

    def _begin(self) -> None:
        self._open = False
        self._beat(iter(list(self._streams)))

    def _beat(self, streams: Iterator[Beating]) -> None:
        """Let some streams beat now, and the others after the next turn of the loop."""
        turn = list(islice(streams, _TURN))
        for stream in turn:
            if stream.beat():
                self._open = True
        if turn:
            asyncio.get_running_loop().call_soon(self._beat, streams)
        else:
            self._timer = None
            if self._open:
                self._plan()


class Pulse:
    """How long the peer of one websocket has been silent.

    Attributes:
        quiet: Beats since the last message, which the receiver of messages resets.
    """

    __slots__ = ("_ping", "_ws", "quiet")

    def __init__(self, ws: ClientWebSocketResponse[Any]) -> None:
        self._ws = ws
        self.quiet: int = 0
        self._ping: asyncio.Task[None] | None = None

    def beat(self, *, receiving: bool) -> bool:
        """Send a ping when the peer has been silent for a heartbeat.

        Args:
            receiving: Whether a task receives messages: else the answer to a ping
                waits behind messages that the reader leaves.

        Returns:
            False when the peer did not answer in time.
        """
        self.quiet += 1
        if self.quiet == _PING:
            self._ping = asyncio.create_task(self._send())
        elif self.quiet > _PING and not receiving:
            self.quiet = 0
        return self.quiet < _SILENT

    def end(self) -> None:
        """Stop the ping that waits for the socket to accept data."""
        if self._ping is not None:
            self._ping.cancel()

    async def _send(self) -> None:
        # The task that receives messages reports a lost connection.
        with suppress(ClientError, ConnectionError):
            await self._ws.ping()
