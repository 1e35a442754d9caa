"""One request: its redirects, the response within bounds, or the error to raise."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from io import BytesIO
from ssl import SSLContext
from typing import Any, NamedTuple, NoReturn

import aiohttp
from aiohttp import ClientResponse, ClientResponseError, ClientSession, ClientTimeout
from aiohttp.hdrs import AUTHORIZATION
from aiohttp.http_exceptions import ContentEncodingError
from yarl import URL

from .. import wire
from ..exceptions import (
    ApiError,
    ConnectError,
    DockerCloudError,
    InvalidResponse,
    error_class,
)
from ..redaction import redact
from . import diagnostics
from .settings import Limits, user_agent

__all__ = [
    "FAULTS",
    "Login",
    "call_headers",
    "check_handshake",
    "check_redirects",
    "exchange",
    "headers_and_login",
    "new_session",
    "no_answer",
    "raise_refused",
    "read_body",
    "request_body",
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


def request_headers(auth: str | None) -> dict[str, str]:
    """Return the headers of all requests, with the value of ``Authorization``."""
    headers = {
        "Accept": "application/json",
        "Content-Type": "application/json",
        "User-Agent": user_agent(),
    }
    return headers if auth is None else {**headers, "Authorization": auth}


def request_options(timeout: ClientTimeout, ssl: SSLContext | bool) -> dict[str, Any]:
    """Return the arguments of ``ClientSession.request`` that all requests share.

    aiohttp would follow redirects to other servers, without the credentials.
    """
    return {
        "timeout": timeout,
        "ssl": ssl,
        "proxy": None,
        "allow_redirects": False,
        "raise_for_status": False,
    }


class Login(NamedTuple):
    """A user and a key, as the bytes of a Basic ``Authorization``, read as Latin-1."""

    user: str
    key: str

    def __repr__(self) -> str:
        return "<the credentials of the client>"


def call_headers(method: str, headers: Mapping[str, str] | None) -> dict[str, str]:
    """Return the headers of one call: with its idempotency key, unless it only reads.

    Args:
        method: The method of the requests.
        headers: The headers that the caller gives.
    """
    own = dict(headers) if headers else {}
    if method != "GET":
        own[wire.IDEMPOTENCY_KEY] = os.urandom(16).hex()
    return own


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


async def exchange(
    session: ClientSession,
    method: str,
    target: URL,
    *,
    body: bytes | None,
    headers: Mapping[str, str] | None,
    limits: Limits,
    reading: set[ClientResponse],
    login: Login | None,
    options: Mapping[str, Any],
) -> tuple[ClientResponse, bytes]:
    """Send a request, follow its redirects, and return the response and its body.

    Args:
        session: The session of aiohttp.
        method: The method of the request.
        target: The URL of the request.
        body: The body of the request.
        headers: The headers of the request.
        limits: The bounds of the response.
        reading: Contains each response while its body is read.
        login: The credentials, when no header carries them.
        options: The result of :func:`request_options`.

    Raises:
        ApiError: The response redirects a write, or leads to another server.
        InvalidResponse: The redirects do not end, or the body is too large.
    """
    url = target
    for _ in range(_MOST_REDIRECTS):
        response = await session.request(
            method,
            with_login(url, login) if login else url,
            # aiohttp warns about larger bodies that are no files.
            data=BytesIO(body) if body and len(body) > 2**20 else body,
            headers=headers,
            **options,
        )
        reading.add(response)
        try:
            if response.status < 300 or (following := _next_url(response)) is None:
                return response, await read_body(response, limits)
            url = following
        finally:
            reading.discard(response)
            response.release()
            if body is not None:  # which the server may not have read to its end
                await response.wait_for_close()
    raise InvalidResponse("the redirects do not end", method=method, url=str(target))


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
    raise InvalidResponse(
        f"the response has more than {most} bytes, the response_bytes of Limits",
        status=response.status,
        method=response.method,
        url=str(response.url),
    )


def _next_url(response: ClientResponse) -> URL | None:
    """Return the URL to which a response redirects; ``None`` without a redirect.

    Raises:
        ApiError: The client does not follow the redirect: the request is a write, which
            a redirect would change, or another server would receive the credentials.
    """
    location = response.headers.get("Location")
    if location is None or not 300 <= response.status < 400:
        return None
    try:
        url = response.url.join(URL(location))
        followed = response.method == "GET" and _same_server(response.url, url)
    except ValueError:
        raise _redirected(response, "") from None
    if not followed:
        raise _redirected(response, str(url))
    return url


def check_redirects(url: URL, response_url: URL, status: int) -> None:
    """Check that aiohttp followed redirects of a stream on one server only.

    Args:
        url: The URL of the stream.
        response_url: The URL of the response, to which aiohttp sent no credentials
            when the response comes from another server.
        status: The status of the response.

    Raises:
        InvalidResponse: The response comes from another server.
    """
    if not _same_server(url, response_url):
        raise InvalidResponse(
            _redirection(str(response_url)), status=status, method="GET", url=str(url)
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


def _same_server(one: URL, other: URL) -> bool:
    """Return whether the credentials for one URL belong to another URL as well.

    The upgrade from http to https on the default ports stays on one server.
    """
    if one.origin() == other.origin():
        return True
    upgraded = (one.scheme, other.scheme) == ("http", "https")
    return (
        upgraded
        and one.host == other.host
        and one.is_default_port()
        and other.is_default_port()
    )


def _redirected(response: ClientResponse, to: str) -> ApiError:
    return error_class(response.status)(
        _redirection(to),
        response.status,
        method=response.method,
        url=str(response.url),
    )


def _redirection(to: str) -> str:
    where = redact(to) if to else "an unreadable address"
    return (
        f"the server redirects to {where}; the client does not follow, and sends no"
        " credentials there. If that server is the right one, use its address"
    )
