"""One request: its redirects, the response within bounds, or the error to raise."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterator, Mapping
from io import BytesIO
from itertools import count
from ssl import SSLContext
from typing import Any, NamedTuple, NoReturn

import aiohttp
from aiohttp import ClientResponse, ClientResponseError, ClientSession, ClientTimeout
from aiohttp.hdrs import AUTHORIZATION
from aiohttp.http_exceptions import ContentEncodingError
from yarl import URL

from .. import wire
from ..exceptions import (
    ConnectError,
    DockerCloudError,
    InvalidResponse,
)
from . import diagnostics
from .redirects import check_redirects, next_url
from .settings import Limits, Timings, user_agent

__all__ = [
    "FAULTS",
    "Login",
    "body_at_hand",
    "check_handshake",
    "find_auth",
    "finish",
    "headers_and_login",
    "idempotency_keys",
    "kept_seconds",
    "new_session",
    "no_answer",
    "raise_refused",
    "read_body",
    "request_body",
    "request_data",
    "request_headers",
    "request_options",
    "with_login",
]

#: Errors of aiohttp and of the operating system. aiohttp raises errors of Python as
#: well, for a closed session and for responses that it cannot parse.
FAULTS = (
    aiohttp.ClientError,
    OSError,
    RuntimeError,
    ValueError,
    LookupError,
    TypeError,
)

_MOST_REDIRECTS = 10


async def find_auth(
    auth: str | None,
    dialect: wire.Dialect,
    addresses: tuple[str, str],
    *,
    timings: Timings,
    limits: Limits,
) -> str | None:
    """Return the value of ``Authorization``: the argument's, or the environment's.

    Args:
        auth: The value that the arguments of the client gave.
        dialect: The dialect, which determines the names of the variables.
        addresses: The addresses of the server, for the credentials of ``docker login``.
        timings: The durations of the client.
        limits: The bounds of the client.

    Raises:
        AuthError: The credentials of ``docker login`` cannot be read.
    """
    if auth is not None:
        diagnostics.credentials_found("the arguments of DockerCloud")
        return auth
    # Here, because many programs pass their credentials as arguments.
    from . import credentials  # noqa: PLC0415

    return await credentials.resolve(
        dialect, os.environ, addresses, timings=timings, limits=limits
    )


def request_headers(auth: str | None) -> dict[str, str]:
    """Return the headers of all requests, with the value of ``Authorization``."""
    headers = {
        "Accept": "application/json",
        "Content-Type": "application/json",
        "User-Agent": user_agent(),
    }
    return headers if auth is None else {**headers, "Authorization": auth}


def request_options(
    timeout: ClientTimeout, ssl: SSLContext | bool, proxy: str | None = None
) -> dict[str, Any]:
    """Return the arguments of ``ClientSession.request`` that all requests share.

    aiohttp would follow redirects to other servers, without the credentials. Each
    argument costs time, so the defaults of aiohttp are left out.
    """
    options: dict[str, Any] = {
        "timeout": timeout,
        "allow_redirects": False,
        "raise_for_status": False,
    }
    if ssl is not True:
        options["ssl"] = ssl
    if proxy is not None:
        options["proxy"] = proxy
    return options


class Login(NamedTuple):
    """A user and a key, as the bytes of a Basic ``Authorization``, read as Latin-1."""

    user: str
    key: str

    def __repr__(self) -> str:
        return "<the credentials of the client>"


def idempotency_keys() -> Iterator[str]:
    """Yield the keys of a client's writes: 12 random bytes, and a number.

    The first key makes the random bytes, so processes that inherit an unused client
    have different keys.
    """
    prefix = os.urandom(12).hex()
    for number in count():
        yield f"{prefix}{number:08x}"


def kept_seconds(
    status: int, headers: Mapping[str, str], before: float | None
) -> float | None:
    """Return for how long the server keeps the answer to a write, as far as is known.

    Args:
        status: The status of a response of the server.
        headers: The headers of the response.
        before: What former responses stated.
    """
    kept = headers.get(wire.IDEMPOTENCY_KEPT)
    if kept is not None:
        return float(kept) if kept.isdecimal() else 0
    return 0 if status < 300 else before  # an error may come from a proxy


def headers_and_login(
    session: ClientSession, auth: str | None
) -> tuple[dict[str, str], Login | None]:
    """Return what carries the credentials of the client in a session of the caller's.

    aiohttp refuses a header beside the ``auth`` of a session, or beside the entry of
    the host in a ``netrc`` file, which aiohttp reads with ``trust_env``. A login in the
    URL of a request precedes both: aiohttp makes a header of the login.

    Args:
        session: The session of the caller.
        auth: The value of ``Authorization``.

    Returns:
        The headers of all requests, and the login for :func:`with_login`.
    """
    others = session.auth is not None or session.trust_env
    if auth is None or not others or AUTHORIZATION in session.headers:
        return request_headers(auth), None
    try:
        found = aiohttp.BasicAuth.decode(auth)
    except ValueError:  # another scheme, which only a header can carry
        return request_headers(auth), None
    return request_headers(None), Login(found.login, found.password)


def with_login(url: URL, login: Login | None) -> URL:
    """Return the URL of a request with the credentials that precede the session's."""
    return url if login is None else url.with_user(login.user).with_password(login.key)


