"""``lint`` and ``convert``, which need no cloud, and ``up`` with a Compose file."""

from __future__ import annotations

from pathlib import Path

import pytest

from aiodockercloud.__main__ import main
from tests.cli.conftest import Run
from tests.support.facts import IDLE

FILE = "web:\n  image: x\n  cpuset: '0'\n  autoredeploy: true\n"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stack file in the folder of the test."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "docker-cloud.yml"
    path.write_text(FILE)
    return path


def test_lint_prints_each_key_as_json_and_fails_when_one_is_refused(
    run: Run, file: Path
) -> None:
    ended = run("lint", status=1)

    image, cpuset, autoredeploy = ended.objects
    assert image == {
        **{"file": str(file), "line": 2, "service": "web", "key": "image"},
        "engines": {"embedded": "honoured", "swarm": "honoured"},
        "reasons": {},
    }
    assert cpuset["engines"] == {"embedded": "emulated", "swarm": "refused"}
    assert "does not bind" in cpuset["reasons"]["swarm"]
    assert autoredeploy["line"] == 4
    assert ended.err == f"aiodockercloud: {file}: 1 of 3 keys are refused\n"


@pytest.mark.parametrize(("command", "status"), [("lint", 1), ("convert", 0)])
def test_command_needs_no_cloud(
    file: Path, monkeypatch: pytest.MonkeyPatch, command: str, status: int
) -> None:
    for name in ("REST_HOST", "USER", "APIKEY"):
        monkeypatch.delenv(f"DOCKERCLOUD_{name}", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(file.parent))

    assert main([command]) == status


def test_lint_for_one_engine_leaves_the_others_out(run: Run, file: Path) -> None:
    ended = run("lint", str(file), "--engine", "embedded", "--output", "table")

    assert ended.rows[0] == ["LINE", "SERVICE", "KEY", "EMBEDDED", "REASON"]
    assert "Swarm" not in ended.out
    assert ended.err == ""


def test_lint_reason_of_all_engines_is_stated_once(run: Run, file: Path) -> None:
    file.write_text("web:\n  image: x\n  tty: perhaps\n")

    [_, _, wrong] = run("lint", "-o", "table", status=1).out.splitlines()

    assert wrong.split(None, 5)[5] == "perhaps is not true or false"


@pytest.mark.parametrize("command", ["lint", "convert"])
@pytest.mark.parametrize("text", ["web: [\n", "- a\n"])
def test_file_without_a_layout_fails_in_one_line(
    run: Run, file: Path, command: str, text: str
) -> None:
    file.write_text(text)

    ended = run(command, status=1)

    assert ended.out == ""
    assert ended.err.startswith(f"aiodockercloud: {file}: ")
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize("command", ["lint", "convert"])
def test_missing_file_fails_in_one_line(run: Run, file: Path, command: str) -> None:
    ended = run(command, "no.yml", status=1)

    assert (
        ended.err
        == "aiodockercloud: no.yml: cannot be read: No such file or directory\n"
    )


def test_convert_prints_the_file_and_reports_losses(run: Run, file: Path) -> None:
    there = run("convert")

    assert there.out == 'services:\n  web:\n    image: x\n    cpuset: "0"\n'
    assert there.err == (
        f"aiodockercloud: {file}: line 4: service web: key autoredeploy: Compose"
        " watches no registry; redeploy when the image is pushed\n"
    )
    file.write_text(there.out)
    assert run("convert", str(file), "--to", "docker-cloud").out.startswith("web:\n")


def test_convert_to_the_present_layout_fails(run: Run, file: Path) -> None:
    ended = run("convert", "--to", "docker-cloud", status=1)

    assert "has the layout docker-cloud already" in ended.err


def test_up_deploys_the_compose_file_of_the_folder(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "compose.yaml").write_text(
        f"name: composed\nservices: {{web: {{image: {IDLE}, scale: 2}}}}\n"
    )

    [web] = run("up").objects

    assert web["name"] == "web"
    assert web["running_num_containers"] == 2
    assert [one["name"] for one in run("ps", "-s").objects] == ["composed"]
