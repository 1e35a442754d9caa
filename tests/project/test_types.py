"""The types of the client: their states, and the descriptions of their keys."""

from __future__ import annotations

import inspect
import re
from collections.abc import Set
from typing import get_args, is_typeddict

import pytest

from aiodockercloud import types
from aiodockercloud.server.state import lifecycle
from aiodockercloud.server.state.records import EVENT_KINDS
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


def test_types_of_events_are_those_of_the_hub() -> None:
    assert set(get_args(types.EventType)) == EVENT_KINDS


# --- descriptions of the keys ---------------------------------------------------------

#: Types with the keys of ``ServiceFields`` besides the described ones.
DEFINITIONS = {types.Service, types.Container, types.ServiceChanges}
#: Keys that the client adds to every result of a changing call.
ADDED = {"dockercloud_action_uri"}

#: Types of created objects: the type of the object, and a key that is readable once.
NEW: dict[type, type] = {
    types.NewAccount: types.Account,
    types.NewApiKey: types.ApiKey,
}

TYPES = [value for name in types.__all__ if is_typeddict(value := getattr(types, name))]


@pytest.mark.parametrize("typed", TYPES, ids=lambda typed: str(typed.__name__))
def test_docstring_describes_the_keys_of_the_type(typed: type) -> None:
    docstring = inspect.getdoc(typed) or ""
    described = re.findall(
        r"^    (\w+): ", docstring.partition("Attributes:")[2], re.MULTILINE
    )

    # "name" describes "name__startswith", too.
    keys = {key.partition("__")[0] for key in typed.__annotations__}
    keys -= ADDED - set(described)
    if typed in NEW:
        keys -= set(NEW[typed].__annotations__)
    if typed in DEFINITIONS:
        keys -= set(types.ServiceFields.__annotations__) - set(described)
    assert set(described) == keys
    assert len(described) == len(keys)
