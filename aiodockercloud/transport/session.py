"""The connection to one server: session, credentials, ``request()``, ``stream()``.

Source: Docker Cloud API reference, "Authentication", "REST API" and "Stream API".
"""

from __future__ import annotations

import asyncio
import inspect
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from io import BytesIO
from ssl import SSLContext
from typing import Any, Self
from urllib.parse import quote, urlencode
from uuid import uuid4
from weakref import WeakSet

import aiohttp
from aiohttp import ClientTimeout, ClientWebSocketResponse
from yarl import URL

from .. import wire
from ..exceptions import (
    ApiError,
    ConnectError,
    DockerCloudError,
    ThrottledError,
    error_class,
)
from ..wire import DOCKER_CLOUD, Dialect
from ..wire.window import WINDOW_PROTOCOL
from . import credentials
from .retry import RateGate, Retry, may_repeat, retry_after
from .settings import DEFAULT_LIMITS, DEFAULT_TIMINGS, Limits, Timings
from .stream import shut

__all__ = ["Transport"]

#: Seconds for a whole request, its answer included.
TIMEOUT = 60.0

try:
    USER_AGENT = f"aiodockercloud/{version('aiodockercloud')}"
except PackageNotFoundError:  # run from a source tree that is not installed
    USER_AGENT = "aiodockercloud"

# Frames as bytes cost less to decode; aiohttp offers that since 3.14.
_RAW_FRAMES: dict[str, Any] = (
    {"decode_text": False}
    if "decode_text" in inspect.signature(aiohttp.ClientSession._ws_connect).parameters
    else {}
)


DEFAULT_RETRY = Retry()


