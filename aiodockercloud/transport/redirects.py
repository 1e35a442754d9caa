"""Redirects: those that a client follows, and the errors of the others."""

from __future__ import annotations

from aiohttp import ClientResponse
from yarl import URL

from ..exceptions import ApiError, InvalidResponse, error_class
from ..redaction import redact

__all__ = ["check_redirects", "next_url"]


def next_url(response: ClientResponse) -> URL | None:
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
