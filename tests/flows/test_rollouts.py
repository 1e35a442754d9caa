"""Rollouts: a service stays available, whatever the new version does."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aiodockercloud import DockerCloud
from aiodockercloud.server import Embedded
from aiodockercloud.types import RolloutFields
from tests.support.facts import PATIENCE
from tests.support.flows import containers, counts, done, run
from tests.support.rollouts import (
    BROKEN,
    GOOD,
    NEWER,
    SAFE,
    SHORT,
    SICK,
    ended,
    images,
    six,
    traffic,
    web_engine,
)


@pytest.fixture
def engine() -> Embedded:
    return web_engine()


# --- real requests --------------------------------------------------------------------


async def test_redeploy_start_first_fails_no_request(live: DockerCloud) -> None:
    web = await six(live, update_config={**SAFE, "parallelism": 2})
    async with traffic(live, web) as requests:
        await live.services.update(web, image=NEWER)
        action, _ = await ended(live, await live.services.redeploy(web))

    assert requests.failed == []
    assert requests.sent
    assert requests.bodies == {GOOD, NEWER}
    assert action["state"] == "Success"
    assert action["progress"] == {"done": 6, "total": 6, "failed": 0}
    assert await images(live, web) == [NEWER] * 6


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (BROKEN, "(exit code 3)"),
        (SHORT, "(exit code 4)"),
        (SICK, "(unhealthy)"),
    ],
)
async def test_version_that_cannot_work_is_rolled_back_by_itself(
    live: DockerCloud, image: str, reason: str
) -> None:
    # Longer than SHORT runs; the others fail before.
    web = await six(live, update_config={**SAFE, "monitor": 5})
    before = {c["uuid"] for c in await containers(live, web)}
    async with traffic(live, web) as requests:
        await live.services.update(web, image=image)
        action, why = await ended(live, await live.services.redeploy(web))

    assert requests.failed == []
    assert requests.bodies == {GOOD}
    assert action["state"] == "Failed"
    assert action["progress"] == {"done": 0, "total": 6, "failed": 1}
    assert f"web-7 {reason}" in why
    assert "rolled back to the version deployed before" in why
    web = await live.services.inspect(web)
    assert web["image_name"] == GOOD
    assert web["synchronized"]
    assert web["update_config"] == {**SAFE, "monitor": 5}
    assert {c["uuid"] for c in await containers(live, web)} == before


async def test_failure_names_the_last_lines_of_the_container(
    live: DockerCloud,
) -> None:
    web = await six(live)
    await live.services.update(web, image=BROKEN)

    _, why = await ended(live, await live.services.redeploy(web))

    assert "no such database" in why


async def test_rollback_replaces_the_containers_that_have_the_new_version(
    live: DockerCloud,
) -> None:
    """A third container fails after two have been replaced."""
    web = await six(
        live, container_ports=[], update_config={**SAFE, "order": "stop-first"}
    )
    (first, second, *_) = await containers(live, web)
    await live.services.update(web, image=NEWER)
    for container in (first, second):
        await done(live, await live.containers.redeploy(container))
    await live.services.update(web, image=BROKEN)

    action, _ = await ended(live, await live.services.redeploy(web))

    assert action["state"] == "Failed"
    assert await images(live, web) == [GOOD] * 6
    assert (await live.services.inspect(web))["state"] == "Running"


# --- policies -------------------------------------------------------------------------


async def test_pause_is_the_default_and_leaves_the_other_containers(
    live: DockerCloud,
) -> None:
    web = await six(live, update_config={"monitor": 0.1})
    await live.services.update(web, image=BROKEN)

    action, why = await ended(live, await live.services.redeploy(web))

    assert action["state"] == "Failed"
    assert "paused: 0 of 6 containers have the new version" in why
    assert counts(await live.services.inspect(web)) == (6, 6, 5, 1)
    assert await images(live, web) == [BROKEN, *[GOOD] * 5]
    await live.services.update(web, image=NEWER)
    await done(live, await live.services.redeploy(web))
    assert await images(live, web) == [NEWER] * 6


async def test_continue_replaces_all_and_fails(live: DockerCloud) -> None:
    policy: RolloutFields = {"failure_action": "continue", "monitor": 0.05}
    web = await six(live, update_config={**policy, "parallelism": 3})
    await live.services.update(web, image=BROKEN)

    action, _ = await ended(live, await live.services.redeploy(web))

    assert action["state"] == "Failed"
    assert action["progress"] == {"done": 0, "total": 6, "failed": 6}
    assert await images(live, web) == [BROKEN] * 6


async def test_failures_within_the_ratio_succeed(live: DockerCloud) -> None:
    policy: RolloutFields = {"max_failure_ratio": 1, "monitor": 0.05}
    web = await six(live, update_config={**policy, "parallelism": 3})
    await live.services.update(web, image=BROKEN)

    action, _ = await ended(live, await live.services.redeploy(web))

    assert action["state"] == "Success"
    assert action["progress"] == {"done": 0, "total": 6, "failed": 6}


async def test_rollback_uses_rollback_config(live: DockerCloud) -> None:
    web = await six(live, rollback_config={"parallelism": "all", "monitor": 0.05})
    await live.services.update(web, image=NEWER)
    await done(live, await live.services.redeploy(web))

    action, _ = await ended(live, await live.services.rollback(web))

    assert action["state"] == "Success"
    assert await images(live, web) == [GOOD] * 6


async def test_redeploy_of_a_stack_goes_by_the_policy(live: DockerCloud) -> None:
    web: dict[str, Any] = {
        "name": "web",
        "image": GOOD,
        "target_num_containers": 2,
        "update_config": SAFE,
    }
    stack = await live.stacks.create(name="shop", services=[web])
    await done(live, await live.stacks.start(stack))
    (service,) = await live.services.list(name="web")
    await live.services.update(service, image=BROKEN)

    action, why = await ended(live, await live.stacks.redeploy(stack))

    assert action["progress"] == {"done": 0, "total": 2, "failed": 1}
    assert "rolled back" in why
    assert await images(live, service) == [GOOD] * 2


async def test_redeploy_of_a_container_starts_first(live: DockerCloud) -> None:
    web = await six(live)
    (first, *_) = await containers(live, web)
    async with traffic(live, web) as requests:
        await done(live, await live.containers.redeploy(first))

    assert requests.failed == []
    names = [c["name"] for c in await containers(live, web)]
    assert names == [f"web-{n}" for n in range(2, 8)]


async def test_service_on_every_node_starts_first_on_its_nodes(
    live: DockerCloud,
) -> None:
    web = await run(
        live,
        image=GOOD,
        deployment_strategy="EVERY_NODE",
        update_config=SAFE,
    )
    before = sorted(c["node"] for c in await containers(live, web))

    await done(live, await live.services.redeploy(web))

    assert sorted(c["node"] for c in await containers(live, web)) == before
    assert len(before) == 3


# --- without a user -------------------------------------------------------------------


async def test_push_after_a_tag_was_taken_off_leaves_the_containers(
    live: DockerCloud, engine: Embedded
) -> None:
    """Neither of the two may take a service to 0 containers by itself."""
    (node, *_) = await live.nodes.list()
    await live.nodes.update(node, tags=["web"])
    web = await run(
        live, image=GOOD, tags=["web"], target_num_containers=3, autoredeploy=True
    )
    before = [c["uuid"] for c in await containers(live, web)]
    await live.nodes.update(node, tags=[])

    engine.push(GOOD)
    async with asyncio.timeout(PATIENCE):
        while not (  # noqa: ASYNC110 - the action has no event of its own
            failed := await live.actions.list(
                object=web["resource_uri"], state="Failed"
            )
        ):
            await asyncio.sleep(0.01)

    assert failed[0]["action"] == "Service Redeploy"
    assert [c["uuid"] for c in await containers(live, web)] == before
    assert counts(await live.services.inspect(web)) == (3, 3, 3, 0)
