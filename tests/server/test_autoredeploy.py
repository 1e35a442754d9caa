"""``autoredeploy`` for pushed images, without a registry."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from aiodockercloud import DockerCloud, WaitFailed
from aiodockercloud.server import Embedded, Server, running
from aiodockercloud.server.control.autoredeploy import AutoRedeploy
from aiodockercloud.types import Action, Service
from tests.support.facts import PATIENCE
from tests.support.flows import change, client_of, containers, done, run

IMAGE = "registry.example.com/team/app"
LATEST = f"{IMAGE}:latest"


class KnownDigests(Embedded):
    """An engine with given image digests."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        #: Image → digest.
        self.digests: dict[str, str] = {LATEST: "sha256:1"}
        #: The requested images, with the credentials.
        self.requested: list[tuple[str, tuple[str, str] | None]] = []

    async def image_digest(
        self, name: str, credentials: tuple[str, str] | None
    ) -> str | None:
        self.requested.append((name, credentials))
        return self.digests.get(name)


@pytest.fixture
def engine() -> KnownDigests:
    return KnownDigests(nodes=2)


@pytest.fixture
def pushes(server: Server) -> AutoRedeploy:
    return server.cloud.autoredeploy


async def redeploys(cloud: DockerCloud, service: Service) -> list[Action]:
    """Return the redeploys of a service, after all of them have ended."""
    found = []
    for action in await cloud.actions.list(object=service):
        if action["action"] == "Service Redeploy":
            await cloud.actions.wait(action, timeout=PATIENCE)
            found.append(await cloud.actions.inspect(action))
    return found


async def test_push_redeploys_once(
    live: DockerCloud, engine: KnownDigests, pushes: AutoRedeploy
) -> None:
    service = await run(live, image=IMAGE, autoredeploy=True, target_num_containers=3)
    await pushes.check_images()
    assert await redeploys(live, service) == []
    before = {c["uuid"] for c in await containers(live, service)}

    engine.digests[LATEST] = "sha256:2"
    await pushes.check_images()
    [action] = await redeploys(live, service)
    await pushes.check_images()

    assert await redeploys(live, service) == [action]
    after = {c["uuid"] for c in await containers(live, service)}
    assert len(after) == 3
    assert after.isdisjoint(before)
    assert not action["is_user_action"]
    logs = live.actions.logs(action)
    async with asyncio.timeout(PATIENCE), logs as lines:
        assert f"because of a push of {LATEST}" in (await anext(aiter(lines)))["log"]


async def test_image_of_many_containers_is_requested_once(
    live: DockerCloud, engine: KnownDigests, pushes: AutoRedeploy
) -> None:
    for _ in range(2):
        await run(live, image=IMAGE, autoredeploy=True, target_num_containers=5)
    engine.requested.clear()

    await pushes.check_images()

    assert engine.requested == [(LATEST, None)]


async def test_registry_receives_the_stored_credentials(
    live: DockerCloud, engine: KnownDigests, pushes: AutoRedeploy
) -> None:
    await live.repositories.create(name=IMAGE, username="me", password="one")
    await run(live, image=IMAGE, autoredeploy=True)
    await live.repositories.update(IMAGE, password="two")
    await pushes.check_images()

    assert engine.requested == [(LATEST, ("me", "one")), (LATEST, ("me", "two"))]


@pytest.mark.parametrize(
    "fields",
    [
        {"image": IMAGE, "autoredeploy": False},
        {"image": f"{IMAGE}@sha256:{'0' * 64}", "autoredeploy": True},
    ],
)
async def test_image_without_running_containers_or_autoredeploy_is_not_requested(
    live: DockerCloud,
    engine: KnownDigests,
    pushes: AutoRedeploy,
    fields: dict[str, Any],
) -> None:
    service = await run(live, **fields)
    await live.services.create(image=IMAGE, autoredeploy=True)  # never started
    engine.requested.clear()

    await pushes.check_images()

    assert engine.requested == []
    assert await redeploys(live, service) == []