def request_body(value: object) -> bytes:
    """Return the body of a request as JSON.

    Raises:
        TypeError: JSON has no such value; the message names the field.
    """
    try:
        return wire.dumps(value)
    except TypeError as exc:
        fields = value.items() if isinstance(value, Mapping) else ()
        for name, one in fields:
            try:
                wire.dumps(one)
            except TypeError as wrong:
                raise TypeError(f"{name}: {wrong}") from exc
        raise


def request_data(body: bytes) -> bytes | BytesIO:
    """Return the body of a request for aiohttp, which warns about large bytes."""
    return BytesIO(body) if len(body) > 2**20 else body


def new_session(
    headers: Mapping[str, str],
    check_handshake: Callable[[ClientResponse], Awaitable[None]],
) -> ClientSession:
    """Return a session of the client's own.

    Args:
        headers: The headers of all requests, which aiohttp prepares once.
        check_handshake: Raises the error of a refused stream.
    """
    session = ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers=headers,
        raise_for_status=check_handshake,
    )
    # aiohttp repeats GET and DELETE by itself otherwise.
    session._retry_connection = False
    return session


def body_at_hand(response: ClientResponse, limits: Limits) -> bytes | None:
    """Return the body of a success if the whole body has arrived, as most have.

    Such a response has left its connection to the next request already.

    Raises:
        InvalidResponse: The body is larger than allowed.
    """
    if response.status >= 300 or not response.content.is_eof():
        return None
    body = response.content.read_nowait()
    if len(body) > limits.response_bytes:
        raise _too_large(response, limits.response_bytes)
    return body


async def finish(
    response: ClientResponse,
    target: URL,
    send: Callable[[URL], Awaitable[ClientResponse]],
    limits: Limits,
    reading: set[ClientResponse],
    sent: bool,
) -> tuple[ClientResponse, bytes]:
    """Follow the redirects of a response, and return the last one and its body.

    Args:
        response: The response to the request.
        target: The URL of the request.
        send: Sends the request to another URL.
        limits: The bounds of the response.
        reading: Contains each response while its body is read.
        sent: Whether the request has a body.

    Raises:
        ApiError: The response redirects a write, or leads to another server.
        InvalidResponse: The redirects do not end, or the body is too large.
    """
    url = target
    for number in range(_MOST_REDIRECTS):
        if number:
            response = await send(url)
        reading.add(response)
        try:
            if response.status < 300 or (following := next_url(response)) is None:
                return response, await read_body(response, limits)
            url = following
        finally:
            reading.discard(response)
            response.release()
            if sent:  # the server may not have read the body to its end
                await response.wait_for_close()
    raise InvalidResponse(
        "the redirects do not end", method=response.method, url=str(target)
    )


