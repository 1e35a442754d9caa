"""Containers that end: one-off jobs, autorestart, autodestroy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from aiodockercloud import BadRequest, DockerCloud
from aiodockercloud.server import Embedded, running
from aiodockercloud.server.engines.embedded import Container as Run
from aiodockercloud.server.engines.embedded.clock import ManualClock
from aiodockercloud.types import Service
from tests.support.facts import IDLE, PATIENCE
from tests.support.flows import client_of, containers, counts, done, run


@pytest.fixture
def code() -> list[int]:
    """The exit codes of the runs of ``acme/job``, in order; the last one repeats."""
    return [0]


class Timed:
    """An engine with a clock that the test drives, and a job that counts its runs."""

    def __init__(self, codes: list[int]) -> None:
        self.clock = ManualClock()
        self.engine = Embedded(clock=self.clock)
        self.runs = 0

        @self.engine.image("acme/job")
        async def job(container: Run) -> int:
            self.runs += 1
            container.print(f"run {self.runs}")
            await container.sleep(1)
            return codes[min(self.runs, len(codes)) - 1]

    async def until(self, cloud: DockerCloud, service: Service, state: str) -> Service:
        """Advance the clock until the service is in the state; return the service."""
        async with asyncio.timeout(PATIENCE):
            while (found := await cloud.services.inspect(service))["state"] != state:
                await self.clock.advance(1)
        return found


@pytest.fixture
async def timed(code: list[int]) -> AsyncIterator[tuple[DockerCloud, Timed]]:
    engine = Timed(code)
    async with running(engine.engine) as server, client_of(server) as cloud:
        yield cloud, engine


async def test_one_off_job_ends_stopped_with_its_exit_code(
    timed: tuple[DockerCloud, Timed], code: list[int]
) -> None:
    cloud, time = timed
    code[:] = [3]
    service = await run(cloud, image="acme/job")

    service = await time.until(cloud, service, "Stopped")

    assert counts(service) == (1, 1, 0, 1)
    (container,) = await containers(cloud, service)
    assert container["state"] == "Stopped"
    assert container["exit_code"] == 3
    assert (container["exit_code_msg"] or "").startswith("Exit code 3")
    assert container["stopped_datetime"]


async def test_one_off_job_can_be_started_again(
    timed: tuple[DockerCloud, Timed],
) -> None:
    cloud, time = timed
    service = await run(cloud, image="acme/job")
    await time.until(cloud, service, "Stopped")

    await done(cloud, await cloud.services.start(service))
    service = await cloud.services.inspect(service)
    assert service["state"] == "Running"
    (container,) = await containers(cloud, service)
    assert container["exit_code"] is None
    await time.until(cloud, service, "Stopped")
    assert time.runs == 2


async def test_autorestart_on_failure_runs_until_exit_code_0(
    timed: tuple[DockerCloud, Timed], code: list[int]
) -> None:
    cloud, time = timed
    code[:] = [1, 2, 0]
    service = await run(cloud, image="acme/job", autorestart="ON_FAILURE")

    await time.until(cloud, service, "Stopped")

    assert time.runs == 3
    (container,) = await containers(cloud, service)
    assert container["exit_code"] == 0


async def test_autorestart_always_runs_until_stop(
    timed: tuple[DockerCloud, Timed],
) -> None:
    cloud, time = timed
    service = await run(cloud, image="acme/job", autorestart="ALWAYS")

    await time.clock.advance(60)
    assert time.runs > 3
    assert (await cloud.services.inspect(service))["state"] == "Running"

    await done(cloud, await cloud.services.stop(service))
    runs = time.runs
    await time.clock.advance(600)
    assert time.runs == runs
    assert (await cloud.services.inspect(service))["state"] == "Stopped"


@pytest.mark.parametrize(
    ("rule", "exit_code", "destroyed"),
    [
        ("OFF", 0, False),
        ("ON_SUCCESS", 0, True),
        ("ON_SUCCESS", 1, False),
        ("ALWAYS", 0, True),
        ("ALWAYS", 1, True),
    ],
)
async def test_autodestroy_depends_on_the_exit_code(
    timed: tuple[DockerCloud, Timed],
    code: list[int],
    rule: str,
    exit_code: int,
    destroyed: bool,
) -> None:
    cloud, time = timed
    code[:] = [exit_code]
    service = await run(cloud, image="acme/job", autodestroy=rule)
    (container,) = await containers(cloud, service)

    await time.until(cloud, service, "Not running" if destroyed else "Stopped")

    container = await cloud.containers.inspect(container)
    assert container["state"] == ("Terminated" if destroyed else "Stopped")
    assert container["exit_code"] == exit_code


async def test_autodestroy_waits_for_the_end_of_autorestart(
    timed: tuple[DockerCloud, Timed], code: list[int]
) -> None:
    cloud, time = timed
    code[:] = [1, 1, 0]
    service = await run(
        cloud, image="acme/job", autorestart="ON_FAILURE", autodestroy="ON_SUCCESS"
    )

    await time.until(cloud, service, "Not running")

    assert time.runs == 3


async def test_autodestroy_keeps_a_container_that_a_user_stops(
    timed: tuple[DockerCloud, Timed],
) -> None:
    cloud, _ = timed
    service = await run(cloud, image=IDLE, autodestroy="ALWAYS")

    await done(cloud, await cloud.services.stop(service))

    assert counts(await cloud.services.inspect(service)) == (1, 1, 0, 1)


async def test_autodestroy_with_autorestart_always_is_refused(
    live: DockerCloud,
) -> None:
    with pytest.raises(BadRequest, match="autodestroy"):
        await live.services.create(
            image=IDLE, autorestart="ALWAYS", autodestroy="ALWAYS"
        )


async def test_crashed_container_leaves_the_service_stopped(
    live: DockerCloud, engine: Embedded
) -> None:
    service = await run(live)
    (container,) = await containers(live, service)

    engine.crash(container["uuid"], 42)

    await live.services.wait(service, "Stopped", timeout=PATIENCE)
    assert (await live.containers.inspect(container))["exit_code"] == 42
