"""A bound on counted attempts, for each subject of its own.

A subject, such as a user at an address, has a number of attempts at once and gains
further attempts with time, as a bucket that fills slowly. The table of subjects is
bounded: the subject that was counted longest ago is forgotten first.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable

#: Subjects that are remembered.
LARGEST = 10_000


class Throttle:
    """Counted attempts by subject.

    Args:
        burst: Attempts that a subject may have at once.
        interval: Seconds after which one attempt is forgotten.
        clock: Returns the time in seconds.
    """

    def __init__(self, burst: int, interval: float, clock: Callable[[], float]) -> None:
        self._burst = burst
        self._interval = interval
        self._clock = clock
        #: Subject → the time at which all of its attempts are forgotten.
        self._forgotten: OrderedDict[Hashable, float] = OrderedDict()

    def delay(self, subject: Hashable) -> float:
        """Return the seconds until the subject may try again; 0 for now."""
        until = self._forgotten.get(subject)
        if until is None:
            return 0.0
        left = until - self._clock()
        if left <= 0:
            del self._forgotten[subject]
        return max(0.0, left - (self._burst - 1) * self._interval)

    def count(self, subject: Hashable) -> None:
        """Count an attempt."""
        now = self._clock()
        until = max(now, self._forgotten.pop(subject, now)) + self._interval
        self._forgotten[subject] = until
        if len(self._forgotten) > LARGEST:
            self._forgotten.popitem(last=False)

    def forget(self, subject: Hashable) -> None:
        """Forget the attempts of a subject."""
        self._forgotten.pop(subject, None)
