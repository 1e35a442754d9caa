"""The fields of services in words, for the docs.

``docs/service_fields.csv`` is the table; ``python -m tests.support.servicefields``
writes the file.
"""

from __future__ import annotations

import csv
import io

from aiodockercloud.server.engines.embedded import supported as embedded
from aiodockercloud.server.engines.swarm import supported as swarm
from aiodockercloud.wire.service_fields import FIELDS, Actor, ServiceField
from tests.support.facts import ROOT

PAGE = ROOT / "docs" / "service_fields.csv"

#: What the engines honour in part.
PARTLY = {
    ("swarm", "pid"): "``none`` only",
    ("swarm", "memory_swap"): "twice the memory only",
    ("swarm", "oom_score_adj"): "honoured; Engine 27",
    ("swarm", "security_opt"): "honoured; Engine 25, labels on each",
    ("swarm", "healthcheck"): "honoured",
    ("embedded", "log_driver"): "the drivers of Docker that keep logs, without effect",
}


def _on(engine: str, row: ServiceField) -> str:
    if row.actor is Actor.CONTROL_PLANE:
        return "control plane"
    if (engine, row.name) in PARTLY:
        return PARTLY[engine, row.name]
    refused = embedded.REFUSED if engine == "embedded" else swarm.REFUSED
    if row.name in refused:
        return f"refused: {refused[row.name].partition(';')[0]}"
    if engine == "embedded" and row.name in embedded.WITHOUT_EFFECT:
        return "without effect"
    return "honoured"


def page() -> str:
    """Return the text of the table."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    for row in FIELDS:
        keys = ", ".join(f"``{key}``" for key in row.stack_keys)
        writer.writerow(
            (f"``{row.name}``", keys, _on("embedded", row), _on("swarm", row))
        )
    return text.getvalue()


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
