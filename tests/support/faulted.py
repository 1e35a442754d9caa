"""Helpers of the tests of faults."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aiodockercloud import DockerCloud, EventStream, StreamClosed
from aiodockercloud.types import Event
from tests.support.facts import IDLE
from tests.support.flows import change

LIST = "/api/app/v1/service/"


def create(cloud: DockerCloud, name: str) -> asyncio.Task[Any]:
    """Start the creation of a service and return its task."""
    return asyncio.create_task(cloud.services.create(name=name, image=IDLE))


async def until_cut(events: EventStream[Event]) -> list[str]:
    """Return the objects of all events until the connection is reset."""
    found: list[str] = []

    async def read() -> None:
        async for event in events:
            found.append(change(event)["resource_uri"])

    with pytest.raises(StreamClosed) as caught:
        await read()
    assert caught.value.code == 1006
    return found
