"""Helpers for the tests of logs: containers that print what a test wants."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aiodockercloud.server import Embedded
from aiodockercloud.server.engines.embedded import Container as Run
from aiodockercloud.transport.log_stream import LogStream
from aiodockercloud.wire import loglines
from tests.support.facts import PATIENCE


class Talk:
    """The image ``acme/talk``, whose containers print what the test wants.

    Args:
        engine: The engine that gets the image.
        greets: Whether containers also print a line when they start and when they stop.

    Attributes:
        runs: The last run of each container, by the name of the container.
    """

    def __init__(self, engine: Embedded, *, greets: bool = False) -> None:
        self.runs: dict[str, Run] = {}

        @engine.image("acme/talk")
        async def talk(container: Run) -> None:
            self.runs[container.name] = container
            if greets:
                container.print(f"{container.name} is up")
            await container.wait_stopped()
            if greets:
                container.print(f"{container.name} goes down")

    def say(self, name: str, *texts: object) -> None:
        """Print one line for each text in the container of this name."""
        for text in texts:
            self.runs[name].print(str(text))


@pytest.fixture
def talk(engine: Embedded) -> Talk:
    return Talk(engine)


async def texts(stream: LogStream[Any]) -> list[str]:
    """Return all texts of a log that ends by itself."""
    async with asyncio.timeout(PATIENCE), stream as lines:
        return [loglines.log_text(line) async for line in lines]


async def texts_until(stream: LogStream[Any], text: str) -> list[str]:
    """Return the texts of the lines up to the one with *text*."""
    return [found for _, found in await lines_until(stream, text)]


async def lines_until(stream: LogStream[Any], text: str) -> list[tuple[str, str]]:
    """Return source and text of the lines up to the one with *text*."""
    found = []
    async with asyncio.timeout(PATIENCE):
        async for line in stream:
            found.append((line.get("source", ""), loglines.log_text(line)))
            if found[-1][1] == text:
                return found
    raise AssertionError(f"the log ended without {text!r}")
