"""When a request is sent again, and until when all of a client's are held back."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import aiohttp

from .. import wire
from ..exceptions import ApiError, ConnectError, DockerCloudError, ThrottledError

__all__ = ["RateGate", "Retry", "may_repeat", "retry_after"]


@dataclass(frozen=True)
class Retry:
    """When a request is sent again.

    A GET is sent again when the connection broke, and on 502, 503 and 504. A write is
    so, too, where the server does a repeated one only once (ours does: it knows it by
    its ``Idempotency-Key``). On 429 nothing was done, so everything is sent again; and
    all other requests of the client are held back for the same time before they are
    sent. A request whose time (``timeout``) was up is not repeated.

    Pauses double from *first* to *cap* seconds, with jitter; ``Retry-After``, in
    seconds or as a date, makes them longer and is never undercut. When it asks for
    more than *patience* seconds, the error is raised; so it is when a request has been
    held back for that long.

    Attributes:
        attempts: How often a request is sent at most.
        first, cap: Seconds of the first and of the longest pause.
        patience: Seconds that one pause may take because the server asks for it.
    """

    attempts: int = 4
    first: float = 0.2
    cap: float = 10.0
    patience: float = 60.0


class RateGate:
    """Holds all requests of a client back once one was answered with 429."""

    def __init__(self) -> None:
        self._until = self._spread = 0.0
        self._headers: Mapping[str, str] = {}

    def close(self, seconds: float, headers: Mapping[str, str]) -> None:
        """Let nothing through for so many seconds."""
        until = asyncio.get_running_loop().time() + seconds
        if until > self._until:
            # Those who have waited come one after the other, within a tenth.
            self._until, self._spread = until, seconds / 10
            self._headers = headers

    async def wait(self, patience: float, method: str, url: str) -> None:
        """Return when a request may be sent.

        Raises:
            ThrottledError: That would take more than *patience* seconds.
        """
        loop = asyncio.get_running_loop()
        start = now = loop.time()
        while now < self._until:
            if self._until > start + patience:
                raise ThrottledError(
                    "held back because the server asked for a pause",
                    method=method,
                    url=url,
                    headers=self._headers,
                    attempts=0,
                )
            then = self._until + random.uniform(0, self._spread)
            await asyncio.sleep(then - now)
            now = loop.time()


def may_repeat(exc: ApiError | ConnectError) -> bool:
    """Whether a request that ended so may end better another time."""
    if isinstance(exc, ApiError):
        return exc.status in wire.RETRY_STATUSES
    # Not what the caller's own limit ended, and not what never works.
    broken = isinstance(
        exc.__cause__,
        (OSError, aiohttp.ClientConnectionError, aiohttp.ClientPayloadError),
    )
    hopeless = isinstance(exc.__cause__, (TimeoutError, aiohttp.ClientSSLError))
    return broken and not hopeless


def retry_after(exc: DockerCloudError) -> float:
    """Seconds that the answer asks to wait for; the header has seconds or a date."""
    if not isinstance(exc, ApiError):
        return 0.0
    headers = {key.lower(): value for key, value in exc.headers.items()}
    value = headers.get("retry-after", "")
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        then = wire.parse_date(value)
    except ValueError:
        return 0.0
    try:
        # By the server's clock, where it tells: ours may be another.
        now = wire.parse_date(headers.get("date", ""))
    except ValueError:
        now = datetime.now(UTC)
    return max(0.0, (then - now).total_seconds())
