"""The text of ``/metrics``, in the format of Prometheus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from ..state.records import Record
from .counts import SECONDS, Durations, Metrics

_BOUNDS = (*map(floatToGoString, SECONDS), "+Inf")


def render(metrics: Metrics) -> tuple[bytes, str]:
    """Return all numbers of a server, and the content type of the text."""
    # A registry of its own: a process can have several servers.
    registry = CollectorRegistry()
    registry.register(_Numbers(metrics))
    ProcessCollector(registry=registry)
    return generate_latest(registry), CONTENT_TYPE_LATEST


class _Numbers(Collector):
    """The numbers of a server at the moment of the question."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        """Yield the numbers of requests, then those of the control plane."""
        metrics = self._metrics
        requests = CounterMetricFamily(
            "aiodockercloud_requests",
            "Answered requests; the number of a stream counts at its end.",
            labels=("kind", "method", "status"),
        )
        for (kind, method, status), (one, _) in metrics.requests.items():
            labels = kind, method, str(status)
            requests.add_metric(labels, one.number, created=one.created)
        yield requests
        seconds = HistogramMetricFamily(
            "aiodockercloud_request_seconds",
            "Seconds from the headers of a request to its answer, without streams.",
            labels=("kind", "method"),
        )
        for (kind, method), durations in metrics.durations.items():
            _add_durations(seconds, {"kind": kind, "method": method}, durations)
        yield seconds
        failed = CounterMetricFamily(
            "aiodockercloud_failed_logins",
            "Requests with wrong credentials, by the answer: refused or throttled.",
            labels=("answer",),
        )
        for answer, one in metrics.failed_logins.items():
            failed.add_metric((answer,), one.number, created=one.created)
        yield failed
        lag = HistogramMetricFamily(
            "aiodockercloud_loop_lag_seconds",
            "Seconds by which the event loop woke a timer late.",
            labels=(),
        )
        _add_durations(lag, {}, metrics.lag)
        yield lag
        yield from self._of_state()

    def _of_state(self) -> Iterator[GaugeMetricFamily]:
        """Yield the numbers of objects, actions and streams, and those of the store."""
        cloud, store = self._metrics.cloud, self._metrics.cloud.store
        yield _by_state("containers", cloud.containers.values())
        yield _by_state("nodes", cloud.nodes.values())
        yield _by_state("services", cloud.services.values())
        yield _by_state("stacks", cloud.stacks.values())
        actions = GaugeMetricFamily(
            "aiodockercloud_actions",
            "Actions that the server keeps: in progress, and ended not long ago.",
            labels=("action", "state"),
        )
        kept = Counter(
            (action.action, action.state) for action in cloud.actions.values()
        )
        for labels, number in sorted(kept.items()):
            actions.add_metric(labels, number)
        yield actions
        for name, text, number in (
            ("open_streams", "Open websockets.", len(self._metrics.streams)),
            ("store_queue", "Rows that wait to be written.", store.waiting),
            (
                "store_failing",
                "1 while the database cannot be written.",
                int(store.failing is not None),
            ),
        ):
            yield GaugeMetricFamily(f"aiodockercloud_{name}", text, number)


def _add_durations(
    family: HistogramMetricFamily, labels: dict[str, str], durations: Durations
) -> None:
    buckets = list(zip(_BOUNDS, accumulate(durations.buckets), strict=True))
    family.add_metric([*labels.values()], buckets, durations.seconds)
    family.add_sample(f"{family.name}_created", labels, durations.created)


def _by_state(name: str, records: Iterable[Record]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        f"aiodockercloud_{name}",
        f"The {name} by state, with those that ended not long ago.",
        labels=("state",),
    )
    for state, number in sorted(Counter(record.state for record in records).items()):
        family.add_metric((state,), number)
    return family
