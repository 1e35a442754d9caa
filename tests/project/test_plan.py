"""The plan of the house: knowledge that stands once, and settings that are passed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from aiodockercloud import types
from aiodockercloud.wire import states
from tests.support.facts import ROOT

PACKAGE = sorted((ROOT / "aiodockercloud").rglob("*.py"))
TESTS = sorted(
    path for path in (ROOT / "tests").rglob("*.py") if "oldclients" not in path.parts
)

STATES = {
    value
    for name, value in vars(states).items()
    if name.isupper() and isinstance(value, str)
}
#: Modules that may spell a state: the definitions, the types for type checkers, and
#: words of Docker and of a documented field that only look like states.
SPELLED = {
    "aiodockercloud/wire/states.py",
    "aiodockercloud/types/words.py",
    # Keys and values of Docker's own JSON.
    "aiodockercloud/server/engines/swarm/service_specs.py",
    "aiodockercloud/server/engines/swarm/exec.py",
    # ``exit_code_msg`` of a container.
    "aiodockercloud/server/api/containers.py",
}


def _docstrings(tree: ast.Module) -> set[int]:
    """Return the identities of the constants that are docstrings."""
    return {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(
            node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        )
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }


def _spelled_states(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = _docstrings(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in docstrings:
            if isinstance(node.value, str) and node.value in STATES:
                yield f"{path}:{node.lineno}: {node.value}"


def test_state_names_are_written_once() -> None:
    found = [
        place
        for path in PACKAGE
        if path.relative_to(ROOT).as_posix() not in SPELLED
        for place in _spelled_states(path)
    ]

    assert found == []


@pytest.mark.parametrize(
    "kind",
    [
        types.ServiceState,
        types.StackState,
        types.ContainerState,
        types.NodeState,
        types.NodeClusterState,
        types.ActionState,
    ],
)
def test_states_of_the_types_are_those_of_the_wire(kind: object) -> None:
    assert set(get_args(kind)) <= STATES


def _patched_constants(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        if not isinstance(node.func, ast.Attribute) or node.func.attr != "setattr":
            continue
        names = [
            argument.value.rpartition(".")[2]
            for argument in node.args[:2]
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
        ]
        if any(name.strip("_").isupper() for name in names):
            yield f"{path}:{node.lineno}: {names}"


def test_no_test_patches_a_module_constant() -> None:
    """Limits, retention and durations are fields of settings, which tests pass."""
    assert [place for path in TESTS for place in _patched_constants(path)] == []


def test_no_import_is_hidden_from_the_running_program() -> None:
    """``TYPE_CHECKING`` hides import circles."""
    found = [
        path.relative_to(ROOT).as_posix()
        for path in PACKAGE
        if "TYPE_CHECKING" in path.read_text(encoding="utf-8")
    ]

    assert found == []


def test_modules_can_be_read_in_one_sitting() -> None:
    """450 lines; ``types`` is vocabulary, declarations only."""
    lengths = {
        path.relative_to(ROOT).as_posix(): len(path.read_text("utf-8").splitlines())
        for path in PACKAGE
        if path.name != "types.py"
    }

    assert {path: lines for path, lines in lengths.items() if lines > 450} == {}
