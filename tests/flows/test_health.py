"""The health of containers and services: checks, reports, events and waits."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aiodockercloud import DockerCloud
from aiodockercloud.server import Embedded
from aiodockercloud.server.engines.embedded import Container as Run
from aiodockercloud.server.engines.embedded import ManualClock
from tests.support.facts import IDLE, PATIENCE, SHELL
from tests.support.flows import change, containers, run

REPORTS = "acme/reports"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def runs() -> list[Run]:
    """Return the runs of the image that reports its health."""
    return []


@pytest.fixture
def engine(clock: ManualClock, runs: list[Run]) -> Embedded:
    engine = Embedded(nodes=2, clock=clock)

    @engine.image(REPORTS, healthcheck=True)
    async def reports(container: Run) -> None:
        runs.append(container)
        await container.wait_stopped()

    return engine


async def health(live: DockerCloud, service: Any) -> tuple[str | None, str | None]:
    """Return the health of a service and of its first container."""
    (first, *_) = await containers(live, service)
    return (await live.services.inspect(service))["health"], first["health"]


async def test_health_without_a_check_is_none(live: DockerCloud) -> None:
    web = await run(live, image=IDLE)

    assert await health(live, web) == (None, None)
    await live.services.wait(web, "Running", healthy=True, timeout=PATIENCE)


async def test_health_is_starting_until_the_function_reports(
    live: DockerCloud, runs: list[Run]
) -> None:
    web = await run(live, image=REPORTS)
    assert await health(live, web) == ("starting", "starting")

    runs[0].healthy()
    assert await health(live, web) == ("healthy", "healthy")
    runs[0].healthy(False)
    assert await health(live, web) == ("unhealthy", "unhealthy")


async def test_health_of_a_service_is_the_worst_of_its_containers(
    live: DockerCloud, runs: list[Run]
) -> None:
    web = await run(live, image=REPORTS, target_num_containers=3)
    runs[0].healthy()
    runs[1].healthy()
    assert (await live.services.inspect(web))["health"] == "starting"

    runs[1].healthy(False)
    assert (await live.services.inspect(web))["health"] == "unhealthy"


async def test_wait_for_healthy_returns_when_the_last_container_is_healthy(
    live: DockerCloud, runs: list[Run]
) -> None:
    web = await run(live, image=REPORTS, target_num_containers=2)
    waiting = asyncio.create_task(
        live.services.wait(web, "Running", healthy=True, timeout=PATIENCE, poll=1000)
    )
    runs[0].healthy()
    await live.services.wait(web, "Running", timeout=PATIENCE)
    assert not waiting.done()

    runs[1].healthy()

    assert (await waiting)["health"] == "healthy"


async def test_events_carry_a_change_of_the_health(
    live: DockerCloud, runs: list[Run]
) -> None:
    web = await run(live, image=REPORTS)
    found = []
    async with asyncio.timeout(PATIENCE), live.events.subscribe() as events:
        runs[0].healthy()
        async for item in events:
            event = change(item)
            found.append((event["type"], event["state"], event.get("health")))
            if len(found) == 2:
                break

    assert sorted(found) == [
        ("container", "Running", "healthy"),
        ("service", "Running", "healthy"),
    ]
    await live.services.stop(web)
    stopped = await live.services.wait(web, "Stopped", timeout=PATIENCE)
    assert stopped["health"] is None


@pytest.mark.parametrize(
    "test",
    [
        "test -e /tmp/ready",
        ["CMD", "test", "-e", "/tmp/ready"],
        ["CMD-SHELL", "echo checked && test -e /tmp/ready"],
    ],
)
async def test_test_determines_the_health(
    live: DockerCloud, clock: ManualClock, test: Any
) -> None:
    check = {"test": test, "interval": 10, "retries": 2, "timeout": 1}
    web = await run(live, image=IDLE, healthcheck=check)
    await clock.advance(11)
    assert await health(live, web) == ("starting", "starting")
    await clock.advance(11)
    assert await health(live, web) == ("unhealthy", "unhealthy")

    (first,) = await containers(live, web)
    await live.containers.run(first, "touch /tmp/ready", timeout=PATIENCE)
    await clock.advance(11)

    assert await health(live, web) == ("healthy", "healthy")


async def test_failures_in_the_start_period_do_not_count(
    live: DockerCloud, clock: ManualClock
) -> None:
    check = {
        "test": "false",
        "interval": 30,
        "retries": 1,
        "start_period": 100,
        "start_interval": 10,
    }
    web = await run(live, image=SHELL, run_command="sleep 10000", healthcheck=check)

    await clock.advance(99)
    assert await health(live, web) == ("starting", "starting")
    await clock.advance(60)

    assert await health(live, web) == ("unhealthy", "unhealthy")


async def test_test_that_takes_too_long_fails(
    live: DockerCloud, clock: ManualClock
) -> None:
    check = {"test": "sleep 1000", "interval": 1, "timeout": 2, "retries": 1}
    web = await run(live, image=IDLE, healthcheck=check)

    await clock.advance(4)

    assert await health(live, web) == ("unhealthy", "unhealthy")


async def test_none_disables_the_check(live: DockerCloud, runs: list[Run]) -> None:
    web = await run(live, image=REPORTS, healthcheck={"test": "NONE"})

    runs[0].healthy(False)

    assert await health(live, web) == (None, None)


async def test_restarted_container_starts_with_a_new_health(
    live: DockerCloud, runs: list[Run], engine: Embedded, clock: ManualClock
) -> None:
    web = await run(live, image=REPORTS, autorestart="ALWAYS")
    runs[0].healthy()
    (first,) = await containers(live, web)

    engine.crash(first["uuid"])
    await clock.advance(5)

    assert len(runs) == 2
    assert await health(live, web) == ("starting", "starting")


async def test_services_can_be_listed_by_their_health(
    live: DockerCloud, runs: list[Run]
) -> None:
    web = await run(live, image=REPORTS)
    await run(live, image=IDLE)
    runs[0].healthy()

    found = await live.services.list(health="healthy")

    assert [one["uuid"] for one in found] == [web["uuid"]]
