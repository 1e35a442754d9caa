"""The import contracts: ``make lint`` fails when a module imports what its room may
not import."""

from __future__ import annotations

import shutil
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.support.facts import ROOT

#: The program that ``make lint`` runs.
LINT_IMPORTS = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]

grimp = pytest.importorskip(
    "grimp", reason="needs import-linter: pip install 'aiodockercloud[lint]'"
)


def lint(project: Path) -> subprocess.CompletedProcess[str]:
    """Run the import contracts on a copy of the project."""
    return subprocess.run(
        LINT_IMPORTS, cwd=project, capture_output=True, encoding="utf-8", check=False
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project that a test may change."""
    ignored = shutil.ignore_patterns("__pycache__", "oldclients")
    for name in ("aiodockercloud", "tests"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def add(project: Path, module: str, lines: str) -> None:
    """Append *lines* to a module of the copy."""
    path = project / module
    path.write_text(path.read_text(encoding="utf-8") + f"\n{lines}\n", encoding="utf-8")


def test_contracts_of_the_project_are_kept(project: Path) -> None:
    ended = lint(project)

    assert ended.returncode == 0, ended.stdout
    assert "0 broken" in ended.stdout


@pytest.mark.parametrize(
    ("module", "lines", "contract"),
    [
        pytest.param(
            "aiodockercloud/resources/services.py",
            "from ..server import settings",
            "The client never imports the server",
            id="client imports server",
        ),
        pytest.param(
            "aiodockercloud/server/api/services.py",
            "from ...resources import services",
            "The server shares the vocabulary with the client",
            id="server imports client",
        ),
        pytest.param(
            "aiodockercloud/transport/retry.py",
            "from ..resources import services",
            "Client: command, batches, session object",
            id="transport imports a sub-API",
        ),
        pytest.param(
            "aiodockercloud/server/control/links.py",
            "from ..api import fields",
            "Rooms of the server",
            id="control plane imports HTTP",
        ),
        pytest.param(
            "aiodockercloud/server/control/links.py",
            "from aiohttp import web",
            "HTTP stays in the API",
            id="control plane imports aiohttp",
        ),
        pytest.param(
            "aiodockercloud/server/state/tables.py",
            "from ...exceptions import ObjectNotFound",
            "HTTP statuses stay in the API",
            id="state imports an HTTP error",
        ),
        pytest.param(
            "aiodockercloud/server/engines/embedded/clock.py",
            "from ..swarm import spec",
            "The engines do not know each other",
            id="engine imports the other engine",
        ),
        pytest.param(
            "aiodockercloud/wire/loglines.py",
            "import aiohttp",
            "The wire vocabulary does no I/O",
            id="wire imports aiohttp",
        ),
        pytest.param(
            "aiodockercloud/wire/states.py",
            "from . import loglines\nfrom typing import TYPE_CHECKING",
            None,
            id="allowed import",
        ),
        pytest.param(
            "aiodockercloud/server/state/lifecycle.py",
            "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n"
            "    from .state import State",
            "No import circle",
            id="circle for type checkers only",
        ),
        pytest.param(
            "tests/client/test_session.py",
            "from aiodockercloud.server import running",
            "Unit tests of the client need no server",
            id="client test imports server",
        ),
    ],
)
def test_forbidden_import_breaks_its_contract(
    project: Path, module: str, lines: str, contract: str | None
) -> None:
    add(project, module, lines)

    ended = lint(project)

    broken = [line for line in ended.stdout.splitlines() if line.endswith("BROKEN")]
    if contract is None:
        assert broken == []
        assert ended.returncode == 0
    else:
        assert any(line.startswith(contract) for line in broken), ended.stdout
        assert ended.returncode == 1


def test_no_module_imports_itself_in_a_circle() -> None:
    """The contract compares siblings; a package and its own modules count here too."""
    graph = grimp.build_graph("aiodockercloud")
    imports = {
        module: graph.find_modules_directly_imported_by(module)
        for module in graph.modules
    }

    TopologicalSorter(imports).prepare()  # raises CycleError, which names the circle
