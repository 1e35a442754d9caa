"""The official clients, unmodified, under Python 2.7: where they are, how one is run.

They are installed once into ``.venv-py27``, a folder for each set of requirements. The
scripts they run are programs for Python 2.7, in ``tests/support/oldclients``.
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
    """A Python 2.7 that can install packages: the one on the path, or pyenv's."""
    if (found := _python27()) is None:
        pytest.skip("the official clients need Python 2.7 with pip; there is none here")
    return found


def site(requirements: Path) -> Path:
    """A folder with what *requirements* names, installed when it is not there yet."""
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
            # Another run was faster: its folder is as good.
            if not folder.exists():
                raise
    return folder


def environment(server: Server, home: Path) -> dict[str, str]:
    """What Docker Cloud's clients have to know, and nothing of whoever runs the
    tests."""
    return _environment(server, home, REQUIREMENTS, "DOCKERCLOUD")


def tutum_environment(server: Server, home: Path) -> dict[str, str]:
    """The same for Tutum's clients."""
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
    """Run a script to its end in time and return the lines it printed; else fail."""
    # -B: nothing compiled is left beside the scripts.
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
