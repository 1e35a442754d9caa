"""When a request is repeated, and for how long a client holds requests back."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import aiohttp

from .. import wire
from ..exceptions import ApiError, ConnectError, DockerCloudError, ThrottledError
from . import diagnostics

__all__ = ["Attempts", "RateGate", "Retry", "may_repeat", "retry_after"]


@dataclass(frozen=True)
class Retry:
    """When a client repeats a request; ``DockerCloud(retry=Retry(attempts=6))``.

    ==============================  ==============================================
    outcome                         repeated
    ==============================  ==============================================
    the connection broke            ``GET``; writes to a server with idempotency
                                    keys, which carries out a repeated write once
    status 502, 503 or 504          the same requests
    status 429                      every request, because the server did nothing
    the client's *timeout* was up   none
    an invalid certificate          none
    another status                  none
    ==============================  ==============================================

    aiodockercloud's server has idempotency keys. After status 429, the client holds all
    its other requests back for the same time.

    Pauses double from *first* to *cap* seconds, with a jitter. The response header
    ``Retry-After``, in seconds or as a date, is the minimum of the next pause. When the
    header asks for more than *patience* seconds, the error is raised at once. A request
    that the client would hold back for longer than *patience* seconds raises
    :class:`~aiodockercloud.exceptions.ThrottledError`.

    Attributes:
        attempts: How often a request is sent at most.
        first: Seconds of the first pause, before the jitter.
        cap: Seconds of the longest pause, unless the server asks for a longer pause.
        patience: Seconds of the longest pause that the server may ask for.
    """

    attempts: int = 4
    first: float = 0.2
    cap: float = 10.0
    patience: float = 60.0


class RateGate:
    """Holds all requests of a client back after an answer with status 429.

    Attributes:
        opens_at: When requests may be sent again, in the time of the event loop; 0.0
            before the first answer with status 429.
    """

    def __init__(self) -> None:
        self.opens_at: float = 0.0
        self._spread = 0.0
        self._headers: Mapping[str, str] = {}

    def close(self, seconds: float, headers: Mapping[str, str]) -> None:
        """Hold requests back from now on.

        Args:
            seconds: For how long. An earlier, longer closing stays in force.
            headers: The headers of the answer, for the errors of requests that would
                be held back too long.
        """
        opens_at = asyncio.get_running_loop().time() + seconds
        if opens_at > self.opens_at:
            # The waiting requests are sent one after the other, within a tenth.
            self.opens_at, self._spread = opens_at, seconds / 10
            self._headers = headers
            diagnostics.held_back(seconds, headers)

    async def wait(self, patience: float, method: str, url: str) -> None:
        """Return when a request may be sent.

        Args:
            patience: Seconds that the request may be held back.
            method: The method of the request, for the error.
            url: The URL of the request, for the error.

        Raises:
            ThrottledError: The gate stays closed for more than *patience* seconds.
        """
        loop = asyncio.get_running_loop()
        start = now = loop.time()
        while now < self.opens_at:
            if self.opens_at > start + patience:
                raise ThrottledError(
                    "held back because the server asked for a pause",
                    method=method,
                    url=url,
                    headers=self._headers,
                    attempts=0,
                )
            then = self.opens_at + random.uniform(0, self._spread)
            await asyncio.sleep(then - now)
            now = loop.time()


class Attempts:
    """The attempts to send one request, from the first failure on.

    Args:
        retry: When to repeat; ``None`` repeats nothing.
        gate: Holds the requests of the client back.

    Attributes:
        number: How often the request was sent.
    """

    def __init__(self, retry: Retry | None, gate: RateGate) -> None:
        self._retry = retry
        self._gate = gate
        self._delays: Iterator[float] | None = None
        self.number: int = 0

    def pause_after(self, exc: ApiError | ConnectError) -> float | None:
        """Return the seconds before the next attempt; ``None`` raises the error.

        Args:
            exc: The error of the last attempt, which receives the number of attempts.
        """
        retry, sent = self._retry, exc.attempts > 0
        exc.attempts += self.number
        self.number += 1
        if retry is None or not sent or not may_repeat(exc):
            return None
        asked = retry_after(exc)
        if asked > retry.patience:
            return None
        self._delays = self._delays or wire.backoff(retry.first, cap=retry.cap)
        pause = max(next(self._delays), asked)
        if isinstance(exc, ThrottledError):
            self._gate.close(pause, exc.headers)
        return pause if self.number < retry.attempts else None


def may_repeat(exc: ApiError | ConnectError) -> bool:
    """Return whether repeating a request can help after this error."""
    if isinstance(exc, ApiError):
        return exc.status in wire.RETRY_STATUSES
    broken = isinstance(
        exc.__cause__,
        (OSError, aiohttp.ClientConnectionError, aiohttp.ClientPayloadError),
    )
    # The caller's own limit, or a certificate that stays invalid.
    hopeless = isinstance(exc.__cause__, (TimeoutError, aiohttp.ClientSSLError))
    return broken and not hopeless


def retry_after(exc: DockerCloudError) -> float:
    """Return the seconds of the answer's ``Retry-After``, 0.0 without the header.

    The header has seconds or a date.
    """
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
        # By the server's clock, which may differ from this one.
        now = wire.parse_date(headers.get("date", ""))
    except ValueError:
        now = datetime.now(UTC)
    return max(0.0, (then - now).total_seconds())
