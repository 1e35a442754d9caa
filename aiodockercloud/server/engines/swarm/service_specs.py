"""A container of Docker Cloud as a service of Docker Swarm: pure functions, no I/O.

Each container is one Swarm service with one replica, so that one container can be
stopped, started and removed alone, on any node. Swarm silently drops fields that Swarm
does not know: every option is therefore either honoured by ``service_spec`` or refused
by ``check``.

Source: Docker Engine API, "ServiceCreate" and "ServiceUpdate"; Docker Cloud API
reference, "Service".
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from ipaddress import ip_address
from typing import Any

from ....wire.loglines import NANOSECONDS
from ....wire.service_fields import ALWAYS, OFF, ON_FAILURE
from .. import ContainerSpec, EngineError, MountSpec, PortSpec, UnsupportedField
from .naming import (
    CONTAINER_LABEL,
    NAME_LABEL,
    NAMESPACE_LABEL,
    SERVICE_LABEL,
    STACK_LABEL,
    VOLUMES_LABEL,
    network_name,
    network_names,
    service_name,
    tag_label,
    volume_name,
)

Spec = dict[str, Any]

#: A constraint that no node meets. A service with this constraint does not run, but
#: unlike with zero replicas its last task stays, with the log and the exit code.
STOPPED = "node.labels.dc.stopped==never"

#: Bytes of the MB that the API counts memory in.
MEGABYTE = 1024 * 1024
#: Seconds between the end of a task and its restart. Swarm has no growing pauses.
_RESTART_DELAY = 1.0
_RESTART = {OFF: "none", ON_FAILURE: "on-failure", ALWAYS: "any"}


# --- refused options ----------------------------------------------------------------

REFUSED: Mapping[str, str] = {
    "privileged": "Swarm runs no privileged containers; give the capabilities that it"
    " needs with cap_add",
    "devices": "Swarm gives containers no devices; run what needs one outside of it,"
    " and publish it to containers as a network service",
    "cpu_shares": "Swarm does not weigh containers against each other; spread them"
    " over nodes with tags or deployment_strategy",
    "cpuset": "Swarm does not bind containers to CPUs; spread them over nodes with"
    " tags or deployment_strategy",
    "mac_address": "Swarm chooses the MAC addresses; use names to reach containers",
    "cgroup_parent": "Swarm cannot set it per container; start the nodes' dockerd with"
    " --cgroup-parent",
}


def check(options: Mapping[str, Any], ports: Sequence[PortSpec] = ()) -> None:
    """Refuse options and ports that Swarm cannot honour.

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
    _ports(ports, options.get("net") == "host")
    _hosts(options.get("extra_hosts") or ())
    _privileges(options.get("security_opt") or ())


def _hosts(extra: Iterable[str]) -> list[str]:
    """Return ``name:address`` as ``address name``, the order of Swarm."""
    hosts = []
    for one in extra:
        name, _, address = one.partition(":")
        try:
            ip_address(address)
        except ValueError:
            raise UnsupportedField(
                f"extra_hosts: {one!r} must be name:address with an IP address"
            ) from None
        hosts.append(f"{address} {name}")
    return hosts


def _privileges(security_opt: Iterable[str]) -> Spec | None:
    context: Spec = {}
    for one in security_opt:
        kind, _, rest = re.sub("[=:]", ":", one, count=2).partition(":")
        key, _, value = rest.partition(":")
        if kind == "label" and key == "disable":
            context["Disable"] = True
        elif kind == "label" and key in ("user", "role", "type", "level") and value:
            context[key.capitalize()] = value
        else:
            raise UnsupportedField(
                f"security_opt: {one!r}: Swarm takes SELinux labels only: label:disable"
                " or label: with user:, role:, type: or level:; set other profiles as"
                " the default of the nodes' dockerd"
            )
    return {"SELinuxContext": context} if context else None


# --- the spec of a new service ------------------------------------------------------


def literal(text: str) -> str:
    """Return the text, escaped where Swarm would expand a template."""
    return text.replace("{{", '{{"{{"}}')


