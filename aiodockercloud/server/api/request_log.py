"""The id of each request, its line in the access log, and the log of failed logins."""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from aiohttp import web

from ... import wire
from ..control.control_plane import ControlPlane
from ..log import ACCESS, AUTH, REQUEST_ID
from ..state.errors import TooManyAttempts
from .metrics import METRICS, OTHER

#: An id that a client or a proxy may give its request.
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/+=@-]{0,127}")
#: The status in the log of a request whose client did not wait for the answer.
_ABANDONED = 499


@dataclass(slots=True)
class Exchange:
    """What the log and the metrics know about a request.

    Attributes:
        id: The id of the request.
        user: The user whose key the request has, once the key has been compared.
        kind: The kind of the path, once the path has been found.
        response: The answer.
    """

    id: str
    user: str = ""
    kind: str = OTHER
    response: web.StreamResponse | None = None
    began: float = field(default_factory=time.perf_counter)


#: The request in progress. A context variable, because the keys of aiohttp's requests
#: need a version that not every installation has.
_CURRENT: ContextVar[Exchange | None] = ContextVar("exchange", default=None)


def current() -> Exchange:
    """Return what is known about the request in progress."""
    found = _CURRENT.get()
    assert found is not None
    return found


@contextmanager
def recorded(request: web.Request) -> Iterator[Exchange]:
    """Give a request its id; at the end, log and count the request."""
    given = request.headers.get(wire.REQUEST_ID, "")
    found = Exchange(given if _ID.fullmatch(given) else secrets.token_hex(8))
    tokens = _CURRENT.set(found), REQUEST_ID.set(found.id)
    try:
        yield found
    finally:
        _record(request, found)
        _CURRENT.reset(tokens[0])
        REQUEST_ID.reset(tokens[1])


def _record(request: web.Request, found: Exchange) -> None:
    response = found.response
    status = _ABANDONED if response is None else response.status
    seconds = time.perf_counter() - found.began
    stream = isinstance(response, web.WebSocketResponse)
    request.app[METRICS].answered(
        found.kind, request.method, status, None if stream else seconds
    )
    if not ACCESS.isEnabledFor(logging.INFO):
        return
    # The decoded path, in which redaction finds triggers, and no query.
    path = wire.redact(request.path).encode("unicode_escape").decode()
    ACCESS.info(
        "%s %s %s %s %d in %.1f ms",
        *(request.remote, found.user or "-", request.method, path),
        *(status, seconds * 1000),
        extra={
            "address": request.remote,
            "user": found.user,
            "method": request.method,
            "path": path,
            "status": status,
            "seconds": round(seconds, 6),
            "user_agent": request.headers.get("User-Agent", ""),
        },
    )


async def name_stream(_: web.Request, response: web.StreamResponse) -> None:
    """Add the id of the request to the headers of a stream, before they are sent."""
    if (found := _CURRENT.get()) is not None:
        response.headers[wire.REQUEST_ID] = found.id


def login_failed(
    request: web.Request, cloud: ControlPlane, user: str, error: Exception
) -> None:
    """Log and count a request with wrong credentials.

    The name of an unknown user is left out: people type a key in the place of the name.
    """
    throttled = isinstance(error, TooManyAttempts)
    request.app[METRICS].login_failed(throttled=throttled)
    known = user if cloud.accounts.has(user) else ""
    AUTH.log(
        # What is refused unread is not worth a line of each attempt.
        logging.INFO if throttled else logging.WARNING,
        "failed login of %s from %s: %s",
        *(known or "an unknown user", request.remote, error),
        extra={"address": request.remote, "user": known},
    )
