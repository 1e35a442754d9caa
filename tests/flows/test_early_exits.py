"""New versions whose containers exit at once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aiodockercloud import DockerCloud, WaitFailed
from aiodockercloud.server import Embedded, Settings
from aiodockercloud.server.engines.embedded import Container as Run
from aiodockercloud.server.settings import Timings
from aiodockercloud.types import RolloutFields, Service
from tests.support.facts import IDLE, PATIENCE
from tests.support.flows import Raw, containers, counts, done, run

GOOD, BAD, JOB = "acme/app:1", "acme/app:2", "acme/job"


@pytest.fixture
def settings() -> Settings:
    """Return settings with which only an exit ends the observation of containers."""
    return Settings(timings=Timings(settle=PATIENCE))


@pytest.fixture
def engine() -> Embedded:
    """Return an engine with an image that exits with code 3, and one with code 0."""
    engine = Embedded(nodes=2)

    @engine.image(BAD)
    async def bad(container: Run) -> int:
        container.print("no such database")
        await asyncio.sleep(0)
        return 3

    @engine.image(JOB)
    async def job(container: Run) -> int:
        return 0

    return engine


async def failed(live: DockerCloud, answer: Any, *parts: str) -> None:
    with pytest.raises(WaitFailed) as caught:
        await done(live, answer)
    for part in parts:
        assert part in str(caught.value)


async def changed(live: DockerCloud, **fields: Any) -> Service:
    """Return a running service whose definition has changed to a bad image."""
    web = await run(live, name="web", image=GOOD, **fields)
    return await live.services.update(web, image=BAD)


@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize("in_step", [False, True])
async def test_redeploy_fails_with_exit_codes_and_last_lines(
    live: DockerCloud, number: int, in_step: bool
) -> None:
    web = await changed(
        live, target_num_containers=number, sequential_deployment=in_step
    )

    answer = await live.services.redeploy(web)

    await failed(
        live,
        answer,
        "the new version failed: ",
        "web-1 (exit code 3)",
        "web-1: no such database",
        f"paused: 0 of {number} containers have the new version",
    )
    web = await live.services.inspect(web)
    assert counts(web) == (number, number, number - 1, 1)
    assert web["state"] == ("Partly running" if number > 1 else "Stopped")


@pytest.mark.parametrize("parallelism", [0, "all"])
async def test_redeploy_of_all_at_once_replaces_all_containers(
    live: DockerCloud, parallelism: Any
) -> None:
    policy: RolloutFields = {"parallelism": parallelism}
    web = await changed(live, target_num_containers=3, update_config=policy)

    answer = await live.services.redeploy(web)

    await failed(live, answer, *(f"web-{n} (exit code 3)" for n in (1, 2, 3)))
    await live.services.wait(web, "Stopped", timeout=PATIENCE)


@pytest.mark.parametrize("settings", [Settings(timings=Timings(settle=1))])
async def test_rollback_after_the_failure_restores_the_version_that_worked(
    live: DockerCloud,
) -> None:
    web = await changed(live)
    await failed(live, await live.services.redeploy(web))
    await live.services.update(web, image=BAD, container_envvars=[])
    await failed(live, await live.services.redeploy(web))

    rolling = await live.services.rollback(web)

    web = await live.services.wait(rolling, "Running", timeout=PATIENCE)
    assert web["image_name"] == GOOD


async def test_rollback_to_a_version_that_exits_at_once_fails(
    live: DockerCloud,
) -> None:
    web = await run(live, name="web", image=BAD)
    await live.services.wait(web, "Stopped", timeout=PATIENCE)
    await live.services.update(web, image=JOB)
    await done(live, await live.services.redeploy(web))

    await failed(live, await live.services.rollback(web), "web-1 (exit code 3)")


async def test_start_of_a_changed_definition_fails(live: DockerCloud) -> None:
    web = await changed(live, target_num_containers=2)
    (first, _) = await containers(live, web)
    await done(live, await live.services.stop(web))
    await done(live, await live.containers.delete(first))
    await live.services.update(web, target_num_containers=2)

    await failed(live, await live.services.start(web), "(exit code 3)")


async def test_redeploy_of_a_container_and_of_a_stack_fail(live: DockerCloud) -> None:
    web = await changed(live)
    (first,) = await containers(live, web)
    await failed(live, await live.containers.redeploy(first), "web-1 (exit code 3)")
    stack = await live.stacks.create(
        name="shop", services=[{"name": "app", "image": GOOD}]
    )
    await done(live, await live.stacks.start(stack))
    (app,) = await live.services.list(name="app")
    await live.services.update(app, image=BAD)

    await failed(live, await live.stacks.redeploy(stack), "app-1 (exit code 3)")


async def test_trigger_call_fails(live: DockerCloud, raw: Raw) -> None:
    web = await changed(live)
    trigger = await live.triggers.create(web)

    await failed(live, await live.triggers.call(web, trigger), "web-1 (exit code 3)")


async def test_failure_of_a_container_with_autodestroy_is_noticed(
    live: DockerCloud,
) -> None:
    web = await changed(live, autodestroy="ALWAYS")

    await failed(live, await live.services.redeploy(web), "web-1 (exit code 3)")


async def test_redeploy_of_a_job_that_ends_with_0_succeeds(live: DockerCloud) -> None:
    job = await run(live, name="job", image=JOB)
    await live.services.wait(job, "Stopped", timeout=PATIENCE)

    await done(live, await live.services.redeploy(job))


async def test_end_with_0_in_the_place_of_a_running_container_fails(
    live: DockerCloud,
) -> None:
    """Such a version would leave 0 containers of a service that ran."""
    web = await run(live, name="web", image=GOOD, target_num_containers=2)
    await live.services.update(web, image=JOB)

    await failed(live, await live.services.redeploy(web), "web-1 (exit code 0)")


async def test_container_that_its_restart_policy_restarts_fails(
    live: DockerCloud,
) -> None:
    web = await changed(live, autorestart="ALWAYS")

    await failed(live, await live.services.redeploy(web), "web-1 (exit code 3)")


async def test_first_start_of_a_job_succeeds_with_any_exit_code(
    live: DockerCloud,
) -> None:
    started = await live.services.start(await live.services.create(image=BAD))

    await done(live, started)
    await live.services.wait(started, "Stopped", timeout=PATIENCE)


async def test_wait_for_the_end_of_a_redeployed_job_finds_the_end(
    live: DockerCloud,
) -> None:
    job = await run(live, image=BAD)
    await live.services.wait(job, "Stopped", timeout=PATIENCE)

    again = await live.services.redeploy(job)

    found = await live.services.wait(again, "Stopped", timeout=PATIENCE)
    assert found["state"] == "Stopped"


@pytest.mark.parametrize("settings", [Settings(timings=Timings(settle=0))])
async def test_running_version_succeeds_after_the_time_of_the_settings(
    live: DockerCloud,
) -> None:
    web = await run(live, image=IDLE)

    await done(live, await live.services.redeploy(web))

    assert (await live.services.inspect(web))["state"] == "Running"
