"""Actions: recorded fields, pending, cancel, retry and logs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from aiodockercloud import DockerCloud, OperationNotAllowed, WaitFailed, wire
from aiodockercloud.server import running
from aiodockercloud.types import Action, Service
from aiodockercloud.wire import loglines
from tests.support.facts import IDLE, PATIENCE
from tests.support.flows import Gated, Raw, client_of, containers, done, run


@pytest.fixture
def gated() -> Gated:
    engine = Gated(nodes=3)
    engine.gate.set()
    return engine


@pytest.fixture
async def cloud(gated: Gated) -> AsyncIterator[DockerCloud]:
    """Return a client of a server on the gated engine."""
    async with running(gated) as server, client_of(server) as cloud:
        yield cloud


@pytest.fixture
async def web(cloud: DockerCloud) -> Service:
    """Return a running service; the gate is open."""
    return await run(cloud, name="web", target_num_containers=2)


async def action_of(cloud: DockerCloud, answer: object) -> Action:
    assert isinstance(answer, dict)
    return await cloud.actions.inspect(answer["dockercloud_action_uri"])


async def create_reached(gated: Gated) -> None:
    """Wait until the creation of a container waits at the closed gate."""
    async with asyncio.timeout(PATIENCE):
        await gated.knocked.wait()
    gated.knocked.clear()


def close_gate(gated: Gated) -> None:
    """Make the engine hold up all further creations of containers."""
    gated.gate.clear()
    gated.knocked.clear()


async def ended(cloud: DockerCloud, answer: object, state: str) -> Action:
    """Return the action of *answer* when the action has ended in *state*."""
    async with asyncio.timeout(PATIENCE), cloud.events.subscribe(type="action") as news:
        while (action := await action_of(cloud, answer))["state"] != state:
            assert action["state"] not in ("Success", "Failed", "Canceled")
            await anext(news)
    return action


# --- recorded fields ------------------------------------------------------------------


async def test_action_records_its_user_and_request(cloud: DockerCloud) -> None:
    service = await cloud.services.create(image=IDLE)

    action = await action_of(cloud, await cloud.services.start(service))

    assert action["object"] == service["resource_uri"]
    assert action["action"] == "Service Start"
    assert action["method"] == "POST"
    assert action["path"] == f"{service['resource_uri']}start/"
    assert action["user"] == "admin"
    assert action["user_agent"].startswith("aiodockercloud")
    assert action["ip"] == "127.0.0.1"
    assert action["is_user_action"] is True
    assert wire.parse_date(action["start_date"] or "")
    await done(cloud, action)


async def test_action_in_progress_has_no_end_and_can_be_canceled(
    cloud: DockerCloud, gated: Gated
) -> None:
    service = await cloud.services.create(image=IDLE)
    close_gate(gated)
    started = await cloud.services.start(service)
    await create_reached(gated)

    action = await action_of(cloud, started)
    assert action["state"] == "In progress"
    assert action["end_date"] is None
    assert (action["can_be_canceled"], action["can_be_retried"]) == (True, False)
    with pytest.raises(OperationNotAllowed, match=r"In progress.*cancel"):
        await cloud.actions.retry(action)

    gated.gate.set()
    await done(cloud, started)
    action = await action_of(cloud, started)
    assert action["end_date"]
    assert (action["can_be_canceled"], action["can_be_retried"]) == (False, True)
    with pytest.raises(OperationNotAllowed, match=r"Success.*retry"):
        await cloud.actions.cancel(action)


async def test_list_is_newest_first_and_filters(cloud: DockerCloud) -> None:
    one = await run(cloud, name="one")
    two = await run(cloud, name="two")

    found = await cloud.actions.list()
    assert [a["object"] for a in found] == [
        *(two["resource_uri"],) * 2,
        *(one["resource_uri"],) * 2,
    ]
    of_one = await cloud.actions.list(object=one)
    assert [a["action"] for a in of_one] == ["Service Start", "Service Create"]
    assert await cloud.actions.list(state="Failed") == []
    assert len(await cloud.actions.list(uuid__startswith=found[0]["uuid"][:8])) == 1
    since = found[0]["start_date"]
    assert found[0] in await cloud.actions.list(start_date__gte=since)
    assert (
        await cloud.actions.list(start_date__gte="Tue, 1 Mar 2095 03:52:18 +0000") == []
    )


async def test_action_that_ended_at_once_cannot_be_retried(
    cloud: DockerCloud,
) -> None:
    created = await cloud.services.create(image=IDLE)

    action = await action_of(cloud, created)

    assert action["can_be_retried"] is False
    with pytest.raises(OperationNotAllowed):
        await cloud.actions.retry(action)


# --- pending --------------------------------------------------------------------------


async def test_second_operation_on_a_service_is_pending_while_the_first_runs(
    cloud: DockerCloud, gated: Gated, web: Service
) -> None:
    first, second = await containers(cloud, web)
    close_gate(gated)
    redeploying = await cloud.containers.redeploy(first)
    await create_reached(gated)

    stopping = await cloud.containers.stop(second)
    assert (await action_of(cloud, stopping))["state"] == "Pending"
    assert (await action_of(cloud, redeploying))["state"] == "In progress"

    gated.gate.set()
    await done(cloud, redeploying)
    await done(cloud, stopping)
    assert (await cloud.containers.inspect(second))["state"] == "Stopped"


async def test_pending_action_can_be_canceled_and_leaves_the_object_unchanged(
    cloud: DockerCloud, gated: Gated, web: Service
) -> None:
    first, second = await containers(cloud, web)
    close_gate(gated)
    redeploying = await cloud.containers.redeploy(first)
    await create_reached(gated)
    stopping = await cloud.containers.stop(second)

    canceling = await cloud.actions.cancel(stopping["dockercloud_action_uri"])
    assert canceling["state"] == "Canceling"
    await ended(cloud, stopping, "Canceled")
    gated.gate.set()
    await done(cloud, redeploying)

    assert (await cloud.containers.inspect(second))["state"] == "Running"
    assert (await cloud.services.inspect(web))["state"] == "Running"
    await done(cloud, await cloud.containers.stop(second))


@pytest.mark.parametrize("operation", ["stop", "delete", "redeploy"])
async def test_pending_operation_on_a_container_that_a_redeploy_replaced_does_nothing(
    cloud: DockerCloud, gated: Gated, operation: str
) -> None:
    service = await run(
        cloud, name="web", target_num_containers=2, sequential_deployment=True
    )
    _, second = await containers(cloud, service)
    close_gate(gated)
    redeployed = await cloud.services.redeploy(service)
    await create_reached(gated)
    pending = await getattr(cloud.containers, operation)(second)
    assert (await action_of(cloud, pending))["state"] == "Pending"

    gated.gate.set()
    await done(cloud, redeployed)
    await done(cloud, pending)

    assert (await cloud.containers.inspect(second))["state"] == "Terminated"
    service = await cloud.services.inspect(service)
    assert service["state"] == "Running"
    assert service["target_num_containers"] == 2
    assert service["running_num_containers"] == 2


async def test_pending_redeploy_of_a_container_of_a_terminated_service_creates_none(
    cloud: DockerCloud, gated: Gated
) -> None:
    service = await run(cloud, name="web", target_num_containers=2)
    first, second = await containers(cloud, service)
    close_gate(gated)
    answers = [
        await cloud.containers.redeploy(first),
        await cloud.services.delete(service),
        await cloud.containers.redeploy(second),
    ]

    gated.gate.set()
    await done(cloud, *answers)

    service = await cloud.services.inspect(service)
    assert (service["state"], service["containers"]) == ("Terminated", [])
    assert {c["state"] for c in await cloud.containers.list()} == {"Terminated"}


# --- cancel and retry -----------------------------------------------------------------


async def test_cancel_of_a_start_removes_its_containers(
    cloud: DockerCloud, gated: Gated
) -> None:
    service = await cloud.services.create(image=IDLE, target_num_containers=2)
    close_gate(gated)
    started = await cloud.services.start(service)
    await create_reached(gated)

    answer = await cloud.actions.cancel(started["dockercloud_action_uri"])
    assert answer["state"] == "Canceling"
    await ended(cloud, started, "Canceled")

    service = await cloud.services.inspect(service)
    assert service["state"] == "Not running"
    assert service["current_num_containers"] == 0
    assert {c["state"] for c in await cloud.containers.list()} == {"Terminated"}


async def test_wait_for_a_canceled_action_raises(
    cloud: DockerCloud, gated: Gated
) -> None:
    service = await cloud.services.create(image=IDLE)
    close_gate(gated)
    started = await cloud.services.start(service)
    waiting = asyncio.create_task(done(cloud, started))
    await create_reached(gated)

    await cloud.actions.cancel(started["dockercloud_action_uri"])

    async with asyncio.timeout(PATIENCE):
        with pytest.raises(WaitFailed, match="Canceled"):
            await waiting


async def test_retry_of_a_canceled_start_is_a_new_action_that_starts_the_service(
    cloud: DockerCloud, gated: Gated
) -> None:
    service = await cloud.services.create(image=IDLE)
    close_gate(gated)
    started = await cloud.services.start(service)
    await create_reached(gated)
    await cloud.actions.cancel(started["dockercloud_action_uri"])
    canceled = await ended(cloud, started, "Canceled")
    gated.gate.set()

    again = await cloud.actions.retry(canceled)

    assert again["uuid"] != canceled["uuid"]
    assert again["action"] == "Service Start"
    await done(cloud, again)
    assert (await cloud.services.inspect(service))["state"] == "Running"


async def test_retry_of_a_failed_start_succeeds_when_its_reason_no_longer_applies(
    cloud: DockerCloud,
) -> None:
    service = await cloud.services.create(image=IDLE, tags=["ssd"])
    started = await cloud.services.start(service)
    failed = await ended(cloud, started, "Failed")
    await cloud.nodes.update((await cloud.nodes.list())[0], tags=["ssd"])

    await done(cloud, await cloud.actions.retry(failed))

    assert (await cloud.services.inspect(service))["state"] == "Running"
    assert (await cloud.actions.inspect(failed))["state"] == "Failed"


async def test_retry_that_the_state_forbids_is_refused(
    cloud: DockerCloud, web: Service
) -> None:
    (start, _) = await cloud.actions.list(object=web)

    with pytest.raises(OperationNotAllowed, match="Running"):
        await cloud.actions.retry(start)


async def test_cancel_of_a_redeploy_leaves_a_service_that_can_be_redeployed(
    cloud: DockerCloud, gated: Gated, web: Service
) -> None:
    close_gate(gated)
    redeploying = await cloud.services.redeploy(web)
    await create_reached(gated)
    await cloud.actions.cancel(redeploying["dockercloud_action_uri"])
    await ended(cloud, redeploying, "Canceled")
    gated.gate.set()

    await done(cloud, await cloud.services.redeploy(web))

    found = await containers(cloud, web)
    assert [c["name"] for c in found] == ["web-1", "web-2"]
    assert {c["state"] for c in found} == {"Running"}


async def test_cancel_of_a_stack_start_cancels_the_starts_of_its_services(
    cloud: DockerCloud, gated: Gated
) -> None:
    stack = await cloud.stacks.create(
        name="shop", services=[{"name": "web", "image": IDLE}]
    )
    close_gate(gated)
    started = await cloud.stacks.start(stack)
    await create_reached(gated)

    await cloud.actions.cancel(started["dockercloud_action_uri"])
    await ended(cloud, started, "Canceled")

    # The gate stays closed: only its own cancellation can end the service's action.
    service = (await cloud.stacks.inspect(stack))["services"][0]
    await cloud.services.wait(service, "Not running", timeout=PATIENCE)
    (part,) = await cloud.actions.list(object=service)
    await ended(cloud, {"dockercloud_action_uri": part["resource_uri"]}, "Canceled")
    stack = await cloud.stacks.wait(stack, "Not running", timeout=PATIENCE)
    assert await cloud.actions.list(state="In progress") == []


# --- logs -----------------------------------------------------------------------------


async def test_log_follows_the_action_to_its_end(
    cloud: DockerCloud, gated: Gated
) -> None:
    service = await cloud.services.create(image=IDLE, name="web")
    close_gate(gated)
    started = await cloud.services.start(service)

    async with (
        asyncio.timeout(PATIENCE),
        cloud.actions.logs(started["dockercloud_action_uri"]) as lines,
    ):
        first = await anext(lines)
        assert loglines.log_text(first) == "deploying 1 of web"
        assert not {"source", "streamType"} & set(first)
        gated.gate.set()
        assert [line async for line in lines] == []


async def test_log_of_an_action_that_has_ended_is_kept(
    cloud: DockerCloud, web: Service
) -> None:
    (start, create) = await cloud.actions.list(object=web)

    for action, expected in ((start, ["deploying 2 of web"]), (create, [])):
        async with asyncio.timeout(PATIENCE), cloud.actions.logs(action) as lines:
            assert [loglines.log_text(line) async for line in lines] == expected


async def test_refused_operation_records_its_reason_in_a_log(
    live: DockerCloud, raw: Raw
) -> None:
    service = await run(live)
    with pytest.raises(OperationNotAllowed):
        await live.services.start(service)

    (action,) = await live.actions.list(state="Failed")

    frames = await raw.frames(f"{action['resource_uri']}logs/")
    assert len(frames) == 1
    assert "Running" in frames[0]["log"]
