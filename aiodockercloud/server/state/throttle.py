"""A bound on failed attempts, for each subject of its own.

A subject, such as a user at an address, has a number of attempts at once and gains
further attempts with time, as a bucket that fills slowly. The table of subjects is
bounded: the subject that failed longest ago is forgotten first.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable

#: Subjects that are remembered.
LARGEST = 10_000


class Throttle:
    """Failed attempts by subject.

    Args:
        burst: Failures that a subject may have at once.
        interval: Seconds after which one failure is forgiven.
        clock: Returns the time in seconds.
    """

    def __init__(self, burst: int, interval: float, clock: Callable[[], float]) -> None:
        self._burst = burst
        self._interval = interval
        self._clock = clock
        #: Subject → the time at which all of its failures are forgiven.
        self._forgiven: OrderedDict[Hashable, float] = OrderedDict()

    def delay(self, subject: Hashable) -> float:
        """Return the seconds until the subject may try again; 0 for now."""
        until = self._forgiven.get(subject)
        if until is None:
            return 0.0
        left = until - self._clock()
        if left <= 0:
            del self._forgiven[subject]
        return max(0.0, left - (self._burst - 1) * self._interval)

    def failed(self, subject: Hashable) -> None:
        """Record a failed attempt."""
        now = self._clock()
        until = max(now, self._forgiven.pop(subject, now)) + self._interval
        self._forgiven[subject] = until
        if len(self._forgiven) > LARGEST:
            self._forgiven.popitem(last=False)

    def succeeded(self, subject: Hashable) -> None:
        """Forgive the failures of a subject."""
        self._forgiven.pop(subject, None)
