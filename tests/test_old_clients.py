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

from aiodockercloud.server import Embedded, Server
from aiodockercloud.server.engines import ContainerSpec
from flows import SHARED

HERE = Path(__file__).parent
SCRIPTS = HERE / "oldclients"
REQUIREMENTS = SCRIPTS / "requirements.txt"
TUTUM_REQUIREMENTS = SCRIPTS / "requirements-tutum.txt"
INSTALLED = HERE.parent / ".venv-py27"
STACK_FILES = SHARED / "data" / "stackfiles"
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
    """The folder with Docker Cloud's clients."""
    return _installed(python27, REQUIREMENTS)


@pytest.fixture(scope="session")
def tutum_site(python27: str) -> Path:
    """The folder with Tutum's clients, which need older packages than those."""
    return _installed(python27, TUTUM_REQUIREMENTS)


def _installed(python27: str, requirements: Path) -> Path:
    """A folder with what *requirements* names, installed when it is not there yet."""
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()
    folder = INSTALLED / digest[:12]
    if folder.exists():
        return folder
    INSTALLED.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=INSTALLED) as scratch:
        half_done = Path(scratch) / "site"
        pip = [python27, "-m", "pip", "--disable-pip-version-check", "install"]
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


class Slow(Embedded):
    """An engine on which the containers of one image never come up."""

    async def create(self, spec: ContainerSpec) -> None:
        if spec.image.startswith("acme/stuck:"):
            await asyncio.get_running_loop().create_future()
        await super().create(spec)


@pytest.fixture
def engine() -> Embedded:
    return Slow()


@pytest.fixture
def environment(server: Server, site: Path, tmp_path: Path) -> dict[str, str]:
    """What an old client has to know, and nothing of whoever runs the tests."""
    assert server.apikey is not None
    return {
        "HOME": str(tmp_path),
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(site),
        "LANG": "C.UTF-8",
        "DOCKERCLOUD_REST_HOST": f"{server.url}/",
        "DOCKERCLOUD_STREAM_HOST": f"{server.stream_url}/",
        "DOCKERCLOUD_USER": server.user,
        "DOCKERCLOUD_APIKEY": server.apikey,
    }


async def test_sdk_unmodified_does_a_days_work(
    python27: str, environment: dict[str, str]
) -> None:
    output = await run([python27, str(SCRIPTS / "sdk_day.py")], environment)

    assert "ok saw_events" in output.splitlines()


@pytest.mark.parametrize(
    "part",
    ["services", "containers", "stacks", "found_stacks", "nodes", "odds_and_ends"],
)
async def test_command_line_unmodified_does_a_days_work(
    python27: str, environment: dict[str, str], part: str
) -> None:
    if STACK_FILES.is_dir():
        environment["STACK_FILES"] = str(STACK_FILES)

    output = await run([python27, str(SCRIPTS / "cli_day.py"), part], environment)

    assert f"ok {part}" in output.splitlines()


async def test_tutums_clients_unmodified_do_a_days_work(
    python27: str, server: Server, tutum_site: Path, tmp_path: Path
) -> None:
    assert server.apikey is not None
    environment = {
        "HOME": str(tmp_path),
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(tutum_site),
        "PYTHONIOENCODING": "utf-8",
        "TUTUM_REST_HOST": server.url,
        "TUTUM_STREAM_HOST": server.stream_url,
        "TUTUM_USER": server.user,
        "TUTUM_APIKEY": server.apikey,
    }

    output = await run([python27, str(SCRIPTS / "tutum_day.py")], environment)

    assert "ok saw_events" in output.splitlines()
