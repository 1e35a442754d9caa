"""The numbers of a server: requests, failed logins and the delay of the event loop.

No label has a name, a uuid, an address or another text of a request.
"""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_left
from collections.abc import Sized
from dataclasses import dataclass, field

from ..control.control_plane import ControlPlane

#: Methods that are labels; every other method is ``other``.
_METHODS = frozenset({"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"})
#: Seconds, from the answer to a list up to the start of a slow database.
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
#: The kind of paths that the server does not have.
OTHER = "other"


@dataclass(slots=True)
class Counted:
    """A number of events, and when the number was created, in seconds since 1970."""

    number: int = 0
    created: float = field(default_factory=time.time)


@dataclass(slots=True)
class Durations:
    """Durations: the number up to each of ``SECONDS``, the number beyond, and the sum.

    Each duration counts in one bucket only, the smallest.
    """

    buckets: list[int] = field(default_factory=lambda: [0] * (len(SECONDS) + 1))
    seconds: float = 0.0
    created: float = field(default_factory=time.time)

    def observe(self, seconds: float) -> None:
        """Count a duration."""
        self.buckets[bisect_left(SECONDS, seconds)] += 1
        self.seconds += seconds


class Metrics:
    """The numbers of one server.

    Args:
        cloud: The control plane.
        streams: The open websockets.

    Attributes:
        cloud: The control plane.
        streams: The open websockets.
        requests: Kind, method and status → the answered requests, and the durations of
            the kind and method.
        durations: Kind and method → the durations of requests, without streams.
        failed_logins: Answer → the requests with wrong credentials.
        lag: By how much the event loop was late.
    """

    def __init__(self, cloud: ControlPlane, streams: Sized) -> None:
        self.cloud = cloud
        self.streams = streams
        self.requests: dict[tuple[str, str, int], tuple[Counted, Durations]] = {}
        self.durations: dict[tuple[str, str], Durations] = {}
        self.failed_logins: dict[str, Counted] = {}
        self.lag: Durations = Durations()
        self._interval = cloud.settings.timings.loop_lag

    def answered(
        self, kind: str, method: str, status: int, seconds: float | None
    ) -> None:
        """Count a request.

        Args:
            kind: The kind of the path, or ``OTHER``.
            method: The method.
            status: The status of the answer.
            seconds: The duration, None for a stream.
        """
        method = method if method in _METHODS else OTHER
        key = kind, method, status
        if (found := self.requests.get(key)) is None:
            durations = self.durations.setdefault((kind, method), Durations())
            found = self.requests[key] = Counted(), durations
        requests, durations = found
        requests.number += 1
        if seconds is not None:
            durations.observe(seconds)

    def login_failed(self, *, throttled: bool) -> None:
        """Count a request with wrong credentials."""
        answer = "throttled" if throttled else "refused"
        self.failed_logins.setdefault(answer, Counted()).number += 1

    async def measure_lag(self) -> None:
        """Measure by how much the event loop is late, without an end."""
        while True:
            due = time.monotonic() + self._interval
            await asyncio.sleep(self._interval)
            self.lag.observe(max(0.0, time.monotonic() - due))
