"""What credentials may do: the scope of a route, and the powers of a definition.

A definition has powers over the node, and so over all namespaces, when its containers
are privileged or reach files, devices or processes of the node. Only an operator may
give them, and only an operator may change or enter what has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..control.control_plane import ControlPlane
from ..state.accounts import Access
from ..state.errors import AccessRefused
from ..state.records import Container, Service
from .resource import OPERATE, PUBLIC, Call

#: Fields that give a container power over its node unless they are empty.
_POWERFUL = ("privileged", "devices", "cap_add", "cgroup_parent", "swarm")
#: Drivers that keep logs on the node; others send logs where their options state.
_LOCAL_LOGS = ("json-file", "local", "journald", "none")
#: Fields that give power over the node with the value ``host``.
_NAMESPACES = ("net", "pid")


def check_scope(access: Access, scope: str) -> None:
    """Check that credentials have the scope of a route.

    Raises:
        AccessRefused: The credentials do not have the scope.
    """
    if scope == PUBLIC:
        return
    if scope == OPERATE:
        if not access.operator:
            raise AccessRefused(
                "only an operator's key with the scope admin may do this"
            )
    elif scope not in access.scopes:
        given = ", ".join(sorted(access.scopes)) or "none"
        raise AccessRefused(
            f"this needs a key with the scope {scope}; the key has {given}"
        )


def check_definition(
    cloud: ControlPlane,
    access: Access,
    after: Mapping[str, Any],
    before: Mapping[str, Any] | None = None,
) -> None:
    """Check that a request may give a service a definition.

    Args:
        cloud: The control plane.
        access: What the credentials of the request allow.
        after: The new definition.
        before: The present definition, None for a new service. The number of containers
            may always be changed.

    Raises:
        AccessRefused: The definition has powers that the credentials do not have.
    """
    if access.operator:
        return
    if before is not None:
        changed = {name for name in after if after[name] != before.get(name)}
        if changed <= {"target_num_containers"}:
            return
    if access.container and "global" in after["roles"]:
        raise AccessRefused("roles: the key of a container cannot make further keys")
    if power := _power(cloud, after) or _power(cloud, before or {}):
        raise AccessRefused(
            f"{power}: gives power over the node; only an operator may set this field,"
            " or change a service that has it"
        )


def check_container(call: Call, container: Container) -> None:
    """Check that a request may run commands in a container.

    Raises:
        AccessRefused: The container has powers that the credentials do not have.
    """
    if not call.access.operator and (power := _power(call.cloud, container.definition)):
        raise AccessRefused(
            f"exec: the container {container.name} has power over the node by {power};"
            " only an operator may run commands in the container"
        )


def _power(
    cloud: ControlPlane,
    definition: Mapping[str, Any],
    seen: frozenset[str] = frozenset(),
) -> str:
    """Return the first field that gives power over the node, or an empty text."""
    for name in _POWERFUL:
        if definition.get(name):
            return name
    if any(not _only_restricts(one) for one in definition.get("security_opt", ())):
        return "security_opt"
    if (definition.get("oom_score_adj") or 0) < 0:
        # The kernel would end the processes of others first.
        return "oom_score_adj"
    driver = definition.get("log_driver")
    if driver and driver["name"] not in _LOCAL_LOGS:
        return "log_driver"
    for name in _NAMESPACES:
        if definition.get(name) == "host":
            return name
    for binding in definition.get("bindings", ()):
        # A volume by name may be another namespace's, and the options of a driver can
        # name a path of the node.
        keys = ("host_path", "volume_name", "volume_driver")
        if any(binding.get(key) for key in keys):
            return "bindings"
        owner: Service | None = cloud.services.get(binding["volumes_from"] or "")
        if (
            owner is not None
            and owner.uuid not in seen
            and _power(
                cloud,
                {"bindings": owner.definition["bindings"]},
                seen | {owner.uuid},
            )
        ):
            return "bindings"
    return ""


def _only_restricts(security_opt: str) -> bool:
    """Return whether an option takes privileges from a container and gives none."""
    return security_opt in ("no-new-privileges", "no-new-privileges:true")
