"""The built wheel, in an environment that has nothing else."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.support import consoles, legacy
from tests.support.facts import ROOT

#: Seconds for a test; pip needs most of the time to download.
pytestmark = pytest.mark.timeout(600)

TEST = """\
async def test_service_runs(dockercloud):
    service = await dockercloud.services.create(image="busybox", run_command="sleep 9")
    await dockercloud.services.start(service)
    await dockercloud.services.wait(service, state="Running", timeout=60)
    assert (await dockercloud.services.inspect(service))["running_num_containers"] == 1
"""

STACK = """\
web:
  image: busybox
  command: sh -c "echo hello && sleep 600"
  target_num_containers: 2
"""


def ran(python: str | Path, *arguments: str | Path, cwd: Path) -> str:
    """Return the output of a Python program that ends with status 0."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    ended = subprocess.run(
        [python, *arguments],
        cwd=cwd,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert ended.returncode == 0, ended.stdout
    return ended.stdout


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with the wheel and its extra ``pytest``."""
    folder = tmp_path_factory.mktemp("wheel")
    wheels, programs = folder / "wheels", folder / "venv" / "bin"
    pip = ("-m", "pip", "--quiet", "--disable-pip-version-check")
    venv.create(folder / "venv", with_pip=True, symlinks=True)
    python = programs / "python"
    ran(python, *pip, "wheel", "--no-deps", "-w", wheels, ROOT, cwd=folder)
    [wheel] = wheels.glob("aiodockercloud-*.whl")
    ran(python, *pip, "install", f"{wheel}[pytest]", cwd=folder)
    return programs


def test_wheel_in_an_empty_environment_runs_a_test_with_its_fixture(
    programs: Path, tmp_path: Path
) -> None:
    (tmp_path / "test_it.py").write_text(TEST)

    # No plugin is named: the wheel has its entry point.
    said = ran(
        *(programs / "python", "-m", "pytest", "-o", "asyncio_mode=auto", "test_it.py"),
        cwd=tmp_path,
    )

    assert "1 passed" in said


def test_program_of_the_readme_prints_what_the_readme_shows(
    programs: Path, tmp_path: Path
) -> None:
    readme = (ROOT / "README.md").read_text()
    [program] = re.findall(r"```python\n(import asyncio\n.*?)```", readme, re.DOTALL)
    [shown] = re.findall(r"```text\n(.*?)```", readme, re.DOTALL)
    (tmp_path / "example.py").write_text(program)

    assert ran(programs / "python", "example.py", cwd=tmp_path) == shown


async def test_first_minutes_in_an_empty_directory(
    programs: Path, tmp_path: Path
) -> None:
    """A server, its page, a stack file up and down, by the new and the old command."""
    (tmp_path / "docker-cloud.yml").write_text(STACK)
    old = legacy.site(legacy.REQUIREMENTS)
    old_cli = f"PYTHONPATH={old} {legacy.python27()} {old}/bin/docker-cloud"
    page = "import os, urllib.request as u; print(u.urlopen(os.environ['URL']).read())"
    variables = {
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": "",
    }

    await consoles.run(
        [
            "$ aiodockercloud serve\n…\naiodockercloud: ready on http://127.0.0.1:8008",
            f'$ URL=$DOCKERCLOUD_REST_HOST {sys.executable} -c "{page}"\n…</html>…',
            "$ aiodockercloud up --name shop\n…",
            "$ aiodockercloud ps shop | grep -c Running\n1",
            "$ aiodockercloud logs --help | head -n 1\nUsage:…",
            f"$ {old_cli} service ps | grep Running\nweb …",
            f"$ {old_cli} stack ls | grep Running\nshop …",
            "$ aiodockercloud rm stack/shop\n…",
            f"$ {old_cli} service ps --status Running\nNAME…",
        ],
        tmp_path,
        consoles.environment(tmp_path / "bin", variables),
    )
