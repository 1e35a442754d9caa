"""What only a manager shows that answers as a test says: what goes with a container or
a node that is removed, and nodes that are asked for."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest

from aiodockercloud.server.engines import (
    ContainerObservation,
    ContainerSpec,
    EngineError,
    NodeObservation,
    Observation,
)
from aiodockercloud.server.engines.swarm import Swarm, SwarmSettings
from tests.support import dockers


def container(**fields: Any) -> ContainerSpec:
    given: dict[str, Any] = {
        "uuid": str(uuid.uuid4()),
        "name": "web-1",
        "service": "web",
        "stack": None,
        "namespace": "alice",
        "node": "n1",
        "image": "hello:latest",
    }
    return ContainerSpec(**given | fields)


@pytest.fixture
async def manager() -> AsyncIterator[dockers.Manager]:
    async with dockers.manager() as manager:
        manager.add_worker("n2")
        yield manager


@pytest.fixture
async def engine(manager: dockers.Manager) -> AsyncIterator[Swarm]:
    settings = SwarmSettings(cleanup_pause=0.01)
    engine = Swarm(manager.url, poll=0.1, grace=1.0, settings=settings)
    await engine.start(lambda seen: None)
    yield engine
    await engine.close()


# --- removing -----------------------------------------------------------------------


async def test_network_goes_with_two_that_are_removed_at_nearly_the_same_time(
    manager: dockers.Manager, engine: Swarm
) -> None:
    first, second = (manager.add_service(container()) for _ in range(2))
    late, looked = asyncio.Event(), asyncio.Event()

    async def asked(method: str, path: str) -> None:
        """Who looks after the first has gone hears late that the second is there."""
        if (method, path) == ("GET", "services") and not looked.is_set():
            looked.set()
            await late.wait()

    await engine._watch.close()  # looks by itself
    await engine.remove_container(first, volumes=True)
    manager.asked = asked
    async with asyncio.timeout(10):
        await looked.wait()
    removing = asyncio.create_task(engine.remove_container(second, volumes=True))
    await manager.until(lambda: second not in manager.services)
    late.set()
    await removing

    await manager.until(lambda: not manager.networks)


async def test_network_goes_when_its_first_container_is_refused(
    manager: dockers.Manager, engine: Swarm
) -> None:
    manager.refused.add(("POST", "services/create"))

    with pytest.raises(EngineError, match="refused"):
        await engine.create(container())

    assert manager.networks
    await manager.until(lambda: not manager.networks)


async def test_container_that_goes_while_it_is_being_ended_is_removed(
    manager: dockers.Manager, engine: Swarm
) -> None:
    uuid = manager.add_service(container())
    manager.add_task(uuid, "running", "n1")

    async def asked(method: str, path: str) -> None:
        if (method, path) == ("GET", "tasks"):
            manager.services.pop(uuid, None)

    manager.asked = asked
    await engine.remove_container(uuid, volumes=True)

    assert not manager.services


async def test_node_takes_what_was_last_on_it_and_not_what_has_moved_on(
    manager: dockers.Manager, engine: Swarm
) -> None:
    moved, ended = (manager.add_service(container(pinned=False)) for _ in range(2))
    manager.add_service(container(node="n2", autorestart="ALWAYS"))  # bound to it
    free = manager.add_service(container(pinned=False, autorestart="ALWAYS"))
    for one in (moved, ended, free):
        manager.add_task(one, "complete", "n2")
    manager.add_task(moved, "running", "n1")

    await engine.remove_node("n2")

    assert manager.services.keys() == {moved, free}
    assert manager.nodes.keys() == {"n1"}


# --- a node that comes back ---------------------------------------------------------


async def test_container_that_a_lost_node_still_has_to_end_does_not_run_again(
    manager: dockers.Manager,
) -> None:
    """The manager has its task as it last heard of it, until the node says more."""
    uuid = manager.add_service(container(node="n2"))
    manager.add_task(uuid, "running", "n2")
    told: asyncio.Queue[Observation] = asyncio.Queue()
    engine = Swarm(manager.url, poll=0.1)

    async def states(number: int) -> list[str]:
        found: list[str] = []
        while len(found) < number:
            seen = await told.get()
            if isinstance(seen, ContainerObservation):
                found.append(seen.state)
            elif isinstance(seen, NodeObservation) and seen.id == "n2":
                found.append(seen.state)
        return found

    await engine.start(told.put_nowait)
    try:
        async with asyncio.timeout(10):
            assert await states(2) == ["ready", "running"]
            manager.tasks[0]["DesiredState"] = "shutdown"
            manager.nodes["n2"]["Status"]["State"] = "down"
            assert await states(2) == ["unreachable", "stopped"]
            manager.nodes["n2"]["Status"]["State"] = "ready"
            assert await states(1) == ["ready"]
            manager.tasks[0]["Status"] |= {"State": "failed", "Err": "it has ended"}
            assert await states(1) == ["stopped"]
    finally:
        await engine.close()
    assert told.empty()


# --- asking for a node --------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "answers"), [("ready", True), ("unknown", True), ("down", False)]
)
async def test_check_of_a_node_says_what_is_told_of_it_and_tells_it_again(
    manager: dockers.Manager, state: str, answers: bool
) -> None:
    """All are unknown for a moment while the managers choose a new leader."""
    manager.nodes["n2"]["Status"]["State"] = state
    told: asyncio.Queue[Observation] = asyncio.Queue()
    engine = Swarm(manager.url, poll=0.1)
    await engine.start(told.put_nowait)
    try:
        while not told.empty():
            told.get_nowait()

        assert await engine.check_node("n2") == answers

        async with asyncio.timeout(10):
            seen = await told.get()
    finally:
        await engine.close()
    assert isinstance(seen, NodeObservation)
    assert (seen.id, seen.state == "ready") == ("n2", answers)


async def test_check_of_a_node_that_is_not_there_is_false_and_a_failure_is_none(
    manager: dockers.Manager, engine: Swarm
) -> None:
    assert not await engine.check_node("n3")

    manager.refused.add(("GET", "nodes/n2"))
    with pytest.raises(EngineError, match="refused"):
        await engine.check_node("n2")
