"""Volumes outlive failed and canceled deployments; only an order ends a volume."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest

from aiodockercloud import DockerCloud, DockerCloudError
from aiodockercloud.server import Embedded, Server
from aiodockercloud.server.engines import ContainerSpec, EngineError
from aiodockercloud.types import BindingFields, Service
from tests.support.facts import PATIENCE
from tests.support.flows import containers, done

DATA: list[BindingFields] = [{"container_path": "/data"}]


class Images(Embedded):
    """An engine on which some images are missing and others never arrive."""

    def __init__(self) -> None:
        super().__init__(nodes=1)
        self.pulling = asyncio.Event()
        self.missing = {"acme/missing:latest"}

    async def create(self, spec: ContainerSpec) -> None:
        if spec.image in self.missing:
            raise EngineError("pull access denied")
        if spec.image == "acme/slow:latest":
            self.pulling.set()
            await asyncio.Event().wait()
        await super().create(spec)


@pytest.fixture
def engine() -> Images:
    return Images()


@pytest.fixture
async def db(live: DockerCloud) -> Service:
    """A running service of two containers, each with a volume."""
    service = await live.services.create(
        image="acme/db", name="db", bindings=DATA, target_num_containers=2
    )
    await done(live, await live.services.start(service))
    return service


async def volumes(live: DockerCloud, service: Service) -> dict[str, str]:
    """Return container name → volume of the live containers."""
    return {
        container["name"]: str(container["bindings"][0]["volume"])
        for container in await containers(live, service)
    }


def exist(engine: Images, found: dict[str, str]) -> bool:
    uuids = {uri.rstrip("/").rpartition("/")[2] for uri in found.values()}
    return uuids <= engine.volumes


async def redeployed(live: DockerCloud, service: Service, **options: Any) -> None:
    """Redeploy and wait for the end, which may be a failure."""
    with suppress(DockerCloudError):
        action = await live.services.redeploy(service, **options)
        await live.actions.wait(action, timeout=PATIENCE)


FAULTS: dict[str, dict[str, Any]] = {
    "no node has the tag": {"tags": [{"name": "typo"}]},
    "the image is missing": {"image": "acme/missing"},
    "a quote is open": {"run_command": "sh -c 'oops"},
    "the port is refused": {"container_ports": [{"inner_port": 80, "outer_port": 80}]},
}
REPAIRED: dict[str, Any] = {
    "tags": [],
    "image": "acme/db",
    "run_command": "",
    "container_ports": [],
}
Repair = Callable[[DockerCloud, Service], Awaitable[Any]]


async def by_rollback(live: DockerCloud, service: Service) -> Any:
    return await live.services.rollback(service)


async def by_start(live: DockerCloud, service: Service) -> Any:
    await live.services.update(service, **REPAIRED)
    if (await live.services.inspect(service))["state"] == "Running":
        return await live.services.redeploy(service)
    return await live.services.start(service)


async def by_redeploy(live: DockerCloud, service: Service) -> Any:
    await live.services.update(service, **REPAIRED)
    return await live.services.redeploy(service)


@pytest.mark.parametrize("repair", [by_rollback, by_start, by_redeploy])
@pytest.mark.parametrize("fault", FAULTS)
async def test_failed_redeploy_loses_no_volume(
    live: DockerCloud, engine: Images, db: Service, fault: str, repair: Repair
) -> None:
    before = await volumes(live, db)
    await live.services.update(db, **FAULTS[fault])
    await redeployed(live, db)
    assert exist(engine, before)

    await done(live, await repair(live, db))

    assert await volumes(live, db) == before
    assert exist(engine, before)


async def test_canceled_redeploy_loses_no_volume(
    live: DockerCloud, engine: Images, db: Service
) -> None:
    before = await volumes(live, db)
    await live.services.update(db, image="acme/slow")
    action = await live.services.redeploy(db)
    await asyncio.wait_for(engine.pulling.wait(), PATIENCE)
    await live.actions.cancel(action["dockercloud_action_uri"])
    with suppress(DockerCloudError):
        await live.actions.wait(action, timeout=PATIENCE)
    assert exist(engine, before)

    await done(live, await live.services.rollback(db))

    assert await volumes(live, db) == before


async def test_failed_redeploy_that_is_retried_loses_no_volume(
    live: DockerCloud, engine: Images, db: Service
) -> None:
    before = await volumes(live, db)
    await live.services.update(db, image="acme/missing")
    action = await live.services.redeploy(db)
    with suppress(DockerCloudError):
        await live.actions.wait(action, timeout=PATIENCE)
    engine.missing.clear()

    retried = await live.actions.retry(action["dockercloud_action_uri"])
    await done(live, retried)

    assert await volumes(live, db) == before


async def test_failed_redeploy_of_a_container_loses_no_volume(
    live: DockerCloud, engine: Images, db: Service
) -> None:
    before = await volumes(live, db)
    first, _ = await containers(live, db)
    await live.services.update(db, image="acme/missing")
    with suppress(DockerCloudError):
        action = await live.containers.redeploy(first)
        await live.actions.wait(action, timeout=PATIENCE)
    assert exist(engine, before)

    await done(live, await live.services.rollback(db))

    assert await volumes(live, db) == before


async def test_replacement_that_cannot_be_placed_leaves_the_containers(
    live: DockerCloud, db: Service
) -> None:
    before = (await live.services.inspect(db))["containers"]
    await live.services.update(db, tags=[{"name": "typo"}])

    await redeployed(live, db)

    after = await live.services.inspect(db)
    assert after["containers"] == before
    assert after["state"] == "Running"


async def test_redeploy_without_reuse_ends_the_volumes(
    live: DockerCloud, engine: Images, db: Service
) -> None:
    before = await volumes(live, db)

    await redeployed(live, db, reuse_volumes=False)

    after = await volumes(live, db)
    assert set(after.values()).isdisjoint(before.values())
    assert exist(engine, after)
    assert len(engine.volumes) == 2


async def test_volume_of_a_former_definition_waits_for_the_rollback(
    live: DockerCloud, engine: Images, db: Service
) -> None:
    before = await volumes(live, db)
    await live.services.update(db, bindings=[])
    await redeployed(live, db)
    assert exist(engine, before)

    await done(live, await live.services.rollback(db))

    assert await volumes(live, db) == before


async def test_scaling_down_and_terminating_end_the_volumes(
    live: DockerCloud, engine: Images, db: Service
) -> None:
    await live.services.update(db, target_num_containers=1)
    await done(live, await live.services.scale(db))
    assert len(engine.volumes) == 1

    await done(live, await live.services.delete(db))
    assert engine.volumes == frozenset()


async def test_scaling_down_after_a_failed_redeploy_ends_the_volumes_left_over(
    live: DockerCloud, engine: Images, db: Service
) -> None:
    before = await volumes(live, db)
    await live.services.update(db, image="acme/missing")
    await redeployed(live, db)
    assert len(engine.volumes) == 2

    await live.services.update(db, image="acme/db", target_num_containers=1)
    await done(live, await live.services.scale(db))

    assert await volumes(live, db) == {"db-1": before["db-1"]}
    assert len(engine.volumes) == 1


async def test_terminating_after_a_failed_redeploy_ends_the_volumes(
    live: DockerCloud, engine: Images, db: Service
) -> None:
    await live.services.update(db, image="acme/missing")
    await redeployed(live, db)

    await done(live, await live.services.delete(db))

    assert engine.volumes == frozenset()


# --- rollback -------------------------------------------------------------------------


async def test_rollback_restores_what_was_deployed_not_the_last_change(
    live: DockerCloud, server: Server, db: Service
) -> None:
    await live.services.update(db, image="acme/db:2")
    await live.services.update(db, run_command="run")
    await done(live, await live.services.rollback(db))

    restored = await live.services.inspect(db)
    assert restored["image_name"] == "acme/db:latest"
    assert not restored["run_command"]


async def test_second_rollback_undoes_the_first(live: DockerCloud, db: Service) -> None:
    await live.services.update(db, image="acme/db:2")
    await redeployed(live, db)
    for image in ("acme/db:latest", "acme/db:2"):
        await done(live, await live.services.rollback(db))
        assert (await live.services.inspect(db))["image_name"] == image


async def test_rollback_of_a_service_deployed_once_is_refused(
    live: DockerCloud, db: Service
) -> None:
    with pytest.raises(DockerCloudError, match="never deployed with another"):
        await live.services.rollback(db)
