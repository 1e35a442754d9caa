"""What tests of logs share: containers that say what a test has them say."""

from __future__ import annotations

import asyncio

import pytest

from aiodockercloud import wire
from aiodockercloud.logs import LogStream
from aiodockercloud.server import Embedded
from aiodockercloud.server.engines.images import Container as Run
from flows import PATIENCE


class Talk:
    """The image ``acme/talk``: its containers say what the test has them say."""

    def __init__(self, engine: Embedded) -> None:
        self.runs: dict[str, Run] = {}

        @engine.image("acme/talk")
        async def talk(container: Run) -> None:
            self.runs[container.name] = container
            await container.wait_stopped()

    def say(self, name: str, *texts: object) -> None:
        for text in texts:
            self.runs[name].print(str(text))


@pytest.fixture
def talk(engine: Embedded) -> Talk:
    return Talk(engine)


async def texts_until(stream: LogStream, text: str) -> list[str]:
    """The texts up to this one."""
    found = []
    async with asyncio.timeout(PATIENCE):
        async for line in stream:
            found.append(wire.log_text(line))
            if found[-1] == text:
                return found
    raise AssertionError(f"the log ended without {text!r}")
