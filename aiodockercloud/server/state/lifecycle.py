"""The documented state tables as data, and the functions that derive a state.

The tables are the only definition of the states that allow an operation and of the
state during the operation.

Source: Docker Cloud API reference, "Service states" and the same for other objects,
and behaviour on which real clients rely: a redeploy starts a service that was never
started, and a stack can be stopped.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from ...wire.states import (
    CANCELED,
    CANCELING,
    DEPLOYED,
    DEPLOYING,
    EMPTY_CLUSTER,
    FAILED,
    IN_PROGRESS,
    INIT,
    NOT_RUNNING,
    PARTLY_DEPLOYED,
    PARTLY_RUNNING,
    PENDING,
    REDEPLOYING,
    RUNNING,
    SCALING,
    STARTING,
    STOPPED,
    STOPPING,
    SUCCESS,
    TERMINATED,
    TERMINATING,
    UNREACHABLE,
    UPGRADING,
)
from .errors import NotAllowedNow


class Rule(NamedTuple):
    """The states that allow an operation, and the object's state during it.

    An empty ``during`` leaves the object's state unchanged.
    """

    allowed: frozenset[str]
    during: str


def _rule(during: str, *allowed: str) -> Rule:
    return Rule(frozenset(allowed), during)


_DEPLOYMENT = {
    "start": _rule(STARTING, NOT_RUNNING, STOPPED, PARTLY_RUNNING),
    "stop": _rule(STOPPING, RUNNING, PARTLY_RUNNING),
    "redeploy": _rule(REDEPLOYING, NOT_RUNNING, RUNNING, PARTLY_RUNNING, STOPPED),
    "terminate": _rule(TERMINATING, NOT_RUNNING, RUNNING, PARTLY_RUNNING, STOPPED),
}

#: kind → operation → its rule.
OPERATIONS: Mapping[str, Mapping[str, Rule]] = {
    "stack": _DEPLOYMENT,
    "service": {
        **_DEPLOYMENT,
        "scale": _rule(SCALING, NOT_RUNNING, RUNNING, PARTLY_RUNNING, STOPPED),
        "rollback": _rule(REDEPLOYING, NOT_RUNNING, RUNNING, PARTLY_RUNNING, STOPPED),
    },
    "container": {
        "start": _rule(STARTING, STOPPED),
        "stop": _rule(STOPPING, RUNNING),
        "redeploy": _rule(TERMINATING, RUNNING, STOPPED),
        "terminate": _rule(TERMINATING, RUNNING, STOPPED),
    },
    "node": {
        "deploy": _rule(DEPLOYING, INIT, UNREACHABLE),
        "docker-upgrade": _rule(UPGRADING, DEPLOYED),
        "health-check": _rule("", DEPLOYED, UNREACHABLE),
        "terminate": _rule(TERMINATING, DEPLOYED, UNREACHABLE),
    },
    "nodecluster": {
        "deploy": _rule(DEPLOYING, INIT),
        "scale": _rule(SCALING, DEPLOYED, PARTLY_DEPLOYED, EMPTY_CLUSTER),
        "docker-upgrade": _rule("", DEPLOYED, PARTLY_DEPLOYED),
        "terminate": _rule(TERMINATING, INIT, DEPLOYED, PARTLY_DEPLOYED, EMPTY_CLUSTER),
    },
    "action": {
        "cancel": _rule(CANCELING, PENDING, IN_PROGRESS),
        "retry": _rule("", SUCCESS, FAILED, CANCELED),
    },
}


def check(kind: str, name: str, state: str, operation: str) -> Rule:
    """Return the rule of an operation that *state* allows.

    Raises:
        NotAllowedNow: The state does not; the text lists the allowed operations.
    """
    rules = OPERATIONS[kind]
    rule = rules[operation]
    if state in rule.allowed:
        return rule
    allowed = [word for word, other in rules.items() if state in other.allowed]
    raise NotAllowedNow(
        f"{operation}: the {kind} {name} is {state}, which does not allow it;"
        f" allowed now: {', '.join(allowed) or 'nothing, wait for it to change'}"
    )


def service_state(containers: Collection[str]) -> str:
    """Return the state of a service without an operation in progress.

    Args:
        containers: The states of the service's containers. Terminated containers do
            not count; stopping containers count as running, starting ones do not.
    """
    live = {state for state in containers if state not in (TERMINATING, TERMINATED)}
    if not live:
        return NOT_RUNNING
    if live <= {RUNNING, STOPPING}:
        return RUNNING
    return STOPPED if live.isdisjoint({RUNNING, STOPPING}) else PARTLY_RUNNING


def stack_state(services: Collection[str]) -> str:
    """Return the state of a stack without an operation in progress.

    Args:
        services: The states of the stack's services; terminated ones do not count.
    """
    live = {state for state in services if state not in (TERMINATING, TERMINATED)}
    if live <= {NOT_RUNNING}:
        return NOT_RUNNING
    if live <= {RUNNING, SCALING, REDEPLOYING}:
        return RUNNING
    return STOPPED if live <= {STOPPED, NOT_RUNNING} else PARTLY_RUNNING


def cluster_state(nodes: Collection[str]) -> str:
    """Return the state of a deployed node cluster without an operation in progress.

    Args:
        nodes: The states of the cluster's nodes; terminated ones do not count.
    """
    live = [state for state in nodes if state != TERMINATED]
    if not live:
        return EMPTY_CLUSTER
    return DEPLOYED if all(state == DEPLOYED for state in live) else PARTLY_DEPLOYED
