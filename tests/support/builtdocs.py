"""The docs as HTML, built once for all tests of a run."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.facts import ROOT

__all__ = ["LIMIT", "built"]

#: Seconds for a build, which takes half a minute on an idle machine.
LIMIT = 900.0


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """Return the folder with the docs as HTML, built as by ``make docs``.

    The processes of one run share the folder; the first one builds the docs.
    """
    for module in ("sphinx", "furo", "myst_parser", "sphinx_design"):
        pytest.importorskip(module, reason="needs aiodockercloud[docs]")
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "built-docs"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            _build(folder)
            (folder / "done").touch()
    return folder


def _build(folder: Path) -> None:
    build = subprocess.run(
        [
            *(sys.executable, "-m", "sphinx", "--fail-on-warning", "--keep-going"),
            *("--nitpicky", "--quiet", str(ROOT / "docs"), str(folder)),
        ],
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert build.returncode == 0, build.stderr
