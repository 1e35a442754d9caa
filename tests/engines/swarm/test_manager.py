"""Removing containers and nodes, and checking nodes, on a scripted manager."""

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
    EngineUnavailable,
    NodeObservation,
    Observation,
    UnsupportedField,
    WarningObservation,
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
    await engine.start(lambda observation: None)
    yield engine
    await engine.close()


async def test_ping_needs_an_engine_that_answers() -> None:
    async with dockers.manager() as manager:
        engine = Swarm(manager.url, poll=0.1)
        await engine.start(lambda observation: None)
        await engine.ping()

    with pytest.raises(EngineUnavailable):
        await engine.ping()
    await engine.close()


# --- removing -----------------------------------------------------------------------


async def test_network_of_two_containers_removed_at_nearly_the_same_time_is_removed(
    manager: dockers.Manager, engine: Swarm
) -> None:
    first, second = (manager.add_service(container()) for _ in range(2))
    late, looked = asyncio.Event(), asyncio.Event()

    async def asked(method: str, path: str) -> None:
        """Delay the list of services that still contains the second service."""
        if (method, path) == ("GET", "services") and not looked.is_set():
            looked.set()
            await late.wait()

    await engine._watch.close()  # no look in the background
    await engine.remove_container(first, volumes=())
    manager.asked = asked
    async with asyncio.timeout(60):
        await looked.wait()
    removing = asyncio.create_task(engine.remove_container(second, volumes=()))
    await manager.until(lambda: second not in manager.services)
    late.set()
    await removing

    await manager.until(lambda: not manager.networks)


async def test_network_is_removed_when_its_first_container_is_refused(
    manager: dockers.Manager, engine: Swarm
) -> None:
    manager.refused.add(("POST", "services/create"))

    with pytest.raises(EngineError, match="refused"):
        await engine.create(container())

    assert manager.networks
    await manager.until(lambda: not manager.networks)


async def test_container_whose_service_is_deleted_during_removal_is_removed(
    manager: dockers.Manager, engine: Swarm
) -> None:
    uuid = manager.add_service(container())
    manager.add_task(uuid, "running", "n1")

    async def asked(method: str, path: str) -> None:
        if (method, path) == ("GET", "tasks"):
            manager.services.pop(uuid, None)

    manager.asked = asked
    await engine.remove_container(uuid, volumes=())

    assert not manager.services


async def test_removed_node_removes_its_containers_but_not_those_that_have_moved(
    manager: dockers.Manager, engine: Swarm
) -> None:
    moved, ended = (manager.add_service(container(pinned=False)) for _ in range(2))
    manager.add_service(container(node="n2", autorestart="ALWAYS"))  # pinned to n2
    free = manager.add_service(container(pinned=False, autorestart="ALWAYS"))
    for one in (moved, ended, free):
        manager.add_task(one, "complete", "n2")
    manager.add_task(moved, "running", "n1")

    await engine.remove_node("n2")

    assert manager.services.keys() == {moved, free}
    assert manager.nodes.keys() == {"n1"}


# --- a lost node that returns -------------------------------------------------------


async def test_container_that_must_end_on_a_lost_node_is_not_reported_as_running_again(
    manager: dockers.Manager,
) -> None:
    """The manager keeps the last known state of a task until the node reports."""
    uuid = manager.add_service(container(node="n2"))
    manager.add_task(uuid, "running", "n2")
    reported: asyncio.Queue[Observation] = asyncio.Queue()
    engine = Swarm(manager.url, poll=0.1)

    async def states(number: int) -> list[str]:
        found: list[str] = []
        while len(found) < number:
            observation = await reported.get()
            if isinstance(observation, ContainerObservation):
                found.append(observation.state)
            elif isinstance(observation, NodeObservation) and observation.id == "n2":
                found.append(observation.state)
        return found

    await engine.start(reported.put_nowait)
    try:
        async with asyncio.timeout(60):
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
    assert reported.empty()


# --- checking a node ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "answers"), [("ready", True), ("unknown", True), ("down", False)]
)
async def test_check_returns_the_state_of_a_node_and_reports_the_node_again(
    manager: dockers.Manager, state: str, answers: bool
) -> None:
    """All nodes are ``unknown`` for a moment while the managers elect a leader."""
    manager.nodes["n2"]["Status"]["State"] = state
    reported: asyncio.Queue[Observation] = asyncio.Queue()
    engine = Swarm(manager.url, poll=0.1)
    await engine.start(reported.put_nowait)
    try:
        while not reported.empty():
            reported.get_nowait()

        assert await engine.check_node("n2") == answers

        async with asyncio.timeout(60):
            observation = await reported.get()
    finally:
        await engine.close()
    assert isinstance(observation, NodeObservation)
    assert (observation.id, observation.state == "ready") == ("n2", answers)


async def test_check_of_an_unknown_node_is_false_and_a_failure_raises(
    manager: dockers.Manager, engine: Swarm
) -> None:
    assert not await engine.check_node("n3")

    manager.refused.add(("GET", "nodes/n2"))
    with pytest.raises(EngineError, match="refused"):
        await engine.check_node("n2")


# --- warnings, old Engines ------------------------------------------------------------


async def test_warnings_of_creation_and_start_are_reported(
    manager: dockers.Manager,
) -> None:
    manager.warnings = ["no registry confirms the image"]
    reported: list[Observation] = []
    engine = Swarm(manager.url, poll=0.1)
    await engine.start(reported.append)
    spec = container()
    await engine.create(spec)
    await engine.stop_container(spec.uuid)
    await engine.start_container(spec.uuid)
    await engine.close()

    warnings = [one for one in reported if isinstance(one, WarningObservation)]
    assert warnings == [WarningObservation(spec.uuid, manager.warnings[0])] * 2


async def test_field_that_the_manager_is_too_old_for_is_refused(engine: Swarm) -> None:
    with pytest.raises(UnsupportedField, match=r"the manager has 1\.41"):
        engine.check({"oom_score_adj": 1}, ())


# --- restarts -------------------------------------------------------------------------


@pytest.mark.parametrize(("most", "state"), [(1, "stopped"), (None, "starting")])
async def test_ended_task_that_is_not_replaced_stops_the_container(
    manager: dockers.Manager, most: int | None, state: str
) -> None:
    """Swarm reports nowhere that ``max_attempts`` is used up."""
    policy = {"delay": 0, "max_attempts": most, "window": None}
    spec = container(autorestart="ALWAYS", options={"restart_policy": policy})
    service = manager.add_service(spec)
    manager.add_task(service, "failed", "n1")
    reported: list[Observation] = []
    settings = SwarmSettings(replacing=0.0)
    engine = Swarm(manager.url, poll=0.1, settings=settings)
    await engine.start(reported.append)
    await engine.close()

    (found,) = (one for one in reported if isinstance(one, ContainerObservation))
    assert found.state == state
