"""Versions of Python and of the dependencies.

``make test-versions`` runs the suite with the lowest and with the newest ones.
"""

from __future__ import annotations

import subprocess
import sys

from tests.support.facts import ROOT

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
