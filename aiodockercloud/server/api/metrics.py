"""``/metrics``: the numbers of a server, for Prometheus.

``counts`` has the numbers, and ``metrics_text`` the text, which only a reader needs.
"""

from __future__ import annotations

from aiohttp import web

from .counts import Metrics
from .resource import OPERATE, Call, Resource

resource: Resource = Resource("metrics")

METRICS: web.AppKey[Metrics] = web.AppKey("metrics", Metrics)


@resource.route("GET", key=False, scope=OPERATE)
async def read(call: Call) -> web.StreamResponse:
    """Return all numbers in the text format of Prometheus."""
    # Local: a server whose numbers are not read starts without prometheus_client.
    from . import metrics_text  # noqa: PLC0415

    text, content_type = metrics_text.render(call.request.app[METRICS])
    return web.Response(body=text, headers={"Content-Type": content_type})
