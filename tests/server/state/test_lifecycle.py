"""The state tables, compared with the reference, and derived states."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodockercloud.server.state import lifecycle
from aiodockercloud.server.state.errors import NotAllowedNow
from aiodockercloud.server.state.lifecycle import OPERATIONS
from aiodockercloud.wire import states

#: Kind → state → the allowed operations, as in the tables of the reference.
DOCUMENTED = {
    "stack": {
        "Not running": {"start", "terminate"},
        "Starting": set(),
        "Running": {"redeploy", "terminate"},
        "Partly running": {"redeploy", "terminate"},
        "Stopping": set(),
        "Stopped": {"start", "redeploy", "terminate"},
        "Redeploying": set(),
        "Terminating": set(),
        "Terminated": set(),
    },
    "service": {
        "Not running": {"start", "terminate"},
        "Starting": set(),
        "Running": {"stop", "redeploy", "terminate"},
        "Partly running": {"stop", "redeploy", "terminate"},
        "Scaling": set(),
        "Redeploying": set(),
        "Stopping": set(),
        "Stopped": {"start", "redeploy", "terminate"},
        "Terminating": set(),
        "Terminated": set(),
    },
    "container": {
        "Starting": set(),
        "Running": {"stop", "terminate"},
        "Stopping": set(),
        "Stopped": {"start", "terminate"},
        "Terminating": set(),
        "Terminated": set(),
    },
    "node": {
        "Deploying": set(),
        "Deployed": {"terminate", "docker-upgrade"},
        "Unreachable": {"health-check", "terminate"},
        "Upgrading": set(),
        "Terminating": set(),
        "Terminated": set(),
    },
    "nodecluster": {
        "Init": {"deploy", "terminate"},
        "Deploying": set(),
        "Deployed": {"terminate"},
        "Partly deployed": {"terminate"},
        "Scaling": set(),
        "Terminating": set(),
        "Terminated": set(),
        "Empty cluster": {"terminate"},
    },
    "action": {
        "Pending": {"cancel"},
        "In progress": {"cancel"},
        "Canceling": set(),
        "Canceled": {"retry"},
        "Success": {"retry"},
        "Failed": {"retry"},
    },
}

#: Operations that real clients use, or an endpoint documents, beyond the tables.
SEEN = {
    ("stack", "Not running"): {"redeploy"},
    ("stack", "Running"): {"stop"},
    ("stack", "Partly running"): {"stop", "start"},
    ("service", "Not running"): {"redeploy", "scale"},
    ("service", "Running"): {"scale"},
    ("service", "Partly running"): {"start", "scale"},
    ("service", "Stopped"): {"scale"},
    ("container", "Running"): {"redeploy"},
    ("container", "Stopped"): {"redeploy"},
    ("node", "Deployed"): {"health-check"},
    # PATCH target_num_nodes scales immediately; in other states, the answer is 422.
    ("nodecluster", "Deployed"): {"scale", "docker-upgrade"},
    ("nodecluster", "Partly deployed"): {"scale", "docker-upgrade"},
    ("nodecluster", "Empty cluster"): {"scale"},
}

#: An addition of this server: the old API had no rollback.
BEYOND = {
    ("service", state): {"rollback"} for state in ("Running", "Partly running")
} | {
    ("service", "Not running"): {"rollback"},
    ("service", "Stopped"): {"rollback"},
    # A registered node that never responded, and an unreachable node.
    ("node", "Unreachable"): {"deploy"},
}

TABLE = [
    (kind, state, allowed)
    for kind, states in DOCUMENTED.items()
    for state, allowed in states.items()
]

#: Kind → operation → the state while the operation is in progress.
DURING = {
    "stack": {
        "start": "Starting",
        "stop": "Stopping",
        "redeploy": "Redeploying",
        "terminate": "Terminating",
    },
    "service": {
        "start": "Starting",
        "stop": "Stopping",
        "redeploy": "Redeploying",
        "scale": "Scaling",
        "terminate": "Terminating",
    },
    "container": {
        "start": "Starting",
        "stop": "Stopping",
        "terminate": "Terminating",
    },
    "node": {
        "deploy": "Deploying",
        "docker-upgrade": "Upgrading",
        "terminate": "Terminating",
    },
    "nodecluster": {
        "deploy": "Deploying",
        "scale": "Scaling",
        "terminate": "Terminating",
    },
    "action": {"cancel": "Canceling"},
}


# --- the tables ---------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "state", "documented"), TABLE)
def test_operations_in_a_state_are_documented_or_observed(
    kind: str, state: str, documented: set[str]
) -> None:
    allowed = {
        operation
        for operation, rule in OPERATIONS[kind].items()
        if state in rule.allowed
    }

    seen = SEEN.get((kind, state), set()) | BEYOND.get((kind, state), set())
    assert allowed == documented | seen


def test_operations_have_documented_states_only() -> None:
    known = {kind: set(states) for kind, states in DOCUMENTED.items()}
    known["node"].add("Init")

    for kind, rules in OPERATIONS.items():
        for operation, rule in rules.items():
            assert rule.allowed <= known[kind], (kind, operation)
            assert rule.during in known[kind] | {""}, (kind, operation)


@pytest.mark.parametrize(
    ("kind", "operation", "state"),
    [
        (kind, operation, state)
        for kind, operations in DURING.items()
        for operation, state in operations.items()
    ],
)
def test_operation_has_its_documented_state_while_in_progress(
    kind: str, operation: str, state: str
) -> None:
    assert OPERATIONS[kind][operation].during == state


def test_transitional_states_allow_no_operation() -> None:
    for kind, rules in OPERATIONS.items():
        for operation, rule in rules.items():
            assert rule.allowed.isdisjoint(states.TRANSITIONAL_STATES), (
                kind,
                operation,
            )
            if kind != "action" and rule.during:
                assert rule.during in states.TRANSITIONAL_STATES


@pytest.mark.parametrize(("kind", "state", "documented"), TABLE)
def test_check_raises_exactly_if_the_table_forbids_the_operation(
    kind: str, state: str, documented: set[str]
) -> None:
    allowed = [op for op, rule in OPERATIONS[kind].items() if state in rule.allowed]

    for operation, rule in OPERATIONS[kind].items():
        if operation in allowed:
            assert lifecycle.check(kind, "web", state, operation) is rule
            continue
        with pytest.raises(NotAllowedNow) as caught:
            lifecycle.check(kind, "web", state, operation)
        assert f"{operation}: the {kind} web is {state}" in str(caught.value)
        named = str(caught.value).partition("allowed now: ")[2]
        expected = ", ".join(allowed) or "nothing, wait for it to change"
        assert named == expected


# --- services -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("containers", "state"),
    [
        ([], "Not running"),
        (["Terminated", "Terminating"], "Not running"),
        (["Running"], "Running"),
        (["Running", "Terminated"], "Running"),
        (["Running", "Stopping"], "Running"),
        (["Running", "Starting"], "Partly running"),
        (["Running", "Stopped"], "Partly running"),
        (["Stopped"], "Stopped"),
        (["Stopped", "Terminating"], "Stopped"),
        (["Stopped", "Starting"], "Stopped"),
        (["Starting"], "Stopped"),
    ],
)
def test_service_state_follows_the_containers(
    containers: list[str], state: str
) -> None:
    assert lifecycle.service_state(containers) == state


CONTAINERS = st.lists(st.sampled_from(sorted(DOCUMENTED["container"])), max_size=6)
SERVICES = st.lists(st.sampled_from(sorted(DOCUMENTED["service"])), max_size=6)
NODES = st.lists(st.sampled_from(sorted(DOCUMENTED["node"])), max_size=6)
RESTING = {"Not running", "Running", "Partly running", "Stopped"}


@given(CONTAINERS)
def test_service_state_allows_at_least_one_operation(
    containers: list[str],
) -> None:
    state = lifecycle.service_state(containers)

    assert state in RESTING
    lifecycle.check("service", "web", state, "terminate")


@given(CONTAINERS)
def test_service_state_ignores_order_and_terminated_containers(
    containers: list[str],
) -> None:
    more = [*reversed(containers), "Terminated", "Terminating"]

    assert lifecycle.service_state(more) == lifecycle.service_state(containers)


@given(CONTAINERS)
def test_service_state_is_running_only_when_every_container_runs(
    containers: list[str],
) -> None:
    live = set(containers) - {"Terminated", "Terminating"}
    state = lifecycle.service_state(containers)

    assert (state == "Not running") == (not live)
    assert (state == "Running") == (bool(live) and live <= {"Running", "Stopping"})
    if "Running" in live:
        assert state in ("Running", "Partly running")


# --- stacks -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("services", "state"),
    [
        ([], "Not running"),
        (["Not running", "Terminated"], "Not running"),
        (["Running", "Running"], "Running"),
        (["Running", "Scaling"], "Running"),
        (["Running", "Redeploying"], "Running"),
        (["Running", "Terminating"], "Running"),
        (["Running", "Stopped"], "Partly running"),
        (["Running", "Not running"], "Partly running"),
        (["Partly running"], "Partly running"),
        (["Stopped", "Not running"], "Stopped"),
        (["Stopped", "Stopped"], "Stopped"),
        (["Stopped", "Starting"], "Partly running"),
    ],
)
def test_stack_state_follows_the_services(services: list[str], state: str) -> None:
    assert lifecycle.stack_state(services) == state


@given(SERVICES)
def test_stack_state_allows_at_least_one_operation(
    services: list[str],
) -> None:
    state = lifecycle.stack_state(services)

    assert state in RESTING
    lifecycle.check("stack", "shop", state, "terminate")
    assert lifecycle.stack_state([*reversed(services), "Terminated"]) == state


@given(SERVICES)
def test_stack_state_with_a_running_service_is_never_stopped(
    services: list[str],
) -> None:
    state = lifecycle.stack_state([*services, "Running"])

    assert state in ("Running", "Partly running")


# --- node clusters ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("nodes", "state"),
    [
        ([], "Empty cluster"),
        (["Terminated"], "Empty cluster"),
        (["Deployed", "Terminated"], "Deployed"),
        (["Deployed", "Unreachable"], "Partly deployed"),
        (["Deployed", "Terminating"], "Partly deployed"),
        (["Unreachable"], "Partly deployed"),
    ],
)
def test_cluster_state_follows_the_nodes(nodes: list[str], state: str) -> None:
    assert lifecycle.cluster_state(nodes) == state


@given(NODES)
def test_cluster_state_allows_at_least_one_operation(nodes: list[str]) -> None:
    state = lifecycle.cluster_state(nodes)

    lifecycle.check("nodecluster", "c", state, "terminate")
    assert lifecycle.cluster_state([*reversed(nodes), "Terminated"]) == state
    assert (state == "Deployed") == (set(nodes) - {"Terminated"} == {"Deployed"})
