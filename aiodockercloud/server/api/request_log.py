"""The id of each request, its line in the access log, and the log of failed logins."""

from __future__ import annotations

import logging
import random
import re
import time
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache

from aiohttp import web

from ... import wire
from ..control.control_plane import ControlPlane
from ..log import ACCESS, AUTH, REQUEST_ID
from ..state.errors import TooManyAttempts
from .counts import OTHER
from .metrics import METRICS

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


#: Not the generator of the module, which a program may seed for its own purposes.
_random = random.Random()


def new_id() -> str:
    """Return the id of a request, unique in the log; ids are no secrets."""
    return f"{_random.getrandbits(64):016x}"


@lru_cache(maxsize=1024)  # clients use the same paths again and again
def redacted(path: str) -> str:
    """Return a path without what works as a credential, such as a trigger's uuid."""
    return wire.redact(path)


class Recorded:
    """A context that gives a request its id; at the end, logs and counts the request.

    Args:
        request: The request.
    """

    __slots__ = ("_found", "_request", "_tokens")

    def __init__(self, request: web.Request) -> None:
        given = request.headers.get(wire.REQUEST_ID)
        known = given is not None and _ID.fullmatch(given)
        self._request = request
        self._found = Exchange(given if given and known else new_id())

    def __enter__(self) -> Exchange:
        self._tokens = _CURRENT.set(self._found), REQUEST_ID.set(self._found.id)
        return self._found

    def __exit__(self, *_: object) -> None:
        _record(self._request, self._found)
        _CURRENT.reset(self._tokens[0])
        REQUEST_ID.reset(self._tokens[1])


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
    path = redacted(request.path).encode("unicode_escape").decode()
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
