"""What the embedded engine supports: each option of a definition, and why not.

Containers are functions of this process. Limits and privileges of processes have no
meaning for functions and are accepted, so that one stack file runs on every engine. An
option whose absence a function or a client would notice is honoured or refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ....wire.service_fields import INGRESS
from .. import MountSpec, PortSpec, UnsupportedField

__all__ = ["HONOURED", "REFUSED", "WITHOUT_EFFECT", "check"]

HONOURED = frozenset(
    {
        *("user", "working_dir", "hostname", "domainname", "tty", "stdin_open"),
        *("cpu_reservation", "memory_reservation", "placement", "restart_policy"),
        *("stop_grace_period", "stop_signal", "tmpfs", "labels", "healthcheck"),
        "networks",
    }
)

#: Options that no function could notice.
WITHOUT_EFFECT = frozenset(
    {
        # The network and the processes of containers are simulated.
        *("net", "pid", "dns", "dns_search", "dns_options", "extra_hosts"),
        *("mac_address", "init", "sysctls", "log_driver"),
        # Limits of processes.
        *("cpus", "cpu_shares", "cpuset", "memory", "memory_swap", "pids_limit"),
        *("ulimits", "oom_score_adj", "cgroup_parent"),
        # Privileges of processes.
        *("privileged", "read_only", "cap_add", "cap_drop", "devices"),
        *("security_opt", "group_add"),
    }
)

REFUSED: Mapping[str, str] = {
    "generic_resources": "the nodes of the embedded engine have none; leave the field"
    " out, or choose nodes with tags",
    "swarm": "the embedded engine has no Docker; use the fields of the API",
}

#: Drivers whose logs Docker keeps on the node, as this engine keeps logs.
_LOG_DRIVERS = ("json-file", "local", "journald")


def check(
    options: Mapping[str, Any],
    ports: Sequence[PortSpec] = (),
    mounts: Sequence[MountSpec] = (),
) -> None:
    """Refuse options, ports and volumes that the engine cannot honour.

    Raises:
        UnsupportedField: The text names the field, the reason and an alternative.
    """
    for field, why in REFUSED.items():
        if options.get(field):
            raise UnsupportedField(f"{field}: {why}")
    driver = (options.get("log_driver") or {}).get("name")
    if driver is not None and driver not in _LOG_DRIVERS:
        raise UnsupportedField(
            f"log_driver: the embedded engine keeps the logs itself and has no driver"
            f" {driver}; leave the field out, or use {', '.join(_LOG_DRIVERS)}"
        )
    for port in ports:
        if port.mode == INGRESS:
            raise UnsupportedField(
                f"container_ports: port {port.inner} of mode ingress: the embedded"
                " engine publishes ports on the container's node only; leave mode out"
            )
    for mount in mounts:
        if mount.driver not in (None, "local") or mount.options:
            raise UnsupportedField(
                "bindings: the embedded engine has no drivers of volumes; leave"
                " volume_driver and volume_options out"
            )
