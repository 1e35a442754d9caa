"""The keys of a service in a stack file, and their API fields.

``wire.service_fields`` has the names of the keys; this module adds how the value of a
key is read and written.

Source: Docker Cloud stack file reference; Docker Cloud API reference, "Services".
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

from ..exceptions import StackFileError
from ..wire.service_fields import (
    BY_NAME,
    FIELDS,
    SYNONYMS,
    Kind,
    Part,
    ServiceField,
)
from . import files, long_forms, policies, values
from .forms import api_value
from .objects import reader_of

__all__ = [
    "API_KEYS",
    "READ_KEYS",
    "STACK_KEYS",
    "field_of",
    "to_api",
    "to_stackfile",
    "unsupported",
]


# --- the table ----------------------------------------------------------------------


def _same(value: Any) -> Any:
    return value


def _as_size(value: Any) -> Any:
    return f"{value}m"


def _as_names(value: Any) -> Any:
    return [tag["name"] if isinstance(tag, Mapping) else tag for tag in value]


def _as_word(words: Mapping[str, str]) -> values.Reader:
    """Return a writer of the words of the API as those of the stack file."""
    return lambda value: words.get(value, value)


class _Key(NamedTuple):
    """The API field of a stack-file key, and the reader and writer of the values."""

    field: ServiceField
    read: values.Reader
    write: values.Reader = _same


#: Kinds of fields of which several keys may add to the value.
_COLLECTED = frozenset({Kind.PORTS, Kind.ENVVARS, Kind.LINKS, Kind.BINDINGS})

_BY_KIND: Mapping[Kind, values.Reader] = {
    Kind.IMAGE: values.filled,
    Kind.TEXT: values.text_of,
    Kind.COMMAND: values.command,
    Kind.MAC_ADDRESS: values.mac_address,
    Kind.FLAG: values.boolean,
    Kind.INTEGER: values.count,
    Kind.MEGABYTES: values.megabytes,
    Kind.TEXTS: values.each(values.filled),
    Kind.HOSTS: values.extra_hosts,
    Kind.LABELS: values.labels,
    Kind.TAGS: values.tags,
    Kind.ENVVARS: values.environment,
    Kind.LINKS: values.each(values.link),
    Kind.HEALTHCHECK: policies.healthcheck,
    Kind.FILES: files.file_mounts,
}
_BY_KEY: Mapping[str, values.Reader] = {
    "restart": values.restart,
    "ports": long_forms.ports,
    "expose": values.ports(published=False),
    "volumes": long_forms.volumes,
    "volumes_from": values.each(values.volumes_from),
    "update_config": policies.update_config,
    "rollback_config": policies.rollback_config,
}
#: Kinds that the table describes part by part.
_BY_PARTS = frozenset(
    {Kind.OBJECT, Kind.OBJECTS, Kind.PAIRS, Kind.DURATION, Kind.NUMBER}
)
_WRITERS: Mapping[Kind, values.Reader] = {
    Kind.MEGABYTES: _as_size,
    Kind.TAGS: _as_names,
    Kind.FILES: files.exported,
}


def _object(value: Any) -> Any:
    if not isinstance(value, Mapping):
        raise ValueError("must be a mapping")
    return value


def _without_unset(part: Part, value: Any) -> Any:
    """Return a value of a described kind without the parts that have no value."""
    if part.kind is Kind.OBJECTS:
        return [_set_parts(part, item) for item in value]
    return _set_parts(part, value) if part.kind is Kind.OBJECT else value


def _set_parts(part: Part, value: Mapping[str, Any]) -> dict[str, Any]:
    return {
        inner.name: _without_unset(inner, value[inner.name])
        for inner in part.parts
        if value.get(inner.name) not in (None, [], {})
    }


def _key(field: ServiceField, name: str) -> _Key:
    """Return the entry of the key *name* of a stack file, which sets *field*."""
    words = {word: api for api, word in field.words.items()}
    match field.kind:
        case Kind.CHOICE:
            read = _BY_KEY.get(name) or values.one_of(words)
            return _Key(field, read, _as_word(field.words))
        case Kind.CHOICES:
            return _Key(field, values.each(values.one_of(words)))
        case Kind.JSON:
            return _Key(field, _object)
        case kind if kind in _BY_PARTS or field.pattern:
            return _Key(field, reader_of(field), partial(_without_unset, field))
        case Kind.INTEGER if field.bounds[0] < 0:
            return _Key(field, reader_of(field))
        case kind:
            read = _BY_KEY.get(name) or _BY_KIND[kind]
            return _Key(field, read, _WRITERS.get(kind, _same))


_KEYS: Mapping[str, _Key] = {
    name: _key(field, name) for field in FIELDS for name in field.stack_keys
}
# Real files use the API's name with the words of the stack file.
_READ_ALSO = {"autorestart": _KEYS["restart"]}

#: The keys of a service in a stack file.
STACK_KEYS = frozenset(_KEYS)
#: The keys of a service that are read as in a stack file.
READ_KEYS = STACK_KEYS.union(_READ_ALSO)
#: The fields of the API that a definition may set, with their synonyms.
API_KEYS = frozenset(BY_NAME).union(SYNONYMS)


def field_of(key: str) -> str:
    """Return the name of the API field that a valid key of a stack file sets."""
    entry = _KEYS.get(key) or _READ_ALSO.get(key)
    return entry.field.name if entry else SYNONYMS.get(key, key)


_INSTEAD = {
    "build": "images are not built here; build and push one, and use its name as image",
    "container_name": "containers are named after their service",
    "cpuset_cpus": "use cpuset",
    "depends_on": "use links",
    "deploy": "use target_num_containers, restart, restart_policy, placement, cpus,"
    " mem_limit, cpu_reservation, mem_reservation and deployment_strategy",
    "dockerfile": "images are not built here; use the name of one as image",
    "env_file": "use environment",
    "extends": "write the keys out, or use YAML anchors",
    "external_links": "use links; a service of another stack is service.stack:alias",
    "network_mode": "use net",
    "scale": "use target_num_containers",
}


def unsupported(key: Any) -> str:
    """Return why a key of Compose is not supported, empty for every other key."""
    why = _INSTEAD.get(key)
    return f"this key is not supported: {why}" if why else ""


def _unknown(key: Any) -> str:
    if why := unsupported(key):
        return why
    known = sorted(STACK_KEYS)
    close = difflib.get_close_matches(str(key).lower().replace("-", "_"), known)
    meant = f"did you mean {' or '.join(close)}? " if close else ""
    return f"unknown key; {meant}Allowed: {', '.join(known)}"


# --- both directions ----------------------------------------------------------------


def to_api(
    service_name: str, keys: Mapping[str, Any], *, file: str = ""
) -> dict[str, Any]:
    """Return the stack-file keys of one service as the API's JSON.

    Stack-file keys and API fields may be mixed. Fields that only the API has may have
    values in the form of stack files (``container_ports: ["8080:80"]``); values in the
    API's form stay unchanged, for the server to check, as does ``null``. A key that
    only stack files have is left out when it has no value. No key is required, not even
    ``image``. :func:`~aiodockercloud.stackfile.parse` replaces variables, this function
    does not.

    Args:
        service_name: The name of the service, for messages only.
        keys: The keys with the values of a YAML or JSON parser; not changed.
        file: The path of the file, for messages only.

    Returns:
        The given fields: ``{"image": str, "run_command": str, "container_ports":
        [{"protocol": "tcp", "inner_port": 80, "outer_port": 80 or None, "published":
        True}], "container_envvars": [{"key": …, "value": …}], "linked_to_service":
        [{"to_service": …, "name": …}], "bindings": [{"host_path": …,
        "container_path": …, "rewritable": …} or {"volumes_from": …, "rewritable": …}],
        "tags": [{"name": …}], "memory": MB, …}``.

    Raises:
        StackFileError: A key is unknown or not supported, a value is not possible, or
            two keys (``restart`` and ``autorestart``) contradict each other.

    Source:
        Docker Cloud API reference, "Services", "Create a new service".
    """
    found: dict[str, Any] = {}
    origin: dict[str, str] = {}
    collected: dict[str, list[Any]] = {}

    for key, value in keys.items():
        try:
            entry = _KEYS.get(key) or _READ_ALSO.get(key)
            field = entry.field.name if entry else key
            if field not in API_KEYS:
                raise ValueError(_unknown(key))
            if value is None and key == "image":
                raise ValueError("must name an image, the value is empty")
            if value is None and key != field:
                continue
            if entry and value is not None:
                value = entry.read(value)
            elif entry is None:
                value = api_value(key, value)
            if entry and entry.field.kind in _COLLECTED and key != field:
                collected.setdefault(field, []).extend(value or ())
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
    """Return the keys of a stack file for a service of the API, without defaults.

    Args:
        service_api: The service. Links and ``volumes_from`` must have names of services
            (or ``name.stack``), which the caller has put in the place of URIs.

    Returns:
        The keys: ``{"image": …, "command": …, "ports": ["80:80"], "links":
        ["db:mysql"], "environment": {…}, "restart": "always", "mem_limit": "128m",
        …}``.
        ``to_api`` translates the keys back to the same definition. A ``$`` is not
        doubled.

    Source:
        Docker Cloud API reference, "Stacks", "Export an existing stack".
    """
    service = {
        **service_api,
        "image": service_api.get("image") or service_api.get("image_name"),
    }
    for synonym, field in SYNONYMS.items():
        service[field] = service.get(field) or service.get(synonym)
    parts = _exported_parts(service)
    found: dict[str, Any] = {}
    for name, key in _KEYS.items():
        if key.field.kind in _COLLECTED:
            if parts[name]:
                found[name] = parts[name]
            continue
        value = service.get(key.field.name)
        if value is None or value in ("", [], {}) or value == key.field.default:
            continue
        if name != key.field.stack_keys[0]:
            continue
        if key.field.may_be_unset and not value:
            continue
        found[name] = key.write(value)
    if (nickname := service.get("nickname")) and nickname != service.get("name"):
        found["nickname"] = nickname
    return found


def _exported_parts(service: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys whose values derive from the API's lists of objects."""
    ports: list[Any] = []
    expose: list[str] = []
    volumes: list[Any] = []
    volumes_from: list[str] = []
    for port in service.get("container_ports") or ():
        protocol = port.get("protocol") or "tcp"
        inner = f"{port['inner_port']}{'' if protocol == 'tcp' else f'/{protocol}'}"
        outer = port.get("outer_port")
        if long := long_forms.written_port(port):
            ports.append(long)
        elif outer or port.get("published"):
            ports.append(f"{outer}:{inner}" if outer else inner)
        else:
            expose.append(inner)
    for binding in service.get("bindings") or ():
        mode = ":ro" if binding.get("rewritable") is False else ""
        if source := binding.get("volumes_from"):
            volumes_from.append(f"{source}{mode}")
        elif long := long_forms.written_volume(binding):
            volumes.append(long)
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
