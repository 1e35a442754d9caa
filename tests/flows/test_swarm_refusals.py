"""What Swarm cannot do is refused when a stack file is deployed, with all that its
owner needs to know; without a daemon."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from aiodockercloud import BadRequest, DockerCloud
from aiodockercloud.server import Embedded, running
from aiodockercloud.server.engines.swarm import spec as swarm_spec
from tests.support.flows import client_of
from tests.support.realfiles import STACKFILES


class Picky(Embedded):
    """An engine that can do what Swarm can."""

    check = staticmethod(swarm_spec.check)


@pytest.fixture
async def picky() -> AsyncIterator[DockerCloud]:
    async with running(Picky()) as server, client_of(server) as cloud:
        yield cloud


@pytest.mark.parametrize(
    ("file", "service", "key", "why", "instead"),
    [
        (
            "ditinc--foodwatch.tutum.yml",
            "newrelic-snapshot",
            "privileged",
            "Swarm runs no privileged containers",
            "give the capabilities that it needs with cap_add",
        ),
        (
            "Trendyn--app.tutum.yml",
            "mysql",
            "cpu_shares",
            "Swarm does not weigh containers against each other",
            "spread them over nodes with tags or deployment_strategy",
        ),
        (
            "CloudBoost--docker.docker-cloud.yml",
            "cloudboost-dashboard",
            "container_ports",
            "Swarm publishes each port once",
            "leave one, and run a proxy for the others",
        ),
    ],
)
async def test_refusal_names_file_service_key_reason_and_what_to_use(
    picky: DockerCloud, file: str, service: str, key: str, why: str, instead: str
) -> None:
    with pytest.raises(BadRequest) as caught:
        await picky.stacks.deploy(STACKFILES / file, "shop")

    message = caught.value.message
    assert message.startswith(f"{STACKFILES / file}: services ({service}).{key}: ")
    assert why in message
    assert instead in message
    # Nothing of the stack is there.
    assert await picky.stacks.list() == []
    assert await picky.services.list() == []
