"""Requests go to the handler without aiohttp's search for the route: there is one only.

aiohttp compares each part of a path with its routes, and passes each request through
the middlewares.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import hdrs, web

from .streams import FRAME_HOOK

__all__ = ["OneRoute"]

Usual = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class OneRoute:
    """Handles the requests of an application with one route.

    Args:
        app: The application; its signals of the start have been sent.
        usual: aiohttp's way to the handler, for what the middlewares and the header
            ``Expect`` concern.
    """

    def __init__(self, app: web.Application, usual: Usual) -> None:
        (route,) = app.router.routes()
        self._handle = route.handler
        self._usual = usual
        self._faults = app.get(FRAME_HOOK)
        self._found = web.UrlMappingMatchInfo({}, route)
        self._found.add_app(app)
        self._found.freeze()

    def __call__(self, request: web.BaseRequest) -> Awaitable[web.StreamResponse]:
        """Return the response to a request."""
        assert isinstance(request, web.Request)
        faulty = self._faults is not None and self._faults.active
        if faulty or hdrs.EXPECT in request.headers:
            return self._usual(request)
        # Private: only aiohttp's own search sets the result, from which a request knows
        # its application. All requests have the same result.
        request._match_info = self._found
        return self._handle(request)
