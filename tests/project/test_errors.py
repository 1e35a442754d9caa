"""The families of errors: engines, control plane, HTTP, and the way between them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TypeVar

import pytest

from aiodockercloud import exceptions
from aiodockercloud.server import engines
from aiodockercloud.server.api.errors import STATUSES, api_errors
from aiodockercloud.server.state import errors
from tests.support.facts import ROOT

BELOW_HTTP = [
    path
    for room in ("control", "engines", "state")
    for path in sorted((ROOT / "aiodockercloud/server" / room).rglob("*.py"))
]


def _imported(tree: ast.Module) -> Iterator[str]:
    """Yield the last part of each imported module and each imported name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.rpartition(".")[2] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and _is_own(node):
            yield (node.module or "").rpartition(".")[2]
            yield from (alias.name for alias in node.names)


def _is_own(node: ast.ImportFrom) -> bool:
    """Return whether an import is one of this package: others have errors, too."""
    return node.level > 0 or (node.module or "").startswith("aiodockercloud")


def test_rooms_below_http_import_no_error_of_http() -> None:
    forbidden = {"exceptions", *exceptions.__all__}
    found = {
        path.relative_to(ROOT).as_posix(): names
        for path in BELOW_HTTP
        if (names := forbidden & set(_imported(ast.parse(path.read_text("utf-8")))))
    }

    assert len(BELOW_HTTP) > 30
    assert found == {}


E = TypeVar("E", engines.EngineError, errors.OperationFailed)


def _subclasses(cls: type[E]) -> Iterator[type[E]]:
    yield cls
    for subclass in cls.__subclasses__():
        yield from _subclasses(subclass)


def test_every_error_below_http_has_a_status() -> None:
    families = [*_subclasses(engines.EngineError), *_subclasses(errors.OperationFailed)]
    public = {
        cls for cls in families if cls.__module__ in (engines.__name__, errors.__name__)
    }

    assert len(public) > 10
    assert public == STATUSES.keys()


@pytest.mark.parametrize(
    ("cls", "status"),
    [
        (errors.InvalidField, 400),
        (errors.CredentialsRefused, 401),
        (errors.NamespaceRefused, 403),
        (errors.NoSuchObject, 404),
        (errors.NotAllowedNow, 422),
        (errors.OperationFailed, 503),
        (engines.UnsupportedField, 400),
        (engines.NotSupportedByEngine, 501),
        (engines.EngineUnavailable, 503),
        (engines.NoSuchContainer, 503),
        (engines.EngineError, 503),
    ],
)
def test_error_keeps_its_text_and_gets_its_status(
    cls: type[Exception], status: int
) -> None:
    with pytest.raises(exceptions.ApiError) as caught, api_errors():
        raise cls("memory: must be at most 4")

    assert (caught.value.status, caught.value.message) == (
        status,
        "memory: must be at most 4",
    )
    assert isinstance(caught.value.__cause__, cls)


def test_engine_errors_name_the_object_and_keep_the_cause() -> None:
    with pytest.raises(
        errors.OperationFailed, match=r"^web-1: no such image$"
    ) as failed:
        with errors.engine_errors("web-1"):
            raise engines.EngineError("no such image")
    with pytest.raises(errors.OperationFailed, match=r"^no such image$"):
        with errors.engine_errors():
            raise engines.EngineError("no such image")

    assert isinstance(failed.value.__cause__, engines.EngineError)


def test_engine_errors_state_the_time_limit_only_where_asked() -> None:
    with pytest.raises(errors.OperationFailed, match=r"^web-1: was not up after 1 s$"):
        with errors.engine_errors("web-1", "was not up after 1 s"):
            raise TimeoutError
    with pytest.raises(TimeoutError), errors.engine_errors("web-1"):
        raise TimeoutError
