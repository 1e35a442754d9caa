"""Values of the fields of a service, apart from the table of the fields."""

from __future__ import annotations

from typing import Final

__all__ = [
    "ALWAYS",
    "EMPTIEST_NODE",
    "EVERY_NODE",
    "HIGH_AVAILABILITY",
    "HOST",
    "INGRESS",
    "JOB",
    "OFF",
    "ON_FAILURE",
    "ON_SUCCESS",
    "REPLICATED",
]

#: Values of ``deployment_strategy``.
EMPTIEST_NODE: Final = "EMPTIEST_NODE"
HIGH_AVAILABILITY: Final = "HIGH_AVAILABILITY"
EVERY_NODE: Final = "EVERY_NODE"

#: Values of ``autorestart`` (without ``ON_SUCCESS``) and ``autodestroy`` (without
#: ``ON_FAILURE``).
OFF: Final = "OFF"
ON_FAILURE: Final = "ON_FAILURE"
ON_SUCCESS: Final = "ON_SUCCESS"
ALWAYS: Final = "ALWAYS"

#: Values of ``mode`` of a service: containers that are to run all the time, or to end.
REPLICATED: Final = "replicated"
JOB: Final = "job"

#: Values of ``mode`` of a port: the port of the container's node, or one port of all
#: nodes of the cluster.
HOST: Final = "host"
INGRESS: Final = "ingress"
