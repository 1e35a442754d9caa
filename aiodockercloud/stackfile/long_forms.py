"""Readers and writers of ports and volumes that are mappings, and not one text each.

The keys are those of the API (``inner_port``), or of Compose (``target``).

Source: Compose file reference, the long syntax of ``ports`` and ``volumes``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..wire.service_fields import BINDING_SINCE, HOST, INGRESS
from . import values

__all__ = ["ports", "volumes", "written_port", "written_volume"]


def _each(
    read: values.Reader, read_mapping: Callable[[Mapping[str, Any]], dict[str, Any]]
) -> values.Reader:
    """Return a reader of lists of texts, which *read* reads, and of mappings."""

    def convert(value: Any) -> list[dict[str, Any]]:
        items = values.items_of(value)
        if not any(isinstance(item, Mapping) for item in items):
            found: list[dict[str, Any]] = read(value)
            return found
        found = []
        for number, item in enumerate(items, 1):
            if not isinstance(item, Mapping):
                found += read([item])
                continue
            try:
                found.append(read_mapping(item))
            except ValueError as error:
                raise ValueError(f"item {number} of the list: {error}") from None
        return found

    return convert


def _checked(item: Mapping[str, Any], *known: str) -> None:
    if unknown := item.keys() - {*known}:
        raise ValueError(
            "is a mapping; put quotes around the item, write no space after the"
            f" colon, or use the keys {', '.join(known)} instead of"
            f" {', '.join(sorted(map(str, unknown)))}"
        )


_MODES = {HOST: HOST, INGRESS: INGRESS}


def _port(item: Mapping[str, Any]) -> dict[str, Any]:
    if "inner_port" in item:
        return dict(item)  # for the server to check
    _checked(item, "target", "published", "protocol", "mode")
    if item.get("target") is None:
        raise ValueError("target: is missing")
    published = item.get("published")
    text = f"{published}:{item['target']}" if published else f"{item['target']}"
    (port,) = values.ports(published=True)(f"{text}/{item.get('protocol') or 'tcp'}")
    # Compose publishes on all nodes unless the file states another mode.
    mode = values.one_of(_MODES)(item.get("mode") or INGRESS)
    return {**port, "mode": mode}


def _volume(item: Mapping[str, Any]) -> dict[str, Any]:
    if "container_path" in item:
        keys = ("host_path", "container_path", "rewritable", *BINDING_SINCE)
        _checked(item, *keys)
        found = dict(item)
        if "rewritable" in item:
            found["rewritable"] = values.boolean(item["rewritable"])
        return found
    _checked(item, "type", "source", "target", "read_only")
    kind, source = values.filled(item.get("type") or "volume"), item.get("source")
    if kind not in ("bind", "volume"):
        raise ValueError(
            f"type: {kind[:60]} is not possible; allowed: bind, volume; the key tmpfs"
            " mounts memory"
        )
    if item.get("target") is None:
        raise ValueError("target: is missing")
    found = {
        "host_path": values.filled(source) if kind == "bind" else None,
        "container_path": values.filled(item["target"]),
        "rewritable": not values.boolean(item.get("read_only") or False),
    }
    if kind == "volume" and source is not None:
        found["volume_name"] = values.filled(source)
    return found


#: Reads the key ``ports``.
ports: values.Reader = _each(values.ports(published=True), _port)
#: Reads the key ``volumes``.
volumes: values.Reader = _each(values.each(values.volume), _volume)


def written_port(port: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return a port as a mapping, ``None`` if one text has all of the port."""
    if port.get("mode", HOST) == HOST:
        return None
    found = {"target": port["inner_port"], "published": port.get("outer_port")}
    found |= {"protocol": port.get("protocol") or "tcp", "mode": port["mode"]}
    return {key: value for key, value in found.items() if value is not None}


def written_volume(binding: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return a volume as a mapping, ``None`` if one text has all of the volume."""
    if not any(binding.get(key) for key in BINDING_SINCE):
        return None
    found = {key: binding[key] for key in BINDING_SINCE if binding.get(key)}
    found["container_path"] = binding["container_path"]
    if binding.get("rewritable") is False:
        found["rewritable"] = False
    return found
