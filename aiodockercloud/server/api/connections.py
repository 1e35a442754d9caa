"""Connections: how many, how long without a request, and requests that are not HTTP.

A connection that sends no complete request within a time limit is closed. When the
server has as many connections as allowed, a new connection replaces one that has no
request in progress: first those that never sent valid credentials, the oldest first.
The server therefore serves a client with credentials beside any number of others.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import ssl
from collections.abc import Callable
from typing import Any, Protocol

from aiohttp import http_exceptions, web

from ... import wire
from ...wire.signal import Signal
from ..log import SparseLog
from ..settings import Timings
from .guard import SECURITY_HEADERS

__all__ = ["Connections", "Output", "output_of", "recognize"]

log: logging.Logger = logging.getLogger(__name__)

#: Seconds between two log lines about connections and requests that were refused.
_QUIET = 60.0
#: Seconds for which the rest of an unread body is discarded before the connection is
#: closed, so that the client can read the response.
_DISCARD = 5.0


class Connections:
    """The connections of a server, and the factory of their protocols.

    Args:
        server: The server of an aiohttp runner.
        largest: The number of connections that are open at once.
        timings: The time limits.
        tls: The context of TLS; None for connections without TLS.
    """

    def __init__(
        self,
        server: web.Server,
        largest: int,
        timings: Timings,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._server = server
        self._handle = server.request_handler
        server.request_handler = self._counted
        self.timings = timings
        self.deadlines: _Deadlines = _Deadlines(timings.headers)
        self._largest = largest
        self._tls = tls
        self._open: set[_Countable] = set()
        #: Connections without a request in progress, those that never sent valid
        #: credentials and those that did. Those that have waited longest are first.
        self._unknown: dict[_Countable, None] = {}
        self._known: dict[_Countable, None] = {}
        #: What is written at the end of the loop turn.
        self._writing: list[Callable[[], None]] = []
        self._refusals = SparseLog(log, _QUIET)
        self.unreadable: SparseLog = SparseLog(log, _QUIET)

    def __call__(self) -> asyncio.Protocol:
        """Return the protocol of a new connection."""
        if self._tls is not None:
            return _Handshake(self, self._tls)
        return self.http()

    def http(self) -> asyncio.Protocol:
        """Return the protocol of a connection whose first bytes are HTTP."""
        return _Connection(
            self,
            self._server,
            loop=asyncio.get_running_loop(),
            access_log=None,
            keepalive_timeout=self.timings.idle,
            lingering_time=_DISCARD,
            # A small body could become a huge one, also where it is only discarded.
            auto_decompress=False,
        )

    def opened(self, connection: _Countable) -> None:
        """Count a connection, and close others when there are too many."""
        self._open.add(connection)
        self._unknown[connection] = None
        while len(self._open) > self._largest:
            waiting = self._unknown or self._known
            closed = next(iter(waiting))
            self._refusals.warning(
                "%d connections are open, the most that are allowed: closed one without"
                " a request, from %s",
                self._largest,
                closed.peer,
            )
            self.closed(closed)
            closed.drop()

    def closed(self, connection: _Countable) -> None:
        """Forget a connection."""
        self._open.discard(connection)
        self._unknown.pop(connection, None)
        self._known.pop(connection, None)

    def at_end_of_turn(self, write: Callable[[], None]) -> None:
        """Call *write* once when all tasks of this loop turn have run.

        All connections have one handle of the event loop: an event is written to
        hundreds of connections in one turn.
        """
        if not self._writing:
            asyncio.get_running_loop().call_soon(self._end_turn)
        self._writing.append(write)

    def _end_turn(self) -> None:
        writing, self._writing = self._writing, []
        for write in writing:
            write()

    def end_handshakes(self) -> None:
        """Close the connections that aiohttp does not know yet."""
        for connection in list(self._open):
            if isinstance(connection, _Handshake):
                connection.drop()

    async def _counted(self, request: web.BaseRequest) -> web.StreamResponse:
        """Handle a request; its connection cannot be replaced meanwhile."""
        connection = request.protocol
        assert isinstance(connection, _Connection)
        self._unknown.pop(connection, None)
        self._known.pop(connection, None)
        connection.begin()
        try:
            return await self._handle(request)
        except web.HTTPException as error:  # aiohttp's own, such as 417
            return _refusal(error.status, wire.reason(error.status).lower())
        finally:
            connection.end()
            if connection in self._open:
                waiting = self._known if connection.known else self._unknown
                waiting[connection] = None


class _Countable(Protocol):
    """What is counted: a connection, or one whose TLS handshake is in progress."""

    #: The address of the client, for the log.
    peer: str

    def drop(self) -> None:
        """Close the connection at once, without an answer."""


class _Handshake(asyncio.Protocol):
    """The protocol of a connection whose TLS handshake is in progress.

    asyncio creates the protocol of a connection with TLS after the handshake only, so
    that connections without a handshake would not be counted.
    """

    def __init__(self, connections: Connections, tls: ssl.SSLContext) -> None:
        self._connections = connections
        self._tls = tls
        self._received = b""
        self._transport: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None
        self.peer: str = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.pause_reading()
        self._transport = transport
        self.peer = _peer(transport)
        self._connections.opened(self)
        self._task = asyncio.get_running_loop().create_task(self._run(transport))

    def data_received(self, data: bytes) -> None:
        self._received += data

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.closed(self)

    def drop(self) -> None:
        """Close the connection at once, without an answer."""
        if self._transport is not None:
            self._transport.abort()

    async def _run(self, transport: asyncio.Transport) -> None:
        """Let HTTP follow the handshake, unless the handshake fails."""
        try:
            secured = await asyncio.get_running_loop().start_tls(
                transport,
                self,
                self._tls,
                server_side=True,
                ssl_handshake_timeout=self._connections.timings.headers,
            )
        except OSError:  # errors of TLS, too
            secured = None
        self._connections.closed(self)
        if secured is None:
            transport.abort()
            return
        http = self._connections.http()
        secured.set_protocol(http)
        http.connection_made(secured)
        if self._received:
            http.data_received(self._received)


def recognize(request: web.Request) -> None:
    """Note that the client at the other end of a connection has valid credentials."""
    if isinstance(request.protocol, _Connection):
        request.protocol.known = True


class Output(Protocol):
    """The way to a client, for bytes that are written without aiohttp."""

    #: Whether the transport has more bytes to send than fit its buffer.
    is_full: bool

    @property
    def is_open(self) -> bool:
        """Whether bytes that are written now may reach the client."""
        ...

    def write(self, data: bytes) -> None:
        """Write bytes to the open connection."""
        ...

    def at_end_of_turn(self, write: Callable[[], None]) -> None:
        """Call *write* once when all tasks of this loop turn have run."""
        ...

    async def until_room(self) -> None:
        """Wait until the transport has room for more bytes, or has closed."""
        ...


def output_of(request: web.BaseRequest) -> Output | None:
    """Return the way to the client of a request.

    None in an application that another server than ours serves.
    """
    protocol = request.protocol
    return protocol if isinstance(protocol, _Connection) else None


class _Deadlines:
    """One timer for the headers of all connections, which have the same time.

    Args:
        seconds: The time of a connection.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        #: Connection → its deadline, the earliest first.
        self._ends: dict[_Countable, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, connection: _Countable) -> None:
        """Drop the connection when its time ends before ``end``."""
        loop = asyncio.get_running_loop()
        self._ends[connection] = end = loop.time() + self._seconds
        if self._timer is None:
            self._timer = loop.call_at(end, self._expire)

    def end(self, connection: _Countable) -> None:
        """Forget the deadline of a connection."""
        self._ends.pop(connection, None)

    def __contains__(self, connection: _Countable) -> bool:
        return connection in self._ends

    def _expire(self) -> None:
        """Drop what is late, and wait for the next deadline."""
        loop = asyncio.get_running_loop()
        self._timer = None
        for connection, end in list(self._ends.items()):
            if end > loop.time():
                self._timer = loop.call_at(end, self._expire)
                break
            del self._ends[connection]
            connection.drop()


