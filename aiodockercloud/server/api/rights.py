"""What credentials may do: the scope of a route, and the powers of a definition.

A definition has powers over the node, and so over all namespaces, when its containers
are privileged or reach files, devices or processes of the node. Only an operator may
give them, and only an operator may change or enter what has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ... import wire
from ...wire.scopes import DEPLOY, with_implied
from ..control.control_plane import ControlPlane
from ..state.access import Access
from ..state.accounts import CONTAINER_SCOPES
from ..state.errors import AccessRefused
from ..state.records import Action, Container, Node, NodeCluster, Service
from .resource import OPERATE, PUBLIC, Call

#: Fields that give a container power over its node unless they are empty.
_POWERFUL = ("privileged", "devices", "cap_add", "cgroup_parent", "swarm")
#: Drivers that keep logs on the node; others send logs where their options state.
_LOCAL_LOGS = ("json-file", "local", "journald", "none")
#: Fields that give power over the node with the value ``host``.
_NAMESPACES = ("net", "pid")
#: Kinds whose objects all namespaces share; their actions are of the user's namespace.
_SHARED_KINDS = (Node.kind, NodeCluster.kind)


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
    if "global" in after["roles"]:
        _check_hands_on(access)
    if power := _power(cloud, after) or _power(cloud, before or {}):
        raise AccessRefused(
            f"{power}: gives power over the node; only an operator may set this field,"
            " or change a service that has it"
        )


def _check_hands_on(access: Access) -> None:
    """Check that credentials may give containers the role ``global``, and so keys.

    Raises:
        AccessRefused: The keys would allow more, or live longer, than the credentials.
    """
    if access.container:
        raise AccessRefused("roles: the key of a container cannot make further keys")
    if missing := sorted(with_implied(CONTAINER_SCOPES) - access.scopes):
        raise AccessRefused(
            "roles: containers with the role global have a key with the scopes"
            f" {' and '.join(CONTAINER_SCOPES)}; the key of the request does not have"
            f" {' and '.join(missing)}"
        )


def check_action(access: Access, action: Action) -> None:
    """Check that a request may cancel or repeat an action.

    Raises:
        AccessRefused: The action is one of what all namespaces share.
    """
    target = wire.split_path(action.object)
    if target is not None and target.kind in _SHARED_KINDS and not access.operator:
        raise AccessRefused(f"only an operator may change actions of a {target.kind}")


def check_container(call: Call, container: Container) -> None:
    """Check that a request may run commands in a container.

    Raises:
        AccessRefused: The container has powers that the credentials do not have.
    """
    own = container.uuid == call.access.container
    if "global" in container.definition["roles"] and not own:
        if call.access.container or DEPLOY not in call.access.scopes:
            raise AccessRefused(
                f"exec: the container {container.name} has a key, which commands can"
                f" read; this needs a user's key with the scope {DEPLOY}"
            )
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
