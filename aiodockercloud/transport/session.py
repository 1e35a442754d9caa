"""The connection to one server: session, credentials, requests and streams.

Source: Docker Cloud API reference, "Authentication", "REST API" and "Stream API".
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Mapping
from contextlib import suppress
from functools import partial
from ssl import SSLContext
from typing import Any, Self
from weakref import WeakSet

import aiohttp
from aiohttp import ClientTimeout, ClientWebSocketResponse
from yarl import URL

from .. import wire
from ..exceptions import (
    ApiError,
    ClientClosed,
    ConnectError,
    DockerCloudError,
    ThrottledError,
)
from ..wire import DOCKER_CLOUD, Dialect
from . import diagnostics
from .arguments import basic_auth, check_header, check_texts, client_timeout
from .exchange import (
    FAULTS,
    Login,
    body_at_hand,
    check_handshake,
    find_auth,
    finish,
    headers_and_login,
    idempotency_keys,
    kept_seconds,
    new_session,
    no_answer,
    request_body,
    request_data,
    request_headers,
    request_options,
    with_login,
)
from .heartbeats import Heartbeats
from .retry import Attempts, RateGate, Retry
from .settings import DEFAULT_LIMITS, DEFAULT_TIMINGS, Limits, Timings
from .slots import Slots
from .stream import Stream
from .urls import (
    RestAddress,
    address_text,
    find_addresses,
    handshake_url,
    proxy_for,
    url_text,
)
from .websocket import connect, handshake_seconds, shut, socket_options

__all__ = ["Transport"]

#: Seconds for a whole request, from the connection to the end of the response.
TIMEOUT = 60.0
DEFAULT_RETRY = Retry()


class Transport:
    """The connection to one server, which all sub-APIs of a client share.

    :class:`~aiodockercloud.client.DockerCloud` documents the arguments.

    Attributes:
        rest_url: The address of the REST API, without credentials and last slash.
        stream_url: The address of the streams.
        namespace: The organisation whose objects are meant; ``None`` for the account
            itself.
        dialect: The paths and header names of the API.
        timings: The durations.
        limits: The bounds.
        owns_session: Whether the client created its aiohttp session and closes it.
        streams: The streams of the sub-APIs, whose readers get an error when the client
            is closed.
        rate_gate: Holds requests back after an answer with status 429.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        stream_url: str | None = None,
        user: str | None = None,
        apikey: str | None = None,
        auth: str | None = None,
        namespace: str | None = None,
        dialect: Dialect = DOCKER_CLOUD,
        session: aiohttp.ClientSession | None = None,
        timeout: float | ClientTimeout = TIMEOUT,
        ssl: SSLContext | bool | None = None,
        retry: Retry | None = DEFAULT_RETRY,
        timings: Timings = DEFAULT_TIMINGS,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        check_texts(user=user, apikey=apikey, auth=auth, namespace=namespace)
        if (user is None) != (apikey is None):
            raise ValueError("user and apikey are given together or not at all")
        base, streams = find_addresses(url, stream_url, dialect, os.environ)
        self.rest_url: str = address_text(base)
        self.stream_url: str = address_text(streams)
        self._rest = RestAddress(self.rest_url)
        self._stream_origin = handshake_url(self.stream_url).origin()
        if base.user is not None and user is None and auth is None:
            auth = basic_auth(base.user, base.password or "")
        if auth is None and user is not None and apikey is not None:
            auth = basic_auth(user, apikey)
        self._auth = None if auth is None else check_header(auth, "auth")
        variable = f"{dialect.env_prefix}_NAMESPACE"
        self.namespace: str | None = namespace or os.environ.get(variable)
        self.dialect = dialect
        self.timings = timings
        self.limits = limits
        self._session = session
        self.owns_session: bool = session is None
        #: Headers and credentials of each request, for a session of the caller's.
        self._headers: dict[str, str] | None = None
        self._login: Login | None = None
        #: The proxies for requests and streams, for a session of the client's own.
        self._proxies: tuple[str | None, str | None] = (None, None)
        self._loop: asyncio.AbstractEventLoop | None = None
        #: The loop on which requests can be sent at once.
        self._ready_on: asyncio.AbstractEventLoop | None = None
        self._preparing = asyncio.Lock()
        self._slots = Slots(limits.concurrency)
        self._sockets: WeakSet[ClientWebSocketResponse[Any]] = WeakSet()
        self.streams: WeakSet[Stream[Any]] = WeakSet()
        self._heartbeats = Heartbeats(self.streams, timings.heartbeat)
        self._closed = False
        self._timeout = client_timeout(timeout)
        self._ssl = True if ssl is None else ssl
        #: What aiohttp receives with each request, once requests can be sent.
        self._options: dict[str, Any] = {}
        self._retry = retry
        self.rate_gate: RateGate = RateGate()
        self._reading: set[aiohttp.ClientResponse] = set()
        self._keys = idempotency_keys()
        #: Seconds for which the server keeps the answer to a write by the write's
        #: idempotency key: 0 when the server keeps none, None until a response came.
        self._kept: float | None = None

    def __repr__(self) -> str:
        namespace = f" namespace={self.namespace!r}" if self.namespace else ""
        return f"<DockerCloud {self.rest_url}{namespace}>"

    @property
    def session(self) -> aiohttp.ClientSession | None:
        """The aiohttp session; ``None`` when the client has not created one yet."""
        return self._session

    @property
    def free_slots(self) -> int:
        """How many further requests may be sent: at most ``limits.concurrency``."""
        return self._slots.free

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the streams, and the session unless the caller passed the session.

        Idempotent. After that, :meth:`request` and :meth:`stream` raise
        :class:`~aiodockercloud.exceptions.ClientClosed`, and readers of open streams
        get :class:`~aiodockercloud.exceptions.StreamClosed` with that reason. Closing
        takes two seconds at most, even when peers do not answer.

        Raises:
            asyncio.CancelledError: The caller was cancelled; everything is closed
                nevertheless. Errors of connections are not raised.
        """
        self._closed = True
        self._ready_on = None
        for response in list(self._reading):
            response.close()  # closing the session does not wake up the reader
        for stream in self.streams:
            stream.abandon()
        closings = [shut(ws) for ws in self._sockets]
        try:
            if closings:
                with suppress(TimeoutError):  # the peer does not read any more
                    async with asyncio.timeout(2 * self.timings.close):
                        await asyncio.gather(*closings, return_exceptions=True)
        finally:  # also on cancellation: the session closes its connections first
            if self.owns_session and self._session is not None:
                with suppress(Exception):
                    await self._session.close()

    # --- one request ----------------------------------------------------------------

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Send a request and return the object in the response.

        The sub-APIs send all their requests through this method. Callers need it for
        paths that no sub-API has. :class:`~aiodockercloud.transport.retry.Retry` states
        when a request is repeated.

        Args:
            method: ``GET``, ``POST``, ``PATCH`` or ``DELETE``.
            path: The path from the root, quoted, for example
                ``/api/app/v1/service/``.
            params: The query. ``None`` values are left out, booleans become ``true``
                or ``false``, an object's dict becomes its resource URI, and a
                ``datetime`` ISO 8601 text. A parameter is repeated for each value of a
                list, tuple or set.
            json: The body, any JSON value; ``None`` sends no body.
            headers: Further headers, such as ``If-Match``.

        Returns:
            The object as a dict, ``{}`` when the response has no body. When the
            response names an action, the dict has the URI of the action under
            ``"dockercloud_action_uri"``.

        Raises:
            ApiError: The response is an error; each documented status has a subclass.
                The attribute ``attempts`` is the number of requests sent.
            ConnectError: No response was received, for example within the *timeout*
                of the client (60 seconds by default). The server may have carried out
                a write nevertheless.
            AuthError: The server refused the credentials, or the credentials of
                ``docker login`` cannot be read.
            ClientClosed: The client or its session is closed.
            TypeError: A query cannot contain a value of *params*, or JSON a value of
                *json*; the message names the parameter or the field.
            ValueError: A dict in *params* has no ``resource_uri``, or a ``datetime``
                has no time zone.

        Source:
            Docker Cloud API reference, "REST API".
        """
        url = url_text(self.rest_url, path, params)
        body = None if json is None else request_body(json)
        if method != "GET":
            headers = {**(headers or {}), wire.IDEMPOTENCY_KEY: next(self._keys)}
        began, attempts, unsure = time.monotonic(), None, False
        while True:
            try:
                return await self._send(method, url, body, headers)
            except (ApiError, ConnectError) as exc:
                attempts = attempts or Attempts(self._retry, self.rate_gate)
                pause = attempts.pause_after(exc)
                if pause is None:
                    raise
                throttled = isinstance(exc, ThrottledError)
                # The server may have carried out a write that was not refused.
                unsure = unsure or (method != "GET" and not throttled)
                if unsure and not await self._is_known(began, pause):
                    raise
                diagnostics.repeating(exc, attempts.number, pause)
            if not throttled:
                await asyncio.sleep(pause)

    async def _is_known(self, began: float, pause: float) -> bool:
        """Return whether the server recognises the repetition of a write.

        Args:
            began: When the write was sent for the first time, by ``time.monotonic()``.
            pause: Seconds until the repetition.
        """
        if self._kept is None:
            # Every server of this API has that path, and a response of aiodockercloud's
            # server states for how long the server keeps answers.
            with suppress(DockerCloudError):
                await self.request("GET", wire.path("provider", dialect=self.dialect))
        # Half of the time remains for the repeated request to arrive.
        return time.monotonic() + pause - began < (self._kept or 0) / 2

    async def _send(
        self, method: str, url: str, body: bytes | None, own: Mapping[str, str] | None
    ) -> dict[str, Any]:
        """Send a request once; most responses are successes that arrive whole."""
        ready = self._ready_on is asyncio.get_running_loop()
        session = self._session if ready else None
        if session is None or session.closed:
            session = await self._prepared()
        if self._headers:
            own = {**self._headers, **own} if own else self._headers
        if not self._slots.take():
            await self._slots.wait()
        try:
            if self.rate_gate.opens_at and self._retry is not None:
                await self.rate_gate.wait(self._retry.patience, method, url)
            began = time.monotonic()

            def send(target: URL) -> Awaitable[aiohttp.ClientResponse]:
                return session.request(
                    method,
                    with_login(target, self._login),
                    data=None if body is None else request_data(body),
                    headers=own,
                    **self._options,
                )

            response = await send(target := self._rest.url(url))
            answer = body_at_hand(response, self.limits)
            if answer is None:
                bounds, sent = (self.limits, self._reading), body is not None
                response, answer = await finish(response, target, send, *bounds, sent)
            elif body is not None:  # which the server may not have read to its end
                await response.wait_for_close()
        except FAULTS as exc:
            if self._closed:
                raise ClientClosed from exc
            raise no_answer(method, url, exc, self._timeout) from exc
        finally:
            self._slots.give()
        status, headers = response.status, response.headers
        diagnostics.answered(method, url, status, headers, began)
        self._kept = kept_seconds(status, headers, self._kept)
        return wire.decode_response(
            status,
            headers,
            answer,
            method=method,
            url=url,
            dialect=self.dialect,
        )

    # --- one stream -----------------------------------------------------------------

    async def stream(
        self, path: str, *, params: Mapping[str, Any] | None = None, pings: bool = True
    ) -> ClientWebSocketResponse[Any]:
        """Open a websocket with a heartbeat.

        The sub-APIs wrap the websocket in a
        :class:`~aiodockercloud.transport.stream.Stream`. Callers need this method for
        paths that no sub-API has. One attempt is made.

        Args:
            path: The path from the root, quoted, for example
                ``/api/app/v1/container/UUID/exec/``.
            params: The query, as for :meth:`request`.
            pings: Whether aiohttp sends and answers pings, as a ``Stream`` does itself.

        Returns:
            The open websocket of aiohttp; closing the client closes the websocket.

        Raises:
            ApiError: The server refused the upgrade; each documented status has a
                subclass, as for :meth:`request`.
            ConnectError: No response was received in time.
            InvalidResponse: The response is not the one of a websocket.
            AuthError: As for :meth:`request`.
            ClientClosed: The client or its session is closed.
            TypeError, ValueError: As for :meth:`request`.

        Source:
            Docker Cloud API reference, "Stream API".
        """
        session = await self._prepared()
        url = url_text(self.stream_url, path, params)
        if self._retry is not None:
            await self.rate_gate.wait(self._retry.patience, "GET", url)
        try:
            ws = await connect(
                session,
                url,
                self._stream_origin,
                self._login,
                seconds=handshake_seconds(self._timeout),
                headers=self._headers,
                ssl=self._ssl,
                proxy=self._proxies[1],
                **socket_options(self.timings, self.limits, pings=pings),
            )
        except FAULTS as exc:
            if self._closed:
                raise ClientClosed from exc
            raise no_answer("GET", url, exc, self._timeout) from exc
        self._sockets.add(ws)
        if not pings:
            self._heartbeats.start()
        diagnostics.opened(ws, url)
        return ws

    # --- the session ------------------------------------------------------------------

    def _usable(self) -> aiohttp.ClientSession | None:
        """Return the session; ``None`` until :meth:`_prepared` was called.

        Raises:
            ClientClosed: The client or its session is closed.
            RuntimeError: The client belongs to another event loop.
        """
        loop, session = asyncio.get_running_loop(), self._session
        if self._ready_on is loop and session is not None and not session.closed:
            return session
        if self._closed:
            raise ClientClosed
        if session is not None and session.closed:
            raise ClientClosed("the session of the client was closed")
        if self._loop is not loop:
            if self._loop is not None:
                raise RuntimeError(
                    "this DockerCloud belongs to another event loop: create a client"
                    " within each asyncio.run(), or run everything within one"
                )
            self._loop = loop
        return None

    async def _prepared(self) -> aiohttp.ClientSession:
        """Return the session; the first call finds the credentials."""
        if session := self._usable():
            return session
        async with self._preparing:
            if self._ready_on is not None and self._session is not None:
                return self._session
            auth = await find_auth(
                self._auth,
                self.dialect,
                (self.rest_url, self.stream_url),
                timings=self.timings,
                limits=self.limits,
            )
            if self._session is None:
                headers = request_headers(auth)
                origin, limits = self._stream_origin, self.limits
                check = partial(check_handshake, origin, limits, self.dialect)
                self._session = new_session(headers, check)
                self._proxies = proxy_for(self.rest_url), proxy_for(self.stream_url)
            else:
                self._headers, self._login = headers_and_login(self._session, auth)
            options = request_options(self._timeout, self._ssl, self._proxies[0])
            self._options = options
            self._ready_on = None if self._closed else self._loop
            return self._session