async def test_redeploy_by_the_user_is_not_repeated(
    live: DockerCloud, engine: KnownDigests, pushes: AutoRedeploy
) -> None:
    service = await run(live, image=IMAGE, autoredeploy=True)
    engine.digests[LATEST] = "sha256:2"
    await done(live, await live.services.redeploy(service))

    await pushes.check_images()

    assert len(await redeploys(live, service)) == 1


async def test_image_that_is_not_deployed_yet_causes_no_redeploy(
    live: DockerCloud, engine: KnownDigests, pushes: AutoRedeploy
) -> None:
    service = await run(live, image=IMAGE, autoredeploy=True)
    engine.digests[f"{IMAGE}:v2"] = "sha256:2"
    await live.services.update(service, image=f"{IMAGE}:v2")

    await pushes.check_images()

    assert await redeploys(live, service) == []


async def test_registry_that_does_not_respond_causes_no_redeploy(
    live: DockerCloud, engine: KnownDigests, pushes: AutoRedeploy
) -> None:
    del engine.digests[LATEST]
    service = await run(live, image=IMAGE, autoredeploy=True)
    await pushes.check_images()
    engine.digests[LATEST] = "sha256:2"  # the first known digest
    await pushes.check_images()
    assert await redeploys(live, service) == []

    engine.digests[LATEST] = "sha256:3"
    await pushes.check_images()

    assert len(await redeploys(live, service)) == 1


async def test_container_on_an_unreachable_node_is_redeployed_once_for_each_push(
    live: DockerCloud, engine: KnownDigests, pushes: AutoRedeploy
) -> None:
    service = await run(live, image=IMAGE, autoredeploy=True, target_num_containers=2)
    engine.lose_node(engine.nodes[0])
    engine.digests[LATEST] = "sha256:2"
    await pushes.check_images()
    actions = await live.actions.list(object=service)
    [action] = [one for one in actions if one["action"] == "Service Redeploy"]
    with pytest.raises(WaitFailed, match="unreachable"):
        await done(live, action)

    await pushes.check_images()

    actions = await live.actions.list(object=service)
    assert [a["action"] for a in actions].count("Service Redeploy") == 1


async def test_push_during_the_downtime_of_the_server_is_detected(
    tmp_path: Path,
) -> None:
    async with running(KnownDigests(), data_dir=tmp_path, apikey="s3cret") as server:
        async with client_of(server) as cloud:
            service = await run(cloud, image=IMAGE, autoredeploy=True)
    engine = KnownDigests()
    engine.digests[LATEST] = "sha256:2"

    async with running(engine, data_dir=tmp_path, apikey="s3cret") as server:
        async with client_of(server) as cloud:
            await server.cloud.autoredeploy.check_images()
            assert len(await redeploys(cloud, service)) == 1


@pytest.fixture
async def quick() -> AsyncIterator[Server]:
    async with running(KnownDigests(), image_poll=0.01) as server:
        yield server


async def test_registries_are_checked_at_the_interval(quick: Server) -> None:
    async with client_of(quick) as cloud:
        service = await run(cloud, image=IMAGE, autoredeploy=True)
        assert isinstance(quick.engine, KnownDigests)
        async with cloud.events.subscribe() as events, asyncio.timeout(PATIENCE):
            quick.engine.digests[LATEST] = "sha256:2"
            async for event in events:
                if change(event)["state"] == "Redeploying":
                    break
        await cloud.services.wait(service, "Running", timeout=PATIENCE)


async def test_push_that_the_engine_reports_redeploys_immediately(
    live: DockerCloud, engine: KnownDigests
) -> None:
    service = await run(live, image=IMAGE, autoredeploy=True)
    other = await run(live, image=IMAGE)

    engine.push(IMAGE)

    assert len(await redeploys(live, service)) == 1
    assert await redeploys(live, other) == []
