"""The built wheel, in an environment that has nothing else."""

from __future__ import annotations

import asyncio
import os
import venv
from pathlib import Path

ROOT = Path(__file__).parents[2]

#: Seconds for the whole test; pip needs most of the time to download.
LIMIT = 150.0

TEST = """\
async def test_service_runs(dockercloud):
    service = await dockercloud.services.create(image="busybox", run_command="sleep 9")
    await dockercloud.services.start(service)
    await dockercloud.services.wait(service, state="Running", timeout=60)
    assert (await dockercloud.services.inspect(service))["running_num_containers"] == 1
"""


async def ran(python: str | Path, *arguments: str | Path, cwd: Path) -> str:
    """Return the output of a Python program that ends with status 0."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    process = await asyncio.create_subprocess_exec(
        python,
        *arguments,
        cwd=cwd,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return output.decode()


async def test_wheel_in_an_empty_environment_runs_a_test_with_its_fixture(
    tmp_path: Path,
) -> None:
    wheels, python = tmp_path / "wheels", tmp_path / "venv" / "bin" / "python"
    pip = ("-m", "pip", "--quiet", "--disable-pip-version-check")
    async with asyncio.timeout(LIMIT):
        await asyncio.to_thread(
            venv.create, tmp_path / "venv", with_pip=True, symlinks=True
        )
        await ran(python, *pip, "wheel", "--no-deps", "-w", wheels, ROOT, cwd=tmp_path)
        [wheel] = wheels.glob("aiodockercloud-*.whl")
        await ran(python, *pip, "install", f"{wheel}[pytest]", cwd=tmp_path)
        (tmp_path / "test_it.py").write_text(TEST)

        # No plugin is named: the wheel has its entry point.
        said = await ran(
            *(python, "-m", "pytest", "-o", "asyncio_mode=auto", "test_it.py"),
            cwd=tmp_path,
        )

    assert "1 passed" in said
