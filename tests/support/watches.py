"""An embedded engine and its observations, for the tests of that engine."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiodockercloud.server.engines import (
    ContainerObservation,
    ContainerSpec,
    Observation,
    PortSpec,
)
from aiodockercloud.server.engines.embedded import Embedded


class Watch:
    """An engine and its observations.

    Attributes:
        engine: The engine.
        reported: All observations, oldest first.
    """

    def __init__(self, engine: Embedded) -> None:
        self.engine = engine
        self.reported: list[Observation] = []
        self._changed = asyncio.Event()

    def observe(self, observation: Observation) -> None:
        self.reported.append(observation)
        self._changed.set()

    async def until(self, uuid: str, state: str) -> None:
        """Return when the container is in the state."""
        while self.last(uuid).state != state:
            self._changed.clear()
            await self._changed.wait()

    def containers(self, uuid: str) -> list[ContainerObservation]:
        return [
            found
            for found in self.reported
            if isinstance(found, ContainerObservation) and found.uuid == uuid
        ]

    def last(self, uuid: str) -> ContainerObservation:
        """Return the last observation of the container."""
        return self.containers(uuid)[-1]

    def states(self, uuid: str) -> list[tuple[str, int | None]]:
        """Return state and exit code of each observation of the container."""
        return [(found.state, found.exit_code) for found in self.containers(uuid)]

    async def create(self, image: str, **fields: Any) -> str:
        """Create a container with these fields of its spec; return its uuid."""
        id = str(uuid.uuid4())
        defaults: dict[str, Any] = {
            "name": "web-1",
            "node": self.engine.nodes[0],
            "service": "s",
            "stack": None,
            "namespace": "acme",
        }
        await self.engine.create(
            ContainerSpec(
                uuid=id,
                image=image,
                **{**defaults, **fields},
            )
        )
        return id

    async def log(self, uuid: str) -> list[str]:
        """Return the texts of all lines that are kept."""
        logs = self.engine.logs(uuid, tail=None, follow=False)
        return [line.text async for line in logs]


@asynccontextmanager
async def watched(engine: Embedded) -> AsyncIterator[Watch]:
    """Start an engine for the time of the block."""
    watch = Watch(engine)
    await engine.start(watch.observe)
    try:
        yield watch
    finally:
        async with asyncio.timeout(60):
            await engine.close()


def published(inner: int, outer: int | None = None) -> Sequence[PortSpec]:
    """Return the ports of a container with one published TCP port."""
    return [PortSpec(inner, "tcp", True, outer)]
