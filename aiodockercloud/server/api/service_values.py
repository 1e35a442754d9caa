"""Checks of the values of services that are objects: variables, ports, links, volumes.

Source: Docker Cloud API reference, "Services".
"""

from __future__ import annotations

import re
from typing import Any

from ...exceptions import BadRequest
from ...wire.service_fields import BINDING_SINCE, HOST, INGRESS
from .fields import (
    choice,
    flag,
    integer,
    listing,
    mapping,
    optional,
    rendered,
    required_text,
    text,
    unknown,
)


def envvar(place: str, value: Any) -> dict[str, str]:
    """Parse ``{"key": …, "value": …}``; numbers and booleans become texts."""
    if not isinstance(value, dict):
        # Without the value, which may be a secret.
        raise BadRequest(f'{place}: must be an object, {{"key": "A", "value": "1"}}')
    item = value
    if extra := unknown(item, "key", "value", "origin"):
        raise BadRequest(f"{place}: must have key and value, not {extra}")
    key = required_text(f"{place}.key", item.get("key"))
    if "=" in key:
        raise BadRequest(f"{place}.key: must not contain =")
    content = item.get("value")
    if content is None:
        content = ""
    if isinstance(content, bool):
        content = "true" if content else "false"
    if isinstance(content, int | float):
        content = str(content)
    return {"key": key, "value": text(f"{place}.value", content)}


def envvars(place: str, value: Any) -> list[dict[str, str]]:
    """Parse a list of variables; the last value of a key wins."""
    if isinstance(value, str):
        raise BadRequest(f"{place}: must be a list of objects with key and value")
    by_key = {item["key"]: item for item in listing(envvar)(place, value)}
    return list(by_key.values())


_PORT = integer(1, 65535)


def port(place: str, value: Any) -> dict[str, Any]:
    """Parse one of ``container_ports``.

    An outer port of 0, which the Go client sends, is no outer port. A port with an
    outer port, or with the mode ``ingress``, is published.
    """
    item = mapping(place, value, '{"inner_port": 80, "outer_port": 8080}')
    known = {"protocol", "inner_port", "outer_port", "published", "mode"}
    read_only = {"port_name", "uri_protocol", "endpoint_uri", "container"}
    if extra := unknown(item, *known, *read_only):
        raise BadRequest(
            f"{place}: there is no field {extra}; fields are {', '.join(sorted(known))}"
        )
    if item.get("inner_port") is None:
        raise BadRequest(f"{place}.inner_port: is missing, give 1 to 65535")
    outer = optional(_PORT, unset=(None, 0, "0", ""))(
        f"{place}.outer_port", item.get("outer_port")
    )
    mode = choice(HOST, INGRESS)(f"{place}.mode", item.get("mode") or HOST)
    return {
        "protocol": choice("tcp", "udp")(
            f"{place}.protocol", item.get("protocol") or "tcp"
        ),
        "inner_port": _PORT(f"{place}.inner_port", item["inner_port"]),
        "outer_port": outer,
        "published": flag(f"{place}.published", item.get("published"))
        or outer is not None
        or mode == INGRESS,
        **({} if mode == HOST else {"mode": mode}),
    }


_LINK_NAME = re.compile(r"[A-Za-z0-9_.-]{1,128}")


def _link_name(place: str, value: Any) -> str:
    alias = required_text(place, value)
    if not _LINK_NAME.fullmatch(alias):
        # The alias becomes part of the names of variables.
        raise BadRequest(
            f"{place}: must be letters, digits, -, _ and ., at most 128, not"
            f" {rendered(value)}"
        )
    return alias


def link(place: str, value: Any) -> dict[str, Any]:
    """Parse ``{"to_service": URI, uuid or name, "name": alias}``, unresolved."""
    item = mapping(place, value, '{"to_service": "db", "name": "alias"}')
    if extra := unknown(item, "to_service", "name", "from_service"):
        raise BadRequest(
            f"{place}: there is no field {extra}; fields are to_service, name"
        )
    return {
        "to_service": required_text(f"{place}.to_service", item.get("to_service")),
        "name": optional(_link_name, unset=(None, ""))(
            f"{place}.name", item.get("name")
        ),
    }


_VOLUME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{1,127}")


def binding(place: str, value: Any) -> dict[str, Any]:
    """Parse a volume.

    A volume has ``container_path``, with or without ``host_path``, or has
    ``volumes_from``, which names another service. ``volume_name`` is the name of a
    volume in Docker, which no container owns; ``volume_driver`` and
    ``volume_options`` create a volume that does not exist. Keys of volumes that the
    hosted API did not have are left out without a value.
    """
    item = mapping(place, value, '{"host_path": "/host", "container_path": "/data"}')
    known = (
        *("host_path", "container_path", "rewritable", "volumes_from"),
        *BINDING_SINCE,
    )
    if extra := unknown(item, *known, "volume"):
        raise BadRequest(
            f"{place}: there is no field {extra}; fields are {', '.join(known)}"
        )
    paths = {
        key: optional(required_text, unset=(None, ""))(f"{place}.{key}", item.get(key))
        for key in (
            *("host_path", "container_path", "volumes_from"),
            *("volume_name", "volume_driver"),
        )
    }
    options = pairs(f"{place}.volume_options", item.get("volume_options"))
    volume = {key: paths[key] for key in ("volume_name", "volume_driver")}
    volume["volume_options"] = options
    if (paths["volumes_from"] is None) == (paths["container_path"] is None):
        raise BadRequest(f"{place}: must have either container_path or volumes_from")
    if paths["volumes_from"] is not None and paths["host_path"] is not None:
        raise BadRequest(f"{place}: volumes_from takes no host_path")
    if paths["volumes_from"] is not None or paths["host_path"] is not None:
        for key in ("volume_name", "volume_driver"):
            if paths[key] is not None:
                raise BadRequest(
                    f"{place}.{key}: only for a volume with neither"
                    " host_path nor volumes_from"
                )
    if options and paths["volume_driver"] is None:
        raise BadRequest(
            f"{place}.volume_options: also give volume_driver, such as local"
        )
    if paths["volume_name"] is not None and not _VOLUME.fullmatch(paths["volume_name"]):
        raise BadRequest(
            f"{place}.volume_name: must be letters, digits, _, . and -, at least two"
        )
    for key in ("host_path", "container_path"):
        if paths[key] is not None and not paths[key].startswith("/"):
            raise BadRequest(f"{place}.{key}: must be an absolute path")
    rewritable = item.get("rewritable")
    return {
        "host_path": paths["host_path"],
        "container_path": paths["container_path"],
        "rewritable": True
        if rewritable is None
        else flag(f"{place}.rewritable", rewritable),
        "volumes_from": paths["volumes_from"],
        **{key: value for key, value in volume.items() if value},
    }


def pairs(place: str, value: Any) -> dict[str, str]:
    """Parse ``{"key": "value"}``; numbers and booleans become texts."""
    if value is None:
        return {}
    found = {}
    for key, item in mapping(place, value).items():
        inner = f"{place}.{required_text(place, key)}"
        if isinstance(item, bool):
            item = "true" if item else "false"
        elif isinstance(item, int | float):
            item = str(item)
        found[key] = text(inner, "" if item is None else item)
    return found
