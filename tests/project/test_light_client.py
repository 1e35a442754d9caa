"""The client stays light: importing the client loads neither server nor engine."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import aiodockercloud
from aiodockercloud import client

PROGRAM = """
import sys
from aiodockercloud import DockerCloud
heavy = ("aiodockercloud.server", "aiodocker", "aiosqlite", "sqlite3")
print([name for name in heavy if name in sys.modules])
"""


def test_import_of_the_client_loads_neither_server_nor_aiodocker() -> None:
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )

    assert run.stdout.strip() == "[]"


def test_every_exported_name_is_there() -> None:
    assert [n for n in aiodockercloud.__all__ if not hasattr(aiodockercloud, n)] == []
    assert len(set(aiodockercloud.__all__)) == len(aiodockercloud.__all__)


def test_package_has_the_names_that_type_checkers_see() -> None:
    """Type checkers read ``__init__.pyi``, and programs ``__init__.py``."""
    stub = ast.parse(Path(aiodockercloud.__file__).with_suffix(".pyi").read_bytes())
    seen = {
        alias.asname
        for node in stub.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname
    }

    assert {name for name in seen if not hasattr(aiodockercloud, name)} == set()
    assert {*aiodockercloud.__all__} <= {*dir(aiodockercloud)}
    assert aiodockercloud.DockerCloud is client.DockerCloud


def test_misspelled_name_of_the_package_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Dockercloud'"):
        getattr(aiodockercloud, "Dockercloud")  # noqa: B009 - mypy rejects the name
