"""The states that the types list, and the ones that objects can be in."""

from __future__ import annotations

from collections.abc import Set
from typing import get_args

import pytest

from aiodockercloud import types
from aiodockercloud.server.state import lifecycle
from aiodockercloud.wire import states

#: States that a table allows an operation in, but that the API does not list.
UNLISTED: dict[str, Set[str]] = {"node": {states.INIT}}


def _states_of(kind: str) -> Set[str]:
    """Return the states that operations on a kind need and lead through."""
    rules = lifecycle.OPERATIONS[kind].values()
    found = {state for rule in rules for state in (*rule.allowed, rule.during) if state}
    return found if kind == "action" else found | {states.TERMINATED}


@pytest.mark.parametrize(
    ("kind", "literal"),
    [
        ("service", types.ServiceState),
        ("stack", types.StackState),
        ("container", types.ContainerState),
        ("node", types.NodeState),
        ("nodecluster", types.NodeClusterState),
        ("action", types.ActionState),
    ],
)
def test_states_of_a_type_are_those_of_its_kind(kind: str, literal: object) -> None:
    listed = get_args(literal)

    assert len(listed) == len(set(listed))
    assert {*listed, *UNLISTED.get(kind, ())} == _states_of(kind)
