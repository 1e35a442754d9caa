"""Tests of slow and silent peers: a flood of lines, and a shell with input."""

from __future__ import annotations

import asyncio

import pytest

from aiodockercloud import DockerCloud
from aiodockercloud.server import Embedded
from aiodockercloud.server.engines.embedded import Container as Run
from aiodockercloud.types import Container, Service
from tests.support.facts import SHELL
from tests.support.flows import containers, run


class Flood:
    """The image ``acme/flood``, whose containers write numbered lines on request."""

    def __init__(self, engine: Embedded) -> None:
        self.runs: list[Run] = []

        @engine.image("acme/flood")
        async def flood(container: Run) -> None:
            self.runs.append(container)
            await container.wait_stopped()

    async def write(self, count: int, width: int = 0) -> None:
        for number in range(count):
            self.runs[0].print(f"{number:0{width}}")
            if number % 1000 == 0:
                await asyncio.sleep(0)  # lets other tasks run


@pytest.fixture
def flood(engine: Embedded) -> Flood:
    return Flood(engine)


@pytest.fixture
async def service(live: DockerCloud, flood: Flood) -> Service:
    return await run(live, image="acme/flood", name="web")


@pytest.fixture
async def box(live: DockerCloud) -> Container:
    service = await run(live, image=SHELL, run_command="sleep 100000", name="box")
    (container,) = await containers(live, service)
    return container
