"""The settings of the server, as the control plane follows them."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

import pytest

from aiodockercloud import DockerCloud, ObjectNotFound, WaitFailed
from aiodockercloud.server import Embedded, running
from aiodockercloud.server.engines import ContainerSpec
from aiodockercloud.server.settings import Limits, Retention, Settings, Timings
from tests.support.facts import IDLE, PATIENCE
from tests.support.flows import client_of, containers, done, run


class Stuck(Embedded):
    """An engine that completes no request while ``stuck`` is true."""

    stuck = False

    async def _wait(self) -> None:
        if self.stuck:
            await asyncio.Future()

    async def create(self, spec: ContainerSpec) -> None:
        await self._wait()
        await super().create(spec)

    async def start_container(self, uuid: str, **more: Any) -> None:
        await self._wait()
        await super().start_container(uuid, **more)

    async def stop_container(self, uuid: str) -> None:
        await self._wait()
        await super().stop_container(uuid)

    async def remove_container(self, uuid: str, *, volumes: Collection[str]) -> None:
        await self._wait()
        await super().remove_container(uuid, volumes=volumes)

    async def remove_node(self, node: str) -> None:
        await self._wait()
        await super().remove_node(node)


IMPATIENT = Settings(timings=Timings(container_down=0.05, node=0.05))


def up_in(seconds: float) -> Settings:
    """Return settings with time limits for the start and the end of a container."""
    return Settings(timings=Timings(container_up=seconds, container_down=2.0))


async def failure(cloud: DockerCloud, answer: Any) -> str:
    """Return the reason why an action fails."""
    with pytest.raises(WaitFailed) as failed:
        await cloud.actions.wait(answer, timeout=PATIENCE)
    return str(failed.value).partition(" is Failed: ")[2].splitlines()[-1]


async def test_container_that_is_not_created_in_time_fails_its_action() -> None:
    engine = Stuck()
    engine.stuck = True
    async with (
        running(engine, settings=up_in(0.05)) as server,
        client_of(server) as live,
    ):
        web = await live.services.create(image=IDLE, name="web")

        why = await failure(live, await live.services.start(web))

        assert why == "web-1: was not up after 0.05 s"
        assert (await live.services.inspect(web))["state"] == "Not running"


async def test_container_that_is_not_started_in_time_is_stopped() -> None:
    engine = Stuck()
    async with (
        running(engine, settings=up_in(2.0)) as server,
        client_of(server) as live,
    ):
        web = await run(live, name="web")
        await done(live, await live.services.stop(web))
        engine.stuck = True

        why = await failure(live, await live.services.start(web))

        assert why == "web-1: did not start"
        assert (await live.services.inspect(web))["state"] == "Stopped"


@pytest.mark.parametrize("operation", ["stop", "delete"])
async def test_container_that_does_not_end_in_time_stays_running(
    operation: str,
) -> None:
    engine = Stuck()
    async with running(engine, settings=IMPATIENT) as server, client_of(server) as live:
        web = await run(live, name="web")
        engine.stuck = True

        why = await failure(live, await getattr(live.services, operation)(web))

        assert why == "gave up waiting for the engine"
        assert [c["state"] for c in await containers(live, web)] == ["Running"]


async def test_node_that_is_not_removed_in_time_stays_deployed() -> None:
    engine = Stuck()
    async with running(engine, settings=IMPATIENT) as server, client_of(server) as live:
        [node] = await live.nodes.list()
        engine.stuck = True

        why = await failure(live, await live.nodes.delete(node))

        assert why == "gave up waiting for the engine"
        assert (await live.nodes.inspect(node))["state"] == "Deployed"


async def test_action_log_keeps_the_last_lines_only() -> None:
    settings = Settings(limits=Limits(action_log_lines=3))
    async with running(settings=settings) as server, client_of(server) as live:
        web = await live.services.create(image=IDLE, name="web")
        [action] = server.cloud.actions.values()

        for number in range(10):
            server.cloud.operations.write(action, f"line {number}")

        assert [text for _, text in action.log] == ["line 7", "line 8", "line 9"]
        assert action.object == web["resource_uri"]


async def test_terminated_objects_are_removed_when_their_retention_ends() -> None:
    settings = Settings(retention=Retention(ended=0), timings=Timings(sweep=0.01))
    async with running(settings=settings) as server, client_of(server) as live:
        web = await live.services.create(image=IDLE, name="web")
        record = server.cloud.services[web["uuid"]]

        await live.services.delete(web)

        async with asyncio.timeout(PATIENCE):
            await server.cloud.until(record, lambda: not server.cloud.services)
        with pytest.raises(ObjectNotFound):
            await live.services.inspect(web)


async def test_ended_actions_are_limited_in_number() -> None:
    settings = Settings(retention=Retention(ended_actions=2))
    async with running(settings=settings) as server, client_of(server) as live:
        for name in ("one", "two", "three"):
            await live.services.create(image=IDLE, name=name)
        newest = list(server.cloud.actions)[-2:]

        server.cloud.sweep(before=0)

        assert list(server.cloud.actions) == newest
