"""What the shell completes: commands, and the names of objects and of contexts."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping

import pytest

from tests.cli.conftest import Run
from tests.support.facts import ROOT


def completed(environment: Mapping[str, str], line: str) -> list[str]:
    """Return what bash would offer for the last word of a line."""
    words = {
        "_AIODOCKERCLOUD_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split(" ")) - 1),
    }
    ended = subprocess.run(
        [sys.executable, "-m", "aiodockercloud"],
        env={**os.environ, **environment, **words, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stderr == ""
    return ended.stdout.split()


@pytest.fixture
def named(run: Run, environment: dict[str, str]) -> dict[str, str]:
    """The environment of a cloud with some services, and of two contexts."""
    for name in ("web", "worker", "db"):
        run("run", "--detach", "--name", name, "idle")
    run("run", "--detach", "--name", "former", "idle")
    run("rm", "former")
    url = environment["DOCKERCLOUD_REST_HOST"]
    for name in ("home", "work"):
        run("context", "add", name, url, "--user", environment["DOCKERCLOUD_USER"])
    return environment


def test_commands_are_completed(environment: dict[str, str]) -> None:
    found = completed(environment, "aiodockercloud re")

    assert {"redeploy", "restore", "rekey"} <= set(found)


def test_names_are_completed(named: dict[str, str]) -> None:
    for command, start, found in (
        ("logs", "w", ["web", "web-1", "worker", "worker-1"]),
        ("logs -f web", "d", ["db", "db-1"]),
        ("scale", "w", ["web", "worker"]),
        ("ps", "", ["db", "web", "worker"]),
        ("exec", "web-", ["web-1"]),
        ("rm", "container/w", ["container/web-1", "container/worker-1"]),
        ("trigger ls", "d", ["db"]),
        ("inspect", "x", []),
        ("rm", "f", []),  # terminated
        ("context use", "w", ["work"]),
        ("--context home logs", "d", ["db", "db-1"]),
        ("logs --context home", "d", ["db", "db-1"]),
    ):
        line = f"aiodockercloud {command} {start}"
        if "--context" in command:
            hidden = {name: "" for name in ("REST_HOST", "USER", "APIKEY")}
            environment = named | {f"DOCKERCLOUD_{n}": v for n, v in hidden.items()}
        else:
            environment = named
        assert completed(environment, line) == found, line


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"DOCKERCLOUD_APIKEY": "wrong"}, id="key"),
        pytest.param({"DOCKERCLOUD_REST_HOST": "http://127.0.0.1:9"}, id="address"),
        pytest.param({"DOCKERCLOUD_REST_HOST": "no address"}, id="invalid"),
        pytest.param({"DOCKERCLOUD_REST_HOST": ""}, id="none"),
    ],
)
def test_cloud_without_an_answer_has_no_names(
    environment: dict[str, str], changed: dict[str, str]
) -> None:
    assert completed(environment | changed, "aiodockercloud logs w") == []
