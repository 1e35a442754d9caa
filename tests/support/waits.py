"""An engine that creates and ends containers at the command of a test of waiting."""

from __future__ import annotations

import asyncio
from typing import Any

from aiodockercloud import DockerCloud
from aiodockercloud.server import Embedded
from aiodockercloud.server.engines import ContainerSpec, EngineError
from aiodockercloud.server.engines.embedded import Container
from aiodockercloud.types import Service
from tests.support.facts import PATIENCE


class Engine(Embedded):
    """An engine with two nodes, and with images that do not exist.

    Attributes:
        hold: While not set, no container is created.
        began: Set when a container of ``acme/job`` has started.
        end: When set, the containers of ``acme/job`` end.
        code: The exit code with which these containers end.
    """

    def __init__(self) -> None:
        super().__init__(nodes=2)
        self.code = 0
        self.end = asyncio.Event()
        self.began = asyncio.Event()
        self.hold = asyncio.Event()
        self.hold.set()
        self.image("acme/job")(self.job)

    async def job(self, container: Container) -> int:
        self.began.set()
        await self.end.wait()
        return self.code

    async def create(self, spec: ContainerSpec) -> None:
        await self.hold.wait()
        if spec.image.startswith("acme/missing"):
            raise EngineError("pull access denied")
        await super().create(spec)


async def job(live: DockerCloud, **fields: Any) -> Service:
    """Create a service with one container, which ends at the command of the test."""
    return await live.services.create(image="acme/job", name="job", **fields)


async def inspected(cloud: DockerCloud, thing: Any) -> None:
    """Return when each wait under way has inspected its object.

    Those waits subscribed before this function, so their hints come first.
    """
    async with cloud._change_feed.subscribe(thing["uuid"]) as changes:
        await changes.wait(PATIENCE)
        await cloud.services.inspect(thing)
        await cloud.services.inspect(thing)
