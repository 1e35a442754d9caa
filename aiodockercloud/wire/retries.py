"""Failures that another attempt may overcome, and pauses between attempts. No I/O."""

from __future__ import annotations

import random
from collections.abc import Iterator

from ..exceptions import ApiError, ConnectError, StreamClosed

__all__ = ["RETRY_STATUSES", "backoff", "is_transient"]

#: Statuses after which another attempt may succeed.
RETRY_STATUSES = frozenset({429, 502, 503, 504})


def is_transient(error: BaseException) -> bool:
    """Return whether another attempt may succeed.

    Another attempt may succeed after a lost connection, an overload or a restart.
    """
    if isinstance(error, ApiError):
        return error.status in RETRY_STATUSES
    if isinstance(error, StreamClosed):
        return error.code not in (1000, 1003, 1007, 1008)
    return isinstance(error, ConnectError)


def backoff(
    first: float = 0.2, *, factor: float = 2.0, cap: float = 30.0
) -> Iterator[float]:
    """Yield the seconds to pause before each further attempt.

    The pauses grow up to a bound. Half of each pause is random, so that the clients of
    one lost server do not return in step.

    Args:
        first: The first pause, before the random part is taken off.
        factor: The growth from one pause to the next.
        cap: The longest pause.
    """
    pause = first
    while True:
        yield pause * random.uniform(0.5, 1.0)
        pause = min(cap, pause * factor)
