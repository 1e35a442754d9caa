"""What Swarm supports: the refusal of options, ports and volumes of a definition.

Swarm silently drops fields that Swarm does not know: every option is either honoured by
``service_specs.service_spec`` or refused here.

Source: Docker Engine API, "Version history" and "ServiceCreate".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ....wire.service_fields import INGRESS
from .. import MountSpec, PortSpec, UnsupportedField
from . import options as parts

__all__ = ["HONOURED", "REFUSED", "check", "check_ports"]

REFUSED: Mapping[str, str] = {
    "privileged": "Swarm runs no privileged containers; give the capabilities that it"
    " needs with cap_add",
    "devices": "Swarm gives containers no devices; run what needs one outside of it,"
    " and publish it to containers as a network service",
    "cpu_shares": "Swarm does not weigh containers against each other; limit them with"
    " cpus, or spread them over nodes with tags or deployment_strategy",
    "cpuset": "Swarm does not bind containers to CPUs; limit them with cpus, or spread"
    " them over nodes with tags or deployment_strategy",
    "mac_address": "Swarm chooses the MAC addresses; use names to reach containers",
    "cgroup_parent": "Swarm cannot set it per container; start the nodes' dockerd with"
    " --cgroup-parent",
}

#: The options that ``service_spec`` honours.
HONOURED = frozenset(
    {
        *("user", "working_dir", "tty", "stdin_open", "read_only", "labels", "net"),
        *("cap_add", "cap_drop", "extra_hosts", "security_opt", "pid", "memory"),
        *("memory_swap", "hostname", "domainname", "dns", "dns_search", "cpus"),
        *("cpu_reservation", "memory_reservation", "pids_limit", "generic_resources"),
        *("stop_grace_period", "stop_signal", "restart_policy", "placement", "init"),
        *("ulimits", "sysctls", "group_add", "oom_score_adj", "dns_options", "tmpfs"),
        *("log_driver", "swarm", "healthcheck", "networks"),
    }
)

_ApiVersion = tuple[int, int]
#: Keys of Docker's spec that Engines before a version drop → the version.
_SINCE: Mapping[str, _ApiVersion] = {
    "oom_score_adj": (1, 46),
    "NoNewPrivileges": (1, 44),
    "Seccomp": (1, 44),
    "AppArmor": (1, 44),
}
_RELEASES: Mapping[_ApiVersion, str] = {(1, 44): "25", (1, 46): "27"}

#: Keys of ``swarm`` that the server decides → what to use instead.
_OWNED: Mapping[str, str] = {
    "Name": "the server names the Swarm services",
    "Mode": "each container is a Swarm service of its own; use target_num_containers",
    "UpdateConfig": "the server replaces containers itself; use update_config",
    "RollbackConfig": "the server replaces containers itself; use rollback_config",
}
_OPEN = ("Labels", "TaskTemplate", "EndpointSpec", "Networks")


def check(
    options: Mapping[str, Any],
    ports: Sequence[PortSpec] = (),
    mounts: Sequence[MountSpec] = (),
    *,
    api: _ApiVersion | None = None,
) -> None:
    """Refuse options, ports and volumes that Swarm cannot honour.

    Args:
        options: The options of a definition.
        ports: The ports.
        mounts: The volumes, all of which Swarm supports.
        api: The version of the manager's Engine API; ``None`` for the newest one.

    Raises:
        UnsupportedField: The text names the field, the reason and an alternative.
    """
    for field, value in options.items():
        if not value:
            continue
        if field in REFUSED:
            raise UnsupportedField(f"{field}: {REFUSED[field]}")
        if field not in HONOURED:
            raise UnsupportedField(f"{field}: Swarm has nothing like it")
        _check_version(field, field, api)
    if options.get("pid") == "host":
        raise UnsupportedField(
            "pid: Swarm gives each container its own processes; leave it at none"
        )
    memory, swap = options.get("memory"), options.get("memory_swap")
    if swap and swap != 2 * (memory or 0):
        raise UnsupportedField(
            "memory_swap: Swarm always allows twice the memory; leave it out, or give"
            " memory and exactly twice as much"
        )
    if options.get("net") == "host":
        for field in ("hostname", "domainname"):
            if options.get(field):
                raise UnsupportedField(
                    f"{field}: with net host it is the node's; leave out"
                )
    check_ports(ports, host_net=options.get("net") == "host")
    parts.hosts(options.get("extra_hosts") or ())
    for key in parts.privileges(options.get("security_opt") or ()) or ():
        _check_version("security_opt", key, api)
    _check_limits(options)
    _check_swarm(options.get("swarm") or {})


def _check_version(field: str, key: str, api: _ApiVersion | None) -> None:
    needed = _SINCE.get(key)
    if needed and api and api < needed:
        named = "" if key == field else f"{key} "
        raise UnsupportedField(
            f"{field}: {named}needs API {needed[0]}.{needed[1]} of the Docker Engine,"
            f" and the manager has {api[0]}.{api[1]}; install Docker Engine"
            f" {_RELEASES[needed]} or later on all nodes, or leave the field out"
        )


def _check_limits(options: Mapping[str, Any]) -> None:
    for limit, reservation in (
        ("cpus", "cpu_reservation"),
        ("memory", "memory_reservation"),
    ):
        most, reserved = options.get(limit), options.get(reservation)
        if most and reserved and reserved > most:
            raise UnsupportedField(
                f"{reservation}: must not be above {limit}, which is {most}"
            )


def _check_swarm(addition: Mapping[str, Any]) -> None:
    for key in addition:
        if key in _OWNED:
            raise UnsupportedField(f"swarm: {key} cannot be set: {_OWNED[key]}")
        if key not in _OPEN:
            raise UnsupportedField(
                f"swarm: Docker's ServiceSpec has no key {key[:60]!r}; allowed:"
                f" {', '.join(_OPEN)}"
            )
    for key in ("TaskTemplate", "EndpointSpec", "Labels"):
        if not isinstance(addition.get(key, {}), Mapping):
            raise UnsupportedField(f"swarm: {key} must be an object")


def check_ports(ports: Sequence[PortSpec], *, host_net: bool) -> None:
    """Refuse ports that Swarm cannot publish.

    Raises:
        UnsupportedField: The text names the port.
    """
    found = set()
    for port in ports:
        if not port.published:
            continue
        if host_net:
            if port.mode == INGRESS:
                raise UnsupportedField(
                    "container_ports: with net host, a port is the node's; leave out"
                    " mode"
                )
            if port.outer not in (None, port.inner):
                raise UnsupportedField(
                    f"container_ports: with net host, port {port.inner} is the node's"
                    f" port {port.inner}; it cannot be {port.outer}"
                )
            continue
        key = port.inner, port.protocol
        if key in found:
            # Swarm would accept all of these ports and publish the last.
            raise UnsupportedField(
                f"container_ports: {port.inner}/{port.protocol} has several outer"
                " ports; Swarm publishes each port once: leave one, and run a proxy for"
                " the others"
            )
        found.add(key)
