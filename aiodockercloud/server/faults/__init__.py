"""Faults on purpose: what networks and busy servers do, for tests of clients.

::

    async with running(faults=Faults(seed=7)) as server:
        server.faults.throttle(2, method="POST", times=1)
        with server.faults.cut(path="*/service/*", chance=0.1) as rule:
            ...
        assert rule.hits

Each method of :class:`Faults` adds a rule, and each rule says which requests meet it:

- ``method`` and ``path``: those of the request; the path is a pattern of
  :mod:`fnmatch` for the whole of it, without the query, as in ``"*/service/*"``.
- ``times``: how often the fault happens until the rule is used up.
- ``chance``: how probable it is each time, from 0 to 1. With ``Faults(seed=…)`` the
  n-th request that comes to a rule meets the same fate in every run.

``when`` says at which moment it happens:

- ``"before"``: nothing was done; a stream is not open yet.
- ``"after"``: the request was carried out, but not answered. Streams have no such
  moment.
- ``"body"``: half-way through the body of the answer (an answer without one: as
  ``"after"``); of a stream, at each of its frames, also when it was open before.
  ``after`` says how much gets through first: so many bytes of an answer's body, so many
  frames of a stream, or a ``range`` out of which that is drawn.

Rules are looked at in the order in which they were added. A rule ends with its
``remove()``, at the end of a ``with`` block around it, with ``Faults.clear()``, or when
the server does. Crashed containers and lost nodes are faults of the engine:
``Embedded.crash``, ``Embedded.lose_node``.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from fnmatch import fnmatchcase
from typing import Literal, Unpack

from aiohttp import web

from ... import wire
from .rules import Rule, When, Which

__all__ = ["Faults", "Rule", "Which"]

#: The paths of event streams, in all their spellings.
EVENTS = "*/events*"

#: Seconds after which a frame that was to follow the next one is sent without it.
LATE = 0.1

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

#: Frames about a stream itself; faults are about what it carries.
_CONTROL = frozenset({"gap", "position"})


class _Stream:
    """An open websocket and what the rules keep about it."""

    def __init__(self, request: web.Request, ws: web.WebSocketResponse) -> None:
        self.request = request
        self.ws = ws
        #: Frames that pass before a rule looks at them.
        self.left: dict[Rule, int] = {}
        #: A frame that is to follow the next one, and what sends it if none comes.
        self.held: str | None = None
        self.timer: asyncio.Task[None] | None = None


class Faults:
    """The faults of one server (``server.faults``).

    Args:
        seed: Makes what is random the same in every run.
    """

    def __init__(self, *, seed: int | None = None) -> None:
        self._seed = seed
        self._made = 0
        self._ended = False
        self._rules: list[Rule] = []
        self._streams: dict[web.WebSocketResponse, _Stream] = {}
        self._pauses: dict[asyncio.Future[None], Rule] = {}
        self._half_open: dict[socket.socket, Rule] = {}
        #: Whether a rule is there or a frame held back: all that the server asks.
        self.active = False

    # --- the faults -------------------------------------------------------------------

    def delay(
        self,
        seconds: float | tuple[float, float],
        *,
        when: When = "before",
        **which: Unpack[Which],
    ) -> Rule:
        """Make requests, answers or single frames late: by so many seconds, or by a
        random time between two."""
        low, high = seconds if isinstance(seconds, tuple) else (seconds, seconds)

        async def act(rule: Rule, request: web.Request) -> web.StreamResponse | None:
            return await self._pause(rule, request, rule.random.uniform(low, high))

        return self._add(Rule(self, "delay", act, _moment(when, None), **which))

    def stall(
        self,
        *,
        when: When | None = None,
        after: int | range | None = None,
        **which: Unpack[Which],
    ) -> Rule:
        """Answer nothing until the rule is removed; then go on, unless the client has
        left. On open streams (``when="body"``, or *after*) no frame is sent, but pings
        are answered."""

        async def act(rule: Rule, request: web.Request) -> web.StreamResponse | None:
            return await self._pause(rule, request, None)

        moment = _moment(when, after)
        return self._add(Rule(self, "stall", act, moment, after=after, **which))

    def cut(
        self,
        *,
        when: When | None = None,
        after: int | range | None = None,
        **which: Unpack[Which],
    ) -> Rule:
        """Reset the connection: before the request is carried out or, by *when*, after
        that, or in the body of its answer (the default when *after* is given)."""

        async def act(_: Rule, request: web.Request) -> web.StreamResponse:
            return _reset(request)

        moment = _moment(when, after)
        return self._add(Rule(self, "cut", act, moment, after=after, **which))

    def fail(
        self,
        status: int = 503,
        *,
        retry_after: float | str | None = None,
        when: Literal["before", "after"] = "before",
        **which: Unpack[Which],
    ) -> Rule:
        """Answer with this status and an ``error``; *retry_after* becomes the header of
        that name."""
        if when not in ("before", "after"):
            raise ValueError(f"when must be before or after, got {when}")
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}

        async def act(_: Rule, __: web.Request) -> web.StreamResponse:
            return web.Response(
                status=status,
                headers=headers,
                body=wire.dumps({"error": "a fault made on purpose"}),
                content_type="application/json",
            )

        return self._add(Rule(self, f"fail {status}", act, when, **which))

    def throttle(
        self, retry_after: float | str | None = 1, **which: Unpack[Which]
    ) -> Rule:
        """Answer 429 with this ``Retry-After``: seconds, a date, or None for none."""
        return self.fail(429, retry_after=retry_after, **which)

    def half_open(self, **which: Unpack[Which]) -> Rule:
        """Leave the connection up and do nothing with it: nothing is read, answered or
        closed, no ping and no pong sent, as when the server's machine has gone.

        Open streams that it fits are left so at once, requests when they come.
        """

        async def act(rule: Rule, request: web.Request) -> web.StreamResponse:
            return self._leave(rule, request)

        rule = self._add(Rule(self, "half-open", act, "before", **which))
        for stream in list(self._streams.values()):
            if _is_up(stream.request) and rule.meets(stream.request):
                self._leave(rule, stream.request)
        return rule

    def duplicate(self, **which: Unpack[Which]) -> Rule:
        """Send events twice (frames of other streams, if *path* says so)."""
        which.setdefault("path", EVENTS)
        return self._add(Rule(self, "duplicate", _nothing, "duplicate", **which))

    def reorder(self, **which: Unpack[Which]) -> Rule:
        """Send an event after the next one, or a bit later if none comes (frames of
        other streams, if *path* says so; the last one of a log may be lost then)."""
        which.setdefault("path", EVENTS)
        return self._add(Rule(self, "reorder", _nothing, "reorder", **which))

    def cut_streams(self, path: str | None = None) -> int:
        """Reset the connections of all open streams that *path* fits, now.

        Returns:
            How many there were.
        """
        found = [
            stream
            for stream in self._streams.values()
            if fnmatchcase(stream.request.path, path or "*") and _is_up(stream.request)
        ]
        for stream in found:
            _reset(stream.request)
        return len(found)

    def clear(self) -> None:
        """Remove all rules."""
        for rule in {*self._rules, *self._pauses.values(), *self._half_open.values()}:
            rule.remove()

    # --- for the server ---------------------------------------------------------------

    def begin(self) -> None:
        """The server begins."""
        self._ended = False

    def end(self) -> None:
        """The server ends: nothing may hold it up. Rules are kept for its next run."""
        self._ended = True
        for pause in self._pauses:
            _release(pause)
        self._close_half_open(set(self._half_open.values()))

    async def answer(
        self, request: web.Request, handler: Handler
    ) -> web.StreamResponse:
        """What a request is answered: what *handler* says, or what a fault does."""
        for rule in self._met("before", request):
            if (over := await rule.act(rule, request)) is not None:
                return over
        response = await handler(request)
        if not isinstance(response, web.Response):
            return response  # of a stream, which is over
        for rule in self._met("after", request):
            if (over := await rule.act(rule, request)) is not None:
                return over
        for rule in self._met("body", request):
            return await self._break_up(rule, request, response)
        return response

    async def _break_up(
        self, rule: Rule, request: web.Request, response: web.Response
    ) -> web.StreamResponse:
        """An answer of which a part comes before the fault, and the rest after it."""
        body = response.body
        if not isinstance(body, bytes) or not body:
            return await rule.act(rule, request) or response
        size = rule.part(default=len(body) // 2)
        broken = web.StreamResponse(status=response.status, headers=response.headers)
        broken.content_length = len(body)
        with suppress(ConnectionError):
            await broken.prepare(request)
            await broken.write(body[:size])
            if await rule.act(rule, request) is None:
                await broken.write(body[size:])
        return broken

    @contextmanager
    def stream(self, request: web.Request, ws: web.WebSocketResponse) -> Iterator[None]:
        """While a websocket is open."""
        stream = self._streams[ws] = _Stream(request, ws)
        try:
            yield
        finally:
            del self._streams[ws]
            self._take(stream)

    async def frames(self, ws: web.WebSocketResponse, frame: str) -> list[str]:
        """What is sent on a websocket for a frame.

        Raises:
            ConnectionResetError: The connection is no more.
        """
        stream = self._streams[ws]
        request = stream.request
        if wire.loads(frame).get("type") in _CONTROL:
            return [frame]
        for rule in self._rules[:]:
            if rule.moment != "body" or not rule.fits(request):
                continue
            if rule not in stream.left:
                stream.left[rule] = rule.part(default=0)
            if stream.left[rule] > 0:
                stream.left[rule] -= 1
            elif rule.meets(request) and await rule.act(rule, request) is not None:
                raise ConnectionResetError("by a fault made on purpose")
        frames = [frame]
        frames += [frame for _ in self._met("duplicate", request)]
        held = self._take(stream)
        if held is not None:
            return [*frames, held]
        for _ in self._met("reorder", request):
            self._hold(stream, frame)
            return frames[1:]
        return frames

    # --- rules ------------------------------------------------------------------------

    def new_random(self) -> random.Random:
        """One for each rule, so that rules do not disturb each other."""
        self._made += 1
        return random.Random(
            None if self._seed is None else f"{self._seed}, rule {self._made}"
        )

    def _add(self, rule: Rule) -> Rule:
        self._rules.append(rule)
        self._refresh()
        return rule

    def use_up(self, rule: Rule) -> None:
        self._rules.remove(rule)
        self._refresh()

    def forget(self, rule: Rule) -> None:
        if rule in self._rules:
            self.use_up(rule)
        for pause, owner in self._pauses.items():
            if owner is rule:
                _release(pause)
        self._close_half_open({rule})

    def _refresh(self) -> None:
        held = any(stream.held is not None for stream in self._streams.values())
        self.active = held or bool(self._rules)

    def _met(self, moment: str, request: web.Request) -> Iterator[Rule]:
        """The rules that happen now; those after a pause are asked after it."""
        for rule in self._rules[:]:
            if rule.moment == moment and rule.meets(request):
                yield rule

    # --- what they do -----------------------------------------------------------------

    async def _pause(
        self, rule: Rule, request: web.Request, seconds: float | None
    ) -> web.StreamResponse | None:
        """Wait that long or, with None, until the rule is removed."""
        if not self._ended:
            pause = asyncio.get_running_loop().create_future()
            self._pauses[pause] = rule
            try:
                async with asyncio.timeout(seconds):
                    await pause
            except TimeoutError:
                pass
            finally:
                del self._pauses[pause]
        # What nobody waits for any more is not done either.
        if self._ended or request.transport is None:
            return _reset(request)
        return None

    def _leave(self, rule: Rule, request: web.Request) -> web.StreamResponse:
        """Forget the connection without closing it: another handle keeps it up."""
        transport = request.transport
        if transport is not None and not transport.is_closing():
            self._half_open[transport.get_extra_info("socket").dup()] = rule
            transport.abort()
        return web.Response()

    def _close_half_open(self, rules: Collection[Rule]) -> None:
        for connection, rule in list(self._half_open.items()):
            if rule in rules:
                del self._half_open[connection]
                _no_goodbye(connection)
                connection.close()

    def _hold(self, stream: _Stream, frame: str) -> None:
        async def late() -> None:
            await asyncio.sleep(LATE)
            stream.timer = None
            self._take(stream)
            with suppress(ConnectionError):
                await stream.ws.send_str(frame)

        stream.held = frame
        stream.timer = asyncio.create_task(late())
        self._refresh()

    def _take(self, stream: _Stream) -> str | None:
        """The frame that was held back, if there is one."""
        if (frame := stream.held) is None:
            return None
        stream.held = None
        if stream.timer is not None:
            stream.timer.cancel()
            stream.timer = None
        self._refresh()
        return frame


FAULTS = web.AppKey("faults", Faults)


def _moment(when: When | None, after: int | range | None) -> When:
    """When it happens, if that is not said."""
    if when is None:
        return "before" if after is None else "body"
    if when not in ("before", "after", "body"):
        raise ValueError(f"when must be before, after or body, got {when}")
    if after is not None and when != "body":
        raise ValueError(f"after is for what happens in the body, not {when}")
    return when


def _release(pause: asyncio.Future[None]) -> None:
    if not pause.done():
        pause.set_result(None)


def _is_up(request: web.Request) -> bool:
    return request.transport is not None and not request.transport.is_closing()


def _reset(request: web.Request) -> web.StreamResponse:
    """Break the connection off; the answer is for nobody."""
    transport = request.transport
    if transport is not None and not transport.is_closing():
        _no_goodbye(transport.get_extra_info("socket"))
        transport.abort()
    return web.Response()


def _no_goodbye(connection: socket.socket) -> None:
    """Closing resets the connection, where else it would end it properly."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def _nothing(_: Rule, __: web.Request) -> None:
    """Faults of frames change what is sent, not what is answered."""
