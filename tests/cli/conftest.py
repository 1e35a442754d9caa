"""Fixtures: the command in this process, on a server that a module's tests share."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from aiodockercloud.__main__ import main
from aiodockercloud.server import ThreadServer, running_in_thread


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    status: int
    out: str
    err: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        """The output as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def rows(self) -> list[list[str]]:
        """The cells of the output's lines that have no empty cell."""
        return [line.split() for line in self.out.splitlines()]


#: Runs a command, and checks its exit status.
Run = Callable[..., Ended]


@pytest.fixture(scope="module")
def server() -> Iterator[ThreadServer]:
    """A server with a database in memory, for all tests of a module."""
    with running_in_thread() as server:
        yield server


@pytest.fixture
def environment(
    server: ThreadServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> dict[str, str]:
    """The environment of the command, which names the server."""
    assert server.apikey is not None
    found = {
        "DOCKERCLOUD_REST_HOST": server.url,
        "DOCKERCLOUD_USER": server.user,
        "DOCKERCLOUD_APIKEY": server.apikey,
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
    }
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    return found


@pytest.fixture
def run(environment: dict[str, str], capfdbinary: Any) -> Iterator[Run]:
    """Run the command; in the end, remove the services and stacks of the test."""

    def run(*arguments: str, status: int = 0) -> Ended:
        capfdbinary.readouterr()
        try:
            found = main(arguments)
        except SystemExit as mistake:
            found = int(mistake.code or 0)
        out, err = capfdbinary.readouterr()
        ended = Ended(found, out.decode(), err.decode())
        assert ended.status == status, ended
        return ended

    yield run
    for option in ([], ["--stacks"]):
        for one in run("ps", "--output=json", *option).objects:
            run("rm", one["resource_uri"])
