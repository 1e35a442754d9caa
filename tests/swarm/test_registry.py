"""Private and pushed images on a real Swarm, with a registry of the test."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence

import pytest

from aiodockercloud import DockerCloud
from aiodockercloud.server import running
from aiodockercloud.types import Action, Service
from aiodockercloud.wire.loglines import log_text
from tests.support import swarms
from tests.support.flows import change, client_of, containers
from tests.support.registries import Registry, registry
from tests.support.worlds import PATIENCE, Swarmed, swarmed

pytestmark = swarms.need(3)

LOGIN = ("me", "one")


@pytest.fixture
async def hub() -> AsyncIterator[Registry]:
    async with registry() as hub:
        yield hub


def pushed(hub: Registry, text: str) -> tuple[str, str]:
    """Push a private image that prints *text*.

    Returns:
        The name in the registry, and the name for containers.
    """
    hub.login = LOGIN
    name = f"team/{uuid.uuid4().hex}"
    hub.push(name, "v1", text)
    return name, f"{hub.host}/{name}:v1"


@pytest.fixture
async def world() -> AsyncIterator[Swarmed]:
    async with swarmed() as world:
        yield world


async def test_private_image_runs_with_its_credentials_only(
    world: Swarmed, hub: Registry
) -> None:
    _, image = pushed(hub, "private")
    node = world.nodes()[2].id  # not the manager

    stranger = await world.create(None, node=node, image=image)
    liar = await world.create(None, node=node, image=image, credentials=("me", "no"))
    for spec in (stranger, liar):
        assert "No such image" in (await world.until(spec, "stopped")).message
    friend = await world.up(None, node=node, image=image, credentials=LOGIN)

    assert await world.lines(friend) == [("stdout", "private")]


async def test_start_pulls_with_the_former_or_with_new_credentials(
    world: Swarmed, hub: Registry
) -> None:
    name, image = pushed(hub, "first")
    node = world.nodes()[1].id
    spec = await world.up(None, node=node, image=image, credentials=LOGIN)

    async def again(credentials: tuple[str, str] | None) -> str:
        """Stop and start the container; return the next line of the log."""
        await world.engine.stop_container(spec.uuid)
        await world.until(spec, "stopped", since=len(world.history(spec)) - 1)
        known = len(world.history(spec))
        await world.engine.start_container(spec.uuid, credentials=credentials)
        await world.until(spec, "running", since=known)
        async with asyncio.timeout(PATIENCE):
            while True:
                lines = await world.lines(spec, tail=1)
                if lines[-1] != last:
                    return lines[-1][1]

    last = ("stdout", "first")
    hub.push(name, "v1", "second")
    assert await again(None) == "second"

    last = ("stdout", "second")
    hub.push(name, "v1", "third")
    hub.login = ("me", "two")
    assert await again(hub.login) == "third"


async def test_digest_needs_the_credentials_of_the_registry(
    world: Swarmed, hub: Registry
) -> None:
    hub.login = LOGIN
    digest = hub.push("team/app", "v1", "private")
    image = f"{hub.host}/team/app:v1"

    assert await world.engine.image_digest(image, LOGIN) == digest
    assert await world.engine.image_digest(image, None) is None
    assert await world.engine.image_digest(image, ("me", "no")) is None
    assert await world.engine.image_digest(f"{image}0", LOGIN) is None


async def test_push_redeploys_services_with_autoredeploy(hub: Registry) -> None:
    hub.login = LOGIN
    name = f"team/{uuid.uuid4().hex}"
    hub.push(name, "latest", "first")
    repository = f"{hub.host}/{name}"
    user = f"t{uuid.uuid4().hex[:8]}"
    async with (
        swarms.engine() as engine,
        running(engine, user=user, image_poll=0.3) as server,
        client_of(server) as cloud,
    ):
        await cloud.repositories.create(
            name=repository, username=LOGIN[0], password=LOGIN[1]
        )
        services = [
            await cloud.services.create(
                name=name, image=repository, autoredeploy=wanted
            )
            for name, wanted in [("new", True), ("old", False)]
        ]
        try:
            await both(cloud, [await cloud.services.start(s) for s in services])
            before = [(await containers(cloud, s))[0]["uuid"] for s in services]

            async with cloud.events.subscribe() as events, asyncio.timeout(PATIENCE):
                hub.push(name, "latest", "second")
                async for event in events:
                    if change(event)["state"] == "Redeploying":
                        break
            await cloud.services.wait(services[0], "Running", timeout=PATIENCE)
            [new], [old] = [await containers(cloud, s) for s in services]
            assert new["uuid"] != before[0]
            assert old["uuid"] == before[1]
            logs = cloud.containers.logs(new, tail=1)
            async with asyncio.timeout(PATIENCE), logs as lines:
                assert log_text(await anext(aiter(lines))).strip() == "second"
            # Further looks without a push redeploy nothing.
            await server.cloud.autoredeploy.check_images()
            await server.cloud.autoredeploy.check_images()
            assert len(await redeploys(cloud, services[0])) == 1
        finally:
            await both(cloud, [await cloud.services.delete(s) for s in services])


async def both(cloud: DockerCloud, answers: Sequence[Service]) -> None:
    for answer in answers:
        await cloud.actions.wait(answer, timeout=PATIENCE)


async def redeploys(cloud: DockerCloud, service: Service) -> list[Action]:
    actions = await cloud.actions.list(object=service)
    return [one for one in actions if one["action"] == "Service Redeploy"]