def service_spec(
    spec: ContainerSpec, *, shared: Sequence[Mapping[str, Any]] = (), grace: float = 10
) -> Spec:
    """Return the whole ``ServiceSpec`` of a container.

    Args:
        spec: The container.
        shared: Mounts of the containers whose volumes the container shares.
        grace: Seconds from the stop signal to the kill signal.

    Raises:
        EngineError: Swarm cannot honour a field; the text names the field.
    """
    try:
        check(spec.options)
    except UnsupportedField as error:
        raise EngineError(str(error)) from error
    host_net = spec.options.get("net") == "host"
    return {
        "Name": service_name(spec),
        "Labels": _service_labels(spec),
        "TaskTemplate": {
            "ContainerSpec": _container_spec(spec, shared, grace),
            "Resources": _resources(spec.options),
            "RestartPolicy": {
                "Condition": _RESTART[spec.autorestart],
                "Delay": int(_RESTART_DELAY * NANOSECONDS),
            },
            "Placement": {"Constraints": _constraints(spec)},
            "Networks": [{"Target": "host"}] if host_net else _networks(spec),
            "ForceUpdate": 0,
        },
        "Mode": {"Replicated": {"Replicas": 1}},
        # One replica needs no rolling update, and "pause" would leave the update
        # unfinished.
        "UpdateConfig": {
            "Parallelism": 0,
            "Monitor": 1_000_000,
            "FailureAction": "continue",
            "Order": "stop-first",
        },
        # DNS answers with the addresses of tasks, because virtual IPs need the kernel's
        # ip_vs.
        "EndpointSpec": {"Mode": "dnsrr", "Ports": _ports(spec.ports, host_net)},
    }


def _service_labels(spec: ContainerSpec) -> dict[str, str]:
    return {
        CONTAINER_LABEL: spec.uuid,
        NAME_LABEL: spec.name,
        SERVICE_LABEL: spec.service,
        NAMESPACE_LABEL: spec.namespace,
        STACK_LABEL: spec.stack or "",
        VOLUMES_LABEL: ",".join(volume_name(m.volume) for m in spec.mounts if m.volume),
    }


def _healthcheck(check: Mapping[str, Any]) -> Spec:
    """Return a health check with Docker's durations; absent keys are the image's."""
    found: Spec = {}
    if test := check.get("test"):
        found["Test"] = list(test)
    for key, name in _DURATIONS.items():
        if seconds := check.get(name):
            found[key] = int(seconds * NANOSECONDS)
    if retries := check.get("retries"):
        found["Retries"] = retries
    return found


_DURATIONS = {
    "Interval": "interval",
    "Timeout": "timeout",
    "StartPeriod": "start_period",
    "StartInterval": "start_interval",
}

#: Options in the ``ContainerSpec``: Docker's key, the option, the conversion.
_CONTAINER: Sequence[tuple[str, str, Callable[[Any], Any]]] = (
    ("User", "user", str),
    ("Dir", "working_dir", str),
    ("TTY", "tty", bool),
    ("OpenStdin", "stdin_open", bool),
    ("ReadOnly", "read_only", bool),
    ("CapabilityAdd", "cap_add", list),
    ("CapabilityDrop", "cap_drop", list),
    ("Hosts", "extra_hosts", _hosts),
    ("Privileges", "security_opt", _privileges),
    ("HealthCheck", "healthcheck", _healthcheck),
)


#: The options that ``service_spec`` honours.
HONOURED = frozenset({option for _, option, _ in _CONTAINER}) | {
    *("labels", "net", "pid", "memory", "memory_swap"),
    *("hostname", "domainname", "dns", "dns_search"),
}


def _container_spec(
    spec: ContainerSpec, shared: Sequence[Mapping[str, Any]], grace: float
) -> Spec:
    options = spec.options
    found: Spec = {
        "Image": spec.image,
        # This label identifies the container on its node: no option replaces the label.
        "Labels": {**(options.get("labels") or {}), CONTAINER_LABEL: spec.uuid},
        "Env": [literal(f"{key}={value}") for key, value in spec.environment.items()],
        "Mounts": _mounts(spec, shared),
        "StopGracePeriod": int(grace * NANOSECONDS),
    }
    if spec.entrypoint:
        found["Command"] = _split("entrypoint", spec.entrypoint)
    if spec.command:
        found["Args"] = _split("run_command", spec.command)
    if options.get("net") != "host":
        found["Hostname"] = literal(_hostname(spec))
    for key, option, convert in _CONTAINER:
        if value := options.get(option):
            found[key] = convert(value)
    dns = {"Nameservers": options.get("dns"), "Search": options.get("dns_search")}
    if any(dns.values()):
        found["DNSConfig"] = {key: value for key, value in dns.items() if value}
    return found


def _hostname(spec: ContainerSpec) -> str:
    """Return the host name with the domain, for which Swarm has no field.

    Linux allows 64 characters.
    """
    name = spec.options.get("hostname") or spec.name
    domain = spec.options.get("domainname")
    return (f"{name}.{domain}" if domain else str(name))[:64]


