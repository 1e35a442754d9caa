"""Which errors another attempt may mend, and how long to pause before it. No I/O."""

from __future__ import annotations

import random
from collections.abc import Iterator

from ..exceptions import ApiError, ConnectError, StreamClosed

__all__ = ["RETRY_STATUSES", "backoff", "is_transient"]

#: Answers that another attempt may turn into a good one.
RETRY_STATUSES = frozenset({429, 502, 503, 504})


def is_transient(error: BaseException) -> bool:
    """Whether trying again may help: lost connections, overload, restarts."""
    if isinstance(error, ApiError):
        return error.status in RETRY_STATUSES
    if isinstance(error, StreamClosed):
        return error.code not in (1000, 1003, 1007, 1008)
    return isinstance(error, ConnectError)


def backoff(
    first: float = 0.2, *, factor: float = 2.0, cap: float = 30.0
) -> Iterator[float]:
    """Seconds to pause before each further attempt: growing, capped, jittered.

    Jitter is half of the pause, so that clients that lost the same server do not
    come back in step.
    """
    pause = first
    while True:
        yield pause * random.uniform(0.5, 1.0)
        pause = min(cap, pause * factor)
