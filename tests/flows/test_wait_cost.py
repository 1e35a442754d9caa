"""The cost of waiting: one event stream, few inspections, and a complete cleanup."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest

from aiodockercloud import DockerCloud, Timings
from aiodockercloud.server import Server
from tests.support.facts import IDLE, PATIENCE, ended_except, tasks
from tests.support.flows import client_of, containers, run
from tests.support.waiting import LONG, wait
from tests.support.waits import Engine, inspected, job


@pytest.fixture
def engine() -> Engine:
    return Engine()


class Streams:
    """Counts the event streams that a client opens."""

    def __init__(self, cloud: DockerCloud, monkeypatch: pytest.MonkeyPatch) -> None:
        self.opened = 0
        original = cloud.stream

        async def stream(path: str, **options: Any) -> Any:
            self.opened += "events" in path
            return await original(path, **options)

        monkeypatch.setattr(cloud, "stream", stream)


async def test_two_hundred_waits_share_one_event_stream(
    live: DockerCloud, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    streams = Streams(live, monkeypatch)
    before = tasks()
    service = await run(live, image="acme/job", target_num_containers=4)
    streams.opened = 0
    things = [service, *await containers(live, service)]
    waits = [
        asyncio.ensure_future(
            wait(
                live,
                things[n % 5]["uuid"],
                "Stopped",
                kind="containers" if n % 5 else "services",
            )
        )
        for n in range(200)
    ]
    await inspected(live, service)

    engine.end.set()
    found = await asyncio.gather(*waits)

    assert {one["state"] for one in found} == {"Stopped"}
    assert streams.opened == 1
    await ended_except(before)


async def test_deploy_opens_one_event_stream(
    live: DockerCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    streams = Streams(live, monkeypatch)
    file = tmp_path / "docker-cloud.yml"
    file.write_text(f"web:\n  image: {IDLE}\n")

    await live.stacks.deploy(file, "shop", timeout=PATIENCE, poll=LONG)

    assert streams.opened == 1


async def test_wait_in_tutums_dialect_uses_events(
    tutum: DockerCloud,
) -> None:
    service = await tutum.services.create(image=IDLE)
    waiting = asyncio.ensure_future(wait(tutum, service["uuid"], "Running"))
    await inspected(tutum, service)

    await tutum.services.start(service)

    assert (await waiting)["state"] == "Running"


async def test_burst_of_events_causes_few_inspections(
    live: DockerCloud, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = await run(live)
    record = server.cloud.services[service["uuid"]]
    waiting = asyncio.ensure_future(wait(live, service["uuid"], "Stopped"))
    await inspected(live, service)
    inspections = 0
    inspect = live.services.inspect

    async def counted(thing: Any) -> Any:
        nonlocal inspections
        inspections += 1
        return await inspect(thing)

    monkeypatch.setattr(live.services, "inspect", counted)
    for _ in range(500):
        server.cloud.hub.publish(record, "update", [])
    await live.actions.wait(await live.services.stop(service), timeout=PATIENCE)
    await waiting

    assert inspections < 50


@pytest.mark.parametrize("timings", [Timings(first_pause=0.001)])
async def test_wait_survives_lost_event_streams_and_refused_inspections(
    live: DockerCloud, server: Server, engine: Engine
) -> None:
    started = await live.services.start(await job(live))
    waiting = asyncio.ensure_future(wait(live, started, "Stopped"))
    await inspected(live, started)

    server.faults.cut_streams("*/events*")
    with server.faults.fail(503, path="*/service/*", times=2, method="GET") as rule:
        uuid = started["uuid"]
        server.cloud.touch(server.cloud.services[uuid])
        await rule.met(1)
        engine.end.set()
        server.cloud.touch(server.cloud.services[uuid])
        assert (await waiting)["state"] == "Stopped"


async def test_wait_that_takes_too_long_cleans_up_and_reports_the_last_state(
    live: DockerCloud,
) -> None:
    service = await run(live)
    before = tasks()

    with pytest.raises(TimeoutError, match="was still 'Running' after 2 s"):
        await live.services.wait(service, "Stopped", timeout=2, poll=LONG)

    await ended_except(before)


@pytest.mark.parametrize("seed", range(5))
async def test_waits_cancelled_at_random_moments_clean_up(
    live: DockerCloud, seed: int
) -> None:
    service = await run(live, image="acme/job")
    before = tasks()
    chance = random.Random(seed)

    async def cancelled() -> None:
        for _ in range(5):
            waiting = asyncio.ensure_future(wait(live, service, "Stopped"))
            for _ in range(chance.randint(0, 60)):
                await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting

    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
        for _ in range(10):
            group.create_task(cancelled())

    await ended_except(before)
    assert live._change_feed._task is None
    assert not live._change_feed._subscriptions


async def test_wait_of_a_client_that_is_closed_ends(server: Server) -> None:
    before = tasks()
    async with client_of(server) as cloud:
        service = await cloud.services.create(image=IDLE)
        waiting = asyncio.ensure_future(wait(cloud, service, "Running"))
        await inspected(cloud, service)
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(RuntimeError, match="closed"):
            await waiting
    await ended_except(before)
