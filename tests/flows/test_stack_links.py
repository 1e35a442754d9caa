"""Links between stacks."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from aiodockercloud import (
    BadRequest,
    DockerCloud,
)
from aiodockercloud.server import Embedded, running
from tests.support.facts import IDLE
from tests.support.flows import client_of, done


@pytest.fixture
async def single() -> AsyncIterator[DockerCloud]:
    async with running(Embedded()) as server, client_of(server) as cloud:
        yield cloud


async def test_services_of_the_same_name_in_two_stacks_are_distinguished(
    single: DockerCloud,
) -> None:
    for name in ("one", "two"):
        stack = await single.stacks.create(
            name=name, services=[{"name": "db", "image": IDLE}]
        )
        await done(single, await single.stacks.start(stack))

    found = await single.services.list(name="db", stack__name="two")
    web = await single.services.create(
        image=IDLE, linked_to_service=[{"to_service": "db.two"}]
    )

    assert len(found) == 1
    assert web["linked_to_service"][0]["to_service"] == found[0]["resource_uri"]
    with pytest.raises(BadRequest, match="db"):
        await single.services.create(
            image=IDLE, linked_to_service=[{"to_service": "db"}]
        )
