"""Rollouts on a real Swarm of three nodes: a service stays available."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from aiodockercloud import DockerCloud, WaitFailed
from aiodockercloud.server import Server
from aiodockercloud.types import HealthcheckFields, RolloutFields, Service
from tests.support import swarms
from tests.support.flows import client_of, containers
from tests.support.rollouts import traffic
from tests.support.swarms import PATIENCE, done, run, sh

pytestmark = [swarms.need(3), pytest.mark.asyncio(loop_scope="module")]

SERVE = "mkdir -p /www; echo hello >/www/index.html; httpd -f -p 80 -h /www & "
WEB = f"trap 'exit 0' TERM; {SERVE}wait"
CHECK: HealthcheckFields = {
    "test": "wget -qO- http://127.0.0.1/",
    "interval": 1,
    "timeout": 2,
    "retries": 2,
}
NEVER: HealthcheckFields = {**CHECK, "test": "false"}
SAFE: RolloutFields = {
    "order": "start-first",
    "failure_action": "rollback",
    "parallelism": 2,
    "monitor": 4,
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[Server]:
    async with swarms.server() as server:
        yield server


@pytest_asyncio.fixture(loop_scope="module")
async def live(server: Server) -> AsyncIterator[DockerCloud]:
    async with client_of(server) as cloud:
        yield cloud


async def six(live: DockerCloud) -> Service:
    """Return a running service of six healthy web servers."""
    web = await run(
        live,
        run_command=sh(WEB),
        target_num_containers=6,
        container_ports=["80"],
        healthcheck=CHECK,
        update_config=SAFE,
        deployment_strategy="HIGH_AVAILABILITY",
    )
    return await live.services.wait(web, "Running", healthy=True, timeout=PATIENCE)


async def test_redeploy_start_first_fails_no_request(live: DockerCloud) -> None:
    web = await six(live)
    before = {c["uuid"] for c in await containers(live, web)}
    async with traffic(live, web) as requests:
        await live.services.update(web, container_envvars={"VERSION": "2"})
        await done(live, await live.services.redeploy(web))

    assert requests.failed == []
    assert requests.sent
    found = await containers(live, web)
    assert {c["health"] for c in found} == {"healthy"}
    assert before.isdisjoint(c["uuid"] for c in found)
    assert len(found) == 6
    assert len({c["node"] for c in found}) == 3


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"run_command": sh("exit 3")}, "exit code 3"),
        ({"run_command": sh(f"{SERVE}sleep 2; exit 4")}, "exit code 4"),
        ({"healthcheck": NEVER}, "exit code"),
        ({"image": "missing:latest"}, "missing"),
    ],
)
async def test_version_that_cannot_work_is_rolled_back_by_itself(
    live: DockerCloud, changes: Any, reason: str
) -> None:
    web = await six(live)
    before = {c["uuid"] for c in await containers(live, web)}
    async with traffic(live, web) as requests:
        await live.services.update(web, **changes)
        answer = await live.services.redeploy(web)
        with pytest.raises(WaitFailed) as caught:
            await live.actions.wait(answer, timeout=PATIENCE)

    assert requests.failed == []
    assert reason in str(caught.value)
    assert {c["uuid"] for c in await containers(live, web)} == before
    assert (await live.services.inspect(web))["state"] == "Running"
