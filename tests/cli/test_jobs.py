"""``run`` and ``batch``: output, status, and no service that is left."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run
from tests.support.facts import IDLE, SHELL


def test_run_prints_the_output_and_ends_with_the_status(run: Run) -> None:
    ended = run(
        "run", SHELL, "--", "sh", "-c", "echo hi; echo oh >&2; exit 9", status=9
    )

    assert (ended.out, ended.err) == ("hi\n", "oh\n")
    assert run("ps").out == ""


def test_run_passes_options_after_the_image_on(run: Run) -> None:
    assert run("run", SHELL, "echo", "--output", "json").out == "--output json\n"


def test_run_sets_variables_and_fields(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FROM_HERE", "2")
    options = ("-e", "A=1", "-e", "FROM_HERE", "--set", "memory=64", "--name", "job")

    lines = run("run", "--keep", *options, SHELL, "env").out.splitlines()

    assert {"A=1", "FROM_HERE=2"} <= set(lines)
    [kept] = run("ps").objects
    assert (kept["name"], kept["memory"], kept["state"]) == ("job", 64, "Stopped")


def test_run_detached_leaves_a_running_service(run: Run) -> None:
    [service] = run("run", "-d", "--name", "web", "-p", "80", IDLE).objects

    assert service["state"] == "Running"
    assert service["container_ports"][0]["inner_port"] == 80


@pytest.mark.parametrize("options", [("-e", "NOT_SET_HERE"), ("--set", "memory")])
def test_run_refuses_a_value_in_another_form(
    run: Run, options: tuple[str, ...]
) -> None:
    [line] = run("run", *options, SHELL, status=2).err.splitlines()

    assert line.startswith("aiodockercloud run: argument ")
    assert options[1] in line


def test_run_that_the_server_refuses_leaves_no_service(run: Run) -> None:
    assert "memory" in run("run", "--set", "memory=-1", SHELL, "true", status=1).err
    assert run("ps").out == ""


def test_run_that_takes_too_long_is_removed(run: Run) -> None:
    err = run("run", "--timeout", "1", SHELL, "sleep", "1000", status=1).err

    assert "not ended within 1 s" in err
    assert run("ps").out == ""


JOBS = [
    {"image": SHELL, "run_command": "echo one"},
    {"image": SHELL, "run_command": 'sh -c "echo two; exit 4"'},
]


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(map(json.dumps, JOBS)) + "\n\n",
        json.dumps(JOBS),
        "- {image: busybox, run_command: echo one}\n"
        "- image: busybox\n  run_command: sh -c 'echo two; exit 4'\n",
    ],
    ids=["lines", "json", "yaml"],
)
def test_batch_prints_a_line_for_each_result(
    run: Run, tmp_path: Path, text: str
) -> None:
    file = tmp_path / "jobs"
    file.write_text(text)

    results = {one["number"]: one for one in run("batch", str(file), status=1).objects}

    assert (results[1]["ok"], results[1]["output"]) == (True, "one\n")
    assert (results[2]["ok"], results[2]["exit_codes"]) == (False, [4])
    assert results[1]["job"]["image"] == SHELL
    assert run("ps").out == ""


def test_batch_reads_standard_input_and_repeats_failed_jobs(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = json.dumps({"image": SHELL, "run_command": "false"})
    monkeypatch.setattr("sys.stdin", io.StringIO(text))

    [result] = run("batch", "-", "--retries", "1", status=1).objects

    assert result["attempts"] == 2


def test_batch_as_a_table_is_in_the_order_of_the_file(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "jobs"
    file.write_text(json.dumps(JOBS))

    rows = run("batch", str(file), "--output", "table", status=1).rows

    assert [row[:3] for row in rows[1:]] == [["1", "yes", "0"], ["2", "no", "4"]]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{"image": "a"}\n{"image"', "line 2"),
        ('{"image": "a"}\n{"run_command": "b"}', "line 2"),
        ("- image: a\n- b", "job 2"),
        ("just text", "a list"),
        ("a: [", "neither JSON nor YAML"),
    ],
)
def test_batch_names_the_place_of_a_mistake_and_runs_nothing(
    run: Run, tmp_path: Path, text: str, place: str
) -> None:
    file = tmp_path / "jobs"
    file.write_text(text)

    ended: Any = run("batch", str(file), status=1)

    assert place in ended.err
    assert ended.out == ""


def test_batch_of_a_missing_file_names_the_file(run: Run) -> None:
    assert "nowhere.jsonl" in run("batch", "nowhere.jsonl", status=1).err
