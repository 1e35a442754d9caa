"""Connections that faults reset, hold up or leave half-open."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Collection

from aiohttp import web

from .rules import Rule


def is_up(request: web.Request) -> bool:
    """Return whether the connection of a request is open."""
    return request.transport is not None and not request.transport.is_closing()


def reset(request: web.Request) -> web.StreamResponse:
    """Reset the connection of a request.

    Returns:
        A response for aiohttp, which no client receives.
    """
    transport = request.transport
    if transport is not None and not transport.is_closing():
        _reset_on_close(transport.get_extra_info("socket"))
        transport.abort()
    return web.Response()


def _reset_on_close(connection: socket.socket) -> None:
    """Have a later close of the socket reset the connection instead of ending it."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class HalfOpenConnections:
    """Connections that stay open, but that the server neither reads nor writes."""

    def __init__(self) -> None:
        self._rules: dict[socket.socket, Rule] = {}

    @property
    def rules(self) -> set[Rule]:
        """The rules with half-open connections."""
        return set(self._rules.values())

    def leave(self, rule: Rule, request: web.Request) -> web.StreamResponse:
        """Make the connection of a request half-open.

        aiohttp closes its socket, but a duplicate of the socket keeps the connection.

        Returns:
            A response for aiohttp, which no client receives.
        """
        transport = request.transport
        if transport is not None and not transport.is_closing():
            self._rules[transport.get_extra_info("socket").dup()] = rule
            transport.abort()
        return web.Response()

    def reset(self, rules: Collection[Rule]) -> None:
        """Reset the half-open connections of these rules."""
        for connection, rule in list(self._rules.items()):
            if rule in rules:
                del self._rules[connection]
                _reset_on_close(connection)
                connection.close()


class Pauses:
    """Requests and frames that rules hold up."""

    def __init__(self) -> None:
        self._rules: dict[asyncio.Future[None], Rule] = {}

    @property
    def rules(self) -> set[Rule]:
        """The rules that hold something up."""
        return set(self._rules.values())

    async def wait(self, rule: Rule, seconds: float | None) -> None:
        """Wait so many seconds, or until the rule is released; None: only until then.

        Args:
            rule: The rule that holds up the request or frame.
            seconds: The longest time to wait; None waits without a limit.
        """
        pause = asyncio.get_running_loop().create_future()
        self._rules[pause] = rule
        try:
            async with asyncio.timeout(seconds):
                await pause
        except TimeoutError:
            pass
        finally:
            del self._rules[pause]

    def release(self, rules: Collection[Rule]) -> None:
        """End the pauses of these rules."""
        for pause, rule in self._rules.items():
            if rule in rules and not pause.done():
                pause.set_result(None)
