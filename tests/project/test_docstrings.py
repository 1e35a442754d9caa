"""Public docstrings: complete for each coroutine and stream, and true to the server."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from aiodockercloud import DockerCloud, batch
from aiodockercloud.resources.exec import Exec
from aiodockercloud.server.state import lifecycle

Method = Callable[..., Any]

SECTIONS = ("Args", "Returns", "Yields", "Raises", "Source")
#: Methods that send no request.
LOCAL = {"DockerCloud.close"}


def sub_apis(cloud: DockerCloud) -> dict[str, Any]:
    return {
        name: value
        for name, value in vars(cloud).items()
        if not name.startswith("_")
        and type(value).__module__.startswith("aiodockercloud.resources.")
    }


def _is_asynchronous(method: Method) -> bool:
    """Return whether a method is a coroutine or returns a stream."""
    if inspect.iscoroutinefunction(method) or inspect.isasyncgenfunction(method):
        return True
    returned = str(inspect.signature(method).return_annotation)
    return returned.partition("[")[0].endswith(("Stream", "Exec")) or _yields(method)


def _yields(method: Method) -> bool:
    """Return whether a method is an asynchronous generator or passes one on."""
    returned = str(inspect.signature(method).return_annotation)
    return inspect.isasyncgenfunction(method) or returned.startswith("AsyncIterator[")


def _methods(owner: type[Any], name: str) -> Iterator[tuple[str, Method]]:
    for key, method in inspect.getmembers(owner, inspect.isfunction):
        if not key.startswith("_") and _is_asynchronous(method):
            yield f"{name}.{key}", method


def public() -> dict[str, Method]:
    """Return each public coroutine and stream of the client by its name."""
    found = dict(_methods(DockerCloud, "DockerCloud"))
    for name, api in sub_apis(DockerCloud("http://localhost", auth="x")).items():
        found |= _methods(type(api), name)
    found["exec.write"] = Exec.write
    found |= {f"batch.{name}": getattr(batch, name) for name in ("each", "run_jobs")}
    return found


PUBLIC = public()


def sections(docstring: str) -> dict[str, str]:
    """Return the sections of a docstring in Google style by their titles."""
    parts = re.split(r"^(\w+):$", docstring, flags=re.MULTILINE)
    return {
        title: text
        for title, text in zip(parts[1::2], parts[2::2], strict=True)
        if title in SECTIONS and text.strip()
    }


def _parameters(method: Method) -> set[str]:
    return {
        {"VAR_KEYWORD": "**", "VAR_POSITIONAL": "*"}.get(one.kind.name, "") + name
        for name, one in inspect.signature(method).parameters.items()
        if name != "self"
    }


def _needed(name: str, method: Method) -> set[str]:
    needed = {"Raises"}
    if name not in LOCAL:
        needed.add("Source")
    if _parameters(method):
        needed.add("Args")
    if _yields(method):
        needed.add("Yields")
    elif inspect.signature(method).return_annotation not in (None, "None"):
        needed.add("Returns")
    return needed


def test_public_methods_are_those_of_every_sub_api() -> None:
    assert set(sub_apis(DockerCloud("http://localhost", auth="x"))) == {
        *("services", "stacks", "containers", "nodes", "nodeclusters", "triggers"),
        *("events", "actions", "providers", "regions", "azs", "nodetypes"),
        *("repositories", "registries", "secrets", "configs", "accounts", "keys"),
    }
    assert {"services.scale", "events.subscribe", "regions.iterate"} <= set(PUBLIC)
    assert len(PUBLIC) > 90


@pytest.mark.parametrize("name", PUBLIC)
def test_docstring_has_its_sections(name: str) -> None:
    method = PUBLIC[name]
    found = sections(inspect.getdoc(method) or "")

    assert _needed(name, method) - set(found) == set()


@pytest.mark.parametrize("name", PUBLIC)
def test_docstring_describes_each_parameter(name: str) -> None:
    method = PUBLIC[name]
    arguments = sections(inspect.getdoc(method) or "").get("Args", "")

    described = set(re.findall(r"^    (\*{0,2}\w+): ", arguments, re.MULTILINE))
    assert described == _parameters(method)


# --- states ---------------------------------------------------------------------------

#: Operations of the server whose method has another name; None: it has no method.
METHODS: Mapping[tuple[str, str], str | None] = {
    ("nodecluster", "scale"): "update",
    ("nodecluster", "docker-upgrade"): None,
    ("node", "docker-upgrade"): "upgrade_docker",
    ("node", "health-check"): "health_check",
}


def _method_of(kind: str, operation: str) -> str | None:
    default = {"terminate": "delete"}.get(operation, operation)
    return METHODS.get((kind, operation), default)


def _rows(docstring: str) -> Iterator[list[str]]:
    """Yield the rows of the table, each cell with its continuation lines."""
    _, head, body, _ = re.split(r"^=+(?:  =+)+$", docstring, flags=re.MULTILINE)
    titles = ["method", "meanwhile", "allowed states", "at the end"]
    assert re.split(r"\s{2,}", head.strip()) == titles
    columns = [match.start() for match in re.finditer(r"=+", _rule(docstring))]
    row: list[str] = []
    for line in filter(None, body.splitlines()):
        cells = [
            line[start:end].strip()
            for start, end in zip(columns, [*columns[1:], None], strict=True)
        ]
        if cells[0]:
            if row:
                yield row
            row = cells
        else:
            row = [f"{old} {new}".strip() for old, new in zip(row, cells, strict=True)]
    yield row


def _rule(docstring: str) -> str:
    return next(line for line in docstring.splitlines() if line.startswith("==="))


@pytest.mark.parametrize("kind", lifecycle.OPERATIONS)
def test_table_of_states_is_that_of_the_server(kind: str) -> None:
    apis = sub_apis(DockerCloud("http://localhost", auth="x"))
    docstring = inspect.getdoc(type(apis[f"{kind}s"])) or ""
    documented = {
        method.strip("`"): (meanwhile, frozenset(re.split(r",\s+", allowed)))
        for method, meanwhile, allowed, _ in _rows(docstring)
    }

    assert documented == {
        method: (rule.during or "(unchanged)", rule.allowed)
        for operation, rule in lifecycle.OPERATIONS[kind].items()
        if (method := _method_of(kind, operation)) is not None
    }


@pytest.mark.parametrize("kind", lifecycle.OPERATIONS)
def test_operations_of_the_server_are_methods(kind: str) -> None:
    methods = {_method_of(kind, name) for name in lifecycle.OPERATIONS[kind]}

    assert {f"{kind}s.{name}" for name in methods if name} <= set(PUBLIC)
