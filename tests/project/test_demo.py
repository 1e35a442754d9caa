"""The last lines of ``make demo``: the two commands to try next, which work."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.support.consoles import environment, run
from tests.support.facts import ROOT


@pytest.fixture
def recipe() -> str:
    """Return what ``make demo`` would run."""
    command = ["make", "--dry-run", "--old-file=develop", "demo"]
    return subprocess.check_output(command, cwd=ROOT, text=True)


async def test_demo_ends_with_two_commands_that_work(
    recipe: str, tmp_path: Path
) -> None:
    *_, title, serve, up = re.findall(r'^echo "(.*)"$', recipe, re.MULTILINE)
    assert title == "Try next, in two terminals:"
    [serve, up] = [
        command.strip().removeprefix(".venv/bin/") for command in (serve, up)
    ]
    assert serve == "aiodockercloud serve"

    await run(
        [
            f"$ {serve}\n…\naiodockercloud: ready on http://127.0.0.1:8008",
            f"$ cd {ROOT}\n$ {up}\n…",
        ],
        tmp_path,
        environment(tmp_path / "bin", {"XDG_DATA_HOME": str(tmp_path)}),
    )