class Transport:
    """One server and how it is reached; the sub-APIs send through it."""

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
        if (user is None) != (apikey is None):
            raise ValueError("user and apikey are given together or not at all")
        environ = os.environ
        prefix = dialect.env_prefix
        rest = url or environ.get(f"{prefix}_REST_HOST")
        stream = stream_url
        if stream is None and url is None:
            stream = environ.get(f"{prefix}_STREAM_HOST")
        base = _base(rest or dialect.rest_host, "http")
        if base.user is not None and user is None and auth is None:
            auth = wire.basic_auth(base.user, base.password or "")
        if stream is None:
            stream = wire.stream_url(str(base)) if rest else dialect.stream_host
        self._rest = _text(base)
        self._stream = _text(_base(stream, "ws"))
        if auth is None and user is not None and apikey is not None:
            auth = wire.basic_auth(user, apikey)
        self._auth = auth
        self.namespace = namespace or environ.get(f"{prefix}_NAMESPACE") or None
        self.dialect = dialect
        self.timings = timings
        self.limits = limits

        self._session = session
        self._own_session = session is None
        self._headers: dict[str, str] | None = None  # of each call, once prepared
        self._ready = False
        self._preparing = asyncio.Lock()
        self._slots = asyncio.Semaphore(limits.concurrency)
        self._sockets: WeakSet[ClientWebSocketResponse[Any]] = WeakSet()
        self._closed = False
        if not isinstance(timeout, ClientTimeout):
            timeout = ClientTimeout(total=timeout)
        self._timeout = timeout
        self._ssl = True if ssl is None else ssl
        self._retry = retry
        self._gate = RateGate()
        self._reading: WeakSet[aiohttp.ClientResponse] = WeakSet()
        #: Seconds for which the server knows a repeated write by its key; 0 if it does
        #: not, None until it is known.
        self._kept: float | None = None

    def __repr__(self) -> str:
        namespace = f" namespace={self.namespace!r}" if self.namespace else ""
        return f"<DockerCloud {self._rest}{namespace}>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the streams, and the session unless it was given; never raises."""
        self._closed = True
        for response in self._reading:
            response.close()  # its reader would not notice the session's end
        closings = [shut(ws) for ws in self._sockets]
        try:
            if closings:
                with suppress(TimeoutError):  # of peers that take nothing any more
                    async with asyncio.timeout(2 * self.timings.close):
                        await asyncio.gather(*closings, return_exceptions=True)
        finally:  # also when this is cancelled: it closes all before it waits
            if self._own_session and self._session is not None:
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
    ) -> dict[str, Any]:
        """Send a request and return the object in the answer.

        Args:
            method: ``GET``, ``POST``, ``PATCH`` or ``DELETE``.
            path: Absolute and quoted, as :func:`aiodockercloud.wire.path` makes it.
            params: The query; ``None`` is left out, booleans become ``true``/``false``,
                an object's dict becomes its resource URI.
            json: The body, if there is one.

        Returns:
            The object, ``{}`` where the answer has no body. When the answer names an
            action, the dict has it under ``"dockercloud_action_uri"``.

        Raises:
            ApiError: The answer is an error; the subclass is the status's.
            ConnectError: No answer came.

        Either says in ``attempts`` how often the request was sent; :class:`Retry` has
        the rules. A write that got no answer may have been done nevertheless.
        """
        url = _url(self._rest, path, params)
        body = None if json is None else wire.dumps(json)
        key = None if method == "GET" else uuid4().hex
        retry, began = self._retry, time.monotonic()
        attempt, delays, unsure = 0, None, False
        while True:
            attempt += 1
            try:
                return await self._send(method, url, body, key)
            except (ApiError, ConnectError) as exc:
                sent = exc.attempts > 0
                exc.attempts += attempt - 1
                if retry is None or not sent or not may_repeat(exc):
                    raise
                asked = retry_after(exc)
                if asked > retry.patience:
                    raise
                delays = delays or wire.backoff(retry.first, cap=retry.cap)
                pause = max(next(delays), asked)
                throttled = isinstance(exc, ThrottledError)
                if isinstance(exc, ThrottledError):
                    self._gate.close(pause, exc.headers)
                if attempt >= retry.attempts:
                    raise
                # A write that was not refused may have been done.
                unsure = unsure or (key is not None and not throttled)
                if unsure and not await self._is_known(began, pause):
                    raise
            if not throttled:
                await asyncio.sleep(pause)

    async def _is_known(self, began: float, pause: float) -> bool:
        """Return whether the server recognises the repetition of a write.

        Args:
            began: When the write was sent for the first time, by ``time.monotonic()``.
            pause: Seconds until the repetition.
        """
        if self._kept is None:
            # Every server of this API answers that, and ours says so with the answer.
            with suppress(DockerCloudError):
                await self.request("GET", wire.path("provider", dialect=self.dialect))
        # Well within: the repeat has to get there, too.
        return time.monotonic() + pause - began < (self._kept or 0) / 2

    async def _send(
        self, method: str, url: str, body: bytes | None, key: str | None
    ) -> dict[str, Any]:
        session = await self._prepared()
        headers = self._headers
        if key is not None:
            headers = {**(headers or {}), wire.IDEMPOTENCY_KEY: key}
        try:
            async with self._slots:
                if self._retry is not None:
                    await self._gate.wait(self._retry.patience, method, url)
                async with session.request(
                    method,
                    URL(url, encoded=True),
                    # aiohttp warns of larger bodies that are not a file.
                    data=BytesIO(body) if body and len(body) > 2**20 else body,
                    headers=headers,
                    timeout=self._timeout,
                    ssl=self._ssl,
                    # A redirected write would arrive as a GET.
                    allow_redirects=method == "GET",
                    raise_for_status=False,
                ) as response:
                    self._reading.add(response)
                    answer = await response.read()
        except (aiohttp.ClientError, OSError) as exc:
            raise self._no_answer(method, url, exc) from exc
        kept = response.headers.get(wire.IDEMPOTENCY_KEPT)
        if kept is not None:
            self._kept = float(kept) if kept.isdecimal() else 0
        elif response.status < 300:  # a refusal may be a proxy's
            self._kept = 0
        return wire.decode_response(
            response.status,
            response.headers,
            answer,
            method=method,
            url=url,
            dialect=self.dialect,
        )

    # --- one stream -----------------------------------------------------------------

    async def stream(
        self, path: str, *, params: Mapping[str, Any] | None = None
    ) -> ClientWebSocketResponse[Any]:
        """Open a websocket with a heartbeat; the sub-APIs wrap it in a ``Stream``.

        Raises:
            ApiError: The upgrade was refused; the same errors as of a request.
            ConnectError: No answer came, or one that is no websocket's.
        """
        session = await self._prepared()
        url = _url(self._stream, path, params)
        if self._retry is not None:
            await self._gate.wait(self._retry.patience, "GET", url)
        try:
            async with asyncio.timeout(self._timeout.total):
                ws: ClientWebSocketResponse[Any] = await session.ws_connect(
                    URL(url, encoded=True),
                    headers=self._headers,
                    ssl=self._ssl,
                    heartbeat=self.timings.heartbeat,
                    protocols=[WINDOW_PROTOCOL],
                    timeout=aiohttp.ClientWSTimeout(ws_close=self.timings.close),
                    **_RAW_FRAMES,
                )
        except aiohttp.WSServerHandshakeError as exc:
            if exc.status < 400:
                raise self._no_answer("GET", url, exc) from exc
            # A session that is not ours cannot be asked for the body of a refusal.
            raise error_class(exc.status)(
                status=exc.status,
                method="GET",
                url=wire.redact(url),
                headers=exc.headers,
            ) from None
        except (aiohttp.ClientError, OSError) as exc:
            raise self._no_answer("GET", url, exc) from exc
        self._sockets.add(ws)
        return ws

    async def _check_handshake(self, response: aiohttp.ClientResponse) -> None:
        """Turn a refused upgrade into its error, body included.

        aiohttp calls this for the handshakes of our own session only: requests say
        ``raise_for_status=False``.
        """
        if response.status >= 400:
            wire.decode_response(
                response.status,
                response.headers,
                await response.read(),
                method="GET",
                url=str(response.url),
                dialect=self.dialect,
            )

    # --- what both need -------------------------------------------------------------

    async def _prepared(self) -> aiohttp.ClientSession:
        """The session, with credentials found and headers set, once."""
        if self._closed:
            raise RuntimeError("this DockerCloud is closed")
        if self._ready and self._session is not None:
            return self._session
        async with self._preparing:
            if self._ready and self._session is not None:
                return self._session
            auth = self._auth
            if auth is None:
                auth = await credentials.resolve(
                    self.dialect,
                    os.environ,
                    helper_timeout=self.timings.credential_helper,
                )
            headers = {
                "Accept": "application/json",
                "Content-Type": "application/json",
                "User-Agent": USER_AGENT,
            }
            if auth is not None:
                headers["Authorization"] = auth
            if self._session is None:
                # Headers of the session are prepared once, not at each call.
                self._session = aiohttp.ClientSession(
                    connector=aiohttp.TCPConnector(limit=0),
                    cookie_jar=aiohttp.DummyCookieJar(),
                    headers=headers,
                    raise_for_status=self._check_handshake,
                )
                # aiohttp would send GET and DELETE a second time without a word.
                self._session._retry_connection = False
            else:
                self._headers = headers
            self._ready = True
            return self._session

    def _no_answer(self, method: str, url: str, exc: Exception) -> ConnectError:
        if isinstance(exc, TimeoutError):
            detail = f"timed out ({self._timeout.total} s for the whole)"
        elif isinstance(exc, (OSError, aiohttp.ClientConnectionError)) and str(exc):
            detail = str(exc)
        else:  # other texts of aiohttp's may quote the URL
            detail = type(exc).__name__
        return ConnectError(
            f"no answer from {URL(url, encoded=True).origin()}: {detail}",
            method=method,
            url=url,
        )


def _base(url: str, scheme: str) -> URL:
    parsed = URL(url)
    if parsed.scheme not in (scheme, f"{scheme}s") or not parsed.host:
        raise ValueError(
            f"{wire.redact(url)!r} is not an address: it must begin with {scheme}://"
            f" or {scheme}s:// and name a host"
        )
    return parsed


def _text(base: URL) -> str:
    """A base as the text that paths are appended to: no userinfo, no last slash."""
    return str(base.with_user(None).with_query(None)).rstrip("/")


def _url(base: str, path: str, params: Mapping[str, Any] | None) -> str:
    """The whole URL as text: one pass, nothing left to quote."""
    if not params:
        return base + path
    pairs = [(k, _value(v)) for k, v in params.items() if v is not None]
    return f"{base}{path}?{urlencode(pairs, quote_via=quote)}" if pairs else base + path


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return str(value["resource_uri"])
    return str(value)
