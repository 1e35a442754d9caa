"""The fields of services in words, for the docs.

``docs/service_fields.csv`` is the table; ``python -m tests.support.servicefields``
writes the file.
"""

from __future__ import annotations

import csv
import io

from aiodockercloud.wire.engine_support import EMULATED, ENGINES
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
    support = ENGINES[engine]
    if row.name in support.refused:
        return f"refused: {support.refused[row.name].partition(';')[0]}"
    word = support.of(row.name)
    return "without effect" if word == EMULATED else word


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
