"""What the tests of waiting share: an engine they drive, and waits by events alone."""

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
    """One on which containers end as the test says, and some images are not there."""

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
    """A service of one container that ends when the test says."""
    return await live.services.create(image="acme/job", name="job", **fields)


async def looked(cloud: DockerCloud, thing: Any) -> None:
    """All who wait have looked: they do so when subscribed, before this one."""
    async with cloud._change_feed.subscribe(thing["uuid"]) as changes:
        await changes.wait(PATIENCE)
        await cloud.services.inspect(thing)
        await cloud.services.inspect(thing)
