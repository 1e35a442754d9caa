"""A container of Docker Cloud as a service of Docker Swarm: pure functions, no I/O.

Each container is one Swarm service with one replica, so that one container can be
stopped, started and removed alone, on any node. ``options`` has the conversion of
single options, ``supported`` refuses the options that Swarm cannot honour.

Source: Docker Engine API, "ServiceCreate" and "ServiceUpdate"; Docker Cloud API
reference, "Service".
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ....wire.engine_fields import DEFAULT_NETWORK
from ....wire.loglines import NANOSECONDS
from ....wire.service_fields import INGRESS
from .. import ContainerSpec, EngineError, MountSpec, PortSpec, UnsupportedField
from . import options as parts
from . import supported
from .naming import (
    CONTAINER_LABEL,
    NAME_LABEL,
    NAMESPACE_LABEL,
    NETWORKS_LABEL,
    SERVICE_LABEL,
    STACK_LABEL,
    VOLUMES_LABEL,
    network_name,
    network_names,
    own_networks,
    service_name,
    tag_label,
    volume_name,
)

Spec = dict[str, Any]

#: A constraint that no node meets. A service with this constraint does not run, but
#: unlike with zero replicas its last task stays, with the log and the exit code.
STOPPED = "node.labels.dc.stopped==never"


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
        grace: Seconds from the stop signal to the kill signal, unless the container
            states its own.

    Raises:
        EngineError: Swarm cannot honour a field; the text names the field.
    """
    try:
        supported.check(spec.options)
    except UnsupportedField as error:
        raise EngineError(str(error)) from error
    host_net = spec.options.get("net") == "host"
    supported.check_ports(spec.ports, host_net=host_net)
    found: Spec = {
        "Name": service_name(spec),
        "Labels": _service_labels(spec),
        "TaskTemplate": {
            "ContainerSpec": _container_spec(spec, shared, grace),
            "Resources": parts.resources(spec.options),
            "RestartPolicy": parts.restart_policy(
                spec.autorestart, spec.options.get("restart_policy")
            ),
            "Placement": _placement(spec),
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
        "EndpointSpec": _endpoint(spec.ports, host_net),
    }
    if driver := spec.options.get("log_driver"):
        found["TaskTemplate"]["LogDriver"] = parts.log_driver(driver)
    return _with_addition(found, spec)


def _with_addition(found: Spec, spec: ContainerSpec) -> Spec:
    """Return a spec with the field ``swarm`` merged, but for the server's labels."""
    addition = spec.options.get("swarm")
    if not addition:
        return found
    merged: Spec = parts.merged(found, addition)
    merged["Labels"] |= found["Labels"]
    container = merged["TaskTemplate"]["ContainerSpec"]
    container["Labels"] = {**container["Labels"], CONTAINER_LABEL: spec.uuid}
    return merged


def _service_labels(spec: ContainerSpec) -> dict[str, str]:
    return {
        CONTAINER_LABEL: spec.uuid,
        NAME_LABEL: spec.name,
        SERVICE_LABEL: spec.service,
        NAMESPACE_LABEL: spec.namespace,
        STACK_LABEL: spec.stack or "",
        **({NETWORKS_LABEL: ",".join(own)} if (own := own_networks(spec)) else {}),
        VOLUMES_LABEL: ",".join(volume_name(m.volume) for m in spec.mounts if m.volume),
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
    ("Hosts", "extra_hosts", parts.hosts),
    ("Privileges", "security_opt", parts.privileges),
    ("StopSignal", "stop_signal", str),
    ("Init", "init", bool),
    ("Ulimits", "ulimits", parts.ulimits),
    ("Sysctls", "sysctls", dict),
    ("Groups", "group_add", list),
    ("OomScoreAdj", "oom_score_adj", int),
    ("HealthCheck", "healthcheck", parts.healthcheck),
)


def _container_spec(
    spec: ContainerSpec, shared: Sequence[Mapping[str, Any]], grace: float
) -> Spec:
    options = spec.options
    period = options.get("stop_grace_period")
    found: Spec = {
        "Image": spec.image,
        # This label identifies the container on its node: no option replaces the label.
        "Labels": {**(options.get("labels") or {}), CONTAINER_LABEL: spec.uuid},
        "Env": [literal(f"{key}={value}") for key, value in spec.environment.items()],
        "Mounts": _mounts(spec, shared),
        "StopGracePeriod": parts.nanoseconds(grace if period is None else period),
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
    dns = {
        "Nameservers": options.get("dns"),
        "Search": options.get("dns_search"),
        "Options": options.get("dns_options"),
    }
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


def _placement(spec: ContainerSpec) -> Spec:
    placement = spec.options.get("placement") or {}
    constraints = [f"node.id=={spec.node}"]
    if not spec.pinned:
        constraints = [f"node.labels.{tag_label(tag)}==true" for tag in spec.tags]
    # Also of a pinned container: Swarm ends a task whose node no longer fits.
    constraints += placement.get("constraints", ())
    found: Spec = {"Constraints": constraints}
    if wanted := parts.platforms(placement):
        found["Platforms"] = wanted
    return found


def _networks(spec: ContainerSpec) -> list[Spec]:
    """Return the networks of a container, with the container's aliases on each.

    Plain aliases are for the network of the stack, aliases such as ``web.stack`` for
    the network of the namespace. A container without a stack is on the latter only.
    All aliases are for the networks that the container names.
    """
    wanted: dict[str, list[str]] = {name: [] for name in network_names(spec)}
    home = network_name(spec.namespace, spec.stack)
    suffix = f".{spec.stack}" if spec.stack else ""
    aliases = list(dict.fromkeys(spec.aliases))
    if home in wanted:
        for alias in (*aliases, *_default_aliases(spec)):
            far = suffix and alias.endswith(suffix)
            wanted[network_name(spec.namespace, None) if far else home].append(alias)
    for name, further in own_networks(spec).items():
        wanted[name] = list(dict.fromkeys((*aliases, *further)))
    return [{"Target": name, "Aliases": aliases} for name, aliases in wanted.items()]


def _default_aliases(spec: ContainerSpec) -> Sequence[str]:
    """Return the further names that ``networks`` gives on the private network."""
    for network in spec.options.get("networks") or ():
        if network["name"] == DEFAULT_NETWORK:
            return list(network["aliases"])
    return ()


def _endpoint(ports: Sequence[PortSpec], host_net: bool) -> Spec:
    """Return the published ports, and how DNS answers.

    DNS answers with the addresses of tasks, because virtual addresses need the kernel's
    ip_vs. So do ports of the ingress network, which exist with virtual addresses only.
    """
    published = [port for port in ports if port.published and not host_net]
    ingress = any(port.mode == INGRESS for port in published)
    return {
        "Mode": "vip" if ingress else "dnsrr",
        "Ports": [_port(port) for port in published],
    }


def _port(port: PortSpec) -> Spec:
    found: Spec = {
        "Protocol": port.protocol,
        "TargetPort": port.inner,
        "PublishMode": port.mode,
    }
    return found if port.outer is None else found | {"PublishedPort": port.outer}


def _mounts(spec: ContainerSpec, shared: Sequence[Mapping[str, Any]]) -> list[Spec]:
    mounts = [_mount(spec, mount) for mount in spec.mounts]
    taken = {mount["Target"] for mount in mounts}
    taken |= {one["container_path"] for one in spec.options.get("tmpfs") or ()}
    for mount in shared:
        if mount["Target"] not in taken and mount["Type"] != "tmpfs":
            taken.add(mount["Target"])
            mounts.append(dict(mount))
    return mounts + parts.tmpfs(spec.options.get("tmpfs") or ())


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
    found["Type"] = "volume"
    volume: Spec = {}
    if mount.driver is not None:
        volume["DriverConfig"] = {"Name": mount.driver, "Options": mount.options or {}}
    if mount.name is not None:
        found["Source"] = literal(mount.name)
    elif mount.volume is not None:
        found["Source"] = literal(volume_name(mount.volume))
        volume["Labels"] = {CONTAINER_LABEL: spec.uuid}
    return found | ({"VolumeOptions": volume} if volume else {})


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
    # Docker documents another spelling than the one of its answers.
    check = container.get("Healthcheck") or container.get("HealthCheck") or {}
    return (check.get("Test") or ["NONE"]) != ["NONE"]


def grace_of(spec: Mapping[str, Any]) -> float:
    """Return the seconds from the stop signal to the kill signal of a service."""
    period = spec["TaskTemplate"]["ContainerSpec"].get("StopGracePeriod") or 0
    return float(period / NANOSECONDS)


def most_restarts(spec: Mapping[str, Any]) -> int:
    """Return how often Swarm restarts the task of a service, 0 for any number."""
    return int(spec["TaskTemplate"]["RestartPolicy"].get("MaxAttempts") or 0)


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
