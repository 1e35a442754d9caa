"""What each engine does with the options of a definition, and why not.

The engines refuse what this module refuses, and the lint of stack files reports the
same, without an engine.

Source: Docker Engine API, "Version history" and "ServiceCreate".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from .service_fields import BY_NAME, INGRESS, Actor
from .service_words import HOST

__all__ = [
    "EMBEDDED",
    "EMULATED",
    "ENGINES",
    "HONOURED",
    "REFUSED",
    "SWARM",
    "EngineSupport",
    "Problem",
    "swarm_port_problems",
]

#: An engine, or the control plane, acts on the field.
HONOURED: Final = "honoured"
#: The engine accepts the field, which has no effect on a simulated container.
EMULATED: Final = "emulated"
#: The engine, or every server, refuses the field.
REFUSED: Final = "refused"

#: The name of a field, and why the engine cannot honour its value.
Problem = tuple[str, str]
Options = Mapping[str, Any]


class Port(Protocol):
    """A port of a container."""

    @property
    def inner(self) -> int: ...
    @property
    def protocol(self) -> str: ...
    @property
    def published(self) -> bool: ...
    @property
    def outer(self) -> int | None: ...
    @property
    def mode(self) -> str: ...


class Mount(Protocol):
    """A volume of a container."""

    @property
    def driver(self) -> str | None: ...
    @property
    def options(self) -> Mapping[str, str] | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSupport:
    """What one engine does with each option.

    Attributes:
        honoured: The options that the engine acts on.
        emulated: The options that the engine accepts, without an effect.
        refused: The options that the engine refuses → the reason and an alternative.
        values: Yields the problems with the values of options, ports and volumes.
    """

    honoured: frozenset[str]
    emulated: frozenset[str] = frozenset()
    refused: Mapping[str, str]
    values: Callable[[Options, Sequence[Port], Sequence[Mount]], Iterator[Problem]]

    def of(self, field: str) -> str:
        """Return what the engine does with a field of a service."""
        if field in self.refused:
            return REFUSED
        if field in self.emulated:
            return EMULATED
        row = BY_NAME.get(field)
        managed = row is not None and row.actor is Actor.CONTROL_PLANE
        return HONOURED if managed or field in self.honoured else REFUSED

    def problems(
        self, options: Options, ports: Sequence[Port] = (), mounts: Sequence[Mount] = ()
    ) -> Iterator[Problem]:
        """Yield what the engine cannot honour."""
        for field, value in options.items():
            if value and self.of(field) == REFUSED:
                yield field, self.refused.get(field, "the engine has nothing like it")
        yield from self.values(options, ports, mounts)


# --- the embedded engine --------------------------------------------------------------

#: Drivers whose logs Docker keeps on the node, as the embedded engine keeps logs.
_LOG_DRIVERS = ("json-file", "local", "journald")


def _embedded_values(
    options: Options, ports: Sequence[Port], mounts: Sequence[Mount]
) -> Iterator[Problem]:
    driver = (options.get("log_driver") or {}).get("name")
    if driver is not None and driver not in _LOG_DRIVERS:
        yield (
            "log_driver",
            f"the embedded engine keeps the logs itself and has no driver {driver};"
            f" leave the field out, or use {', '.join(_LOG_DRIVERS)}",
        )
    for port in ports:
        if port.mode == INGRESS:
            yield (
                "container_ports",
                f"port {port.inner} of mode ingress: the embedded engine publishes"
                " ports on the container's node only; leave mode out",
            )
    for mount in mounts:
        if mount.driver not in (None, "local") or mount.options:
            yield (
                "bindings",
                "the embedded engine has no drivers of volumes; leave volume_driver and"
                " volume_options out",
            )


#: Containers are functions of the server's process. Limits and privileges of processes
#: have no meaning for functions and are accepted, so that one stack file runs on every
#: engine. An option whose absence a function or a client would notice is honoured or
#: refused.
EMBEDDED: Final = EngineSupport(
    honoured=frozenset(
        {
            *("user", "working_dir", "hostname", "domainname", "tty", "stdin_open"),
            *("cpu_reservation", "memory_reservation", "placement", "restart_policy"),
            *("stop_grace_period", "stop_signal", "tmpfs", "labels", "healthcheck"),
            "networks",
        }
    ),
    emulated=frozenset(
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
    ),
    refused={
        "generic_resources": "the nodes of the embedded engine have none; leave the"
        " field out, or choose nodes with tags",
        "swarm": "the embedded engine has no Docker; use the fields of the API",
    },
    values=_embedded_values,
)


# --- Swarm ----------------------------------------------------------------------------

#: Keys of ``swarm`` that the server decides → what to use instead.
_OWNED: Mapping[str, str] = {
    "Name": "the server names the Swarm services",
    "Mode": "each container is a Swarm service of its own; use target_num_containers",
    "UpdateConfig": "the server replaces containers itself; use update_config",
    "RollbackConfig": "the server replaces containers itself; use rollback_config",
}
_OPEN = ("Labels", "TaskTemplate", "EndpointSpec", "Networks")


def _swarm_values(
    options: Options, ports: Sequence[Port], mounts: Sequence[Mount]
) -> Iterator[Problem]:
    if options.get("pid") == "host":
        yield (
            "pid",
            "Swarm gives each container its own processes; leave it at none",
        )
    memory, swap = options.get("memory"), options.get("memory_swap")
    if swap and swap != 2 * (memory or 0):
        yield (
            "memory_swap",
            "Swarm always allows twice the memory; leave it out, or give memory and"
            " exactly twice as much",
        )
    if options.get("net") == HOST:
        for field in ("hostname", "domainname"):
            if options.get(field):
                yield field, "with net host it is the node's; leave out"
    host_net = options.get("net") == HOST
    yield from swarm_port_problems(ports, host_net=host_net)
    for limit, reservation in (
        ("cpus", "cpu_reservation"),
        ("memory", "memory_reservation"),
    ):
        most, reserved = options.get(limit), options.get(reservation)
        if most and reserved and reserved > most:
            yield reservation, f"must not be above {limit}, which is {most}"
    yield from _addition_problems(options.get("swarm") or {})


def swarm_port_problems(ports: Sequence[Port], *, host_net: bool) -> Iterator[Problem]:
    """Yield why Swarm cannot publish ports."""
    found = set()
    for port in ports:
        if not port.published:
            continue
        if host_net:
            if port.mode == INGRESS:
                yield (
                    "container_ports",
                    "with net host, a port is the node's; leave out mode",
                )
            if port.outer not in (None, port.inner):
                yield (
                    "container_ports",
                    f"with net host, port {port.inner} is the node's port {port.inner};"
                    f" it cannot be {port.outer}",
                )
            continue
        key = port.inner, port.protocol
        if key in found:
            # Swarm would accept all of these ports and publish the last.
            yield (
                "container_ports",
                f"{port.inner}/{port.protocol} has several outer ports; Swarm publishes"
                " each port once: leave one, and run a proxy for the others",
            )
        found.add(key)


def _addition_problems(addition: Mapping[str, Any]) -> Iterator[Problem]:
    for key in addition:
        if key in _OWNED:
            yield "swarm", f"{key} cannot be set: {_OWNED[key]}"
        elif key not in _OPEN:
            yield (
                "swarm",
                f"Docker's ServiceSpec has no key {key[:60]!r}; allowed:"
                f" {', '.join(_OPEN)}",
            )
    for key in ("TaskTemplate", "EndpointSpec", "Labels"):
        if not isinstance(addition.get(key, {}), Mapping):
            yield "swarm", f"{key} must be an object"


#: Swarm silently drops fields that Swarm does not know: every option is either honoured
#: by the spec that the Swarm engine writes, or refused here.
SWARM: Final = EngineSupport(
    honoured=frozenset(
        {
            *("user", "working_dir", "tty", "stdin_open", "read_only", "labels", "net"),
            *("cap_add", "cap_drop", "extra_hosts", "security_opt", "pid", "memory"),
            *("memory_swap", "hostname", "domainname", "dns", "dns_search", "cpus"),
            *("cpu_reservation", "memory_reservation", "pids_limit"),
            *("generic_resources", "stop_grace_period", "stop_signal"),
            *("restart_policy", "placement", "init", "ulimits", "sysctls", "group_add"),
            *("oom_score_adj", "dns_options", "tmpfs", "log_driver", "swarm"),
            *("healthcheck", "networks"),
        }
    ),
    refused={
        "privileged": "Swarm runs no privileged containers; give the capabilities that"
        " it needs with cap_add",
        "devices": "Swarm gives containers no devices; run what needs one outside of"
        " it, and publish it to containers as a network service",
        "cpu_shares": "Swarm does not weigh containers against each other; limit them"
        " with cpus, or spread them over nodes with tags or deployment_strategy",
        "cpuset": "Swarm does not bind containers to CPUs; limit them with cpus, or"
        " spread them over nodes with tags or deployment_strategy",
        "mac_address": "Swarm chooses the MAC addresses; use names to reach containers",
        "cgroup_parent": "Swarm cannot set it per container; start the nodes' dockerd"
        " with --cgroup-parent",
    },
    values=_swarm_values,
)

#: The engines by the names that the server's option ``--engine`` has.
ENGINES: Final[Mapping[str, EngineSupport]] = {"embedded": EMBEDDED, "swarm": SWARM}