async def read_body(response: ClientResponse, limits: Limits) -> bytes:
    """Return the body of a response, after decompression.

    The body of an error only has to contain a message: the rest is left out.

    Args:
        response: The response of aiohttp.
        limits: The bounds, of which ``response_bytes`` and ``error_bytes`` are used.

    Raises:
        InvalidResponse: The status is 2xx, and the body is larger than allowed.
    """
    failed = response.status >= 300
    most = limits.error_bytes if failed else limits.response_bytes
    content = response.content
    parts = []
    size = 0
    while size <= most and not content.at_eof():
        part = await content.readany()
        parts.append(part)
        size += len(part)
    if size <= most:
        return b"".join(parts)
    response.close()
    if failed:
        return b"".join(parts)[:most]
    raise _too_large(response, most)


def _too_large(response: ClientResponse, most: int) -> InvalidResponse:
    return InvalidResponse(
        f"the response has more than {most} bytes, the response_bytes of Limits",
        status=response.status,
        method=response.method,
        url=str(response.url),
    )


async def check_handshake(
    origin: URL, limits: Limits, dialect: wire.Dialect, response: ClientResponse
) -> None:
    """Raise the error of a refused upgrade, with the message of the body.

    aiohttp calls this function for the handshakes of a session of the client's own.
    Requests skip this function by ``raise_for_status=False``.

    Args:
        origin: The URL of the server of streams.
        limits: The bounds, as for :func:`read_body`.
        dialect: The dialect of the request.
        response: The response to the handshake.

    Raises:
        ApiError: The status is an error.
        InvalidResponse: As for :func:`check_redirects`.
    """
    check_redirects(origin, response.url, response.status)
    if response.status >= 400:
        wire.decode_response(
            response.status,
            response.headers,
            await read_body(response, limits),
            method="GET",
            url=str(response.url).replace("http", "ws", 1),
            dialect=dialect,
        )


def raise_refused(url: str, exc: ClientResponseError) -> NoReturn:
    """Raise the error for a response that opens no stream.

    Args:
        url: The URL of the stream.
        exc: The error of aiohttp.

    Raises:
        ApiError: The status is an error. A session of the caller's does not give the
            body of the response, so the message is the phrase of the status.
        InvalidResponse: The response is not the one of a websocket.
    """
    if exc.status >= 300:
        headers: Mapping[str, str] = exc.headers or {}
        wire.decode_response(exc.status, headers, b"", method="GET", url=url)
    raise InvalidResponse(
        "the response does not open a websocket; a proxy in between may not support"
        " websockets",
        status=exc.status,
        method="GET",
        url=url,
    )


def no_answer(
    method: str, url: str, exc: Exception, timeout: ClientTimeout
) -> DockerCloudError:
    """Return the error for a request without a readable response.

    Args:
        method: The method of the request.
        url: The URL of the request.
        exc: One of the ``FAULTS``.
        timeout: The timeout of the client.
    """
    if _is_unreadable(exc):
        # The text of the error may quote the response.
        return InvalidResponse(
            f"the response is not readable: {type(exc.__cause__ or exc).__name__}",
            method=method,
            url=url,
        )
    if isinstance(exc, TimeoutError):
        total = timeout.total
        detail = (
            f"timed out ({total} s for the whole request)" if total else "timed out"
        )
    elif isinstance(exc, aiohttp.ClientError) and not (
        isinstance(exc, (OSError, aiohttp.ClientConnectionError)) and str(exc)
    ):
        detail = type(exc).__name__  # the text may quote the URL
    else:
        detail = str(exc) or type(exc).__name__
    origin = URL(url, encoded=True).origin()
    return diagnostics.unanswered(
        ConnectError(f"no answer from {origin}: {detail}", method=method, url=url)
    )


def _is_unreadable(exc: Exception) -> bool:
    """Return whether a response arrived that is not HTTP."""
    if isinstance(exc, aiohttp.ClientPayloadError):
        return isinstance(exc.__cause__, ContentEncodingError)
    return isinstance(exc, ClientResponseError)
