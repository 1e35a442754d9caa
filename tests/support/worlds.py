"""An engine and all that it has reported, for tests of the ``Engine`` protocol."""

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

#: Seconds that any single fact may take to come about.
PATIENCE = 60


class World:
    """An engine, and all that it has told."""

    def __init__(self, engine: Engine, image: str) -> None:
        self.engine = engine
        self.image = image
        self.told: list[Observation] = []
        self._news = asyncio.Event()

    def observe(self, observation: Observation) -> None:
        self.told.append(observation)
        self._news.set()

    def history(self, spec: ContainerSpec) -> list[ContainerObservation]:
        return [
            seen
            for seen in self.told
            if isinstance(seen, ContainerObservation) and seen.uuid == spec.uuid
        ]

    async def until(
        self, spec: ContainerSpec, state: str, *, since: int = 0
    ) -> ContainerObservation:
        """The first observation from number *since* on with this state."""
        async with asyncio.timeout(PATIENCE):
            while True:
                for seen in self.history(spec)[since:]:
                    if seen.state == state:
                        return seen
                await self.news()

    async def news(self) -> None:
        """Wait for the next observation."""
        self._news.clear()
        await self._news.wait()

    async def clear(self) -> None:
        """Close the engine; leave no container."""
        uuids = {
            seen.uuid for seen in self.told if isinstance(seen, ContainerObservation)
        }
        await self.engine.close()
        if not self.engine.volatile:
            await swarms.forget(uuids)

    def node(self) -> NodeObservation:
        return next(
            seen
            for seen in self.told
            if isinstance(seen, NodeObservation) and seen.state == "ready"
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
    read = {"stdout": "", "stderr": ""}
    async with asyncio.timeout(PATIENCE):
        async for stream, text in session.output():
            read[stream] += text
    return read


WAIT = swarms.sh(swarms.WAIT)


class Swarmed(World):
    """A world on Swarm, with its nodes by number."""

    def nodes(self) -> list[NodeObservation]:
        """The nodes that are ready, in the order of their names."""
        last = {
            seen.id: seen for seen in self.told if isinstance(seen, NodeObservation)
        }
        ready = (seen for seen in last.values() if seen.state == "ready")
        return sorted(ready, key=lambda seen: seen.hostname)

    async def until_node(self, id: str, state: str) -> None:
        async with asyncio.timeout(PATIENCE):
            while True:
                seen = [
                    s
                    for s in self.told
                    if isinstance(s, NodeObservation) and s.id == id
                ]
                if seen[-1].state == state:
                    return
                await self.news()

    async def up(self, command: str | None = WAIT, **fields: Any) -> ContainerSpec:
        """A container that runs."""
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
