"""Versions of Python and of the dependencies.

``make test-versions`` runs the suite with the lowest and with the newest ones.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.support.facts import ROOT

#: The modules that need an extra; all others need the client's dependencies only.
ROOMS = {
    "cli": "aiodockercloud/cli",
    "server": "aiodockercloud/server",
    "pytest": "pytest_aiodockercloud.py",
}
#: The parts of aiohttp that its own interface consists of.
OF_AIOHTTP = {"multidict", "yarl"}

#: aiohttp before 3.14, where the class of a websocket is not generic.
OLDER = """
import importlib, pkgutil
import aiohttp

class ClientWebSocketResponse:
    pass

aiohttp.ClientWebSocketResponse = ClientWebSocketResponse

import aiodockercloud

for module in pkgutil.walk_packages(aiodockercloud.__path__, "aiodockercloud."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
import pytest_aiodockercloud
"""


def test_all_modules_can_be_imported_with_an_older_aiohttp() -> None:
    found = subprocess.run(
        [sys.executable, "-c", OLDER], cwd=ROOT, capture_output=True, text=True
    )

    assert found.stderr == ""
    assert found.returncode == 0


def test_pythons_of_the_machine_are_found_oldest_first() -> None:
    found = subprocess.check_output([ROOT / "scripts" / "pythons"], text=True)

    lines = [line.split(" ", 1) for line in found.splitlines()]
    versions = [tuple(map(int, version.split("."))) for version, _ in lines]
    assert versions == sorted(set(versions))
    assert versions[0] >= (3, 11)
    assert all(
        subprocess.check_output([python, "--version"], text=True).startswith(
            f"Python {version}."
        )
        for version, python in lines
    )


def test_kind_of_versions_is_lowest_or_newest() -> None:
    found = subprocess.run(
        [ROOT / "scripts" / "test-versions", "middle"], capture_output=True, text=True
    )

    assert found.returncode == 2
    assert "lowest or newest, not middle" in found.stderr


def modules(place: str) -> set[Path]:
    """Return the Python files of a directory, or the file itself."""
    path = ROOT / place
    return {*path.rglob("*.py")} if path.is_dir() else {path}


def imported(file: Path) -> Iterator[str]:
    """Yield the packages that a module imports."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module.partition(".")[0]


def normal(distribution: str) -> str:
    """Return the name of a distribution without its version, as indexes compare it."""
    [name] = re.findall(r"^[\w.-]+", distribution)
    return re.sub("[-_.]+", "-", name).lower()


def declared(extra: str | None) -> set[str]:
    """Return the distributions that an installation requires, or can make use of."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    found = {*project["dependencies"], *extras["speedups"]}
    if extra is not None:
        found |= {*extras[extra], *(() if extra == "cli" else extras["server"])}
    return {*map(normal, found)}


@pytest.mark.parametrize("extra", [None, *ROOMS])
def test_every_imported_package_is_declared(extra: str | None) -> None:
    files = modules(ROOMS[extra] if extra else "aiodockercloud")
    files -= set() if extra else modules(ROOMS["server"]) | modules(ROOMS["cli"])
    own = {*sys.stdlib_module_names, "aiodockercloud", *OF_AIOHTTP}
    distributions = packages_distributions()

    undeclared = {
        f"{file.relative_to(ROOT)} imports {package}"
        for file in files
        for package in {*imported(file)} - own
        if not {*map(normal, distributions[package])} & declared(extra)
    }

    assert files
    assert undeclared == set()
