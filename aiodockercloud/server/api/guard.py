"""The guard before the routes: hosts, browsers, and the rates of requests.

A browser sends cached credentials with the requests of any page. The guard therefore
refuses requests for other hosts, which a page reaches by a DNS name of its own, and
changes and streams that a page of another origin requests.
"""

from __future__ import annotations

import asyncio
import ipaddress
import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, partial
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from ...exceptions import ApiError, BadRequest, Forbidden, ThrottledError
from ..settings import Settings
from ..state.access import Access
from ..state.throttle import Throttle
from .capacity import Capacity
from .resource import SAFE

__all__ = ["GUARD", "SECURITY_HEADERS", "Guard", "add_headers", "retry_after"]

#: The headers of every response, unless the response has its own.
SECURITY_HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    # aiohttp's own value has the versions of Python and of aiohttp.
    "Server": "aiodockercloud",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
#: Seconds after which a client may try again to open a stream beyond the limit.
_RETRY_STREAM = 5


async def add_headers(_: web.Request, response: web.StreamResponse) -> None:
    """Add the security headers to a response, as a signal of aiohttp."""
    headers = response.headers
    headers[hdrs.SERVER] = SECURITY_HEADERS[hdrs.SERVER]  # aiohttp has set its own
    for name, value in SECURITY_HEADERS.items():
        headers.setdefault(name, value)