def _split(field: str, text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise EngineError(f"{field}: cannot be split into words: {error}") from None


def _resources(options: Mapping[str, Any]) -> Spec:
    memory = options.get("memory")
    return {"Limits": {"MemoryBytes": memory * MEGABYTE}} if memory else {}


def _constraints(spec: ContainerSpec) -> list[str]:
    if spec.pinned:
        return [f"node.id=={spec.node}"]
    return [f"node.labels.{tag_label(tag)}==true" for tag in spec.tags]


def _networks(spec: ContainerSpec) -> list[Spec]:
    """Return the networks of a container, with the container's aliases on each.

    Plain aliases are for the network of the stack, aliases such as ``web.stack`` for
    the network of the namespace. A container without a stack is on the latter only.
    """
    wanted: dict[str, list[str]] = {name: [] for name in network_names(spec)}
    home = network_name(spec.namespace, spec.stack)
    suffix = f".{spec.stack}" if spec.stack else ""
    for alias in dict.fromkeys(spec.aliases):
        far = suffix and alias.endswith(suffix)
        wanted[network_name(spec.namespace, None) if far else home].append(alias)
    return [{"Target": name, "Aliases": aliases} for name, aliases in wanted.items()]


def _ports(ports: Sequence[PortSpec], host_net: bool) -> list[Spec]:
    published = [port for port in ports if port.published]
    if host_net:
        for port in published:
            if port.outer not in (None, port.inner):
                raise UnsupportedField(
                    f"container_ports: with net host, port {port.inner} is the node's"
                    f" port {port.inner}; it cannot be {port.outer}"
                )
        return []
    found: dict[tuple[int, str], Spec] = {}
    for port in published:
        key = port.inner, port.protocol
        if key in found:
            # Swarm would accept all of these ports and publish the last.
            raise UnsupportedField(
                f"container_ports: {port.inner}/{port.protocol} has several outer"
                " ports; Swarm publishes each port once: leave one, and run a proxy for"
                " the others"
            )
        found[key] = {
            "Protocol": port.protocol,
            "TargetPort": port.inner,
            "PublishMode": "host",
        }
        if port.outer is not None:
            found[key]["PublishedPort"] = port.outer
    return list(found.values())


def _mounts(spec: ContainerSpec, shared: Sequence[Mapping[str, Any]]) -> list[Spec]:
    mounts = [_mount(spec, mount) for mount in spec.mounts]
    taken = {mount["Target"] for mount in mounts}
    for mount in shared:
        if mount["Target"] not in taken:
            taken.add(mount["Target"])
            mounts.append(dict(mount))
    return mounts


def _mount(spec: ContainerSpec, mount: MountSpec) -> Spec:
    found: Spec = {"Target": mount.container_path, "ReadOnly": not mount.writable}
    if mount.host_path:
        return found | {
            "Type": "bind",
            "Source": literal(mount.host_path),
            # As docker run -v does. Engines before 23 drop this field: on them the path
            # must exist.
            "BindOptions": {"CreateMountpoint": True},
        }
    if mount.volume is None:
        return found | {"Type": "volume"}
    return found | {
        "Type": "volume",
        "Source": literal(volume_name(mount.volume)),
        "VolumeOptions": {"Labels": {CONTAINER_LABEL: spec.uuid}},
    }


# --- the specs of existing services -------------------------------------------------


def is_stopped(spec: Mapping[str, Any]) -> bool:
    """Whether a service must not run."""
    return STOPPED in _constraints_of(spec)


def _constraints_of(spec: Mapping[str, Any]) -> list[str]:
    placement = spec["TaskTemplate"].get("Placement") or {}
    return list(placement.get("Constraints") or ())


def pinned_to(spec: Mapping[str, Any]) -> str | None:
    """Return the node that a service is pinned to, None without one."""
    for constraint in _constraints_of(spec):
        if constraint.startswith("node.id=="):
            return constraint.removeprefix("node.id==")
    return None


def has_healthcheck(spec: Mapping[str, Any]) -> bool:
    """Whether the spec of a service has a test of the containers' health."""
    container = spec["TaskTemplate"].get("ContainerSpec") or {}
    check = container.get("HealthCheck") or {}
    return (check.get("Test") or ["NONE"]) != ["NONE"]


def never_restarts(spec: Mapping[str, Any]) -> bool:
    """Whether Swarm never restarts the tasks of a service."""
    return bool(spec["TaskTemplate"]["RestartPolicy"]["Condition"] == "none")


def stopped(spec: Spec) -> Spec:
    """Return the spec of an existing service, changed so that it does not run."""
    others = [c for c in _constraints_of(spec) if c != STOPPED]
    return _placed(spec, [*others, STOPPED])


def started(spec: Spec) -> Spec:
    """Return the spec of an existing service, changed so that it starts again."""
    again = _placed(spec, [c for c in _constraints_of(spec) if c != STOPPED])
    task = again["TaskTemplate"]
    task["ForceUpdate"] = task.get("ForceUpdate", 0) + 1
    return again | {"Mode": {"Replicated": {"Replicas": 1}}}


def _placed(spec: Spec, constraints: Sequence[str]) -> Spec:
    task = spec["TaskTemplate"]
    placement = {**(task.get("Placement") or {}), "Constraints": list(constraints)}
    return spec | {"TaskTemplate": task | {"Placement": placement}}
