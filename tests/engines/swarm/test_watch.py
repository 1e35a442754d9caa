"""Looking at a Swarm: what is asked, how often, and what is reported."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from aiodockercloud.server.engines import (
    ContainerObservation,
    ContainerSpec,
    EngineUnavailable,
    Observation,
)
from aiodockercloud.server.engines.swarm import Swarm, SwarmSettings
from tests.support.simulated import NODES, SimulatedSwarm, simulated

#: Whole looks that nothing but a failure or a change of a node causes.
RARELY = 600.0


def container(number: int = 0, **fields: Any) -> ContainerSpec:
    given: dict[str, Any] = {
        "uuid": str(uuid.uuid4()),
        "name": f"web-{number}",
        "service": "web",
        "stack": None,
        "namespace": "alice",
        "node": NODES[number % len(NODES)],
        "image": "hello:latest",
    }
    return ContainerSpec(**given | fields)


class Observer:
    """The last observation of each container that exists."""

    def __init__(self) -> None:
        self.containers: dict[str, ContainerObservation] = {}
        self._news = asyncio.Event()

    def __call__(self, observation: Observation) -> None:
        if isinstance(observation, ContainerObservation):
            self.containers[observation.uuid] = observation
            if observation.state == "gone":
                del self.containers[observation.uuid]
        self._news.set()

    def states(self) -> dict[str, str]:
        return {uuid: found.state for uuid, found in self.containers.items()}

    async def until(self, fact: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not fact():
                self._news.clear()
                await self._news.wait()


@pytest.fixture
async def swarm() -> AsyncIterator[SimulatedSwarm]:
    async with simulated(starting=0.05, ending=0.05) as swarm:
        yield swarm


@pytest.fixture
def observer() -> Observer:
    return Observer()


@pytest.fixture
async def engine(swarm: SimulatedSwarm, observer: Observer) -> AsyncIterator[Swarm]:
    settings = SwarmSettings(shortest_poll=0.02, ending_poll=0.02, forgetting=0.1)
    engine = Swarm(swarm.url, poll=RARELY, settings=settings)
    await engine.start(observer)
    # The second whole look follows the subscription to the events.
    await swarm.until_asked("GET nodes", 2)
    yield engine
    await engine.close()


async def fresh(swarm: SimulatedSwarm) -> dict[str, ContainerObservation]:
    """Return what an engine observes that has observed nothing before."""
    observer = Observer()
    engine = Swarm(swarm.url, poll=RARELY)
    await engine.start(observer)
    await engine.close()
    return observer.containers


# --- the number of requests -----------------------------------------------------------


@pytest.mark.parametrize("number", [10, 250])
async def test_requests_for_a_container_are_constant(
    swarm: SimulatedSwarm, engine: Swarm, observer: Observer, number: int
) -> None:
    """Two up and four down for each container; looks are shared by all."""
    specs = [container(n) for n in range(number)]
    swarm.asked.clear()
    began = time.monotonic()
    await asyncio.gather(*map(engine.create, specs))
    await observer.until(
        lambda: list(observer.states().values()) == ["running"] * number
    )
    assert swarm.asked.pop("POST services/create") == number
    assert swarm.asked.pop("GET networks") == number
    assert swarm.asked.pop("POST networks/create") == 1

    removals = (engine.remove_container(spec.uuid, volumes=()) for spec in specs)
    await asyncio.gather(*removals)
    await observer.until(lambda: not observer.containers)
    assert swarm.asked.pop("GET services/{}") == number
    assert swarm.asked.pop("POST services/{}/update") == number
    assert swarm.asked.pop("DELETE services/{}") == number
    looks = (time.monotonic() - began) / 0.02 + 2
    batches = -(-number // 200)
    assert swarm.asked.pop("GET tasks") - number <= looks * batches
    assert swarm.asked.pop("GET services") <= looks * batches
    assert swarm.asked.keys() <= {"GET swarm", "GET nodes", "DELETE networks/{}"}
    assert swarm.asked["GET nodes"] <= 1


async def test_network_that_others_use_is_not_looked_for(
    swarm: SimulatedSwarm, engine: Swarm, observer: Observer
) -> None:
    first, second = container(1), container(2)
    for spec in (first, second):
        await engine.create(spec)
    await observer.until(lambda: len(observer.states()) == 2)

    await engine.remove_container(first.uuid, volumes=())
    await asyncio.gather(*engine._cleanup._tasks)
    assert swarm.asked.keys().isdisjoint({"DELETE networks/{}"})
    await engine.remove_container(second.uuid, volumes=())
    await asyncio.gather(*engine._cleanup._tasks)
    assert swarm.asked["DELETE networks/{}"] == 1


# --- events ---------------------------------------------------------------------------


async def test_event_of_a_container_looks_at_its_service_only(
    swarm: SimulatedSwarm, engine: Swarm, observer: Observer
) -> None:
    ids = [container(n) for n in range(3)]
    await asyncio.gather(*map(engine.create, ids))
    await observer.until(lambda: set(observer.states().values()) == {"running"})
    swarm.asked.clear()

    swarm.crash(ids[0].uuid)
    await observer.until(lambda: "stopped" in observer.states().values())

    assert observer.states()[ids[0].uuid] == "stopped"
    assert swarm.asked == {"GET services": 1, "GET tasks": 1}


async def test_event_of_another_client_is_observed(
    swarm: SimulatedSwarm, engine: Swarm, observer: Observer
) -> None:
    spec = container()
    await engine.create(spec)
    await observer.until(lambda: observer.states() == {spec.uuid: "running"})

    swarm.remove(spec.uuid)

    await observer.until(lambda: not observer.containers)


@pytest.mark.parametrize(
    "event",
    [
        {"Type": "network", "Action": "connect", "Actor": {"ID": "n"}},
        {"Type": "container", "Action": "start", "Actor": {"ID": "not of a service"}},
        {
            "Type": "container",
            "Action": "exec_start: sh -c check",
            "Actor": {"Attributes": {"com.docker.swarm.service.id": "s1"}},
        },
    ],
)
async def test_event_that_changes_no_container_causes_no_look(
    swarm: SimulatedSwarm, engine: Swarm, event: dict[str, Any]
) -> None:
    """A health check, for example, is an exec every few seconds."""
    swarm.asked.clear()
    swarm.publish(event)
    for times in (1, 2):
        swarm.publish({"Type": "node", "Action": "update", "Actor": {"ID": "n1"}})
        await swarm.until_asked("GET nodes", times)
    assert swarm.asked == {"GET nodes": 2}


# --- looks that meet changes and failures ---------------------------------------------


async def test_service_that_is_removed_during_a_look_is_looked_at_again(
    swarm: SimulatedSwarm, engine: Swarm, observer: Observer
) -> None:
    specs = [container(n) for n in range(2)]
    await asyncio.gather(*map(engine.create, specs))
    await observer.until(lambda: set(observer.states().values()) == {"running"})

    swarm.before["GET tasks"] = lambda: swarm.remove(specs[0].uuid)
    for spec in specs:
        engine._watch.look_for(spec.uuid)

    await observer.until(lambda: observer.states() == {specs[1].uuid: "running"})


async def test_wait_for_the_end_of_a_container_fails_when_docker_fails(
    swarm: SimulatedSwarm, engine: Swarm, observer: Observer
) -> None:
    spec = container()
    await engine.create(spec)
    await observer.until(lambda: observer.states() == {spec.uuid: "running"})
    service = engine._watch.id_of(spec.uuid)
    assert service is not None

    swarm.leaderless = True
    with pytest.raises(EngineUnavailable, match="leader"):
        await engine._watch.until_ended(service, 60)

    swarm.leaderless = False
    await engine.remove_container(spec.uuid, volumes=())
    await observer.until(lambda: not observer.containers)


async def test_looks_that_take_long_are_rare(engine: Swarm) -> None:
    watch = engine._watch
    watch._whole_took, watch._partial_took = 3.0, 0.5
    assert watch._gap(whole=True) == 6.0
    assert watch._gap(whole=False) == 1.0
    watch._poll = 1.0
    assert watch._gap(whole=True) == 5.0  # as often as an idle Swarm, at least


@pytest.mark.parametrize(("took", "due"), [(0.01, 1.0), (0.5, 5.0), (3.0, 30.0)])
async def test_whole_looks_cost_at_most_a_tenth_of_the_time(
    engine: Swarm, took: float, due: float
) -> None:
    watch = engine._watch
    watch._poll, watch._whole_took = 1.0, took
    watch.changed("s1")  # a change makes looks frequent

    assert watch._whole_interval() == due


@pytest.mark.parametrize("seed", range(5))
async def test_partial_looks_observe_what_a_whole_look_observes(
    swarm: SimulatedSwarm, engine: Swarm, observer: Observer, seed: int
) -> None:
    """After any operations of this engine and of others, without a whole look."""
    chance = random.Random(seed)
    specs = [container(n) for n in range(12)]
    await asyncio.gather(*map(engine.create, specs))
    uuids = [spec.uuid for spec in specs]

    async def change(uuid: str) -> None:
        for _ in range(4):
            await asyncio.sleep(chance.random() / 10)
            if not swarm.has(uuid):
                return
            match chance.randrange(6):
                case 0:
                    await engine.remove_container(uuid, volumes=())
                case 1:
                    swarm.remove(uuid)
                case 2:
                    await engine.start_container(uuid)
                case _:
                    await engine.stop_container(uuid)

    await asyncio.gather(*map(change, uuids), return_exceptions=True)

    for _ in range(600):
        if await fresh(swarm) == observer.containers:
            return
        await asyncio.sleep(0.05)
    pytest.fail("the observations differ")
