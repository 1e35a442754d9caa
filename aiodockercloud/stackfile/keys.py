"""The keys of a service in a stack file, and the API fields that they mean.

One table, ``_KEYS``, says for every stack-file key which API field it is, how a value
is read and how it is written back.

Source: Docker Cloud stack file reference; Docker Cloud API reference, "Services".
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, NamedTuple

from ..exceptions import StackFileError
from . import values

__all__ = ["API_KEYS", "STACK_KEYS", "to_api", "to_stackfile"]


# --- the table ----------------------------------------------------------------------


def _as_word(value: Any) -> Any:
    return str(value).lower().replace("_", "-")


def _as_size(value: Any) -> Any:
    return f"{value}m"


def _as_names(value: Any) -> Any:
    return [tag["name"] if isinstance(tag, Mapping) else tag for tag in value]


def _same(value: Any) -> Any:
    return value


class _Key(NamedTuple):
    """What a stack-file key means: its API field, both directions, the default."""

    field: str
    read: values.Reader
    default: Any = None
    write: values.Reader = _same


_names = values.each(values.filled)
_DESTROYS = {"no": "OFF", "on-success": "ON_SUCCESS", "always": "ALWAYS"}
_STRATEGIES = {
    "emptiest_node": "EMPTIEST_NODE",
    "high_availability": "HIGH_AVAILABILITY",
    "every_node": "EVERY_NODE",
}
_NETS = {"bridge": "bridge", "host": "host"}
_PIDS = {"none": "none", "host": "host"}

_KEYS: dict[str, _Key] = {
    "image": _Key("image", values.filled),
    "command": _Key("run_command", values.command),
    "entrypoint": _Key("entrypoint", values.command),
    "environment": _Key("container_envvars", values.environment),
    "ports": _Key("container_ports", values.ports(published=True)),
    "expose": _Key("container_ports", values.ports(published=False)),
    "links": _Key("linked_to_service", values.each(values.link)),
    "volumes": _Key("bindings", values.each(values.volume)),
    "volumes_from": _Key("bindings", values.each(values.volumes_from)),
    "target_num_containers": _Key("target_num_containers", values.count, 1),
    "deployment_strategy": _Key(
        "deployment_strategy", values.one_of(_STRATEGIES), "EMPTIEST_NODE", str.lower
    ),
    "sequential_deployment": _Key("sequential_deployment", values.boolean, False),
    "restart": _Key("autorestart", values.restart, "OFF", _as_word),
    "autodestroy": _Key("autodestroy", values.one_of(_DESTROYS), "OFF", _as_word),
    "autoredeploy": _Key("autoredeploy", values.boolean, False),
    "tags": _Key("tags", values.tags, write=_as_names),
    "roles": _Key("roles", values.each(values.one_of({"global": "global"}))),
    "labels": _Key("labels", values.labels),
    "privileged": _Key("privileged", values.boolean, False),
    "read_only": _Key("read_only", values.boolean, False),
    "stdin_open": _Key("stdin_open", values.boolean, False),
    "tty": _Key("tty", values.boolean, False),
    "net": _Key("net", values.one_of(_NETS), "bridge"),
    "pid": _Key("pid", values.one_of(_PIDS), "none"),
    "cap_add": _Key("cap_add", _names),
    "cap_drop": _Key("cap_drop", _names),
    "cgroup_parent": _Key("cgroup_parent", values.text_of),
    "cpu_shares": _Key("cpu_shares", values.count, 0),
    "cpuset": _Key("cpuset", values.text_of),
    "devices": _Key("devices", _names),
    "dns": _Key("dns", _names),
    "dns_search": _Key("dns_search", _names),
    "domainname": _Key("domainname", values.text_of),
    "extra_hosts": _Key("extra_hosts", values.extra_hosts),
    "hostname": _Key("hostname", values.text_of),
    "mac_address": _Key("mac_address", values.mac_address),
    "mem_limit": _Key("memory", values.megabytes, 0, _as_size),
    "memswap_limit": _Key("memory_swap", values.megabytes, 0, _as_size),
    "security_opt": _Key("security_opt", _names),
    "user": _Key("user", values.text_of),
    "working_dir": _Key("working_dir", values.text_of),
}
# Real files write the API's name for it, with the words of the stack file.
_READ_ALSO = {"autorestart": _KEYS["restart"]}

#: Fields that several keys add to; all others are one value.
_COLLECTED = frozenset(
    {"container_ports", "container_envvars", "linked_to_service", "bindings"}
)

#: The keys of a service in a stack file.
STACK_KEYS = frozenset(_KEYS)
#: The fields of the API that a definition may set. The misspelt ones are the API's own.
API_KEYS = frozenset(
    {key.field for key in _KEYS.values()}
    | {"name", "nickname", "cgroup_name", "secuirty_opt"}
)

_INSTEAD = {
    "build": "images are not built here; build and push one, and name it under image",
    "configs": "use environment, or files in the image",
    "container_name": "containers are named after their service",
    "cpuset_cpus": "use cpuset",
    "depends_on": "use links",
    "deploy": "use target_num_containers, restart, tags and deployment_strategy",
    "dockerfile": "images are not built here; name one under image",
    "env_file": "use environment",
    "extends": "write the keys out, or use YAML anchors",
    "external_links": "use links; a service of another stack is service.stack:alias",
    "network_mode": "use net",
    "networks": "all services share one private network; use links for names",
    "scale": "use target_num_containers",
    "secrets": "use environment, or volumes_from a service that holds them",
}


def _unknown(key: Any) -> str:
    if why := _INSTEAD.get(key):
        return f"this key is not supported: {why}"
    known = sorted(STACK_KEYS)
    close = difflib.get_close_matches(str(key).lower().replace("-", "_"), known)
    meant = f"did you mean {' or '.join(close)}? " if close else ""
    return f"unknown key; {meant}Allowed: {', '.join(known)}"


# --- both directions ----------------------------------------------------------------


def to_api(
    service_name: str, keys: Mapping[str, Any], *, file: str = ""
) -> dict[str, Any]:
    """One service's stack-file keys as the JSON that the API takes.

    Stack-file keys and API fields may be mixed. Fields that only the API has pass
    unchanged, for the server to check; so does ``null`` under an API field. A key that
    only stack files have counts as left out when it has no value. Nothing is required
    here, ``image`` neither, and variables are not replaced:
    :func:`~aiodockercloud.stackfile.parse` does that.

    Args:
        service_name: For messages only.
        keys: As a YAML or JSON parser left them; not changed.
        file: For messages only.

    Returns:
        ``{"image": str, "run_command": str, "container_ports": [{"protocol": "tcp",
        "inner_port": 80, "outer_port": 80 or None, "published": True}],
        "container_envvars": [{"key": …, "value": …}], "linked_to_service":
        [{"to_service": …, "name": …}], "bindings": [{"host_path": …,
        "container_path": …, "rewritable": …} or {"volumes_from": …, "rewritable": …}],
        "tags": [{"name": …}], "memory": MB, …}``, with only what was given.

    Raises:
        StackFileError: A key is unknown or not supported, a value is not possible, or
            two keys (``restart`` and ``autorestart``) contradict each other.

    Source: Docker Cloud API reference, "Services", "Create a new service".
    """
    found: dict[str, Any] = {}
    origin: dict[str, str] = {}
    collected: dict[str, list[Any]] = {}

    for key, value in keys.items():
        try:
            entry = _KEYS.get(key) or _READ_ALSO.get(key)
            field = entry.field if entry else key
            if field not in API_KEYS:
                raise ValueError(_unknown(key))
            if value is None and key == "image":
                raise ValueError("must name an image, it is empty")
            if value is None and key != field:
                continue
            if entry and value is not None:
                value = entry.read(value)
            if field in _COLLECTED and key != field:
                collected.setdefault(field, []).extend(value)
                continue
            if field in found and found[field] != value:
                raise ValueError(f"contradicts the key {origin[field]}; keep one")
        except ValueError as exc:
            raise StackFileError(str(exc), file, service_name, str(key)) from None
        found[field], origin[field] = value, key

    for field, entries in collected.items():
        given = found.get(field) or []
        if not isinstance(given, list):
            raise StackFileError("must be a list", file, service_name, field)
        if field == "container_ports":
            entries = values.settle_ports(entries)
        found[field] = [*given, *entries]
    return found


def to_stackfile(service_api: Mapping[str, Any]) -> dict[str, Any]:
    """A service of the API as the keys of a stack file; defaults are left out.

    Args:
        service_api: The service, links and ``volumes_from`` by service *name* (or
            ``name.stack``): the caller has put names for the URIs.

    Returns:
        ``{"image": …, "command": …, "ports": ["80:80"], "links": ["db:mysql"],
        "environment": {…}, "restart": "always", "mem_limit": "128m", …}``.
        ``to_api`` of it has the same meaning. A ``$`` is not doubled.

    Source: Docker Cloud API reference, "Stacks", "Export an existing stack".
    """
    service = {
        **service_api,
        "image": service_api.get("image") or service_api.get("image_name"),
        "cgroup_parent": service_api.get("cgroup_parent")
        or service_api.get("cgroup_name"),
        "security_opt": service_api.get("security_opt")
        or service_api.get("secuirty_opt"),
    }
    parts = _exported_parts(service)
    found: dict[str, Any] = {}
    for name, key in _KEYS.items():
        if key.field in _COLLECTED:
            if parts[name]:
                found[name] = parts[name]
            continue
        value = service.get(key.field)
        if value is None or value in ("", [], {}) or value == key.default:
            continue
        found[name] = key.write(value)
    if (nickname := service.get("nickname")) and nickname != service.get("name"):
        found["nickname"] = nickname
    return found


def _exported_parts(service: Mapping[str, Any]) -> dict[str, Any]:
    """The keys whose values are put together from the API's lists of objects."""
    ports, expose, volumes, volumes_from = [], [], [], []
    for port in service.get("container_ports") or ():
        protocol = port.get("protocol") or "tcp"
        inner = f"{port['inner_port']}{'' if protocol == 'tcp' else f'/{protocol}'}"
        outer = port.get("outer_port")
        if outer or port.get("published"):
            ports.append(f"{outer}:{inner}" if outer else inner)
        else:
            expose.append(inner)
    for binding in service.get("bindings") or ():
        mode = ":ro" if binding.get("rewritable") is False else ""
        if source := binding.get("volumes_from"):
            volumes_from.append(f"{source}{mode}")
        else:
            host = f"{binding['host_path']}:" if binding.get("host_path") else ""
            volumes.append(f"{host}{binding['container_path']}{mode}")
    return {
        "environment": {
            pair["key"]: pair.get("value") or ""
            for pair in service.get("container_envvars") or ()
        },
        "ports": ports,
        "expose": expose,
        "links": [
            _exported_link(link) for link in service.get("linked_to_service") or ()
        ],
        "volumes": volumes,
        "volumes_from": volumes_from,
    }


def _exported_link(link: Mapping[str, Any]) -> str:
    target: str = link["to_service"]
    alias = link.get("name") or target.partition(".")[0]
    return target if alias == target.partition(".")[0] else f"{target}:{alias}"
