"""The numbers of requests equal those that prometheus_client itself would count."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from aiodockercloud.server.api import metrics_text
from aiodockercloud.server.api.counts import SECONDS, Metrics
from aiodockercloud.server.control.control_plane import ControlPlane
from aiodockercloud.server.engines.embedded import Embedded
from aiodockercloud.server.settings import Settings
from aiodockercloud.server.state.store import Store

REQUEST = st.tuples(
    st.sampled_from(["service", "container", "other"]),
    st.sampled_from(["GET", "PATCH"]),
    st.sampled_from([200, 404]),
    st.none() | st.sampled_from(SECONDS) | st.floats(0, 20),
)


def samples(text: str) -> Iterator[tuple[str, tuple[tuple[str, str], ...], float]]:
    for family in text_string_to_metric_families(text):
        for one in family.samples:
            if "request" in one.name and not one.name.endswith("_created"):
                yield one.name, tuple(sorted(one.labels.items())), one.value


@given(requests=st.lists(REQUEST, max_size=30))
def test_numbers_equal_those_of_the_library(
    requests: list[tuple[str, str, int, float | None]],
) -> None:
    settings = Settings()
    cloud = ControlPlane(Embedded(), Store(), domain="", settings=settings)
    metrics, registry = Metrics(cloud, ()), CollectorRegistry()
    counter = Counter(
        "aiodockercloud_requests", "x", ("kind", "method", "status"), registry=registry
    )
    histogram = Histogram(
        "aiodockercloud_request_seconds",
        "x",
        ("kind", "method"),
        buckets=SECONDS,
        registry=registry,
    )
    for kind, method, status, seconds in requests:
        metrics.answered(kind, method, status, seconds)
        counter.labels(kind, method, str(status)).inc()
        durations = histogram.labels(kind, method)
        if seconds is not None:
            durations.observe(seconds)

    text, content_type = metrics_text.render(metrics)

    wanted = generate_latest(registry).decode()
    assert list(samples(text.decode())) == list(samples(wanted))
    assert content_type.startswith("text/plain")
