"""Credentials with the call on a real Swarm, with a registry of the test."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from aiodockercloud import WaitFailed
from aiodockercloud.wire.loglines import log_text
from tests.support import swarms
from tests.support.flows import client_of
from tests.support.registries import registry
from tests.support.swarms import PATIENCE

pytestmark = swarms.need(1)


async def test_private_image_is_pulled_with_the_credentials_of_the_call() -> None:
    async with (
        registry() as hub,
        swarms.server() as server,
        client_of(server) as cloud,
    ):
        hub.login = ("me", "one")
        name = f"team/{uuid.uuid4().hex}"
        hub.push(name, "v1", "private")
        image = f"{hub.host}/{name}:v1"

        with pytest.raises(WaitFailed, match="No such image"):
            await cloud.services.run(image=image)
        service = await cloud.services.run(
            image=image, registry_auth={"username": "me", "password": "one"}
        )
        async with asyncio.timeout(PATIENCE), cloud.services.logs(service) as lines:
            text = log_text(await anext(lines))

    assert text == "private"
