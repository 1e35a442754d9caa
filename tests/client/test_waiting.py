"""Waiting, with a server whose objects change at each inspection."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aiodockercloud import DockerCloud, ObjectNotFound, WaitFailed
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
from tests.support.facts import PATIENCE, ended_except, tasks
from tests.support.waiting import LONG, wait

fake = changing.fake


async def test_wait_for_the_current_state_inspects_once(
    fake: tuple[Fake, DockerCloud],
) -> None:
    server, cloud = fake
    server.objects[SERVICE] = [service("Running")]

    found = await cloud.services.wait(
        UUID, state="Running", poll=LONG, timeout=PATIENCE
    )

    assert found["state"] == "Running"
    assert server.inspections == [SERVICE]
    await server.left.wait()


@pytest.mark.parametrize("state", ["running", "Deployed", "", [], ["Running", "Up"]])
async def test_wait_for_a_state_that_does_not_exist_raises_before_a_request(
    fake: tuple[Fake, DockerCloud], state: Any
) -> None:
    """Such a wait would last until its time is up."""
    server, cloud = fake

    with pytest.raises(ValueError, match="is no state of a service; states are Not"):
        await cloud.services.wait(UUID, state, timeout=PATIENCE)

    assert server.inspections == []


async def test_wait_inspects_nothing_before_the_subscription(
    fake: tuple[Fake, DockerCloud],
) -> None:
    """A change between an inspection and the subscription would be missed."""
    server, cloud = fake
    server.admit.clear()
    server.objects[SERVICE] = [service("Running")]
    waiting = asyncio.ensure_future(wait(cloud, UUID, "Running"))
    await server.knocked.wait()

    assert server.inspections == []
    server.admit.set()

    assert (await waiting)["state"] == "Running"


async def test_wait_inspects_by_the_clock_while_the_event_stream_is_unanswered(
    fake: tuple[Fake, DockerCloud],
) -> None:
    server, cloud = fake
    server.admit.clear()
    server.objects[SERVICE] = [service("Starting"), service("Running")]

    assert (await cloud.services.wait(UUID, "Running", poll=SOON))["state"] == "Running"
    server.admit.set()


async def test_wait_inspects_at_each_event_and_closes_its_stream(
    fake: tuple[Fake, DockerCloud],
) -> None:
    server, cloud = fake
    server.objects[SERVICE] = [service("Starting"), service("Partly running")]
    waiting = asyncio.create_task(
        cloud.services.wait(
            UUID, ["Running", "Partly running"], poll=LONG, timeout=PATIENCE
        )
    )

    await server.inspected(1)
    await server.event()

    assert (await waiting)["state"] == "Partly running"
    await server.left.wait()


async def test_wait_inspects_at_events_of_the_parts_of_the_object(
    fake: tuple[Fake, DockerCloud],
) -> None:
    server, cloud = fake
    server.objects[SERVICE] = [service("Starting"), service("Running")]
    waiting = asyncio.ensure_future(wait(cloud, UUID, "Running"))
    await server.inspected(1)

    await server.event(f"{APP}container/{OTHER}/", SERVICE)

    assert (await waiting)["state"] == "Running"


async def test_wait_beside_another_inspects_at_once(
    fake: tuple[Fake, DockerCloud],
) -> None:
    server, cloud = fake
    server.objects[SERVICE] = [service("Starting")]
    waiting = asyncio.ensure_future(wait(cloud, UUID, "Running"))
    await server.inspected(1)

    await wait(cloud, UUID, "Starting")

    assert len(server.readers) == 1
    server.objects[SERVICE] = [service("Running")]
    await server.event()
    await waiting


@pytest.mark.parametrize("name", ["Service Create", "Service Update"])
async def test_wait_with_an_action_that_starts_nothing_waits_for_a_start(
    fake: tuple[Fake, DockerCloud], name: str
) -> None:
    server, cloud = fake
    server.objects[SERVICE] = [service("Not running")]
    server.objects[ACTION] = [{**action("Success"), "action": name}]
    thing = service("Not running", dockercloud_action_uri=ACTION)

    with pytest.raises(TimeoutError):
        await cloud.services.wait(thing, "Running", timeout=0.3, poll=SOON)


async def test_wait_for_a_terminated_object_reports_the_reason_of_its_action(
    fake: tuple[Fake, DockerCloud],
) -> None:
    server, cloud = fake
    server.objects[SERVICE] = [service("Terminated")]
    server.objects[ACTION] = [action("In progress"), action("Failed")]
    server.log = ["no nodes"]
    thing = service("Starting", dockercloud_action_uri=ACTION)

    with pytest.raises(WaitFailed, match="is Failed: no nodes"):
        await cloud.services.wait(thing, "Running", poll=SOON)


async def test_wait_without_events_inspects_by_the_clock(
    fake: tuple[Fake, DockerCloud],
) -> None:
    server, cloud = fake
    server.refuse_events = True
    server.objects[SERVICE] = [*[service("Starting")] * 3, service("Running")]

    assert (await cloud.services.wait(UUID, "Running", poll=SOON))["state"] == "Running"


async def test_wait_with_a_lost_event_inspects_by_the_clock(
    fake: tuple[Fake, DockerCloud],
) -> None:
    server, cloud = fake
    server.objects[SERVICE] = [*[service("Starting")] * 3, service("Running")]

    assert (await cloud.services.wait(UUID, "Running", poll=SOON))["state"] == "Running"


async def test_wait_for_a_terminated_object_fails(
    fake: tuple[Fake, DockerCloud],
) -> None:
    server, cloud = fake
    server.objects[SERVICE] = [service("Starting"), service("Terminated")]

    with pytest.raises(WaitFailed, match="Terminated and will not become Running"):
        await cloud.services.wait(UUID, "Running", poll=SOON)
    assert (await cloud.services.wait(UUID, "Terminated"))["state"] == "Terminated"


@pytest.mark.parametrize("state", ["Failed", "Canceled"])
async def test_wait_whose_action_fails_reports_the_reason(
    fake: tuple[Fake, DockerCloud], state: str
) -> None:
    server, cloud = fake
    server.objects[f"{SERVICE}start/"] = [service("Starting")]
    server.objects[SERVICE] = [service("Starting")]
    server.objects[ACTION] = [action(state)]
    server.log = ["pulling", "no such image"]

    started = await cloud.services.start(UUID)
    with pytest.raises(WaitFailed, match=f"Service Start {OTHER} is {state}") as caught:
        await wait(cloud, started, "Running")
    assert "no such image" in str(caught.value)


async def test_wait_inspects_once_more_before_the_failure(
    fake: tuple[Fake, DockerCloud],
) -> None:
    """The service starts between its inspection and that of its containers."""
    server, cloud = fake
    server.objects[f"{SERVICE}start/"] = [service("Starting")]
    server.objects[SERVICE] = [service("Partly running"), service("Running")]
    server.objects[ACTION] = [action("Success")]
    server.objects[f"{APP}container/"] = [page({"name": "web-1", "state": "Running"})]

    started = await cloud.services.start(UUID)

    found = await wait(cloud, started, "Running")

    assert found["state"] == "Running"


async def test_wait_whose_action_is_forgotten_uses_the_state(
    fake: tuple[Fake, DockerCloud],
) -> None:
    server, cloud = fake
    server.objects[f"{SERVICE}start/"] = [service("Starting")]
    server.objects[SERVICE] = [service("Stopped")]
    ended = {"name": "web-1", "state": "Stopped", "exit_code": 2}
    server.objects[f"{APP}container/"] = [page(ended)]

    started = await cloud.services.start(UUID)

    with pytest.raises(WaitFailed, match=r"web-1 is Stopped \(exit code 2\)"):
        await wait(cloud, started, "Running")


async def test_wait_whose_first_inspection_fails_raises(
    fake: tuple[Fake, DockerCloud],
) -> None:
    _, cloud = fake

    with pytest.raises(ObjectNotFound):
        await wait(cloud, UUID, "Running")


async def test_wait_that_takes_too_long_names_the_state(
    fake: tuple[Fake, DockerCloud],
) -> None:
    server, cloud = fake
    server.objects[SERVICE] = [service("Starting")]

    with pytest.raises(TimeoutError, match=f"service {UUID} was still 'Starting'"):
        await cloud.services.wait(UUID, "Running", timeout=0.5)


async def test_wait_cancelled_closes_its_stream(
    fake: tuple[Fake, DockerCloud],
) -> None:
    server, cloud = fake
    server.objects[SERVICE] = [service("Starting")]
    before = tasks()
    waiting = asyncio.ensure_future(wait(cloud, UUID, "Running"))
    await server.subscribed.wait()

    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    await ended_except(before)
    await server.left.wait()


@pytest.mark.parametrize("form", ["changed", "dict", "uri", "uuid"])
async def test_actions_wait_accepts_each_form_of_an_action(
    fake: tuple[Fake, DockerCloud], form: str
) -> None:
    server, cloud = fake
    server.objects[ACTION] = [action("In progress"), action("Success")]
    things: dict[str, Any] = {
        "changed": {**service("Starting"), "dockercloud_action_uri": ACTION},
        "dict": action("Pending"),
        "uri": ACTION,
        "uuid": OTHER,
    }

    found = await cloud.actions.wait(things[form], poll=SOON)

    assert found["state"] == "Success"


async def test_actions_wait_for_a_failure_without_a_log_fails(
    fake: tuple[Fake, DockerCloud],
) -> None:
    server, cloud = fake
    server.objects[ACTION] = [action("Failed")]

    with pytest.raises(WaitFailed, match=f"Service Start {OTHER} is Failed$"):
        await cloud.actions.wait(OTHER)


async def test_actions_wait_for_a_thing_without_action_is_refused(
    cloud: DockerCloud,
) -> None:
    with pytest.raises(ValueError, match="not the URI of a action"):
        await cloud.actions.wait(service("Running"))
