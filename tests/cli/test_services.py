"""Services and stacks by the command: up, ps, scale, redeploy, stop, start, rm."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.support.facts import IDLE, SHELL

SHOP = """\
web:
  image: dockercloud/hello-world
  target_num_containers: 2
talker:
  image: busybox
  command: sh -c "echo hello; echo oh >&2; sleep 1000"
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A stack file in a folder ``shop``."""
    file = tmp_path / "shop" / "docker-cloud.yml"
    file.parent.mkdir()
    file.write_text(SHOP)
    return file


def start(run: Run, name: str = "web", *more: str) -> None:
    run("run", "--detach", "--name", name, *more, IDLE)


def test_up_without_a_file_deploys_that_of_the_folder(
    run: Run, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (shop.parent / "below").mkdir()
    monkeypatch.chdir(shop.parent / "below")

    assert {one["name"]: one["state"] for one in run("up").objects} == {
        "web": "Running",
        "talker": "Running",
    }
    assert [one["name"] for one in run("ps", "--stacks").objects] == ["shop"]


def test_up_again_keeps_the_stack_and_prunes_on_demand(run: Run, shop: Path) -> None:
    run("up", str(shop), "--name", "mine")
    [before] = run("ps", "--stacks").objects
    shop.write_text(SHOP.partition("talker:")[0])

    listed = run("up", str(shop), "--name", "mine", "--prune", "--output=table").rows

    assert [row[:2] for row in listed] == [["NAME", "STACK"], ["web", "mine"]]
    [after] = run("ps", "--stacks").objects
    assert after["uuid"] == before["uuid"]


def test_up_that_fails_names_the_service_its_status_and_its_last_lines(
    run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "docker-cloud.yml"
    file.write_text("bad: {image: busybox, command: sh -c 'echo no disk; exit 7'}")

    err = run("up", str(file), status=1).err

    assert err.startswith("aiodockercloud: ")
    assert "service bad" in err
    assert "exit code 7" in err
    assert "no disk" in err


def test_up_without_any_file_is_refused(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    [line] = run("up", status=1).err.splitlines()

    assert "docker-cloud.yml" in line


def test_warnings_about_a_stack_file_are_printed(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "docker-cloud.yml"
    file.write_text(f"web: {{image: {IDLE}, environment: {{A: $NOT_SET_ANYWHERE}}}}")

    err = run("up", str(file)).err

    assert "the variable NOT_SET_ANYWHERE is not set" in err


def test_ps_lists_those_of_a_stack_and_its_containers(run: Run, shop: Path) -> None:
    start(run, "alone")
    run("up", str(shop))

    assert len(run("ps").objects) == 3
    assert {one["name"] for one in run("ps", "shop").objects} == {"web", "talker"}
    assert {one["name"] for one in run("ps", "-c", "web.shop").objects} == {
        "web-1",
        "web-2",
    }
    table = run("ps", "web.shop", "--output", "table").rows
    assert table[0][:4] == ["NAME", "STACK", "STATE", "HEALTH"]
    assert table[1][:4] == ["web", "shop", "Running", "2/2"]


def test_ps_prints_one_object_a_line(run: Run) -> None:
    start(run)
    start(run, "worker")

    lines = run("ps", "--output", "json").out.splitlines()

    assert {json.loads(line)["name"] for line in lines} == {"web", "worker"}


def test_service_is_scaled_stopped_started_and_removed(run: Run) -> None:
    start(run)

    assert run("scale", "web", "3").objects[0]["running_num_containers"] == 3
    assert run("stop", "web").objects[0]["state"] == "Stopped"
    assert run("start", "web").objects[0]["state"] == "Running"
    assert run("rm", "web").objects[0]["state"] == "Terminated"
    assert run("ps").out == ""
    assert {one["state"] for one in run("ps", "--all").objects} == {"Terminated"}


def test_several_objects_are_changed_by_one_command(run: Run, shop: Path) -> None:
    start(run, "alone")
    run("up", str(shop))

    changed = run("stop", "alone", "stack/shop").objects

    assert {one["name"]: one["state"] for one in changed} == {
        "alone": "Stopped",
        "shop": "Stopped",
    }


def test_no_object_is_changed_when_one_does_not_exist(run: Run) -> None:
    start(run)

    run("stop", "web", "nope", status=3)

    assert run("ps").objects[0]["state"] == "Running"


def test_redeploy_replaces_the_containers_and_a_plan_changes_nothing(run: Run) -> None:
    start(run)
    [before] = run("ps", "-c").objects

    [plan] = run("redeploy", "web", "--dry-run").objects
    assert plan["batches"][0][0]["name"] == "web-1"
    [same] = run("ps", "-c").objects
    assert same["uuid"] == before["uuid"]

    run("redeploy", "web")
    [after] = run("ps", "-c").objects
    assert after["uuid"] != before["uuid"]


def test_rollback_without_a_former_definition_ends_with_the_reason(run: Run) -> None:
    start(run)

    assert "never deployed with another" in run("rollback", "web", status=1).err


def test_rollback_restores_the_former_definition(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "docker-cloud.yml"
    for image in ("acme/one", "acme/two"):
        file.write_text(f"web: {{image: {image}}}")
        run("up", str(file), "--name", "shop")

    assert run("rollback", "web").objects[0]["image_name"] == "acme/one:latest"


def test_detached_operation_is_not_awaited(run: Run) -> None:
    start(run)

    [leaving] = run("rm", "--detach", "web").objects

    assert leaving["state"] in ("Terminating", "Terminated")


def test_start_that_fails_ends_with_the_reason(run: Run) -> None:
    command = ("sh", "-c", "echo no disk; exit 7")

    err = run("run", "-d", "--name", "bad", SHELL, "--", *command, status=1).err

    assert "exit code 7" in err
    assert "no disk" in err


def test_name_of_two_kinds_is_refused_with_what_to_write(
    run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "docker-cloud.yml"
    file.write_text(f"shop: {{image: {IDLE}}}")
    run("up", str(file), "--name", "shop")

    [line] = run("stop", "shop", status=1).err.splitlines()

    assert "service/shop or stack/shop" in line
    assert run("stop", "service/shop").objects[0]["state"] == "Stopped"


def test_prefix_of_a_uuid_is_a_name(run: Run) -> None:
    start(run)
    [service] = run("ps").objects

    assert run("inspect", service["uuid"][:8]).objects == [service]


def test_inspect_prints_objects_of_any_kind(run: Run) -> None:
    start(run)
    [container] = run("inspect", "web-1").objects
    [node] = run("node", "ls").objects
    [action] = run("action", "ls", "web", "--last", "1").objects

    assert run("inspect", container["uuid"]).objects == [container]
    assert run("inspect", node["uuid"][:8]).objects == [node]
    assert run("inspect", f"action/{action['uuid'][:8]}").objects == [action]


def test_actions_are_listed_read_and_repeated(run: Run) -> None:
    start(run)
    listed = run("action", "ls", "web").objects
    assert [one["action"] for one in listed] == ["Service Start", "Service Create"]

    assert run("action", "logs", listed[0]["uuid"]).out
    assert run("action", "logs", "-f", listed[0]["uuid"][:8]).out
    run("action", "cancel", listed[0]["uuid"], status=1)
    run("stop", "web")
    [again] = run("action", "retry", listed[0]["uuid"]).objects
    assert again["action"] == "Service Start"


def test_trigger_is_created_called_and_removed(run: Run) -> None:
    start(run)
    [made] = run("trigger", "create", "web", "--operation", "SCALEUP").objects
    assert made["url"].startswith("http://127.0.0.1:")
    [listed] = run("trigger", "ls", "web").objects
    assert listed["url"] == made["url"]

    changed = run("trigger", "call", "web", made["name"], "--containers", "2")

    assert changed.objects[0]["running_num_containers"] == 3
    run("trigger", "rm", "web", made["uuid"][:8])
    assert run("trigger", "ls", "web").out == ""
    assert "has no trigger" in run("trigger", "rm", "web", "x", status=3).err
