"""Options of a container as parts of Docker's ``ServiceSpec``: pure functions.

Source: Docker Engine API 1.49, "ServiceCreate".
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_address
from typing import Any

from ....wire.loglines import NANOSECONDS
from ....wire.service_fields import ALWAYS, OFF, ON_FAILURE
from .. import UnsupportedField

Spec = dict[str, Any]

#: Bytes of the MB that the API counts memory in.
MEGABYTE = 1024 * 1024
#: Seconds between the end of a task and its restart. Swarm has no growing pauses.
_RESTART_DELAY = 1.0
_RESTART = {OFF: "none", ON_FAILURE: "on-failure", ALWAYS: "any"}


def nanoseconds(seconds: float) -> int:
    """Return a duration as Docker counts durations."""
    return int(seconds * NANOSECONDS)


def hosts(extra: Iterable[str]) -> list[str]:
    """Return ``name:address`` as ``address name``, the order of Swarm."""
    found = []
    for one in extra:
        name, _, address = one.partition(":")
        try:
            ip_address(address)
        except ValueError:
            raise UnsupportedField(
                f"extra_hosts: {one!r} must be name:address with an IP address"
            ) from None
        found.append(f"{address} {name}")
    return found


# --- privileges ---------------------------------------------------------------------

_FORMS = (
    "label:disable, label: with user:, role:, type: or level:, no-new-privileges,"
    " seccomp=unconfined, seccomp= with the JSON of a profile, apparmor=unconfined"
)


def privileges(security_opt: Iterable[str]) -> Spec | None:
    """Return Docker's ``Privileges`` of ``security_opt``.

    Raises:
        UnsupportedField: Swarm has no such option.
    """
    found: Spec = {}
    context: Spec = {}
    for one in security_opt:
        kind, _, value = re.sub("[=:]", ":", one, count=1).partition(":")
        if kind == "label":
            context |= _label(one, value)
        elif kind == "no-new-privileges" and value in ("", "true", "false"):
            found["NoNewPrivileges"] = value != "false"
        elif kind == "seccomp" and value:
            found["Seccomp"] = _seccomp(value)
        elif kind == "apparmor" and value == "unconfined":
            found["AppArmor"] = {"Mode": "disabled"}
        else:
            raise UnsupportedField(
                f"security_opt: Swarm has nothing like {one[:60]!r}; allowed: {_FORMS};"
                " set other profiles as the default of the nodes' dockerd"
            )
    return found | ({"SELinuxContext": context} if context else {}) or None


def _label(one: str, text: str) -> Spec:
    key, _, value = re.sub("[=:]", ":", text, count=1).partition(":")
    if key == "disable":
        return {"Disable": True}
    if key in ("user", "role", "type", "level") and value:
        return {key.capitalize(): value}
    raise UnsupportedField(f"security_opt: {one!r}: allowed: {_FORMS}")


def _seccomp(value: str) -> Spec:
    if value == "unconfined":
        return {"Mode": "unconfined"}
    try:
        json.loads(value)
    except ValueError:
        raise UnsupportedField(
            "security_opt: seccomp= must have unconfined or the JSON of a profile; the"
            " server reads no files"
        ) from None
    return {"Mode": "custom", "Profile": base64.b64encode(value.encode()).decode()}


# --- limits -------------------------------------------------------------------------


def ulimits(limits: Sequence[Mapping[str, Any]]) -> list[Spec]:
    """Return the limits of processes."""
    return [
        {
            "Name": one["name"],
            "Soft": one["soft"],
            "Hard": one["soft"] if one["hard"] is None else one["hard"],
        }
        for one in limits
    ]


def resources(options: Mapping[str, Any]) -> Spec:
    """Return the limits and the reservations."""
    limits = _amounts(options.get("cpus"), options.get("memory"))
    if pids := options.get("pids_limit"):
        limits["Pids"] = pids
    reserved = _amounts(
        options.get("cpu_reservation"), options.get("memory_reservation")
    )
    if generic := options.get("generic_resources"):
        reserved["GenericResources"] = [_generic(one) for one in generic]
    return {
        key: value
        for key, value in (("Limits", limits), ("Reservations", reserved))
        if value
    }


def _amounts(cpus: float | None, memory: int | None) -> Spec:
    found = {}
    if cpus:
        found["NanoCPUs"] = nanoseconds(cpus)
    if memory:
        found["MemoryBytes"] = memory * MEGABYTE
    return found


def _generic(one: Mapping[str, str]) -> Spec:
    kind, value = one["kind"], one["value"]
    if value.isdecimal():
        return {"DiscreteResourceSpec": {"Kind": kind, "Value": int(value)}}
    return {"NamedResourceSpec": {"Kind": kind, "Value": value}}


def restart_policy(autorestart: str, policy: Mapping[str, Any] | None) -> Spec:
    """Return when tasks that end are restarted."""
    policy = policy or {}
    delay = policy.get("delay")
    found = {
        "Condition": _RESTART[autorestart],
        "Delay": nanoseconds(_RESTART_DELAY if delay is None else delay),
    }
    if attempts := policy.get("max_attempts"):
        found["MaxAttempts"] = attempts
    if window := policy.get("window"):
        found["Window"] = nanoseconds(window)
    return found


# --- health -------------------------------------------------------------------------


def healthcheck(check: Mapping[str, Any]) -> Spec:
    """Return a health check with Docker's durations; absent keys are the image's."""
    found: Spec = {}
    if test := check.get("test"):
        found["Test"] = list(test)
    for key, name in _DURATIONS.items():
        if seconds := check.get(name):
            found[key] = nanoseconds(seconds)
    if retries := check.get("retries"):
        found["Retries"] = retries
    return found


_DURATIONS = {
    "Interval": "interval",
    "Timeout": "timeout",
    "StartPeriod": "start_period",
    "StartInterval": "start_interval",
}


# --- files, logs --------------------------------------------------------------------


def tmpfs(mounts: Sequence[Mapping[str, Any]]) -> list[Spec]:
    """Return the mounts of file systems in memory."""
    found = []
    for one in mounts:
        mount: Spec = {"Type": "tmpfs", "Target": one["container_path"]}
        limits: Spec = {}
        if one["size"]:
            limits["SizeBytes"] = one["size"] * MEGABYTE
        if one["mode"]:
            limits["Mode"] = int(one["mode"], 8)
        found.append(mount | ({"TmpfsOptions": limits} if limits else {}))
    return found


def log_driver(driver: Mapping[str, Any]) -> Spec:
    """Return the driver of the logs."""
    found: Spec = {"Name": driver["name"]}
    return found | ({"Options": driver["options"]} if driver["options"] else {})


# --- placement ----------------------------------------------------------------------


def platforms(placement: Mapping[str, Any] | None) -> list[Spec]:
    """Return the platforms of which a node must have one."""
    return [
        {"OS": one["os"], "Architecture": one["architecture"] or ""}
        for one in (placement or {}).get("platforms", ())
    ]


# --- the escape hatch ---------------------------------------------------------------


def merged(spec: Any, addition: Any) -> Any:
    """Return a spec with the field ``swarm`` merged into the spec.

    Mappings are merged key by key, lists are appended, and every other value replaces
    the value of the spec.
    """
    if isinstance(spec, Mapping) and isinstance(addition, Mapping):
        both = {
            key: merged(spec[key], addition[key]) for key in spec if key in addition
        }
        return {**spec, **addition, **both}
    if isinstance(spec, list) and isinstance(addition, list):
        return [*spec, *addition]
    return addition


def dropped(addition: Any, spec: Any, path: str = "") -> Iterator[str]:
    """Yield a warning for each key of the field ``swarm`` that the Engine has dropped.

    The Engine leaves out empty values, too, which are no loss.

    Args:
        addition: The field ``swarm``, or a part of it.
        spec: The spec that the Engine has stored, or the same part of it.
        path: The keys down to the part.
    """
    for key, value in addition.items():
        if not value:
            continue
        if not isinstance(spec, Mapping) or key not in spec:
            yield f"swarm: the Engine does not know {path}{key} and has dropped it"
        elif isinstance(value, Mapping):
            yield from dropped(value, spec[key], f"{path}{key}.")
