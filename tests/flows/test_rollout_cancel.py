"""Rollouts that a user cancels."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aiodockercloud import DockerCloud
from aiodockercloud.server import Embedded, Settings
from aiodockercloud.server.settings import Timings
from aiodockercloud.types import RolloutFields, Service
from tests.support.facts import IDLE, PATIENCE
from tests.support.flows import counts, done, run
from tests.support.rollouts import (
    NEWER,
    SAFE,
    ended,
    images,
    six,
    web_engine,
)


@pytest.fixture
def engine() -> Embedded:
    return web_engine()


async def seen(live: DockerCloud, web: Service, image: str) -> None:
    """Wait until a container of the image is healthy."""
    async with asyncio.timeout(PATIENCE), live.events.subscribe() as events:
        if image in await images(live, web):
            return
        async for event in events:
            if event["type"] == "container" and image in await images(live, web):
                return


async def begun(live: DockerCloud, answer: Any, number: int) -> None:
    """Wait until a number of new containers count."""
    uri = answer["dockercloud_action_uri"]
    async with asyncio.timeout(PATIENCE):
        while True:
            progress = (await live.actions.inspect(uri))["progress"]
            if progress and progress["done"] >= number:
                return
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("waits", ["delay", "monitor"])
@pytest.mark.parametrize("order", ["start-first", "stop-first"])
async def test_cancel_ends_a_wait_at_once_and_redeploy_finishes_the_rest(
    live: DockerCloud, waits: str, order: Any
) -> None:
    policy: RolloutFields = {"order": order, "monitor": 0}
    web = await six(live, update_config={**policy, waits: 10000})
    await live.services.update(web, image=NEWER)
    answer = await live.services.redeploy(web)
    if waits == "delay":
        await begun(live, answer, 1)
    else:
        await seen(live, web, NEWER)

    await live.actions.cancel(answer["dockercloud_action_uri"])
    action, _ = await ended(live, answer)

    assert action["state"] == "Canceled"
    web = await live.services.wait(web, "Running", timeout=PATIENCE)
    assert counts(web) == (6, 6, 6, 0)
    await live.services.update(web, update_config=SAFE)
    await done(live, await live.services.redeploy(web))
    assert await images(live, web) == [NEWER] * 6


class Gate:
    """Lets an engine create containers only while open."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.asked = asyncio.Event()


@pytest.fixture
def gate(engine: Embedded, monkeypatch: pytest.MonkeyPatch) -> Gate:
    gate, create = Gate(), engine.create

    async def held(spec: Any) -> None:
        gate.asked.set()
        await gate.open.wait()
        await create(spec)

    monkeypatch.setattr(engine, "create", held)
    return gate


async def canceled_in_a_batch(live: DockerCloud, gate: Gate) -> tuple[Service, Any]:
    """Return a service whose redeploy is canceled while a container is created."""
    gate.open.set()
    web = await run(live, image=IDLE, target_num_containers=2)
    gate.open.clear()
    gate.asked.clear()
    answer = await live.services.redeploy(web)
    await asyncio.wait_for(gate.asked.wait(), PATIENCE)
    await live.actions.cancel(answer["dockercloud_action_uri"])
    return web, answer


async def test_cancel_completes_the_batch_in_progress(
    live: DockerCloud, gate: Gate
) -> None:
    web, answer = await canceled_in_a_batch(live, gate)

    gate.open.set()
    action, _ = await ended(live, answer)

    assert action["state"] == "Canceled"
    assert counts(await live.services.inspect(web)) == (2, 2, 2, 0)


@pytest.mark.parametrize("settings", [Settings(timings=Timings(last_batch=0.05))])
async def test_cancel_gives_a_batch_up_that_takes_too_long(
    live: DockerCloud, gate: Gate
) -> None:
    web, answer = await canceled_in_a_batch(live, gate)

    action, _ = await ended(live, answer)

    assert action["state"] == "Canceled"
    assert counts(await live.services.inspect(web)) == (2, 1, 1, 0)
    gate.open.set()
    await done(live, await live.services.redeploy(web))
    assert counts(await live.services.inspect(web)) == (2, 2, 2, 0)
