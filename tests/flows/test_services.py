"""Services from creation to termination, through the client and a running server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from aiodockercloud import DockerCloud, OperationNotAllowed, wire
from aiodockercloud.server import running
from aiodockercloud.types import Container
from tests.support.facts import IDLE, PATIENCE, SHELL
from tests.support.flows import (
    Gated,
    client_of,
    containers,
    counts,
    done,
    environment,
    run,
)


@pytest.fixture
async def gated() -> AsyncIterator[tuple[DockerCloud, Gated]]:
    engine = Gated(nodes=3)
    async with running(engine) as server, client_of(server) as cloud:
        yield cloud, engine


def names(found: list[Container]) -> list[str]:
    return [container["name"] for container in found]


def uuids(found: list[Container]) -> list[str]:
    return [container["uuid"] for container in found]


# --- lifecycle ------------------------------------------------------------------------


async def test_create_starts_nothing(live: DockerCloud) -> None:
    service = await live.services.create(image="acme/web", target_num_containers=2)

    assert service["state"] == "Not running"
    assert service["name"] == "web"
    assert service["image_name"] == "acme/web:latest"
    assert counts(service) == (2, 0, 0, 0)
    assert service["deployed_datetime"] is None
    assert await live.containers.list() == []


@pytest.mark.parametrize(
    ("image", "rendered"),
    [
        ("acme/web", "acme/web:latest"),
        ("acme/web:", "acme/web:latest"),
        ("acme/web:2", "acme/web:2"),
        ("host.example.com:5000/web", "host.example.com:5000/web:latest"),
    ],
)
async def test_create_adds_a_missing_tag(
    live: DockerCloud, image: str, rendered: str
) -> None:
    service = await live.services.create(image=image)

    assert service["image_name"] == rendered
    assert service["name"] == "web"


async def test_start_creates_the_target_number_of_containers(live: DockerCloud) -> None:
    service = await live.services.create(
        image=IDLE, name="web", target_num_containers=3
    )

    started = await live.services.start(service)
    assert started["state"] == "Starting"
    await done(live, started)

    service = await live.services.inspect(service)
    assert service["state"] == "Running"
    assert service["synchronized"] is True
    assert counts(service) == (3, 3, 3, 0)
    assert service["deployed_datetime"]
    assert service["started_datetime"]
    assert wire.parse_date(service["started_datetime"] or "")
    found = await containers(live, service)
    assert names(found) == ["web-1", "web-2", "web-3"]
    assert {container["state"] for container in found} == {"Running"}
    assert {container["service"] for container in found} == {service["resource_uri"]}


async def test_stop_and_start_keep_the_containers(live: DockerCloud) -> None:
    service = await run(live, target_num_containers=2)
    before = await containers(live, service)

    stopping = await live.services.stop(service)
    assert stopping["state"] == "Stopping"
    await done(live, stopping)
    stopped = await live.services.inspect(service)
    assert stopped["state"] == "Stopped"
    assert counts(stopped) == (2, 2, 0, 2)
    assert stopped["stopped_datetime"]

    await done(live, await live.services.start(service))
    after = await containers(live, service)
    assert uuids(after) == uuids(before)
    assert counts(await live.services.inspect(service)) == (2, 2, 2, 0)


async def test_scale_up_adds_and_scale_down_removes_the_highest_numbers(
    live: DockerCloud,
) -> None:
    service = await run(live, name="web")
    first = await containers(live, service)

    scaling = await live.services.scale(service, 4)
    assert scaling["state"] == "Scaling"
    await done(live, scaling)
    four = await containers(live, service)
    assert names(four) == ["web-1", "web-2", "web-3", "web-4"]
    assert four[0]["uuid"] == first[0]["uuid"]
    assert counts(await live.services.inspect(service)) == (4, 4, 4, 0)

    await done(live, await live.services.scale(service, 2))
    assert uuids(await containers(live, service)) == uuids(four)[:2]
    removed = await live.containers.inspect(four[3])
    assert removed["state"] == "Terminated"
    assert removed["destroyed_datetime"]


async def test_scale_to_the_current_number_succeeds(live: DockerCloud) -> None:
    service = await run(live, target_num_containers=2)
    before = await containers(live, service)

    await done(live, await live.services.scale(service, 2))

    assert uuids(await containers(live, service)) == uuids(before)


async def test_scale_to_zero_and_back_is_not_running_between(
    live: DockerCloud,
) -> None:
    service = await run(live)

    await done(live, await live.services.scale(service, 0))
    empty = await live.services.inspect(service)
    assert empty["state"] == "Not running"
    assert counts(empty) == (0, 0, 0, 0)

    await done(live, await live.services.scale(service, 1))
    assert (await live.services.inspect(service))["state"] == "Running"


async def test_redeploy_creates_new_containers_with_the_same_names(
    live: DockerCloud,
) -> None:
    service = await run(live, name="web", target_num_containers=2)
    before = await containers(live, service)

    redeploying = await live.services.redeploy(service)
    assert redeploying["state"] == "Redeploying"
    await done(live, redeploying)

    after = await containers(live, service)
    assert names(after) == ["web-1", "web-2"]
    assert not set(uuids(after)) & set(uuids(before))
    for old in before:
        assert (await live.containers.inspect(old))["state"] == "Terminated"
    assert (await live.services.inspect(service))["state"] == "Running"


async def test_redeploy_of_a_service_that_never_ran_starts_the_service(
    live: DockerCloud,
) -> None:
    service = await live.services.create(image=IDLE)

    redeploying = await live.services.redeploy(service)
    assert redeploying["state"] == "Starting"
    await done(live, redeploying)

    assert (await live.services.inspect(service))["state"] == "Running"


async def test_terminated_objects_stay_readable_and_listed(live: DockerCloud) -> None:
    service = await run(live, name="web", target_num_containers=2)
    inside = await containers(live, service)

    await done(live, await live.services.delete(service))

    terminated = await live.services.inspect(service)
    assert terminated["state"] == "Terminated"
    assert terminated["destroyed_datetime"]
    assert counts(terminated) == (0, 0, 0, 0)
    assert terminated["containers"] == []
    for container in inside:
        found = await live.containers.inspect(container)
        assert found["state"] == "Terminated"
        assert found["service"] == service["resource_uri"]
    listed = await live.services.list(name="web")
    assert [one["uuid"] for one in listed] == [service["uuid"]]
    node = await live.nodes.inspect(inside[0]["node"])
    assert node["current_num_containers"] == 0


async def test_one_container_down_is_partly_running_and_can_be_started(
    live: DockerCloud,
) -> None:
    service = await run(live, target_num_containers=2)
    first, second = await containers(live, service)

    await done(live, await live.containers.stop(second))
    partly = await live.services.inspect(service)
    assert partly["state"] == "Partly running"
    assert counts(partly) == (2, 2, 1, 1)

    await done(live, await live.services.start(service))
    assert (await live.services.inspect(service))["state"] == "Running"
    assert uuids(await containers(live, service)) == [first["uuid"], second["uuid"]]


async def test_every_changing_call_records_a_successful_action(
    live: DockerCloud,
) -> None:
    service = await run(live)
    await live.services.update(service, nickname="front")
    for call in (live.services.stop, live.services.redeploy, live.services.scale):
        await done(live, await call(service))
    await done(live, await live.services.delete(service))

    found = await live.actions.list(object=service["resource_uri"])

    assert [action["action"] for action in reversed(found)] == [
        *("Service Create", "Service Start", "Service Update", "Service Stop"),
        *("Service Redeploy", "Service Scale", "Service Terminate"),
    ]
    assert {action["state"] for action in found} == {"Success"}
    assert all(action["end_date"] for action in found)
    assert {action["user"] for action in found} == {"admin"}
    assert {action["method"] for action in found} == {"POST", "PATCH", "DELETE"}


# --- PATCH and synchronized -----------------------------------------------------------


async def test_update_takes_effect_with_the_redeploy(live: DockerCloud) -> None:
    service = await run(
        live, image=SHELL, run_command="sleep 1000", container_envvars=[
            {"key": "COLOUR", "value": "red"}
        ]
    )  # fmt: skip

    updated = await live.services.update(
        service, container_envvars=[{"key": "COLOUR", "value": "blue"}]
    )
    assert updated["synchronized"] is False
    assert updated["state"] == "Running"
    (container,) = await containers(live, service)
    assert container["synchronized"] is False
    assert (await environment(live, container))["COLOUR"] == "red"

    await done(live, await live.services.redeploy(service))
    (container,) = await containers(live, service)
    assert (await environment(live, container))["COLOUR"] == "blue"
    assert container["synchronized"] is True
    assert (await live.services.inspect(service))["synchronized"] is True


async def test_update_of_the_target_takes_effect_with_scale(live: DockerCloud) -> None:
    service = await run(live)

    updated = await live.services.update(service, target_num_containers=3)
    assert counts(updated) == (3, 1, 1, 0)
    assert updated["synchronized"] is False

    await done(live, await live.services.scale(service))
    service = await live.services.inspect(service)
    assert counts(service) == (3, 3, 3, 0)
    assert service["synchronized"] is True


@pytest.mark.parametrize("target", [1, 4])
async def test_update_of_the_target_during_a_scale_takes_effect_with_the_next(
    gated: tuple[DockerCloud, Gated], target: int
) -> None:
    cloud, engine = gated
    engine.gate.set()
    service = await run(cloud, target_num_containers=1)
    await cloud.services.update(service, target_num_containers=2)
    engine.gate.clear()
    engine.knocked.clear()
    scaled = await cloud.services.scale(service)
    async with asyncio.timeout(PATIENCE):
        await engine.knocked.wait()

    await cloud.services.update(service, target_num_containers=target)
    engine.gate.set()
    await done(cloud, scaled)

    service = await cloud.services.inspect(service)
    assert counts(service) == (target, 2, 2, 0)
    assert service["synchronized"] is False
    await done(cloud, await cloud.services.scale(service))
    service = await cloud.services.inspect(service)
    assert counts(service) == (target, target, target, 0)
    assert service["synchronized"] is True


async def test_start_of_more_containers_than_the_target_is_not_synchronized(
    live: DockerCloud,
) -> None:
    service = await run(live, target_num_containers=2)
    await done(live, await live.services.stop(service))
    await live.services.update(service, target_num_containers=1)

    await done(live, await live.services.start(service))

    service = await live.services.inspect(service)
    assert counts(service) == (1, 2, 2, 0)
    assert service["synchronized"] is False


async def test_update_replaces_lists_and_keeps_other_fields(live: DockerCloud) -> None:
    service = await live.services.create(
        image=IDLE,
        run_command="serve",
        container_envvars=[{"key": "A", "value": "1"}, {"key": "B", "value": "2"}],
    )

    updated = await live.services.update(
        service, container_envvars=[{"key": "C", "value": "3"}]
    )

    assert updated["container_envvars"] == [{"key": "C", "value": "3"}]
    assert updated["run_command"] == "serve"


# --- order ----------------------------------------------------------------------------


async def test_sequential_deployment_creates_containers_one_by_one(
    gated: tuple[DockerCloud, Gated],
) -> None:
    cloud, engine = gated
    service = await cloud.services.create(
        image=IDLE, name="db", target_num_containers=3, sequential_deployment=True
    )

    started = await cloud.services.start(service)
    async with asyncio.timeout(PATIENCE):
        await engine.knocked.wait()
    assert engine.asked == ["db-1"]
    engine.gate.set()
    await done(cloud, started)

    assert engine.asked == ["db-1", "db-2", "db-3"]


async def test_parallel_deployment_creates_all_containers_at_once(
    gated: tuple[DockerCloud, Gated],
) -> None:
    cloud, engine = gated
    service = await cloud.services.create(
        image=IDLE, name="db", target_num_containers=3
    )

    started = await cloud.services.start(service)
    async with asyncio.timeout(PATIENCE):
        while len(engine.asked) < 3:
            engine.knocked.clear()
            await engine.knocked.wait()
    assert (await cloud.services.inspect(service))["state"] == "Starting"
    engine.gate.set()
    await done(cloud, started)


async def test_operation_while_another_runs_is_refused(
    gated: tuple[DockerCloud, Gated],
) -> None:
    cloud, engine = gated
    service = await cloud.services.create(image=IDLE)
    started = await cloud.services.start(service)

    with pytest.raises(OperationNotAllowed, match="Starting"):
        await cloud.services.stop(service)
    updated = await cloud.services.update(service, nickname="patched meanwhile")

    assert updated["state"] == "Starting"
    engine.gate.set()
    await done(cloud, started)
