"""A container of Docker Cloud as a service of Docker Swarm: a table, without I/O.

Each container is one Swarm service with one replica, so that it can be stopped, started
and removed alone, on whatever node it is. Swarm drops fields it does not know without
a word, so everything is either in ``service_spec`` or refused by ``check``.
Source: Docker Engine API, "ServiceCreate" and "ServiceUpdate"; Docker Cloud API
reference, "Service".
"""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from ipaddress import ip_address
from typing import Any

from ....wire.loglines import NANOSECONDS
from ....wire.service_fields import ALWAYS, OFF, ON_FAILURE
from .. import ContainerSpec, EngineError, MountSpec, PortSpec, UnsupportedField

Spec = dict[str, Any]

#: Labels of the Swarm services that are ours; changing these restarts nothing.
CONTAINER = "aiodockercloud.container"
_NAME, _SERVICE = "aiodockercloud.name", "aiodockercloud.service"
_NAMESPACE, _STACK = "aiodockercloud.namespace", "aiodockercloud.stack"
#: Names of the volumes it owns, apart from those it shares with another.
VOLUMES = "aiodockercloud.volumes"
#: The label of our networks; its value is their stack, empty for a namespace's.
NETWORK = "aiodockercloud.network"

#: No node can have it: what has this constraint runs nowhere, and unlike with no
#: replicas its last task stays, with its log and its exit code.
STOPPED = "node.labels.dc.stopped==never"
#: A node's label with the URL of its Engine.
ENGINE_LABEL = "dc.engine"
_TAG_LABEL, _HEX = "dc.tag.", "hex."

#: Seconds between the end of a task and its restart. Swarm knows no growing pauses.
_RESTART_DELAY = 1.0
_MB = 1024 * 1024
_RESTART = {OFF: "none", ON_FAILURE: "on-failure", ALWAYS: "any"}


# --- names --------------------------------------------------------------------------


def _slug(*parts: str | None) -> str:
    text = "-".join(part for part in parts if part).lower()
    return re.sub(r"[^a-z0-9]+", "-", text).strip("-")


def service_name(spec: ContainerSpec) -> str:
    """A DNS label that tells people what it is and that nothing else has."""
    head = _slug("dc", spec.namespace, spec.stack, spec.name)[:50].strip("-")
    return f"{head}-{spec.uuid.replace('-', '')[:12]}"


def network_name(namespace: str, stack: str | None) -> str:
    """The overlay network of a stack, or of a namespace."""
    exact = hashlib.sha256(f"{namespace}\0{stack or ''}".encode()).hexdigest()[:8]
    head = _slug("dc", namespace, stack)[:50].strip("-")
    return f"{head}-{exact}"


def volume_name(volume: str) -> str:
    return f"dc-{volume}"


def tag_label(tag: str) -> str:
    """The node label of a tag; constraints take few characters in one."""
    if re.fullmatch(r"[A-Za-z0-9_.-]+", tag) and not tag.startswith(_HEX):
        return _TAG_LABEL + tag
    return f"{_TAG_LABEL}{_HEX}{tag.encode().hex()}"


def tags_of(labels: Mapping[str, str]) -> list[str]:
    """The tags among a node's labels."""
    found = []
    for label, value in labels.items():
        if label.startswith(_TAG_LABEL) and value == "true":
            tag = label.removeprefix(_TAG_LABEL)
            if re.fullmatch(rf"{re.escape(_HEX)}([0-9a-f]{{2}})+", tag):
                tag = bytes.fromhex(tag.removeprefix(_HEX)).decode(errors="replace")
            found.append(tag)
    return sorted(found)


def with_tags(labels: Mapping[str, str], tags: Iterable[str]) -> dict[str, str]:
    """A node's labels with these tags instead of those it had."""
    others = {k: v for k, v in labels.items() if not k.startswith(_TAG_LABEL)}
    return others | {tag_label(tag): "true" for tag in tags}


# --- what is refused ----------------------------------------------------------------

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
    """Refuse what Swarm cannot do.

    Raises:
        UnsupportedField: Names the field, says why, and what to use instead.
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
    """``name:address`` as ``address name``, the order Swarm wants."""
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


# --- the mapping --------------------------------------------------------------------


def literal(text: str) -> str:
    """Text as it is where Swarm would expand a template."""
    return text.replace("{{", '{{"{{"}}')


def service_spec(
    spec: ContainerSpec, *, shared: Sequence[Mapping[str, Any]] = (), grace: float = 10
) -> Spec:
    """The whole ``ServiceSpec`` of a container.

    Args:
        shared: Mounts of the containers whose volumes it shares.
        grace: Seconds from being asked to end to being made to.

    Raises:
        EngineError: It cannot be done on Swarm; names the field.
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
        # Nothing to roll over one replica; "pause" would leave it half done.
        "UpdateConfig": {
            "Parallelism": 0,
            "Monitor": 1_000_000,
            "FailureAction": "continue",
            "Order": "stop-first",
        },
        # Addresses in DNS and ports of the node: virtual IPs need the kernel's ip_vs.
        "EndpointSpec": {"Mode": "dnsrr", "Ports": _ports(spec.ports, host_net)},
    }


