"""The official clients, unmodified, under Python 2.7: installation and scripts.

Each set of requirements is installed once into a folder of ``.venv-py27``. The scripts
in ``tests/support/oldclients`` are programs for Python 2.7.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from aiodockercloud.server import Server
from tests.support.facts import ROOT

SCRIPTS = Path(__file__).parent / "oldclients"
REQUIREMENTS = SCRIPTS / "requirements.txt"
TUTUM_REQUIREMENTS = SCRIPTS / "requirements-tutum.txt"
INSTALLED = ROOT / ".venv-py27"


@functools.cache
def _python27() -> str | None:
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
    return None


def python27() -> str:
    """Return a Python 2.7 with pip: the one on the path, or pyenv's.

    Skips the test when no such Python exists.
    """
    if (found := _python27()) is None:
        pytest.skip("the official clients need Python 2.7 with pip; none was found")
    return found


def site(requirements: Path) -> Path:
    """Return a folder with the packages of *requirements*, installed if necessary."""
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()
    folder = INSTALLED / digest[:12]
    if folder.exists():
        return folder
    INSTALLED.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=INSTALLED) as scratch:
        half_done = Path(scratch) / "site"
        pip = [python27(), "-m", "pip", "--disable-pip-version-check", "install"]
        installation = subprocess.run(
            [*pip, "--target", str(half_done), "--requirement", str(requirements)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert installation.returncode == 0, installation.stdout
        try:
            half_done.rename(folder)
        except OSError:
            # A concurrent run has installed the same packages first.
            if not folder.exists():
                raise
    return folder


def environment(server: Server, home: Path) -> dict[str, str]:
    """Return the environment of Docker Cloud's clients, without the developer's."""
    return _environment(server, home, REQUIREMENTS, "DOCKERCLOUD")


def tutum_environment(server: Server, home: Path) -> dict[str, str]:
    """Return the environment of Tutum's clients, without the developer's."""
    return _environment(server, home, TUTUM_REQUIREMENTS, "TUTUM")


def _environment(
    server: Server, home: Path, requirements: Path, product: str
) -> dict[str, str]:
    assert server.apikey is not None
    return {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(site(requirements)),
        "LANG": "C.UTF-8",
        f"{product}_REST_HOST": f"{server.url}/",
        f"{product}_STREAM_HOST": f"{server.stream_url}/",
        f"{product}_USER": server.user,
        f"{product}_APIKEY": server.apikey,
    }


async def run(
    script: str, *arguments: str, env: Mapping[str, str], seconds: float
) -> list[str]:
    """Run a script and return its printed lines.

    Args:
        script: The file name in ``oldclients``.
        *arguments: The arguments of the script.
        env: The environment, see :func:`environment`.
        seconds: The time after which the script is killed and the test fails.
    """
    # -B: writes no compiled files beside the scripts.
    command: Sequence[str] = [python27(), "-B", str(SCRIPTS / script), *arguments]
    process = await asyncio.create_subprocess_exec(
        *command,
        env=env,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    reading = asyncio.create_task(process.stdout.read())
    try:
        async with asyncio.timeout(seconds):
            status = await process.wait()
    except TimeoutError:
        status = -1
        process.kill()
        await process.wait()
    output = (await reading).decode(errors="replace")
    assert status == 0, f"status {status} (-1: out of time), after:\n{output}"
    return output.splitlines()
