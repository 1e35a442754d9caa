"""``/metrics``: the numbers of a server, for Prometheus.

No label has a name, a uuid, an address or another text of a request. Each server has a
registry of its own, so that a process can have several servers.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter as Count
from collections.abc import Iterable, Iterator, Sized

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from ..control.control_plane import ControlPlane
from ..state.records import Record
from .resource import OPERATE, Call, Resource

#: Methods that are labels; every other method is ``other``.
_METHODS = frozenset({"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"})
#: Seconds, from the answer to a list up to the start of a slow database.
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
#: The kind of paths that the server does not have.
OTHER = "other"

resource: Resource = Resource("metrics")


class Metrics:
    """The numbers of one server.

    Args:
        cloud: The control plane.
        streams: The open websockets.
    """

    def __init__(self, cloud: ControlPlane, streams: Sized) -> None:
        self._interval = cloud.settings.timings.loop_lag
        registry = CollectorRegistry()
        self.registry: CollectorRegistry = registry
        self._requests = Counter(
            "aiodockercloud_requests",
            "Answered requests; the number of a stream counts at its end.",
            ("kind", "method", "status"),
            registry=registry,
        )
        self._seconds = Histogram(
            "aiodockercloud_request_seconds",
            "Seconds from the headers of a request to its answer, without streams.",
            ("kind", "method"),
            buckets=_SECONDS,
            registry=registry,
        )
        #: The lookup of labels costs more than to count.
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._failed_logins = Counter(
            "aiodockercloud_failed_logins",
            "Requests with wrong credentials, by the answer: refused or throttled.",
            ("answer",),
            registry=registry,
        )
        self._lag = Histogram(
            "aiodockercloud_loop_lag_seconds",
            "Seconds by which the event loop woke a timer late.",
            buckets=_SECONDS,
            registry=registry,
        )
        registry.register(_State(cloud, streams))
        ProcessCollector(registry=registry)

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
        if (found := self._children.get(key)) is None:
            found = self._children[key] = (
                self._requests.labels(kind, method, str(status)),
                self._seconds.labels(kind, method),
            )
        requests, durations = found
        requests.inc()
        if seconds is not None:
            durations.observe(seconds)

    def login_failed(self, *, throttled: bool) -> None:
        """Count a request with wrong credentials."""
        self._failed_logins.labels("throttled" if throttled else "refused").inc()

    async def measure_lag(self) -> None:
        """Measure by how much the event loop is late, without an end."""
        while True:
            due = time.monotonic() + self._interval
            await asyncio.sleep(self._interval)
            self._lag.observe(max(0.0, time.monotonic() - due))


METRICS: web.AppKey[Metrics] = web.AppKey("metrics", Metrics)


class _State(Collector):
    """What the control plane has at the moment of the question."""

    def __init__(self, cloud: ControlPlane, streams: Sized) -> None:
        self._cloud = cloud
        self._streams = streams

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the numbers of objects, actions and streams, and those of the store."""
        cloud, store = self._cloud, self._cloud.store
        yield _by_state("containers", cloud.containers.values())
        yield _by_state("nodes", cloud.nodes.values())
        yield _by_state("services", cloud.services.values())
        yield _by_state("stacks", cloud.stacks.values())
        actions = GaugeMetricFamily(
            "aiodockercloud_actions",
            "Actions that the server keeps: in progress, and ended not long ago.",
            labels=("action", "state"),
        )
        kept = Count((action.action, action.state) for action in cloud.actions.values())
        for labels, number in sorted(kept.items()):
            actions.add_metric(labels, number)
        yield actions
        for name, text, number in (
            ("open_streams", "Open websockets.", len(self._streams)),
            ("store_queue", "Rows that wait to be written.", store.waiting),
            (
                "store_failing",
                "1 while the database cannot be written.",
                int(store.failing is not None),
            ),
        ):
            yield GaugeMetricFamily(f"aiodockercloud_{name}", text, number)


def _by_state(name: str, records: Iterable[Record]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        f"aiodockercloud_{name}",
        f"The {name} by state, with those that ended not long ago.",
        labels=("state",),
    )
    for state, number in sorted(Count(record.state for record in records).items()):
        family.add_metric((state,), number)
    return family


@resource.route("GET", key=False, scope=OPERATE)
async def read(call: Call) -> web.StreamResponse:
    """Return all numbers in the text format of Prometheus."""
    text = generate_latest(call.request.app[METRICS].registry)
    return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE_LATEST})