def _service_labels(spec: ContainerSpec) -> dict[str, str]:
    return {
        CONTAINER: spec.uuid,
        _NAME: spec.name,
        _SERVICE: spec.service,
        _NAMESPACE: spec.namespace,
        _STACK: spec.stack or "",
        VOLUMES: ",".join(volume_name(m.volume) for m in spec.mounts if m.volume),
    }


#: Options that go into the ``ContainerSpec``: its key, the option, how it is written.
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
)


#: Options that ``service_spec`` honours.
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
        # Ours last: it tells which container this is to people on the node.
        "Labels": {**(options.get("labels") or {}), CONTAINER: spec.uuid},
        "Env": [literal(f"{key}={value}") for key, value in spec.environment.items()],
        "Mounts": _mounts(spec, shared),
        "StopGracePeriod": int(grace * NANOSECONDS),
    }
    if spec.entrypoint:
        found["Command"] = _words("entrypoint", spec.entrypoint)
    if spec.command:
        found["Args"] = _words("run_command", spec.command)
    if options.get("net") != "host":
        found["Hostname"] = literal(_hostname(spec))
    for key, option, write in _CONTAINER:
        if value := options.get(option):
            found[key] = write(value)
    dns = {"Nameservers": options.get("dns"), "Search": options.get("dns_search")}
    if any(dns.values()):
        found["DNSConfig"] = {key: value for key, value in dns.items() if value}
    return found


def _hostname(spec: ContainerSpec) -> str:
    """With its domain: Swarm has no field for that. Linux takes 64 characters."""
    name = spec.options.get("hostname") or spec.name
    domain = spec.options.get("domainname")
    return (f"{name}.{domain}" if domain else str(name))[:64]


def _words(field: str, text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise EngineError(f"{field}: cannot be split into words: {error}") from None


def _resources(options: Mapping[str, Any]) -> Spec:
    memory = options.get("memory")
    return {"Limits": {"MemoryBytes": memory * _MB}} if memory else {}


def _constraints(spec: ContainerSpec) -> list[str]:
    if spec.pinned:
        return [f"node.id=={spec.node}"]
    return [f"node.labels.{tag_label(tag)}==true" for tag in spec.tags]


def _networks(spec: ContainerSpec) -> list[Spec]:
    """Plain names on the network of its stack, ``web.stack`` on its namespace's; what
    has no stack is on its namespace's only."""
    wanted: dict[str, list[str]] = {name: [] for name in network_names(spec)}
    home = network_name(spec.namespace, spec.stack)
    suffix = f".{spec.stack}" if spec.stack else ""
    for alias in dict.fromkeys(spec.aliases):
        far = suffix and alias.endswith(suffix)
        wanted[network_name(spec.namespace, None) if far else home].append(alias)
    return [{"Target": name, "Aliases": aliases} for name, aliases in wanted.items()]


def network_names(spec: ContainerSpec) -> list[str]:
    """The overlay networks that must be there for a container."""
    if spec.options.get("net") == "host":
        return []
    home = network_name(spec.namespace, spec.stack)
    return list(dict.fromkeys((home, network_name(spec.namespace, None))))


def networks_of(service: Mapping[str, Any]) -> set[str]:
    """The same of a service that is there."""
    labels = service["Spec"]["Labels"]
    namespace, stack = labels.get(_NAMESPACE, ""), labels.get(_STACK) or None
    return {network_name(namespace, stack), network_name(namespace, None)}


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
            # Swarm would take them all and serve the last.
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
            # As docker run -v does; Engines before 23 drop it: then it must be there.
            "BindOptions": {"CreateMountpoint": True},
        }
    if mount.volume is None:
        return found | {"Type": "volume"}
    return found | {
        "Type": "volume",
        "Source": literal(volume_name(mount.volume)),
        "VolumeOptions": {"Labels": {CONTAINER: spec.uuid}},
    }


# --- changes ------------------------------------------------------------------------


def is_stopped(spec: Mapping[str, Any]) -> bool:
    """Whether a service is one that shall not run."""
    return STOPPED in _constraints_of(spec)


def _constraints_of(spec: Mapping[str, Any]) -> list[str]:
    placement = spec["TaskTemplate"].get("Placement") or {}
    return list(placement.get("Constraints") or ())


def pinned_to(spec: Mapping[str, Any]) -> str | None:
    """The node that a service is pinned to."""
    for constraint in _constraints_of(spec):
        if constraint.startswith("node.id=="):
            return constraint.removeprefix("node.id==")
    return None


def never_restarts(spec: Mapping[str, Any]) -> bool:
    return bool(spec["TaskTemplate"]["RestartPolicy"]["Condition"] == "none")


def stopped(spec: Spec) -> Spec:
    """The spec of the same service, not to run."""
    others = [c for c in _constraints_of(spec) if c != STOPPED]
    return _placed(spec, [*others, STOPPED])


def started(spec: Spec) -> Spec:
    """The spec of the same service, to run anew."""
    again = _placed(spec, [c for c in _constraints_of(spec) if c != STOPPED])
    task = again["TaskTemplate"]
    task["ForceUpdate"] = task.get("ForceUpdate", 0) + 1
    return again | {"Mode": {"Replicated": {"Replicas": 1}}}


def _placed(spec: Spec, constraints: Sequence[str]) -> Spec:
    task = spec["TaskTemplate"]
    placement = {**(task.get("Placement") or {}), "Constraints": list(constraints)}
    return spec | {"TaskTemplate": task | {"Placement": placement}}
