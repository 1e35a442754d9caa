"""The server's side of faults: apply rules to requests, answers and frames."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress

from aiohttp import web

from ... import wire
from .connections import HalfOpenConnections, Pauses, reset
from .rules import Rule
from .streams import OpenStream

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

#: Frames about the stream itself: faults apply only to the frames with content.
_CONTROL = frozenset({"gap", "position"})


class Interceptor:
    """The owner of all rules, and the place where the server meets the rules.

    Args:
        seed: Makes random hits, delays and places the same in every run.

    Attributes:
        active: Whether a rule is in force or a frame is held back. The server consults
            the faults only while this is true.
    """

    def __init__(self, *, seed: int | None = None) -> None:
        self._seed = seed
        self._created = 0
        self._ended = False
        self._rules: list[Rule] = []
        self._streams: dict[web.WebSocketResponse, OpenStream] = {}
        self._pauses = Pauses()
        self._half_open = HalfOpenConnections()
        self.active: bool = False

    def begin(self) -> None:
        """Start: rules of an earlier run of the server apply again.

        :meta private:
        """
        self._ended = False

    def end(self) -> None:
        """End: hold up nothing any more, and keep the rules for the next run.

        :meta private:
        """
        self._ended = True
        self._pauses.release(self._pauses.rules)
        self._half_open.reset(self._half_open.rules)

    @web.middleware
    async def middleware(
        self, request: web.Request, handler: Handler
    ) -> web.StreamResponse:
        """Return the answer of *handler*, or the answer that a fault puts in its place.

        Args:
            request: The request.
            handler: The server's own handler of requests.

        Returns:
            The response for aiohttp.

        :meta private:
        """
        if not self.active:
            return await handler(request)
        for rule in self._met("before", request):
            if (replacement := await rule.act(rule, request)) is not None:
                return replacement
        response = await handler(request)
        if not isinstance(response, web.Response):
            return response  # of a stream that has ended
        for rule in self._met("after", request):
            if (replacement := await rule.act(rule, request)) is not None:
                return replacement
        for rule in self._met("body", request):
            return await self._interrupt(rule, request, response)
        return response

    async def _interrupt(
        self, rule: Rule, request: web.Request, response: web.Response
    ) -> web.StreamResponse:
        """Send a part of an answer before the fault, and the rest after the fault."""
        body = response.body
        if not isinstance(body, bytes) or not body:
            return await rule.act(rule, request) or response
        size = rule.part(default=len(body) // 2)
        interrupted = web.StreamResponse(
            status=response.status, reason=response.reason, headers=response.headers
        )
        interrupted.content_length = len(body)
        with suppress(ConnectionError):
            await interrupted.prepare(request)
            await interrupted.write(body[:size])
            if await rule.act(rule, request) is None:
                await interrupted.write(body[size:])
        return interrupted

    def opened(self, request: web.Request, ws: web.WebSocketResponse) -> None:
        """Apply rules to a websocket until :meth:`closed`.

        Args:
            request: The request that opened the websocket.
            ws: The websocket.

        :meta private:
        """
        self._streams[ws] = OpenStream(request, ws, self._refresh)

    def closed(self, ws: web.WebSocketResponse) -> None:
        """Forget a websocket.

        Args:
            ws: The websocket.

        :meta private:
        """
        self._streams.pop(ws).take()

    async def replace(self, ws: web.WebSocketResponse, frame: str) -> list[str]:
        """Return the frames to send on a websocket in place of *frame*.

        Args:
            ws: The websocket, between :meth:`opened` and :meth:`closed`.
            frame: The frame of the server.

        Returns:
            The frames to send, in this order.

        Raises:
            ConnectionResetError: A fault has closed the connection.

        :meta private:
        """
        return await self._replace(self._streams[ws], frame)

    async def _replace(self, stream: OpenStream, frame: str) -> list[str]:
        """Return the frames to send now in place of *frame*."""
        request = stream.request
        if wire.loads(frame).get("type") in _CONTROL:
            return [frame]
        for rule in self._rules[:]:
            if rule.moment != "body" or not rule.fits(request):
                continue
            if rule not in stream.passing:
                stream.passing[rule] = rule.part(default=0)
            if stream.passing[rule] > 0:
                stream.passing[rule] -= 1
            elif rule.meets(request) and await rule.act(rule, request) is not None:
                raise ConnectionResetError("by a fault made on purpose")
        frames = [frame]
        frames += [frame for _ in self._met("duplicate", request)]
        held = stream.take()
        if held is not None:
            return [*frames, held]
        for _ in self._met("reorder", request):
            stream.hold(frame)
            return frames[1:]
        return frames

    # --- the owner of rules -----------------------------------------------------------

    def new_random(self) -> random.Random:
        """Return a random generator of its own for each rule.

        The requests that one rule meets do not influence another rule.

        :meta private:
        """
        self._created += 1
        return random.Random(
            None if self._seed is None else f"{self._seed}, rule {self._created}"
        )

    def use_up(self, rule: Rule) -> None:
        """Drop a rule that had its last hit; the requests it holds up stay held up.

        :meta private:
        """
        self._rules.remove(rule)
        self._refresh()

    def forget(self, rule: Rule) -> None:
        """Drop a removed rule and release the requests that the rule holds up.

        :meta private:
        """
        if rule in self._rules:
            self.use_up(rule)
        self._pauses.release({rule})
        self._half_open.reset({rule})

    def _add(self, rule: Rule) -> Rule:
        self._rules.append(rule)
        self._refresh()
        return rule

    def _refresh(self) -> None:
        held = any(stream.holds_frame for stream in self._streams.values())
        self.active = held or bool(self._rules)

    def _met(self, moment: str, request: web.Request) -> Iterator[Rule]:
        """Yield the rules that a request meets at this moment.

        A rule after a pause is checked after the pause.
        """
        for rule in self._rules[:]:
            if rule.moment == moment and rule.meets(request):
                yield rule

    async def _pause(
        self, rule: Rule, request: web.Request, seconds: float | None
    ) -> web.StreamResponse | None:
        """Hold a request up for so many seconds or, with None, until the rule ends."""
        if not self._ended:
            await self._pauses.wait(rule, seconds)
        # The server does not carry out a request whose client has left.
        if self._ended or request.transport is None:
            return reset(request)
        return None
