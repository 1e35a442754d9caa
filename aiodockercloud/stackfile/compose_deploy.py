"""The keys of a Compose service that state how its containers are deployed.

Source: Compose file reference (the Compose Specification), ``deploy``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from . import values
from .compose_keys import CONDITIONS, DEPLOY_PATHS
from .compose_service import Service
from .documents import Path

__all__ = ["READERS", "Reader"]

Reader = Callable[[Service, Path, Any], None]


def _restart(service: Service, path: Path, value: Any) -> None:
    word, _, attempts = str(value).partition(":")
    if word == "unless-stopped":
        # An operation that stops a service is not undone by a restart of the node.
        word = "always"
    service.set("restart", word, path)
    if attempts:
        service.set("restart_policy", {"max_attempts": attempts}, path)


def _deploy(service: Service, path: Path, value: Any) -> None:
    # The mode decides what the number of replicas means.
    found = sorted(service.parts(path, value), key=lambda part: part[1] != "mode")
    for place, key, item in found:
        if reader := _DEPLOY_READERS.get(key):
            reader(service, place, item)
        else:
            _deploy_value(service, place, item)


def _deploy_value(service: Service, path: Path, value: Any) -> None:
    plain = tuple(map(str, path))
    if plain in DEPLOY_PATHS:
        service.set(DEPLOY_PATHS[plain], value, path)
    elif any(known[: len(plain)] == plain for known in DEPLOY_PATHS):
        for place, _, item in service.parts(path, value):
            _deploy_value(service, place, item)
    elif plain[-1].startswith("x-"):
        service.lose(path, "extensions have no effect", harmless=True)
    else:
        service.lose(path, "stack files have nothing like it")


def _mode(service: Service, path: Path, value: Any) -> None:
    match value:
        case "replicated":
            pass
        case "global":
            service.set("deployment_strategy", "every_node", path)
        case "replicated-job":
            service.set("mode", "job", path)
        case _:
            allowed = "replicated, global, replicated-job"
            service.lose(path, f"the mode is not possible; allowed: {allowed}")


def _replicas(service: Service, path: Path, value: Any) -> None:
    if service.keys.get("mode") == "job":
        service.set("completions", value, path)
    elif service.keys.get("deployment_strategy") == "every_node":
        service.lose(path, "has no effect with the mode global", harmless=True)
    else:
        service.set("target_num_containers", value, path)


def _endpoint_mode(service: Service, path: Path, value: Any) -> None:
    if value != "vip":
        service.lose(path, "names lead to the addresses that the engine chooses")


def _labels(service: Service, path: Path, value: Any) -> None:
    try:
        given = values.labels(value)
        labels = values.labels(service.keys.get("labels") or {})
    except ValueError as error:
        service.lose(path, str(error))
        return
    for name, text in given.items():
        if labels.setdefault(name, text) != text:
            service.lose((*path, name), "contradicts labels, whose value is kept")
    service.lose(path, "become labels of the containers", harmless=True)
    service.replace("labels", labels, path)


def _restart_policy(service: Service, path: Path, value: Any) -> None:
    service.remove("restart_policy")  # the attempts that restart has
    policy = {}
    condition = "any"
    for place, key, item in service.parts(path, value):
        if key != "condition":
            policy[key] = item
        elif item in CONDITIONS:
            condition = item
        else:
            allowed = ", ".join(CONDITIONS)
            service.lose(place, f"{item} is not possible; allowed: {allowed}")
    if "restart" in service.keys:
        why = "has no effect beside deploy.restart_policy"
        service.lose(("restart",), why, harmless=True)
    place = (*path, "condition") if "condition" in value else path
    service.replace("restart", CONDITIONS[condition], place)
    if policy:
        service.replace("restart_policy", policy, path)


def _placement(service: Service, path: Path, value: Any) -> None:
    found = {key: item for _, key, item in service.parts(path, value)}
    service.replace("placement", {**service.keys.get("placement", {}), **found}, path)


def _platform(service: Service, path: Path, value: Any) -> None:
    service.set("placement", {"platforms": [value]}, path)


READERS: Mapping[str, Reader] = {
    "deploy": _deploy,
    "platform": _platform,
    "restart": _restart,
    "scale": _replicas,
}
_DEPLOY_READERS: Mapping[str, Reader] = {
    "endpoint_mode": _endpoint_mode,
    "labels": _labels,
    "mode": _mode,
    "placement": _placement,
    "replicas": _replicas,
    "restart_policy": _restart_policy,
}
