"""The official clients, unmodified, under Python 2.7, against our server.

They are installed once into ``.venv-py27``, a folder for each set of requirements. The
scripts they run are programs for Python 2.7, in ``tests/oldclients``.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from aiodockercloud.server import running

HERE = Path(__file__).parent
SCRIPTS = HERE / "oldclients"
REQUIREMENTS = SCRIPTS / "requirements.txt"
INSTALLED = HERE.parent / ".venv-py27"
#: For a script's whole day; its own waits are shorter.
TIME_LIMIT = 60


@pytest.fixture(scope="session")
def python27() -> str:
    """A Python 2.7 that can install packages: the one on the path, or pyenv's."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for candidate in (
        "python2.7",
        *map(str, sorted(pyenv.glob("versions/2.7.*/bin/python2.7"))),
    ):
        try:
            found = subprocess.run(
                [candidate, "-c", "import pip, sys; print(sys.executable)"],
                capture_output=True,
                text=True,
                check=True,
            )
        except (OSError, subprocess.CalledProcessError):
            continue
        return found.stdout.strip()
    pytest.skip("the official clients need Python 2.7 with pip; there is none here")


@pytest.fixture(scope="session")
def site(python27: str) -> Path:
    """The folder with the old clients, installed when it is not there yet."""
    digest = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    folder = INSTALLED / digest[:12]
    if folder.exists():
        return folder
    INSTALLED.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=INSTALLED) as scratch:
        half_done = Path(scratch) / "site"
        pip = [python27, "-m", "pip", "--disable-pip-version-check", "install"]
        installation = subprocess.run(
            [*pip, "--target", str(half_done), "--requirement", str(REQUIREMENTS)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert installation.returncode == 0, installation.stdout
        try:
            half_done.rename(folder)
        except OSError:
            # Another run was faster: its folder is as good.
            if not folder.exists():
                raise
    return folder


async def run(command: Sequence[str], environment: Mapping[str, str]) -> str:
    """Run a program to its end in time and return what it printed; else fail."""
    process = await asyncio.create_subprocess_exec(
        *command,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    reading = asyncio.create_task(process.stdout.read())
    try:
        async with asyncio.timeout(TIME_LIMIT):
            status = await process.wait()
    except TimeoutError:
        status = -1
        process.kill()
        await process.wait()
    output = (await reading).decode(errors="replace")
    assert status == 0, f"status {status} (-1: out of time), after:\n{output}"
    return output


async def test_sdk_unmodified_does_a_days_work(
    python27: str, site: Path, tmp_path: Path
) -> None:
    user, apikey = "official", "sdk-1.0.12"
    async with running(user=user, apikey=apikey) as server:
        output = await run(
            [python27, str(SCRIPTS / "sdk_day.py")],
            {
                "HOME": str(tmp_path),  # no config.json of whoever runs the tests
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(site),
                "DOCKERCLOUD_REST_HOST": f"{server.url}/",
                "DOCKERCLOUD_STREAM_HOST": f"{server.stream_url}/",
                "DOCKERCLOUD_USER": user,
                "DOCKERCLOUD_APIKEY": apikey,
            },
        )

    assert "ok saw_events" in output.splitlines()
