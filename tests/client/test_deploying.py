"""Deploying stacks, with a server whose objects change at each inspection."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aiodockercloud import DockerCloud, WaitFailed
from tests.support import changing
from tests.support.changing import (
    ACTION,
    APP,
    OTHER,
    SERVICE,
    SOON,
    UUID,
    Fake,
    action,
    page,
    service,
)
from tests.support.facts import PATIENCE
from tests.support.waiting import LONG

fake = changing.fake

STACK = f"{APP}stack/{UUID}/"
CONTAINER = f"{APP}container/{UUID}/"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "shop" / "docker-cloud.yml"
    path.parent.mkdir()
    path.write_text("web:\n  image: dockercloud/hello-world\n")
    return path


def stack(state: str) -> dict[str, Any]:
    return {
        **{"uuid": UUID, "resource_uri": STACK, "name": "shop"},
        **{"state": state, "services": [SERVICE]},
    }


async def test_deploy_of_a_new_stack_creates_and_starts_it(
    fake: tuple[Fake, DockerCloud], file: Path
) -> None:
    server, cloud = fake
    terminated = {**stack("Terminated"), "uuid": OTHER}
    server.objects[f"{APP}stack/"] = [page(terminated), stack("Not running")]
    server.objects[f"{STACK}start/"] = [stack("Starting")]
    server.objects[ACTION] = [action("Success")]
    server.objects[STACK] = [stack("Starting"), stack("Running")]

    found = await cloud.stacks.deploy(file, poll=SOON)

    assert found["state"] == "Running"
    assert server.writes == [("POST", f"{APP}stack/"), ("POST", f"{STACK}start/")]


async def test_deploy_of_an_existing_stack_updates_and_redeploys_it(
    fake: tuple[Fake, DockerCloud], file: Path
) -> None:
    server, cloud = fake
    server.objects[f"{APP}stack/"] = [page(stack("Running"))]
    server.objects[f"{STACK}redeploy/"] = [stack("Redeploying")]
    server.objects[ACTION] = [action("Success")]
    server.objects[STACK] = [stack("Running")]

    await cloud.stacks.deploy(file, poll=LONG, timeout=PATIENCE)

    assert server.writes == [("PATCH", STACK), ("POST", f"{STACK}redeploy/")]


@pytest.mark.parametrize(("exit_code", "settled"), [(0, True), (3, False)])
async def test_deploy_of_a_job_depends_on_its_exit_code(
    fake: tuple[Fake, DockerCloud], file: Path, exit_code: int, settled: bool
) -> None:
    server, cloud = fake
    server.objects[f"{APP}stack/"] = [page(), stack("Not running")]
    server.objects[f"{STACK}start/"] = [stack("Starting")]
    server.objects[ACTION] = [action("Success")]
    server.objects[STACK] = [stack("Stopped")]
    server.objects[SERVICE] = [service("Stopped", name="web", containers=[CONTAINER])]
    ended = {"name": "web-1", "state": "Stopped", "exit_code": exit_code}
    server.objects[CONTAINER] = [ended]

    if settled:
        assert (await cloud.stacks.deploy(file))["state"] == "Stopped"
    else:
        with pytest.raises(WaitFailed, match=r"service web .* web-1 .*exit code 3"):
            await cloud.stacks.deploy(file)


async def test_deploy_that_takes_too_long_names_the_stack(
    fake: tuple[Fake, DockerCloud], file: Path
) -> None:
    server, cloud = fake
    server.objects[f"{APP}stack/"] = [page(stack("Running"))]
    server.objects[f"{STACK}redeploy/"] = [stack("Redeploying")]
    server.objects[ACTION] = [action("In progress")]
    server.objects[STACK] = [stack("Redeploying")]

    with pytest.raises(TimeoutError, match="stack shop was not deployed within"):
        await cloud.stacks.deploy(file, timeout=0.05)
