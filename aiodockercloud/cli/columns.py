"""The columns of tables, by kind of object."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .output import Columns

__all__ = ["ACTIONS", "BY_KIND", "EVENTS", "NODES", "services", "short"]

#: Characters of a uuid in a table: enough for ``find``.
_SHORT = 8

Objects = Mapping[str, Mapping[str, Any]]


def short(uri: object) -> str:
    """Return the first characters of the uuid of an object, from its URI or uuid."""
    return str(uri or "").rstrip("/").rpartition("/")[2][:_SHORT]


def _name(uri: object, objects: Objects) -> str:
    """Return the name of an object if the object is known, else of its uuid a part."""
    found = objects.get(str(uri))
    return str(found["name"]) if found else short(uri)


def _ports(found: Mapping[str, Any]) -> str:
    texts = []
    for port in found.get("container_ports") or ():
        inner = f"{port.get('inner_port')}/{port.get('protocol') or 'tcp'}"
        outer = port.get("outer_port") if port.get("published") else None
        texts.append(f"{outer}->{inner}" if outer else inner)
    return ", ".join(texts)


def _health(found: Mapping[str, Any]) -> object:
    return found.get("health")


def services(stacks: Objects) -> Columns:
    """Return the columns of services, with the names of their stacks."""
    return {
        "NAME": lambda one: one["name"],
        "STACK": lambda one: _name(one.get("stack"), stacks),
        "STATE": lambda one: one["state"],
        "HEALTH": _health,
        "RUNNING": lambda one: (
            f"{one.get('running_num_containers')}/{one.get('target_num_containers')}"
        ),
        "IMAGE": lambda one: one.get("image_name"),
        "PORTS": _ports,
        "UUID": lambda one: short(one["uuid"]),
    }


_STACKS: Columns = {
    "NAME": lambda one: one["name"],
    "STATE": lambda one: one["state"],
    "SERVICES": lambda one: len(one.get("services") or ()),
    "UUID": lambda one: short(one["uuid"]),
}
_CONTAINERS: Columns = {
    "NAME": lambda one: one["name"],
    "STATE": lambda one: one["state"],
    "HEALTH": _health,
    "EXIT": lambda one: one.get("exit_code"),
    "IMAGE": lambda one: one.get("image_name"),
    "NODE": lambda one: short(one.get("node")),
    "PORTS": _ports,
    "UUID": lambda one: short(one["uuid"]),
}
NODES: Columns = {
    "UUID": lambda one: short(one["uuid"]),
    "NAME": lambda one: one.get("nickname"),
    "STATE": lambda one: one["state"],
    "CONTAINERS": lambda one: one.get("current_num_containers"),
    "CPUS": lambda one: one.get("cpu"),
    "MEMORY MB": lambda one: one.get("memory"),
    "DOCKER": lambda one: one.get("docker_version"),
    "TAGS": lambda one: ", ".join(tag["name"] for tag in one.get("tags") or ()),
}
_NODECLUSTERS: Columns = {
    "NAME": lambda one: one["name"],
    "STATE": lambda one: one["state"],
    "NODES": lambda one: (
        f"{one.get('current_num_nodes')}/{one.get('target_num_nodes')}"
    ),
    "UUID": lambda one: short(one["uuid"]),
}
ACTIONS: Columns = {
    "UUID": lambda one: short(one["uuid"]),
    "ACTION": lambda one: one.get("action"),
    "OBJECT": lambda one: short(one.get("object")),
    "STATE": lambda one: one["state"],
    "STARTED": lambda one: one.get("start_date"),
    "ENDED": lambda one: one.get("end_date"),
}
EVENTS: Columns = {
    "TIME": lambda one: one.get("datetime"),
    "TYPE": lambda one: one.get("type"),
    "ACTION": lambda one: one.get("action"),
    "OBJECT": lambda one: short(one.get("resource_uri")),
    "STATE": lambda one: one.get("state"),
    "HEALTH": _health,
}
BY_KIND: Mapping[str, Columns] = {
    "service": services({}),
    "stack": _STACKS,
    "container": _CONTAINERS,
    "node": NODES,
    "nodecluster": _NODECLUSTERS,
    "action": ACTIONS,
}


def fields(one: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the fields of an object as rows, for a table of one object."""
    return [
        {"name": key, "value": value if isinstance(value, str) else json.dumps(value)}
        for key, value in one.items()
    ]
