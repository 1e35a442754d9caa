"""Trigger calls and pushes during an action: nothing is lost, all run afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from aiodockercloud import BadRequest, DockerCloud, OperationNotAllowed, WaitFailed
from aiodockercloud.server import running
from aiodockercloud.types import Action, Service
from tests.support.facts import IDLE, PATIENCE
from tests.support.flows import Gated, client_of, containers, done, environment, run

BODY = "DOCKERCLOUD_TRIGGER_BODY"


@pytest.fixture
def gated() -> Gated:
    engine = Gated()
    engine.gate.set()
    return engine


@pytest.fixture
async def cloud(gated: Gated) -> AsyncIterator[DockerCloud]:
    """Return a client of a server on the gated engine, whose gate is open."""
    async with running(gated) as server, client_of(server) as cloud:
        yield cloud


@pytest.fixture
async def web(cloud: DockerCloud) -> Service:
    return await run(cloud, name="web", target_num_containers=2)


async def begin(cloud: DockerCloud, gated: Gated, operation: str, web: Service) -> Any:
    """Begin an operation that waits at the closed gate; return its answer."""
    gated.gate.clear()
    gated.knocked.clear()
    if operation == "start":
        web = await cloud.services.create(image=IDLE, name="new")
        answer: Any = await cloud.services.start(web)
    elif operation == "scale":
        answer = await cloud.services.scale(web, 3)
    elif operation == "redeploy":
        answer = await cloud.services.redeploy(web)
    else:
        (first, *_) = await containers(cloud, web)
        answer = await cloud.containers.redeploy(first)
    async with asyncio.timeout(PATIENCE):
        await gated.knocked.wait()
    return answer


async def action_of(cloud: DockerCloud, answer: Any) -> Action:
    return await cloud.actions.inspect(answer["dockercloud_action_uri"])


async def bodies(cloud: DockerCloud, service: Service) -> set[str | None]:
    found = [await environment(cloud, c) for c in await containers(cloud, service)]
    return {variables.get(BODY) for variables in found}


@pytest.mark.parametrize("operation", ["start", "scale", "redeploy", "container"])
async def test_redeploy_call_during_an_action_runs_afterwards_with_its_body(
    cloud: DockerCloud, gated: Gated, web: Service, operation: str
) -> None:
    first = await begin(cloud, gated, operation, web)
    if operation == "start":
        (web,) = await cloud.services.list(name="new")
    trigger = await cloud.triggers.create(web)
    before = await cloud.services.inspect(web)

    called = await cloud.triggers.call(web, trigger, body="v2")

    waiting = await action_of(cloud, called)
    assert (waiting["state"], waiting["action"]) == ("Pending", "Service Redeploy")
    assert waiting["can_be_canceled"]
    assert await cloud.services.inspect(web) == before
    assert (await action_of(cloud, first))["state"] == "In progress"
    gated.gate.set()
    await done(cloud, called)
    assert (await action_of(cloud, first))["state"] == "Success"
    assert await bodies(cloud, web) == {'"v2"'}
    assert (await cloud.services.inspect(web))["state"] == "Running"


async def test_waiting_redeploys_become_the_last_one(
    cloud: DockerCloud, gated: Gated, web: Service
) -> None:
    trigger = await cloud.triggers.create(web)
    other = await cloud.triggers.create(web, name="other")
    first = await begin(cloud, gated, "redeploy", web)

    calls = [
        await cloud.triggers.call(web, called, body=f"push {n}")
        for n, called in enumerate((trigger, other, trigger))
    ]

    gated.gate.set()
    await done(cloud, first, calls[-1])
    assert await bodies(cloud, web) == {'"push 2"'}
    for earlier in calls[:-1]:
        with pytest.raises(
            WaitFailed, match=r"the later call .* redeploys the service"
        ):
            await done(cloud, earlier)
    redeploys = [
        action["state"]
        for action in await cloud.actions.list(object=web)
        if action["action"] == "Service Redeploy"
    ]
    assert redeploys == ["Success", "Canceled", "Canceled", "Success"]


async def test_scaleup_calls_during_an_action_add_up(
    cloud: DockerCloud, gated: Gated, web: Service
) -> None:
    more = await cloud.triggers.create(web, operation="SCALEUP")
    redeploy = await cloud.triggers.create(web)
    first = await begin(cloud, gated, "redeploy", web)

    calls = [
        await cloud.triggers.call(web, more),
        await cloud.triggers.call(web, redeploy, body="v2"),
        await cloud.triggers.call(web, more, 2),
        await cloud.triggers.call(web, more),
    ]
    with pytest.raises(BadRequest, match="target_num_containers"):
        await cloud.triggers.call(web, more, 995)

    gated.gate.set()
    await done(cloud, first, *calls)
    web = await cloud.services.inspect(web)
    assert web["target_num_containers"] == web["running_num_containers"] == 6
    assert web["synchronized"]


async def test_call_during_a_rollback_or_scaling_keeps_its_containers(
    cloud: DockerCloud, gated: Gated, web: Service
) -> None:
    more = await cloud.triggers.create(web, operation="SCALEUP")
    await cloud.services.update(web, container_envvars=[{"key": "A", "value": "1"}])
    await done(cloud, await cloud.services.redeploy(web))
    gated.gate.clear()
    rolling = await cloud.services.rollback(web)

    called = await cloud.triggers.call(web, more, 2)

    gated.gate.set()
    await done(cloud, rolling, called)
    assert (await cloud.services.inspect(web))["running_num_containers"] == 4


async def test_call_after_a_failed_or_canceled_action_runs(
    cloud: DockerCloud, gated: Gated, web: Service
) -> None:
    trigger = await cloud.triggers.create(web)
    first = await begin(cloud, gated, "redeploy", web)
    called = await cloud.triggers.call(web, trigger, body="v2")

    await cloud.actions.cancel(first["dockercloud_action_uri"])
    gated.gate.set()

    await done(cloud, called)
    assert await bodies(cloud, web) == {'"v2"'}


@pytest.mark.parametrize("operation", ["REDEPLOY", "SCALEUP"])
async def test_waiting_call_can_be_canceled_and_retried(
    cloud: DockerCloud, gated: Gated, web: Service, operation: Any
) -> None:
    trigger = await cloud.triggers.create(web, operation=operation)
    first = await begin(cloud, gated, "redeploy", web)
    called = await cloud.triggers.call(web, trigger)

    await cloud.actions.cancel(called["dockercloud_action_uri"])

    with pytest.raises(WaitFailed, match="Canceled"):
        await done(cloud, called)
    gated.gate.set()
    await done(cloud, first)
    web = await cloud.services.inspect(web)
    assert (web["state"], web["running_num_containers"]) == ("Running", 2)
    again = await cloud.actions.retry(called["dockercloud_action_uri"])
    await done(cloud, again)
    web = await cloud.services.inspect(web)
    assert web["running_num_containers"] == (2 if operation == "REDEPLOY" else 3)
    # The containers of a scaling that has begun are not added again.
    await done(cloud, await cloud.actions.retry(again))
    after = await cloud.services.inspect(web)
    assert after["running_num_containers"] == web["running_num_containers"]


async def test_stop_of_the_stack_comes_after_the_waiting_call(
    cloud: DockerCloud, gated: Gated
) -> None:
    stack = await cloud.stacks.create(
        name="shop", services=[{"name": "web", "image": IDLE}]
    )
    await done(cloud, await cloud.stacks.start(stack))
    (web,) = await cloud.services.list(name="web")
    trigger = await cloud.triggers.create(web)
    first = await begin(cloud, gated, "redeploy", web)
    called = await cloud.triggers.call(web, trigger)
    stopping = await cloud.stacks.stop(stack)

    gated.gate.set()

    await done(cloud, first, called, stopping)
    assert (await cloud.services.inspect(web))["state"] == "Stopped"


async def test_call_of_a_terminating_service_is_refused(
    gated: Gated, cloud: DockerCloud, web: Service
) -> None:
    trigger = await cloud.triggers.create(web)
    await begin(cloud, gated, "container", web)
    deleted = await cloud.services.delete(web)

    with pytest.raises(OperationNotAllowed, match="Terminating"):
        await cloud.triggers.call(web, trigger)

    gated.gate.set()
    await done(cloud, deleted)


async def test_call_that_waits_for_a_termination_of_the_service_fails(
    gated: Gated, cloud: DockerCloud, web: Service
) -> None:
    trigger = await cloud.triggers.create(web)
    await begin(cloud, gated, "container", web)
    called = await cloud.triggers.call(web, trigger)
    deleted = await cloud.services.delete(web)

    gated.gate.set()

    await done(cloud, deleted)
    with pytest.raises(WaitFailed, match="Terminated, which does not allow"):
        await done(cloud, called)


@pytest.mark.parametrize("operation", ["redeploy", "container"])
async def test_restart_of_the_server_keeps_the_waiting_calls(
    tmp_path: Path, operation: str
) -> None:
    account: dict[str, Any] = {"apikey": "s3cret"}
    gated = Gated()
    gated.gate.set()
    async with running(gated, data_dir=tmp_path, **account) as server:
        async with client_of(server) as cloud:
            web = await run(cloud, name="web")
            trigger = await cloud.triggers.create(web)
            more = await cloud.triggers.create(web, operation="SCALEUP")
            first = await begin(cloud, gated, operation, web)
            calls = [
                await cloud.triggers.call(web, more, 2),
                await cloud.triggers.call(web, trigger, body="v2"),
                await cloud.triggers.call(web, more),
            ]

    gated = Gated()
    async with running(gated, data_dir=tmp_path, **account) as server:
        async with client_of(server) as cloud:
            found = [(await action_of(cloud, call))["state"] for call in calls]
            gated.gate.set()
            await done(cloud, first, *calls)
            web = await cloud.services.inspect(web)
            assert found == ["Pending"] * 3
            assert web["target_num_containers"] == web["running_num_containers"] == 4
            assert '"v2"' in await bodies(cloud, web)


async def test_push_during_an_action_redeploys_once_afterwards(
    cloud: DockerCloud, gated: Gated
) -> None:
    gated.image(IDLE)(_idle)
    web = await run(cloud, name="web", autoredeploy=True)
    first = await begin(cloud, gated, "redeploy", web)
    before = {action["uuid"] for action in await cloud.actions.list(object=web)}

    gated.push(IDLE)
    gated.push(IDLE)

    new = [a for a in await cloud.actions.list(object=web) if a["uuid"] not in before]
    gated.gate.set()
    await done(
        cloud, first, *[{"dockercloud_action_uri": a["resource_uri"]} for a in new]
    )
    assert [a["action"] for a in new] == ["Service Redeploy"]


async def _idle(container: Any) -> None:
    await asyncio.Event().wait()
