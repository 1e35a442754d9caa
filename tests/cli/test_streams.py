"""``logs``, ``exec``, ``events`` and ``top``, as far as they end by themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.support.facts import SHELL

TALK = ("sh", "-c", "echo one; echo two >&2; sleep 1000")


@pytest.fixture
def talker(run: Run) -> Run:
    """Run the command while a service ``talker`` has two lines."""
    run("run", "-d", "--name", "talker", SHELL, "--", *TALK)
    return run


def test_lines_have_the_name_of_their_container(talker: Run) -> None:
    ended = talker("logs", "talker")

    assert ended.out == "talker-1 | one\n"
    assert ended.err == "talker-1 | two\n"


def test_lines_of_one_container_are_plain(talker: Run) -> None:
    assert talker("logs", "talker-1").out == "one\n"
    assert talker("logs", "talker", "--no-prefix").out == "one\n"
    assert talker("logs", "talker-1", "--tail", "0").out == ""


def test_lines_of_several_objects_are_printed(talker: Run) -> None:
    talker("run", "-d", "--name", "other", SHELL, "--", *TALK)

    printed = talker("logs", "talker", "other", "container/other-1").out.splitlines()

    assert sorted(printed) == ["other-1 | one", "other-1 | one", "talker-1 | one"]


def test_lines_have_their_time_on_demand(talker: Run) -> None:
    [line] = talker("logs", "-t", "talker-1").out.splitlines()

    stamp, text = line.split(" ", 1)
    assert text == "one"
    assert stamp.endswith("Z")
    assert talker("logs", "--since", stamp, "talker-1").out == "one\n"


def test_lines_as_json_are_objects(talker: Run) -> None:
    lines = talker("logs", "talker", "--output", "json").objects

    assert {(one["container"], one["streamType"]) for one in lines} == {
        ("talker-1", "stdout"),
        ("talker-1", "stderr"),
    }


@pytest.mark.parametrize("option", ["--tail=-1", "--tail=few", "--since="])
def test_value_that_is_none_is_refused(talker: Run, option: str) -> None:
    talker("logs", option, "talker", status=2 if "tail" in option else 1)


def test_exec_ends_with_the_status_and_passes_words_on(talker: Run) -> None:
    ended = talker(
        "exec", "talker-1", "--", "sh", "-c", "echo 'a  b'; exit 5", status=5
    )

    assert ended.out == "a  b\n"


def test_exec_in_a_service_uses_its_running_container(talker: Run) -> None:
    assert talker("exec", "talker", "echo", "-x", "--help").out == "-x --help\n"


def test_exec_passes_a_file_on(
    talker: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "input"
    data = bytes(range(256)) * 1000
    file.write_bytes(data)
    with file.open() as source:
        monkeypatch.setattr("sys.stdin", source)
        # The size proves that each byte arrived.
        ended = talker("exec", "-i", "talker-1", "--", "wc", "-c")

    assert ended.out.split() == [str(len(data))]


def test_exec_without_a_running_container_names_the_state(talker: Run) -> None:
    talker("stop", "talker")

    err = talker("exec", "talker", "--", "true", status=1).err

    assert "Stopped" in err


def test_exec_without_a_command_is_a_mistake(talker: Run) -> None:
    talker("exec", "talker", status=2)
    talker("exec", "talker", "--", status=2)


def test_top_off_a_terminal_lists_the_services_once(talker: Run) -> None:
    assert [one["name"] for one in talker("top").objects] == ["talker"]
    rows = talker("top", "--once", "--output", "table").rows
    assert rows[1][0] == "talker"
