"""The files of ``deploy/``: what they start runs, and they limit what it may do."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import shutil
import signal
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.facts import PATIENCE, ROOT

DEPLOY = ROOT / "deploy"
ACCOUNT = {"DOCKERCLOUD_USER": "alice", "DOCKERCLOUD_APIKEY": "s3cret-key"}
#: The highest exposure of the unit on the scale of systemd, from 0 to 100.
EXPOSURE = 20


def dockerfile() -> list[tuple[str, str]]:
    """Return the instructions with their arguments, continued lines joined."""
    text = (DEPLOY / "Dockerfile").read_text()
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    found = [line.partition(" ") for line in joined.splitlines() if line.strip()]
    return [(word, rest.strip()) for word, _, rest in found]


def last(instruction: str) -> str:
    """Return the arguments of the last instruction of a kind."""
    return [rest for word, rest in dockerfile() if word == instruction][-1]


def unit() -> dict[str, list[str]]:
    """Return the values of the unit's settings, in their order."""
    found: dict[str, list[str]] = {}
    for line in (DEPLOY / "aiodockercloud.service").read_text().splitlines():
        name, separator, value = line.partition("=")
        if separator and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


def compose() -> dict[str, Any]:
    """Return the only service of the Compose file."""
    services = yaml.safe_load((DEPLOY / "compose.yml").read_text())["services"]
    [(_, service)] = services.items()
    return dict(service)


async def serves(arguments: Sequence[str], probe: Sequence[str] = ()) -> None:
    """Start the command, wait for its line, run a probe, and end the command.

    Args:
        arguments: The arguments of the command, with a free port.
        probe: The arguments of Python for a probe; ``PORT`` stands for the port.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "aiodockercloud", *arguments),
        env={**os.environ, **ACCOUNT, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE):
            line = (await process.stdout.readline()).decode()
            found = re.search(r"http://[\d.]+:(\d+)", line)
            assert found, line or (await process.communicate())[1].decode()
            if probe:
                given = [one.replace("PORT", found[1]) for one in probe]
                probing = await asyncio.create_subprocess_exec(sys.executable, *given)
                assert await probing.wait() == 0
            process.send_signal(signal.SIGTERM)
            _, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
    assert process.returncode == 0
    if probe:
        requests = [json.loads(one) for one in errors.decode().splitlines()]
        assert "/healthz" in [one.get("path") for one in requests]


def on_a_free_port(arguments: Sequence[str], data: Mapping[str, Path]) -> list[str]:
    """Return the arguments with another port and another data directory."""
    found = []
    for argument in arguments:
        for place, path in data.items():
            argument = argument.replace(place, str(path))
        found.append(argument.replace("8008", "0"))
    assert found != list(arguments)
    return found


# --- Dockerfile ---------------------------------------------------------------------


def test_dockerfile_copies_what_the_wheel_needs_and_nothing_that_is_missing() -> None:
    copied = {
        source
        for word, rest in dockerfile()
        if word == "COPY" and not rest.startswith("--from")
        for source in rest.split()[:-1]
    }
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]

    assert all((ROOT / source).exists() for source in copied)
    assert copied >= {"pyproject.toml", "README.md", "LICENSE", *wheel}
    assert {line[1:] for line in ignored if line.startswith("!")} == copied


def test_image_runs_as_another_user_than_root() -> None:
    words = [word for word, _ in dockerfile()]

    assert last("USER") not in ("root", "0")
    assert words.index("USER") < words.index("ENTRYPOINT")
    assert last("USER") in next(rest for _, rest in dockerfile() if "useradd" in rest)
    assert not [rest for word, rest in dockerfile() if word in ("ADD", "ARG")]
    assert "APIKEY" not in (DEPLOY / "Dockerfile").read_text()


async def test_command_of_the_image_runs_and_its_probe_succeeds(tmp_path: Path) -> None:
    assert json.loads(last("ENTRYPOINT")) == ["aiodockercloud"]
    command = json.loads(last("CMD"))
    probe = json.loads(last("HEALTHCHECK").partition("CMD ")[2])
    assert probe[0] == "python"

    await serves(
        on_a_free_port(command, {"/data": tmp_path / "data"}),
        [one.replace("8008", "PORT") for one in probe[1:]],
    )


# --- Compose ------------------------------------------------------------------------


def test_compose_file_limits_the_server() -> None:
    service = compose()

    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert service["cap_drop"] == ["ALL"]
    assert service["read_only"] is True
    assert "no-new-privileges:true" in service["security_opt"]
    assert "privileged" not in service
    assert not [volume for volume in service["volumes"] if "docker.sock" in volume]
    # An unset variable is refused, not an empty key.
    assert service["environment"]["DOCKERCLOUD_APIKEY"].startswith(
        "${DOCKERCLOUD_APIKEY:?"
    )


def test_compose_file_and_image_agree() -> None:
    service = compose()

    assert (DEPLOY / service["build"]["context"]).resolve() == ROOT
    assert (ROOT / service["build"]["dockerfile"]).is_file()
    assert [volume.partition(":")[2] for volume in service["volumes"]] == [
        last("VOLUME")
    ]
    assert [port.rpartition(":")[2] for port in service["ports"]] == [last("EXPOSE")]


@pytest.mark.skipif(not shutil.which("docker-compose"), reason="no Docker Compose")
async def test_docker_compose_reads_the_file() -> None:
    process = await asyncio.create_subprocess_exec(
        *("docker-compose", "-f", str(DEPLOY / "compose.yml"), "config", "--quiet"),
        env={**os.environ, **ACCOUNT},
    )
    assert await process.wait() == 0


# --- systemd ------------------------------------------------------------------------


async def test_command_of_the_unit_runs(tmp_path: Path) -> None:
    [command] = unit()["ExecStart"]
    program, *arguments = shlex.split(command)
    assert program.endswith("/bin/aiodockercloud")

    await serves(on_a_free_port(arguments, {"${STATE_DIRECTORY}": tmp_path / "data"}))


def test_unit_does_not_run_as_root_and_keeps_its_files_to_itself() -> None:
    settings = unit()

    assert settings["DynamicUser"] == ["yes"]
    assert settings["UMask"] == ["0077"]
    assert settings["StateDirectoryMode"] == ["0700"]
    assert settings["CapabilityBoundingSet"] == [""]
    assert not [name for name in settings if name == "Environment"]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze")
@pytest.mark.parametrize(
    "arguments",
    [
        ["verify", "--man=no"],
        ["security", "--offline=true", f"--threshold={EXPOSURE}"],
    ],
    ids=["valid", "hardened"],
)
async def test_systemd_accepts_the_unit(tmp_path: Path, arguments: list[str]) -> None:
    text = (DEPLOY / "aiodockercloud.service").read_text()
    [command] = unit()["ExecStart"]
    copy = tmp_path / "aiodockercloud.service"
    # The program is installed by the administrator.
    copy.write_text(text.replace(command.split()[0], sys.executable))

    process = await asyncio.create_subprocess_exec(
        *("systemd-analyze", *arguments, str(copy)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()

    assert process.returncode == 0, output.decode()
    assert "Unknown" not in output.decode()
