"""What all commands share: which cloud, exit statuses, help, completion, the extra."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from aiodockercloud.__main__ import main
from aiodockercloud.cli.app import COMMANDS
from aiodockercloud.server import ThreadServer
from tests.cli.conftest import Run
from tests.support.facts import ROOT

WITHOUT_EXTRA = """
import sys
sys.modules["typer"] = None
from aiodockercloud.__main__ import main
sys.exit(main(["ps"]))
"""


def test_options_are_given_before_or_after_the_command(
    run: Run, server: ThreadServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("REST_HOST", "USER", "APIKEY"):
        monkeypatch.delenv(f"DOCKERCLOUD_{name}")
    options = ("--host", server.url, "--user", server.user, "--apikey", server.apikey)
    given = [str(one) for one in options]

    assert run(*given, "node", "ls").objects == run("node", "ls", *given).objects
    monkeypatch.setenv("DOCKERCLOUD_REST_HOST", server.url)
    monkeypatch.setenv("DOCKERCLOUD_USER", server.user)
    monkeypatch.setenv("DOCKERCLOUD_APIKEY", server.apikey or "")


def test_option_after_the_command_wins(run: Run) -> None:
    rows = run("--output", "json", "node", "ls", "--output", "table").rows

    assert rows[0][0] == "UUID"


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["ps", "nope"], 3, "no service or stack 'nope'"),
        (["--user", "admin", "--apikey", "wrong", "ps"], 4, "API key is wrong"),
        (["scale", "web", "-1"], 2, "-1"),
        (["scale", "web", "many"], 2, "many"),
        (["ps", "--bogus"], 2, "--bogus"),
        (["bogus"], 2, "bogus"),
        (["context"], 2, "Missing command"),
        (["inspect"], 2, "NAME"),
        (["serve", "--engine", "podman"], 2, "swarm"),
        (["ps", "--output", "xml"], 2, "table"),
        (["ps", "-c", "-s"], 2, "exclude"),
        (["--context", "nope", "ps"], 1, "no context 'nope'"),
        (["--context", "a", "--host", "http://a", "ps"], 1, "excludes"),
        (["stop", "node/abc"], 1, "must be a service, stack or container"),
        (["--host", "http://a", "serve", "--port", "0"], 2, "--host"),
    ],
)
def test_failure_is_one_line_and_a_status(
    run: Run, arguments: list[str], status: int, words: str
) -> None:
    lines = run(*arguments, status=status).err.splitlines()

    # The server of the test is in this process, and logs its refusals.
    [line] = [line for line in lines if "failed login" not in line]
    assert line.startswith("aiodockercloud")
    assert words in line


def test_server_that_does_not_answer_has_a_status_of_its_own(
    run: Run, unused_tcp_port: int
) -> None:
    url = f"http://127.0.0.1:{unused_tcp_port}"

    assert url in run("--host", url, "ps", status=5).err


def test_without_any_cloud_the_error_names_the_ways(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.delenv("DOCKERCLOUD_REST_HOST")

        [line] = run("ps", status=1).err.splitlines()

    assert "DOCKERCLOUD_REST_HOST" in line
    assert "context add" in line


@pytest.mark.parametrize(
    "command",
    ["up", "ps", "run", "logs", "exec", "redeploy", "inspect", "events", "batch"],
)
def test_help_of_a_command_has_examples(run: Run, command: str) -> None:
    out = run(command, "--help").out

    assert f"  aiodockercloud {command}" in out.partition("Examples:")[2]
    assert "[default:" not in out


def test_without_arguments_the_help_is_printed(run: Run) -> None:
    out = run().out

    assert "Usage: aiodockercloud" in out
    for command in ("up", "ps", "serve", "context"):
        assert f"\n  {command} " in out


def test_list_of_commands_is_true(run: Run) -> None:
    """A command whose module the list does not name would be missing from the help."""
    listed = run("--help").out.partition("Commands:")[2].splitlines()

    found = [line.split()[0] for line in listed if line.strip()]
    assert sorted(found) == sorted(name for own in COMMANDS.values() for name in own)


@pytest.mark.parametrize("command", [name for own in COMMANDS.values() for name in own])
def test_each_command_is_found_in_its_module(run: Run, command: str) -> None:
    assert run(command, "--help").out.startswith(f"Usage: aiodockercloud {command} ")


def test_start_of_a_server_imports_no_other_command() -> None:
    program = """
import sys
from aiodockercloud.__main__ import main
main(["serve", "--help"])
slow = {"rich", "yaml", "aiodockercloud.batch", "aiodockercloud.client"}
print(sorted(slow & {*sys.modules}), file=sys.stderr)
"""
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert ended.stderr == "[]\n"


def test_without_the_extra_one_line_names_the_extra() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", WITHOUT_EXTRA],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 1
    [line] = ended.stderr.splitlines()
    assert "install aiodockercloud[cli]" in line


def test_import_of_the_client_loads_no_package_of_the_extra() -> None:
    program = (
        "import sys; from aiodockercloud import DockerCloud;"
        " print({'typer', 'rich'} & {*sys.modules})"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert ended.stdout == "set()\n"


def test_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0

    assert capsys.readouterr().out.strip()[0].isdigit()
