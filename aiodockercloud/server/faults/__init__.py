"""Faults on purpose: failures of networks and busy servers, for tests of clients.

::

    async with running(faults=Faults(seed=7)) as server:
        server.faults.throttle(2, method="POST", times=1)
        with server.faults.cut(path="*/service/*", chance=0.1) as rule:
            ...
        assert rule.hits

Each method of :class:`Faults` adds a rule. The arguments of :class:`Which` select the
requests that meet the fault:

- ``method`` and ``path``: the method and the path of the request. The path is a pattern
  of :mod:`fnmatch` for the whole path without the query, such as ``"*/service/*"``.
- ``times``: the number of hits after which the rule is used up.
- ``chance``: the probability of a hit, from 0 to 1. With ``Faults(seed=…)`` the n-th
  request that a rule selects has the same result in every run.

``when`` selects the moment of the fault:

- ``"before"``: the server has not carried out the request; a stream is not open yet.
- ``"after"``: the server has carried out the request, but has not answered. Streams
  have no such moment.
- ``"body"``: in the middle of the body of the answer; an answer without a body has this
  moment where ``"after"`` is. On a stream: at each frame, also of streams that were
  open before the rule. ``after`` sets how much passes first: bytes of an answer's body,
  frames of a stream, or a ``range`` from which the number is drawn.

Rules apply in the order in which they were added. A rule ends by ``remove()``, at the
end of a ``with`` block around the rule, or by ``Faults.clear()``. When the server ends,
requests are not held up any more; rules stay for the next run of the server.

Crashed containers and lost nodes are faults of the engine: ``Embedded.crash``,
``Embedded.lose_node``.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Literal, Unpack

from aiohttp import web

from ... import wire
from .connections import is_up, reset
from .interceptor import Interceptor
from .rules import Rule, When, Which, moment_of

__all__ = ["Faults", "Rule", "Which"]

#: The paths of event streams, in all their spellings.
EVENTS = "*/events*"


class Faults(Interceptor):
    """The faults of one server (``server.faults``).

    Args:
        seed: Makes random hits, delays and places the same in every run.

    Attributes:
        active: Whether a rule is in force or a frame is held back. The server consults
            the faults only while this is true.
    """

    def delay(
        self,
        seconds: float | tuple[float, float],
        *,
        when: When = "before",
        **which: Unpack[Which],
    ) -> Rule:
        """Delay requests, answers or single frames.

        Args:
            seconds: The delay in seconds, or the bounds of a random delay.
            when: The moment of the delay; with ``"body"`` each frame of a stream is
                delayed.
            **which: The requests that meet the fault, see :class:`Which`.

        Returns:
            The rule.

        Raises:
            ValueError: An argument is invalid.
        """
        low, high = seconds if isinstance(seconds, tuple) else (seconds, seconds)

        async def act(rule: Rule, request: web.Request) -> web.StreamResponse | None:
            return await self._pause(rule, request, rule.random.uniform(low, high))

        return self._add(Rule(self, "delay", act, moment_of(when, None), **which))

    def stall(
        self,
        *,
        when: When | None = None,
        after: int | range | None = None,
        **which: Unpack[Which],
    ) -> Rule:
        """Hold up requests until the rule is removed.

        Then the server continues, unless the client has left. On open streams
        (``when="body"``, or *after*) the server sends no frames, but answers pings.

        Args:
            when: The moment of the fault; by default ``"before"``, or ``"body"`` with
                *after*.
            after: The number of bytes or frames that pass first.
            **which: The requests that meet the fault, see :class:`Which`.

        Returns:
            The rule.

        Raises:
            ValueError: An argument is invalid.
        """

        async def act(rule: Rule, request: web.Request) -> web.StreamResponse | None:
            return await self._pause(rule, request, None)

        moment = moment_of(when, after)
        return self._add(Rule(self, "stall", act, moment, after=after, **which))

    def cut(
        self,
        *,
        when: When | None = None,
        after: int | range | None = None,
        **which: Unpack[Which],
    ) -> Rule:
        """Reset the connection.

        Args:
            when: The moment of the fault; by default ``"before"``, or ``"body"`` with
                *after*.
            after: The number of bytes or frames that pass first.
            **which: The requests that meet the fault, see :class:`Which`.

        Returns:
            The rule.

        Raises:
            ValueError: An argument is invalid.
        """

        async def act(_: Rule, request: web.Request) -> web.StreamResponse:
            return reset(request)

        moment = moment_of(when, after)
        return self._add(Rule(self, "cut", act, moment, after=after, **which))

    def fail(
        self,
        status: int = 503,
        *,
        retry_after: float | str | None = None,
        when: Literal["before", "after"] = "before",
        **which: Unpack[Which],
    ) -> Rule:
        """Answer with an HTTP status and a JSON ``error``.

        Args:
            status: The HTTP status.
            retry_after: The header ``Retry-After``: seconds or an HTTP date; None
                sends no such header.
            when: Whether the fault precedes or follows the work of the request.
            **which: The requests that meet the fault, see :class:`Which`.

        Returns:
            The rule.

        Raises:
            ValueError: An argument is invalid.
        """
        if when not in ("before", "after"):
            raise ValueError(f"when must be before or after, got {when}")
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}

        async def act(_: Rule, __: web.Request) -> web.StreamResponse:
            return web.Response(
                status=status,
                reason=wire.reason(status),
                headers=headers,
                body=wire.dumps({"error": "a fault made on purpose"}),
                content_type="application/json",
            )

        return self._add(Rule(self, f"fail {status}", act, when, **which))

    def throttle(
        self, retry_after: float | str | None = 1, **which: Unpack[Which]
    ) -> Rule:
        """Answer 429, as a server does that receives too many requests.

        Args:
            retry_after: The header ``Retry-After``: seconds or an HTTP date; None
                sends no such header.
            **which: The requests that meet the fault, see :class:`Which`.

        Returns:
            The rule.

        Raises:
            ValueError: An argument is invalid.
        """
        return self.fail(429, retry_after=retry_after, **which)

    def half_open(self, **which: Unpack[Which]) -> Rule:
        """Leave the connection open, but neither read from it nor write to it.

        The server sends no answer, ping or pong and does not close the connection, as
        when the server's host has lost its power. Open streams with a selected path
        become half-open at once, requests on arrival.

        Args:
            **which: The requests that meet the fault, see :class:`Which`.

        Returns:
            The rule.

        Raises:
            ValueError: An argument is invalid.
        """

        async def act(rule: Rule, request: web.Request) -> web.StreamResponse:
            return self._half_open.leave(rule, request)

        rule = self._add(Rule(self, "half-open", act, "before", **which))
        for stream in list(self._streams.values()):
            if is_up(stream.request) and rule.meets(stream.request):
                self._half_open.leave(rule, stream.request)
        return rule

    def duplicate(self, **which: Unpack[Which]) -> Rule:
        """Send events twice.

        Args:
            **which: The streams that meet the fault, see :class:`Which`; ``path``
                selects event streams by default, and may select other streams.

        Returns:
            The rule.

        Raises:
            ValueError: An argument is invalid.
        """
        which.setdefault("path", EVENTS)
        return self._add(Rule(self, "duplicate", _no_effect, "duplicate", **which))

    def reorder(self, **which: Unpack[Which]) -> Rule:
        """Send an event after the following event, or 0.1 s later if none follows.

        On a stream that ends, the last frame may be lost.

        Args:
            **which: The streams that meet the fault, see :class:`Which`; ``path``
                selects event streams by default, and may select other streams.

        Returns:
            The rule.

        Raises:
            ValueError: An argument is invalid.
        """
        which.setdefault("path", EVENTS)
        return self._add(Rule(self, "reorder", _no_effect, "reorder", **which))

    def cut_streams(self, path: str | None = None) -> int:
        """Reset the connections of open streams now.

        Args:
            path: A pattern of :mod:`fnmatch` for the whole path; by default all
                streams.

        Returns:
            The number of reset connections.
        """
        found = [
            stream
            for stream in self._streams.values()
            if fnmatchcase(stream.request.path, path or "*") and is_up(stream.request)
        ]
        for stream in found:
            reset(stream.request)
        return len(found)

    def clear(self) -> None:
        """Remove all rules."""
        for rule in {*self._rules, *self._pauses.rules, *self._half_open.rules}:
            rule.remove()


async def _no_effect(_: Rule, __: web.Request) -> None:
    """Leave the answer unchanged: faults of frames change only the sent frames."""
