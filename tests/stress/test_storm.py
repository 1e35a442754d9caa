"""Ten clients at work on the same services, on an engine that takes its time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from aiodockercloud.server import Embedded, running
from aiodockercloud.server.engines import (
    ContainerObservation,
    ContainerSpec,
    Observation,
    Observe,
)
from tests.support.facts import IDLE, PATIENCE
from tests.support.flows import client_of
from tests.support.storm import CLIENTS, OPERATIONS, Storm, differences


class Slow(Embedded):
    """An engine on which everything takes a moment, longer or shorter."""

    def __init__(self, seed: int) -> None:
        super().__init__(nodes=3)
        self._random = random.Random(seed)
        self.told: dict[str, ContainerObservation] = {}

    async def start(self, observe: Observe) -> None:
        def note(seen: Observation) -> None:
            if isinstance(seen, ContainerObservation):
                self.told[seen.uuid] = seen
            observe(seen)

        await super().start(note)

    def shown(self) -> dict[str, bool]:
        """uuid of an existing container → whether the container runs."""
        return {
            uuid: seen.state == "running"
            for uuid, seen in self.told.items()
            if seen.state != "gone"
        }

    @asynccontextmanager
    async def _slowly(self) -> AsyncIterator[None]:
        await asyncio.sleep(self._random.uniform(0, 0.02))
        yield
        await asyncio.sleep(self._random.uniform(0, 0.02))

    async def create(self, spec: ContainerSpec) -> None:
        async with self._slowly():
            await super().create(spec)

    async def start_container(
        self, uuid: str, *, credentials: tuple[str, str] | None = None
    ) -> None:
        async with self._slowly():
            await super().start_container(uuid, credentials=credentials)

    async def stop_container(self, uuid: str) -> None:
        async with self._slowly():
            await super().stop_container(uuid)

    async def remove_container(self, uuid: str, *, volumes: Collection[str]) -> None:
        async with self._slowly():
            await super().remove_container(uuid, volumes=volumes)


@pytest.mark.parametrize("seed", [1, 2])
async def test_many_clients_on_the_same_services_lose_nothing(seed: int) -> None:
    engine = Slow(seed)
    async with running(engine) as server, AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(client_of(server)) for _ in range(CLIENTS)
        ]
        storm = Storm(clients, seed, {"image": IDLE}, PATIENCE)
        async with asyncio.timeout(3 * PATIENCE):
            await storm.rage()
        await storm.settled()
        await storm.changes_kept()
        storm.problems += await differences(clients[0], engine.shown())
        wanted = await storm.made_whole()
        storm.problems += await differences(clients[0], engine.shown())

    assert storm.problems == []
    assert sum(engine.shown().values()) == wanted
    assert storm.answers.total() >= CLIENTS * OPERATIONS
