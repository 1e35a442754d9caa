"""What a client logs, with the loggers of the standard library.

The names of the loggers are part of the public API (``docs/logging.rst``), so the names
do not depend on the modules. No message contains a secret: URLs and texts are redacted,
and neither bodies nor headers are logged, except the request id of the server.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

from aiohttp import ClientWebSocketResponse

from ..exceptions import ApiError, ConnectError, DockerCloudError
from ..exceptions.api import request_id
from ..redaction import redact, redact_text

__all__ = [
    "answered",
    "credentials_found",
    "gave_up",
    "held_back",
    "interrupted",
    "missed",
    "opened",
    "repeating",
    "unanswered",
]

_requests = logging.getLogger("aiodockercloud.request")
_streams = logging.getLogger("aiodockercloud.stream")
_credentials = logging.getLogger("aiodockercloud.credentials")

#: The redacted URL of each open websocket; aiohttp does not keep the URL.
_urls: WeakKeyDictionary[ClientWebSocketResponse[Any], str] = WeakKeyDictionary()


def answered(
    method: str, url: str, status: int, headers: Mapping[str, str], began: float
) -> None:
    """Log the answer to a request.

    Args:
        method: The method of the request.
        url: The URL of the request.
        status: The status of the answer.
        headers: The headers of the answer.
        began: When the request was sent, by ``time.monotonic()``.
    """
    if _requests.isEnabledFor(logging.DEBUG):
        _requests.debug(
            "%s %s: %d in %.0f ms%s",
            method,
            redact_text(redact(url)),
            status,
            1000 * (time.monotonic() - began),
            _named(headers),
        )


def unanswered(exc: ConnectError) -> ConnectError:
    """Log that a request received no answer, and return the error."""
    _requests.debug("%s %s: %s", exc.method, exc.url, exc.message)
    return exc


def repeating(exc: ApiError | ConnectError, attempts: int, pause: float) -> None:
    """Log that a failed request is sent again.

    Args:
        exc: The error of the last attempt.
        attempts: How often the request was sent.
        pause: Seconds until the next attempt.
    """
    _requests.info(
        "%s %s: %s; attempt %d follows in %.1f s",
        exc.method,
        exc.url,
        _reason(exc),
        attempts + 1,
        pause,
    )


def held_back(seconds: float, headers: Mapping[str, str]) -> None:
    """Log that an answer with status 429 holds all requests of the client back."""
    _requests.info(
        "the server answered 429: all requests wait %.1f s%s", seconds, _named(headers)
    )


def opened(ws: ClientWebSocketResponse[Any], url: str) -> None:
    """Log that a stream was opened, and remember the URL for :func:`interrupted`."""
    _urls[ws] = redact_text(redact(url))
    _streams.debug("opened %s", _urls[ws])


def interrupted(
    ws: ClientWebSocketResponse[Any] | None, exc: DockerCloudError, pause: float
) -> None:
    """Log that a stream was lost, or not opened again, and when the stream reconnects.

    Args:
        ws: The lost websocket; ``None`` when an attempt to reconnect has failed.
        exc: The reason.
        pause: Seconds until the next attempt.
    """
    _streams.info("%s: %s; reconnecting in %.1f s", _url(ws, exc), _reason(exc), pause)


def gave_up(
    ws: ClientWebSocketResponse[Any] | None, exc: DockerCloudError, failures: int
) -> None:
    """Log that a stream has failed each time, and raises the last error.

    Args:
        ws: The lost websocket; ``None`` when an attempt to reconnect has failed.
        exc: The last error.
        failures: The number of connections without an item, or of failed attempts.
    """
    _streams.error(
        "%s: %s; giving up after %d failures in a row",
        _url(ws, exc),
        _reason(exc),
        failures,
    )


def _url(ws: ClientWebSocketResponse[Any] | None, exc: DockerCloudError) -> str:
    if isinstance(exc, ApiError | ConnectError):
        return exc.url
    return (_urls.get(ws) if ws is not None else None) or "a stream"


def missed(
    ws: ClientWebSocketResponse[Any] | None, items: str, count: int | None
) -> None:
    """Log that a stream has a gap.

    Args:
        ws: The websocket.
        items: What is missing: events, or lines of a log.
        count: The number of missing items; ``None`` when the number is unknown.
    """
    url = _urls.get(ws) if ws is not None else None
    number = "an unknown number of" if count is None else count
    _streams.warning("%s: a gap, %s %s are missing", url or "a stream", number, items)


def credentials_found(source: str) -> None:
    """Log where the credentials come from, never the credentials themselves."""
    _credentials.debug("credentials: %s", source)


def _reason(exc: DockerCloudError) -> str:
    """Return the reason of an error without the URL, which the message has already."""
    if isinstance(exc, ApiError):
        return f"{exc.status} {exc.message}"
    return exc.message if isinstance(exc, ConnectError) else str(exc)


def _named(headers: Mapping[str, str]) -> str:
    found = request_id(headers)
    return f" (request {found})" if found else ""
