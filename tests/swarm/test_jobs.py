"""Services with ``mode: job`` on a real Swarm."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from aiodockercloud import DockerCloud, WaitFailed
from tests.support import swarms
from tests.support.flows import client_of
from tests.support.swarms import PATIENCE, sh

pytestmark = swarms.need(1)


@pytest.fixture
async def live() -> AsyncIterator[DockerCloud]:
    async with swarms.server() as server, client_of(server) as cloud:
        yield cloud


async def test_job_succeeds_when_all_completions_do(live: DockerCloud) -> None:
    service = await live.services.create(
        image=swarms.IMAGE,
        name="job",
        mode="job",
        completions=3,
        max_concurrent=2,
        run_command=sh("echo done"),
    )
    action = await live.services.start(service)
    ended = await live.actions.wait(action, timeout=PATIENCE)

    assert ended["progress"] == {"done": 3, "total": 3, "failed": 0}
    assert (await live.services.inspect(service))["state"] == "Stopped"
    found = await live.services.containers(service)
    assert [container["exit_code"] for container in found] == [0, 0, 0]


async def test_failed_completion_is_tried_again_and_fails_the_job(
    live: DockerCloud,
) -> None:
    service = await live.services.create(
        image=swarms.IMAGE,
        name="job",
        mode="job",
        restart_policy={"max_attempts": 1},
        run_command=sh("echo no; exit 3"),
    )
    action = await live.services.start(service)
    assert "dockercloud_action_uri" in action
    with pytest.raises(WaitFailed, match=r"1 of 1 completions failed: job-1 \(exit"):
        await live.actions.wait(action, timeout=PATIENCE)
    async with live.actions.logs(action["dockercloud_action_uri"]) as lines:
        texts = [line["log"] async for line in lines]

    assert "job-1: exit code 3; attempt 2 follows" in texts
    assert "job-1: no" in texts
