"""What the tests of faults share."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aiodockercloud import DockerCloud, EventStream, StreamClosed
from tests.support.facts import IDLE

LIST = "/api/app/v1/service/"


def create(cloud: DockerCloud, name: str) -> asyncio.Task[Any]:
    return asyncio.create_task(cloud.services.create(name=name, image=IDLE))


async def until_cut(events: EventStream) -> list[str]:
    """What events are about, up to the end of the connection."""
    found: list[str] = []

    async def read() -> None:
        async for event in events:
            found.append(event["resource_uri"])

    with pytest.raises(StreamClosed) as caught:
        await read()
    assert caught.value.code == 1006
    return found
