"""An engine and its observations, for tests of the ``Engine`` protocol."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiodockercloud.server.engines import (
    ContainerObservation,
    ContainerSpec,
    Engine,
    ExecSession,
    NodeObservation,
    Observation,
)
from aiodockercloud.server.engines.swarm.settings import SwarmSettings
from tests.support import swarms

#: Seconds to wait for any one observation or output.
PATIENCE = 60


class World:
    """An engine, and all observations that the engine has reported."""

    def __init__(self, engine: Engine, image: str) -> None:
        self.engine = engine
        self.image = image
        self.reported: list[Observation] = []
        self._news = asyncio.Event()

    def observe(self, observation: Observation) -> None:
        self.reported.append(observation)
        self._news.set()

    def history(self, spec: ContainerSpec) -> list[ContainerObservation]:
        return [
            found
            for found in self.reported
            if isinstance(found, ContainerObservation) and found.uuid == spec.uuid
        ]

    async def until(
        self, spec: ContainerSpec, state: str, *, since: int = 0
    ) -> ContainerObservation:
        """Wait for the first observation with a state, from number *since* on."""
        async with asyncio.timeout(PATIENCE):
            while True:
                for found in self.history(spec)[since:]:
                    if found.state == state:
                        return found
                await self.news()

    async def news(self) -> None:
        """Wait for the next observation."""
        self._news.clear()
        await self._news.wait()

    async def clear(self) -> None:
        """Close the engine and remove all containers."""
        uuids = {
            found.uuid
            for found in self.reported
            if isinstance(found, ContainerObservation)
        }
        await self.engine.close()
        if not self.engine.volatile:
            await swarms.forget(uuids)

    def node(self) -> NodeObservation:
        return next(
            found
            for found in self.reported
            if isinstance(found, NodeObservation) and found.state == "ready"
        )

    def spec(self, command: str | None = "sleep 3600", **fields: Any) -> ContainerSpec:
        id = str(uuid.uuid4())
        given = {
            "uuid": id,
            "name": f"contract-{id[:8]}",
            "service": "contract",
            "stack": None,
            "namespace": "contract",
            "node": self.node().id,
            "image": self.image,
            "command": command,
        }
        return ContainerSpec(**{**given, **fields})

    async def create(
        self, command: str | None = "sleep 3600", **fields: Any
    ) -> ContainerSpec:
        spec = self.spec(command, **fields)
        await self.engine.create(spec)
        return spec

    async def lines(
        self, spec: ContainerSpec, *, tail: int | None = None, since_ns: int = 0
    ) -> list[tuple[str, str]]:
        logs = self.engine.logs(spec.uuid, tail=tail, follow=False, since_ns=since_ns)
        async with asyncio.timeout(PATIENCE):
            return [(line.stream, line.text) async for line in logs]


def sh(script: str) -> str:
    return f"sh -c '{script}'"


async def read(session: ExecSession) -> dict[str, str]:
    read = {"stdout": b"", "stderr": b""}
    async with asyncio.timeout(PATIENCE):
        async for stream, data in session.output():
            read[stream] += data
    return {stream: data.decode() for stream, data in read.items()}


WAIT = swarms.sh(swarms.WAIT)


class Swarmed(World):
    """A world on a Swarm, with numbered nodes."""

    def nodes(self) -> list[NodeObservation]:
        """Return the ready nodes, sorted by hostname."""
        last = {
            found.id: found
            for found in self.reported
            if isinstance(found, NodeObservation)
        }
        ready = (found for found in last.values() if found.state == "ready")
        return sorted(ready, key=lambda found: found.hostname)

    async def until_node(self, id: str, state: str) -> None:
        async with asyncio.timeout(PATIENCE):
            while True:
                found = [
                    s
                    for s in self.reported
                    if isinstance(s, NodeObservation) and s.id == id
                ]
                if found[-1].state == state:
                    return
                await self.news()

    async def up(self, command: str | None = WAIT, **fields: Any) -> ContainerSpec:
        """Create a container and wait until the container runs."""
        spec = await self.create(command, **fields)
        await self.until(spec, "running")
        return spec

    async def output(self, spec: ContainerSpec, script: str) -> str:
        session = await self.engine.exec(spec.uuid, ["sh", "-c", script])
        output = await read(session)
        await session.close()
        return output["stdout"].strip()


@asynccontextmanager
async def swarmed(settings: SwarmSettings | None = None) -> AsyncIterator[Swarmed]:
    """Start an engine on the Swarm; at the end, remove all of its containers."""
    async with swarms.engine(settings=settings) as engine:
        world = Swarmed(engine, swarms.IMAGE)
        await engine.start(world.observe)
        try:
            yield world
        finally:
            await world.clear()
