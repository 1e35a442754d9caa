"""The field ``networks`` on a real Swarm: one overlay for each name."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from aiodockercloud import DockerCloud
from aiodockercloud.server.engines.swarm import SwarmSettings, naming
from aiodockercloud.server.engines.swarm.docker_api import Api
from aiodockercloud.types import Service
from tests.support import swarms
from tests.support.flows import client_of
from tests.support.swarms import WAIT, done, sh

pytestmark = swarms.need(1)


@pytest.fixture
async def docker() -> AsyncIterator[Api]:
    api = Api(settings=SwarmSettings())
    yield api
    await api.close()


async def finds(live: DockerCloud, service: Service, host: str) -> bool:
    container, *_ = (await live.services.inspect(service))["containers"]
    result = await live.containers.run(container, ["ping", "-c1", "-W2", host])
    return result["exit_code"] == 0


async def test_containers_find_each_other_on_a_common_network_only(
    docker: Api,
) -> None:
    async with swarms.server() as server, client_of(server) as live:
        options = {"image": swarms.IMAGE, "run_command": sh(WAIT)}
        db = await swarms.run(
            live,
            name="db",
            networks=[{"name": "back", "aliases": ["database"]}],
            **options,
        )
        api = await swarms.run(live, name="api", networks=["front", "back"], **options)
        web = await swarms.run(live, name="web", networks=["front"], **options)
        plain = await swarms.run(live, name="plain", **options)

        assert await finds(live, api, "db")
        assert await finds(live, api, "database")
        assert await finds(live, web, "api")
        for client, host in ((web, "db"), (db, "web"), (plain, "web"), (web, "plain")):
            assert not await finds(live, client, host), host

        ours = {
            naming.own_network_name(server.user, name) for name in ("front", "back")
        }

        async def left() -> set[str]:
            found = await docker.call("GET", "networks")
            return ours & {network["Name"] for network in found}

        assert await left() == ours
        for service in (web, api, db):
            await done(live, await live.services.delete(service))

        async def removed() -> bool:
            return not await left()

        await swarms.until(removed)
