"""Secrets and configs on a real Swarm: Docker's own, one for each version in use."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from aiodockercloud import DockerCloud
from aiodockercloud.server.engines.swarm import SwarmSettings
from aiodockercloud.server.engines.swarm.docker_api import Api
from aiodockercloud.server.engines.swarm.naming import FILE_LABEL
from aiodockercloud.types import Service
from tests.support import swarms
from tests.support.flows import client_of
from tests.support.swarms import WAIT, done, sh

pytestmark = swarms.need(1)


@pytest.fixture
async def live() -> AsyncIterator[DockerCloud]:
    async with swarms.server() as server, client_of(server) as cloud:
        yield cloud


@pytest.fixture
async def docker() -> AsyncIterator[Api]:
    api = Api(settings=SwarmSettings())
    yield api
    await api.close()


async def names(docker: Api, kind: str) -> list[str]:
    """Return the names of the server's secrets or configs in Docker."""
    found = await docker.call("GET", kind)
    ours = [one for one in found if FILE_LABEL in (one["Spec"].get("Labels") or {})]
    return sorted(one["Spec"]["Name"] for one in ours)


async def until(docker: Api, secrets: list[str], configs: list[str]) -> None:
    """Wait until Docker has these secrets and configs of the server, and no others."""

    async def reached() -> bool:
        found = [await names(docker, kind) for kind in ("secrets", "configs")]
        return found == [secrets, configs]

    await swarms.until(reached)


async def shell(live: DockerCloud, service: Service, script: str) -> str:
    container, *_ = (await live.services.inspect(service))["containers"]
    result = await live.containers.run(container, ["sh", "-c", script])
    return result["stdout"] + result["stderr"]


async def test_secrets_and_configs_are_files_in_the_version_of_the_deployment(
    live: DockerCloud, docker: Api
) -> None:
    secret = await live.secrets.create(name="db", data="one")
    config = await live.configs.create(name="app.conf", data=b"a\xff\x00")
    web = await swarms.run(
        live,
        name="web",
        image=swarms.IMAGE,
        run_command=sh(WAIT),
        secrets=["db", {"source": "db", "target": "/etc/db", "mode": "0400"}],
        configs=[{"source": "app.conf", "target": "/etc/app.conf", "uid": 7}],
    )
    head = f"dc-{secret['uuid'].replace('-', '')}"
    conf = f"dc-{config['uuid'].replace('-', '')}-1"

    assert await shell(live, web, "cat /run/secrets/db /etc/db") == "oneone"
    assert await shell(live, web, "stat -c %a%u /etc/db /etc/app.conf") == (
        "4000\n4447\n"
    )
    assert await shell(live, web, "wc -c </etc/app.conf") == "3\n"
    assert await names(docker, "secrets") == [f"{head}-1"]
    assert await names(docker, "configs") == [conf]

    await live.secrets.update(secret, data="two")
    await done(live, await live.services.stop(web))
    await done(live, await live.services.start(web))
    assert await shell(live, web, "cat /run/secrets/db") == "one"
    await done(live, await live.services.redeploy(web))
    assert await shell(live, web, "cat /run/secrets/db") == "two"
    await until(docker, [f"{head}-2"], [conf])

    await done(live, await live.services.delete(web))
    await until(docker, [], [])
