"""Stack files with fields that Swarm cannot honour are refused; without a daemon."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from aiodockercloud import BadRequest, DockerCloud
from aiodockercloud.server import Embedded, running
from aiodockercloud.server.engines.swarm import supported
from tests.support.flows import client_of
from tests.support.realfiles import STACKFILES


class SwarmChecks(Embedded):
    """An embedded engine that refuses the fields that Swarm refuses."""

    check = staticmethod(supported.check)


@pytest.fixture
async def cloud() -> AsyncIterator[DockerCloud]:
    async with running(SwarmChecks()) as server, client_of(server) as cloud:
        yield cloud


@pytest.mark.parametrize(
    ("file", "service", "key", "reason", "alternative"),
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
async def test_refusal_names_file_service_key_reason_and_alternative(
    cloud: DockerCloud,
    file: str,
    service: str,
    key: str,
    reason: str,
    alternative: str,
) -> None:
    with pytest.raises(BadRequest) as caught:
        await cloud.stacks.deploy(STACKFILES / file, "shop")

    message = caught.value.message
    assert message.startswith(f"{STACKFILES / file}: services ({service}).{key}: ")
    assert reason in message
    assert alternative in message
    # Neither the stack nor any of its services was created.
    assert await cloud.stacks.list() == []
    assert await cloud.services.list() == []
