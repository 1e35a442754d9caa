"""Stack files as Compose files.

The values stay as the file spells them where Compose has the same form. A value may
have variables.

Source: Compose file reference (the Compose Specification).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..exceptions import StackFileError
from ..wire.service_fields import BY_NAME, FIELDS, Kind
from . import long_forms, values
from .compose_keys import CONDITIONS, DEPLOY_PATHS, LOST_IN_COMPOSE, SAME
from .keys import field_of, to_api, to_stackfile
from .natives import duration, native
from .remarks import Remark
from .variables import has_variables

__all__ = ["UNREADABLE", "WRITERS", "written_compose"]

Keys = dict[str, Any]
#: The errors of a value with a part of another form.
UNREADABLE = (StackFileError, ValueError, LookupError, AttributeError, TypeError)

_KINDS = {key: row.kind for row in FIELDS for key in row.stack_keys}
_PLACES = {key: path for path, key in DEPLOY_PATHS.items()}


def written_compose(
    services: Mapping[str, Mapping[str, Any]],
) -> tuple[Keys, list[Remark]]:
    """Return the content of a Compose file, and what Compose cannot express.

    Args:
        services: The keys of a stack file by the name of the service; all of them are
            valid.
    """
    remarks: list[Remark] = []
    file = _File()
    for name, keys in services.items():
        writer = _Service(name, file, remarks)
        for key, value in keys.items():
            writer.write(key, value, keys)
        file.services[name] = writer.found
    return file.content(), remarks


class _File:
    """The sections of a Compose file."""

    def __init__(self) -> None:
        self.services: Keys = {}
        self.sections: dict[str, Keys] = {
            section: {} for section in ("networks", "volumes", "secrets", "configs")
        }

    def content(self) -> Keys:
        used = {name: items for name, items in self.sections.items() if items}
        return {"services": self.services, **used}


class _Service:
    """Writes the keys of one service."""

    def __init__(self, name: str, file: _File, remarks: list[Remark]) -> None:
        self.name = name
        self.file = file
        self.remarks = remarks
        self.found: Keys = {}

    def write(self, key: str, value: Any, keys: Mapping[str, Any]) -> None:
        """Write one key of the stack file; *keys* are all keys of the service."""
        try:
            self._write(key, value, keys)
        except UNREADABLE:
            # What is checked before are neither variables nor values of the API's form.
            self.lose(key, "has a part whose form Compose does not have")

    def _write(self, key: str, value: Any, keys: Mapping[str, Any]) -> None:
        if key in LOST_IN_COMPOSE:
            if not _is_default(key, value):
                self.lose(key, LOST_IN_COMPOSE[key])
        elif writer := WRITERS.get(key):
            writer(self, value, keys)
        elif path := _PLACES.get(key):
            self.set(path, _plain(key, value))
        else:
            assert key in SAME, key  # A test compares the tables with the fields.
            self.set((key,), _plain(key, value))

    def set(self, path: Sequence[str], value: Any) -> None:
        below = self.found
        for part in path[:-1]:
            below = below.setdefault(part, {})
        below[path[-1]] = value

    def lose(self, key: str, why: str, item: int | None = None) -> None:
        path = (self.name, key) if item is None else (self.name, key, item)
        self.remarks.append(Remark(path, why))


def _is_default(key: str, value: Any) -> bool:
    if has_variables(value):
        return False
    row = BY_NAME[field_of(key)]
    return to_api("", {key: value})[row.name] in (row.default, "", [], {})


# --- values that both layouts have ----------------------------------------------------


def _plain(key: str, value: Any) -> Any:
    """Return a value with the types of Compose: numbers, booleans, lists."""
    kind = _KINDS[key]
    if kind in (Kind.ENVVARS, Kind.LABELS):
        return _pairs(value, empty="" if kind is Kind.LABELS else None)
    if kind is Kind.TEXTS:
        return values.items_of(value)
    if kind is Kind.HOSTS:
        return dict(value) if isinstance(value, Mapping) else values.items_of(value)
    if kind in (Kind.OBJECTS, Kind.PAIRS) and not has_variables(value):
        return _canonical(key, value)
    if kind in (Kind.HEALTHCHECK, Kind.ROLLOUT):
        return _policy(value)
    if kind is Kind.DURATION:
        return duration(value)
    if kind is Kind.FLAG and not has_variables(value):
        return values.boolean(value)
    if kind in (Kind.INTEGER, Kind.NUMBER):
        return native(value)
    return value


_DURATIONS = frozenset(
    {
        *("interval", "timeout", "start_period", "start_interval"),
        *("delay", "monitor", "window"),
    }
)


def _policy(value: Mapping[str, Any]) -> Keys:
    """Return a health check or a policy; parts without a value are left out."""
    found: Keys = {}
    for name, item in value.items():
        if name in _DURATIONS and item is not None:
            found[name] = duration(item)
        elif item is not None:
            found[name] = item if name == "test" else native(item)
    return found


def _pairs(value: Any, empty: Any) -> Any:
    """Return environment or labels in a form that Compose has, too."""
    items = value if isinstance(value, list) else []
    if items and not any(isinstance(item, Mapping) for item in items):
        return items
    found = values.environment_of(value)
    return {name: empty if text is None else text for name, text in found.items()}


def _canonical(key: str, value: Any) -> Any:
    """Return a value in the form of an exported stack file."""
    return to_stackfile(to_api("", {key: value})).get(key)


# --- values that Compose has elsewhere, or in another form ----------------------------


def _target(service: _Service, value: Any, keys: Mapping[str, Any]) -> None:
    if keys.get("mode") != "job":
        service.set(("deploy", "replicas"), native(value))


def _completions(service: _Service, value: Any, keys: Mapping[str, Any]) -> None:
    service.set(("deploy", "replicas"), native(value))


def _mode(service: _Service, value: Any, keys: Mapping[str, Any]) -> None:
    if value == "job":
        service.set(("deploy", "mode"), "replicated-job")


def _strategy(service: _Service, value: Any, keys: Mapping[str, Any]) -> None:
    word = str(value).lower()
    if word == "every_node":
        service.set(("deploy", "mode"), "global")
        service.found["deploy"].pop("replicas", None)
    elif word == "high_availability":
        service.lose(
            "deployment_strategy",
            "Swarm spreads containers by itself; Compose has one node only",
        )


def _restart(service: _Service, value: Any, keys: Mapping[str, Any]) -> None:
    if not keys.get("restart_policy"):
        service.set(("restart",), _restart_word(value))


def _restart_word(value: Any) -> str:
    if has_variables(value):
        return str(value)
    return BY_NAME["autorestart"].words[values.restart(value)]


def _restart_policy(service: _Service, value: Any, keys: Mapping[str, Any]) -> None:
    word = _restart_word(keys.get("restart") or "no")
    condition = {restart: name for name, restart in CONDITIONS.items()}.get(word, word)
    policy = {"condition": condition, **_policy(value)}
    service.set(("deploy", "restart_policy"), policy)


def _net(service: _Service, value: Any, keys: Mapping[str, Any]) -> None:
    if value != "bridge":
        service.set(("network_mode",), value)


def _pid(service: _Service, value: Any, keys: Mapping[str, Any]) -> None:
    if value != "none":
        service.set(("pid",), value)


def _ports(service: _Service, value: Any, keys: Mapping[str, Any]) -> None:
    found: list[Any] = []
    for item in values.items_of(value):
        if not isinstance(item, Mapping):
            found.append(str(item))
            continue
        exported = to_stackfile({"container_ports": long_forms.ports([item])})
        _expose(service, exported.get("expose", []), keys)
        for port in exported.get("ports", []):
            if isinstance(port, Mapping) and "published" in port:
                port = {**port, "published": str(port["published"])}
            found.append(port)
    if found:
        service.set(("ports",), found)


def _expose(service: _Service, value: Any, keys: Mapping[str, Any]) -> None:
    ports = [str(item) for item in values.items_of(value)]
    if ports:
        service.set(("expose",), [*service.found.get("expose", []), *ports])


def _links(service: _Service, value: Any, keys: Mapping[str, Any]) -> None:
    found = []
    for number, link in enumerate(values.items_of(value)):
        if "." in str(link).partition(":")[0]:
            service.lose("links", "a service of another file cannot be linked", number)
        else:
            found.append(link)
    if found:
        service.set(("links",), found)


def _volumes_from(service: _Service, value: Any, keys: Mapping[str, Any]) -> None:
    found = []
    for number, item in enumerate(values.items_of(value)):
        if "." in str(item).partition(":")[0]:
            why = "the volumes of a service of another file cannot be shared"
            service.lose("volumes_from", why, number)
        else:
            found.append(item)
    if found:
        service.set(("volumes_from",), found)


def _volumes(service: _Service, value: Any, keys: Mapping[str, Any]) -> None:
    found = []
    for item in values.items_of(value):
        if not isinstance(item, Mapping):
            found.append(item)
            continue
        (binding,) = long_forms.volumes([item])
        mode = ":ro" if binding.get("rewritable") is False else ""
        source = binding.get("host_path")
        if name := binding.get("volume_name"):
            options = {"name": name}
            if driver := binding.get("volume_driver"):
                options["driver"] = driver
            if binding.get("volume_options"):
                options["driver_opts"] = dict(binding["volume_options"])
            service.file.sections["volumes"][name] = options
            source = name
        found.append(
            f"{source}:{binding['container_path']}{mode}"
            if source
            else (f"{binding['container_path']}{mode}")
        )
    service.set(("volumes",), found)


def _networks(service: _Service, value: Any, keys: Mapping[str, Any]) -> None:
    found: Keys = {}
    for network in to_api("", {"networks": value})["networks"]:
        name = network["name"]
        if name != "default":
            service.file.sections["networks"][name] = {"name": name}
        aliases = network["aliases"]
        found[name] = {"aliases": aliases} if aliases else None
    if any(found.values()):
        service.set(("networks",), found)
    elif found:
        service.set(("networks",), list(found))


def _files(section: str) -> Callable[[_Service, Any, Mapping[str, Any]], None]:
    def write(service: _Service, value: Any, keys: Mapping[str, Any]) -> None:
        found = _canonical(section, value) or []
        for item in found:
            source = item["source"] if isinstance(item, Mapping) else item
            service.file.sections[section][source] = {"external": True}
        service.set((section,), found)

    return write


def _tmpfs(service: _Service, value: Any, keys: Mapping[str, Any]) -> None:
    found = []
    for one in to_api("", {"tmpfs": value})["tmpfs"]:
        options = [f"size={one['size']}m"] if one["size"] else []
        options += [f"mode={one['mode']}"] if one["mode"] else []
        found.append(":".join(filter(None, [one["container_path"], ",".join(options)])))
    service.set(("tmpfs",), found)


def _ulimits(service: _Service, value: Any, keys: Mapping[str, Any]) -> None:
    found: Keys = {}
    for one in to_api("", {"ulimits": value})["ulimits"]:
        hard = one["soft"] if one["hard"] is None else one["hard"]
        found[one["name"]] = {"soft": one["soft"], "hard": hard}
    service.set(("ulimits",), found)


def _generic_resources(service: _Service, value: Any, keys: Mapping[str, Any]) -> None:
    found = []
    for one in to_api("", {"generic_resources": value})["generic_resources"]:
        amount = {"kind": one["kind"], "value": native(one["value"])}
        if isinstance(amount["value"], int):
            found.append({"discrete_resource_spec": amount})
        else:
            service.lose(
                "generic_resources", f"{one['value']} is not a number of units"
            )
    if found:
        service.set(_PLACES["generic_resources"], found)


def _placement(service: _Service, value: Any, keys: Mapping[str, Any]) -> None:
    placement = (
        dict(value) if has_variables(value) else _canonical("placement", value) or {}
    )
    platforms = placement.pop("platforms", [])
    if len(platforms) == 1:
        service.set(("platform",), "/".join(platforms[0].values()))
    elif platforms:
        service.lose("placement", "a service of Compose has one platform at most")
    if placement:
        service.set(("deploy", "placement"), placement)


def _log_driver(service: _Service, value: Any, keys: Mapping[str, Any]) -> None:
    driver = to_api("", {"log_driver": value})["log_driver"]
    found = {"driver": driver["name"]}
    if driver["options"]:
        found["options"] = driver["options"]
    service.set(("logging",), found)


#: Keys whose values have another place or form in a Compose file.
WRITERS: Mapping[str, Callable[[_Service, Any, Mapping[str, Any]], None]] = {
    "completions": _completions,
    "configs": _files("configs"),
    "deployment_strategy": _strategy,
    "expose": _expose,
    "generic_resources": _generic_resources,
    "links": _links,
    "log_driver": _log_driver,
    "logging": _log_driver,
    "mode": _mode,
    "net": _net,
    "networks": _networks,
    "pid": _pid,
    "placement": _placement,
    "ports": _ports,
    "restart": _restart,
    "restart_policy": _restart_policy,
    "secrets": _files("secrets"),
    "target_num_containers": _target,
    "tmpfs": _tmpfs,
    "ulimits": _ulimits,
    "volumes": _volumes,
    "volumes_from": _volumes_from,
}