class _Connection(web.RequestHandler):
    """The protocol of one connection."""

    __slots__ = ("_connections", "_handling", "_room", "is_full", "known", "peer")

    def __init__(
        self, connections: Connections, server: web.Server, **options: Any
    ) -> None:
        super().__init__(server, **options)
        self._connections = connections
        self._handling = False
        self._room = Signal()
        #: Whether the transport has more bytes to send than fit its buffer.
        self.is_full: bool = False
        #: The address of the client, for the log.
        self.peer: str = ""
        #: Whether a request of the connection had valid credentials.
        self.known: bool = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.peer = _peer(transport)
        self._limit()
        self._connections.opened(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._connections.closed(self)
        self._unlimit()
        super().connection_lost(exc)
        self._room.send()

    def pause_writing(self) -> None:
        super().pause_writing()
        self.is_full = True

    def resume_writing(self) -> None:
        super().resume_writing()
        self.is_full = False
        self._room.send()

    @property
    def is_open(self) -> bool:
        """Whether bytes that are written now may reach the client."""
        return self.transport is not None and not self.transport.is_closing()

    def write(self, data: bytes) -> None:
        """Write bytes to the open connection."""
        assert self.transport is not None
        self.transport.write(data)

    def at_end_of_turn(self, write: Callable[[], None]) -> None:
        """Call *write* once when all tasks of this loop turn have run."""
        self._connections.at_end_of_turn(write)

    async def until_room(self) -> None:
        """Wait until the transport has room for more bytes, or has closed."""
        while self.is_full and self.is_open:
            await self._room.next()

    def data_received(self, data: bytes) -> None:
        if not self._handling and self not in self._connections.deadlines:
            self._limit()
        super().data_received(data)

    def begin(self) -> None:
        """Note that a request is complete, but for its body."""
        self._handling = True
        self._unlimit()

    def end(self) -> None:
        """Note that the request was answered: the next may come much later."""
        self._handling = False

    def drop(self) -> None:
        """Close the connection at once, without an answer."""
        if self.transport is not None:
            self.transport.abort()

    def _limit(self) -> None:
        """Let the connection end when the headers do not arrive in time."""
        self._connections.deadlines.begin(self)

    def _unlimit(self) -> None:
        self._connections.deadlines.end(self)

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """Log an error after an answer, but for a rest of a body that is unreadable."""
        if isinstance(kw.get("exc_info"), web.RequestPayloadError):
            self._connections.unreadable.warning(
                "a body is not valid HTTP, from %s", self.peer
            )
        else:
            super().log_exception(*args, **kw)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Return the answer to a request that is not HTTP, or that failed.

        Neither the answer nor the log contains bytes of the request: they may be part
        of credentials.

        Raises:
            ConnectionError: A part of another answer was sent.
        """
        if isinstance(exc, http_exceptions.HttpProcessingError):
            text = "the request is not valid HTTP"
            if isinstance(exc, http_exceptions.LineTooLong):
                text = "the path or a header of the request is too long"
            self._connections.unreadable.warning("%s, from %s", text, self.peer)
        else:
            text = "internal error; the server's log has the details"
            log.error("a request failed", exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("an answer was sent in part")
        response = _refusal(status, text)
        response.force_close()
        return response


def _peer(transport: asyncio.BaseTransport) -> str:
    peer = transport.get_extra_info("peername")
    return str(peer[0]) if peer else ""


def _refusal(status: int, text: str) -> web.Response:
    return web.Response(
        body=json.dumps({"error": text}).encode(),
        status=status,
        reason=wire.reason(status),
        headers={**SECURITY_HEADERS, wire.REQUEST_ID: secrets.token_hex(8)},
        content_type="application/json",
    )