class Guard:
    """The checks of a server before and around its routes.

    Args:
        settings: The limits of the server.

    Attributes:
        capacity: The numbers of streams.
    """

    def __init__(self, settings: Settings) -> None:
        self._limits, self._timings = settings.limits, settings.timings
        self.capacity: Capacity = Capacity.of_process(settings.limits)
        #: The name of the server itself; None lets the server serve every host.
        self._own: str | None = None
        #: The names that the operator trusts.
        self._trusted: frozenset[str] = frozenset()
        self._serves = lru_cache(maxsize=256)(self._is_served)
        self._streams: Counter[str] = Counter()
        self._execs: Counter[str] = Counter()
        self._calls = Throttle(
            settings.limits.trigger_calls,
            settings.timings.trigger_call,
            time.monotonic,
        )

    # --- hosts and browsers ---------------------------------------------------------

    def allow_hosts(self, own: str, trusted: Iterable[str]) -> None:
        """Serve no other hosts than these, and those that no page of the web has.

        A page of the web has a name of at least two labels. Loopback, the address to
        which the client is connected, and names of one label, such as those of
        containers, are always served.

        Args:
            own: The name or address on which the server listens.
            trusted: Names and addresses, without ports, whose pages may also request
                changes and streams.
        """
        self._own = _plain(own)
        self._trusted = frozenset(_plain(name) for name in trusted)
        self._serves.cache_clear()

    def check(self, request: web.Request) -> None:
        """Check the host of a request, and the origin of the page that requests it.

        Raises:
            ApiError: 421: the request is for another host.
            Forbidden: A page of another origin requests a change or a stream.
        """
        host = request.headers.get(hdrs.HOST)
        if host is not None and not self._serves(host, _address(request)):
            raise ApiError(
                "Host: this server does not serve the host of the request; its operator"
                " may allow the host (--allowed-host)",
                421,
            )
        if request.method in SAFE and hdrs.UPGRADE not in request.headers:
            return
        origin = request.headers.get(hdrs.ORIGIN)
        if origin is not None and _hostname(origin) in self._trusted:
            return
        own = origin is None or origin.partition("://")[2] == host
        if not own or request.headers.get("Sec-Fetch-Site") == "cross-site":
            raise Forbidden(
                "Origin: pages of other hosts may neither change anything nor open"
                " streams; the operator may allow a host (--allowed-host)"
            )

    def check_page(self, request: web.Request) -> None:
        """Check that the server's own page sends a request with a cookie, or for one.

        A browser sends the cookie with requests of all pages of the host, on any port.
        :meth:`check` has accepted the origin, if the request has one.

        Raises:
            Forbidden: Not the server's page requests a change or a stream.
        """
        if request.method in SAFE and hdrs.UPGRADE not in request.headers:
            return
        site = request.headers.get("Sec-Fetch-Site")
        # Not all browsers send the header with websockets, and with plain HTTP.
        if site is not None and hdrs.UPGRADE not in request.headers:
            own = site == "same-origin"
        else:
            own = hdrs.ORIGIN in request.headers
        if not own:
            raise Forbidden(
                "Origin: a session belongs to the page of this server; other programs"
                " send Authorization: Basic"
            )

    def _is_served(self, sent: str, address: str) -> bool:
        host = _hostname(f"//{sent}")
        return (
            self._own is None
            or host in (self._own, address)
            or host in self._trusted
            or _is_local(host)
        )

    # --- bodies ---------------------------------------------------------------------

    async def receive(self, request: web.Request) -> None:
        """Wait for the body of a request whose credentials were checked.

        Raises:
            BadRequest: The body is compressed: a small one could become a huge one.
            HTTPRequestEntityTooLarge: The body is too large.
            ApiError: 408: the body did not arrive in time.
        """
        if not request.can_read_body:
            return
        encoding = request.headers.get(hdrs.CONTENT_ENCODING, "identity")
        if encoding.strip().lower() != "identity":
            raise BadRequest(
                "body: must not be compressed; send it without Content-Encoding"
            )
        largest, announced = request.client_max_size, request.content_length or 0
        if announced > largest:
            raise web.HTTPRequestEntityTooLarge(largest, announced)
        if request.content.is_eof():  # all of the body has arrived
            await request.read()
            return
        seconds = self._timings.body
        try:
            async with asyncio.timeout(seconds):
                await request.read()
        except TimeoutError:
            text = f"body: did not arrive within {seconds:g} s"
            raise ApiError(text, 408) from None

    async def receive_call(self, request: web.Request, trigger: str) -> web.Request:
        """Return the call of an existing trigger, with its body.

        Calls have a rate, because a call needs no credentials.

        Raises:
            ThrottledError: The trigger was called too often.
            BadRequest: The body is too large.
            ApiError: 408: the body did not arrive in time.
        """
        if (delay := self._calls.delay(trigger)) > 0:
            raise ThrottledError(
                "this trigger was called too often", headers=retry_after(delay)
            )
        self._calls.count(trigger)
        return await self.receive_unknown(request)

    async def receive_unknown(self, request: web.Request) -> web.Request:
        """Return a request without credentials, with its body, which is small.

        Raises:
            BadRequest: The body is too large.
            ApiError: 408: the body did not arrive in time.
        """
        largest = self._limits.largest_trigger_body
        small = request.clone(client_max_size=largest)
        try:
            await self.receive(small)
        except web.HTTPRequestEntityTooLarge:
            raise BadRequest(f"body: must be at most {largest} bytes") from None
        return small

    # --- streams --------------------------------------------------------------------

    def count_stream(self, access: Access, *, runs: bool) -> Callable[[], None]:
        """Count a stream of a key; return what the end of the stream must call.

        Args:
            access: The access of the request.
            runs: Whether the stream runs a command.

        Raises:
            ThrottledError: The key, or the server, has too many open streams.
        """
        key = access.key
        if self._streams.total() >= self.capacity.streams:
            raise _too_many("this server has", self.capacity.streams, "streams")
        if self._streams[key] >= self.capacity.streams_of_key:
            raise _too_many("this key has", self.capacity.streams_of_key, "streams")
        if runs and self._execs[key] >= self._limits.execs:
            raise _too_many("this key runs", self._limits.execs, "commands")
        self._streams[key] += 1
        if runs:
            self._execs[key] += 1
        return partial(self._end_stream, key, runs=runs)

    def _end_stream(self, key: str, *, runs: bool) -> None:
        for counter in (self._streams, self._execs) if runs else (self._streams,):
            counter[key] -= 1
            if not counter[key]:
                del counter[key]


GUARD: web.AppKey[Guard] = web.AppKey("guard", Guard)


def _too_many(owner: str, number: int, what: str) -> ThrottledError:
    return ThrottledError(
        f"{owner} {number} open {what}, the most that are allowed; close one first",
        headers=retry_after(_RETRY_STREAM),
    )


def retry_after(seconds: float) -> dict[str, str]:
    """Return the header with the whole seconds after which a client may try again."""
    return {hdrs.RETRY_AFTER: f"{max(1, math.ceil(seconds))}"}


def _address(request: web.Request) -> str:
    """Return the address of this machine to which the client is connected."""
    transport = request.transport
    name = transport and transport.get_extra_info("sockname")
    return _plain(name[0]) if name else ""


def _hostname(url: str) -> str:
    """Return the host of a URL without a port; empty if the URL has none."""
    try:
        return _plain(urlsplit(url).hostname or "")
    except ValueError:  # brackets without an IPv6 address
        return ""


def _plain(host: str) -> str:
    """Return a host in the spelling that hosts are compared in."""
    return host.lower().removesuffix(".")


def _is_local(host: str) -> bool:
    """Return whether a host is loopback, or a name without a domain."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return (host != "" and "." not in host) or host.endswith(".localhost")
