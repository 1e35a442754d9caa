"""Fields beyond the hosted API through server and client: nodes, images, warnings."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from aiodockercloud import BadRequest, DockerCloud, WaitFailed
from aiodockercloud.server import running
from aiodockercloud.server.engines import (
    ContainerSpec,
    Observation,
    Observe,
    WarningObservation,
)
from aiodockercloud.server.engines.embedded import Embedded
from tests.support.facts import IDLE, PATIENCE
from tests.support.flows import client_of, containers, done, run


async def zoned(live: DockerCloud) -> list[str]:
    """Give the three nodes the zones a, a and b; return their URIs."""
    found = [node["resource_uri"] for node in await live.nodes.list()]
    for uri, zone in zip(found, ("a", "a", "b"), strict=True):
        await live.nodes.update(uri, tags=[f"zone={zone}"])
    return found


# --- placement ----------------------------------------------------------------------


async def test_constraints_choose_the_nodes(live: DockerCloud) -> None:
    nodes = await zoned(live)
    placement: Any = {"constraints": ["node.labels.zone==b"]}

    service = await run(live, placement=placement, target_num_containers=3)

    found = await containers(live, service)
    assert {one["node"] for one in found} == {nodes[2]}
    assert found[0]["placement"] == service["placement"]
    expected: Any = {
        "constraints": ["node.labels.zone==b"],
        "preferences": [],
        "max_replicas_per_node": None,
        "platforms": [],
    }
    assert service["placement"] == expected


async def test_every_node_is_every_node_that_meets_the_constraints(
    live: DockerCloud,
) -> None:
    nodes = await zoned(live)

    service = await run(
        live,
        deployment_strategy="EVERY_NODE",
        placement={"constraints": ["node.labels.zone!=b"]},
    )

    found = await containers(live, service)
    assert sorted(one["node"] for one in found) == sorted(nodes[:2])


async def test_preference_spreads_over_zones(live: DockerCloud) -> None:
    nodes = await zoned(live)

    service = await run(
        live,
        placement={"preferences": ["spread=node.labels.zone"]},
        target_num_containers=4,
    )

    placed = Counter(one["node"] for one in await containers(live, service))
    assert placed == {nodes[0]: 1, nodes[1]: 1, nodes[2]: 2}


async def test_action_fails_when_no_node_has_the_reservation_left(
    live: DockerCloud,
) -> None:
    """Each of the three nodes has 2,048 MB."""
    await run(live, memory_reservation="1g", target_num_containers=3)
    service = await live.services.create(
        image=IDLE, memory_reservation=1536, name="large"
    )

    with pytest.raises(WaitFailed, match="1536 MB of memory left to reserve"):
        await done(live, await live.services.start(service))
    small = await run(live, memory_reservation=1024, name="small")
    assert small["state"] == "Running"


async def test_stopped_containers_reserve_nothing(live: DockerCloud) -> None:
    first = await run(live, cpu_reservation=2, target_num_containers=3)
    await done(live, await live.services.stop(first))

    second = await run(live, cpu_reservation=2, name="second")

    assert second["state"] == "Running"


async def test_max_replicas_per_node_bounds_a_scaling(live: DockerCloud) -> None:
    service = await run(
        live, placement={"max_replicas_per_node": 1}, target_num_containers=3
    )

    with pytest.raises(WaitFailed, match="has 1 of max_replicas_per_node"):
        await done(live, await live.services.scale(service, 4))
    assert len(await containers(live, service)) == 3


# --- refusals -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"swarm": {"TaskTemplate": {}}}, "swarm: the embedded engine has no Docker"),
        (
            {"container_ports": [{"inner_port": 80, "mode": "ingress"}]},
            "container_ports: port 80 of mode ingress",
        ),
        (
            {"bindings": ["/run"], "tmpfs": ["/run"]},
            "tmpfs: container_path /run is given twice",
        ),
    ],
)
async def test_refused_field_changes_nothing(
    live: DockerCloud, fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadRequest, match=message):
        await live.services.create(image=IDLE, **fields)
    assert await live.services.list() == []


# --- images and warnings ------------------------------------------------------------


class Registry(Embedded):
    """An engine whose registry has a digest that each push changes."""

    def __init__(self) -> None:
        super().__init__()
        self.pushes = 0
        self.resolved: list[str] = []
        self.images: list[str] = []
        self.warning = ""
        self._report_to: Observe = lambda observation: None

    async def start(self, observe: Observe) -> None:
        self._report_to = observe
        await super().start(observe)

    @property
    def digest(self) -> str:
        return f"sha256:{self.pushes:064x}"

    async def image_digest(self, name: str, credentials: object = None) -> str | None:
        self.resolved.append(name)
        return self.digest

    async def create(self, spec: ContainerSpec) -> None:
        self.images.append(spec.image)
        if self.warning:
            warned: Observation = WarningObservation(spec.uuid, self.warning)
            self._report_to(warned)
        await super().create(spec)


async def test_pinned_tag_is_resolved_once_per_deployment() -> None:
    engine = Registry()
    async with running(engine) as server, client_of(server) as live:
        first = await run(
            live, image="acme/app:2", pin_images=True, target_num_containers=3
        )
        assert engine.resolved == ["acme/app:2"]
        assert set(engine.images) == {f"acme/app:2@{engine.digest}"}
        assert first["image_digest"] == engine.digest

        engine.pushes = 1
        scaled = await live.services.scale(first, 4)
        await done(live, scaled)
        assert len({one["image_digest"] for one in await containers(live, first)}) == 1

        engine.images.clear()
        await done(live, await live.services.redeploy(first))
        again = await live.services.inspect(first)

    assert set(engine.images) == {f"acme/app:2@{engine.digest}"}
    assert again["image_digest"] == engine.digest
    assert again["image_name"] == "acme/app:2"
    assert engine.resolved == ["acme/app:2"] * 2


async def test_digest_of_a_deployment_without_pinned_images_is_known() -> None:
    engine = Registry()
    async with running(engine) as server, client_of(server) as live:
        service = await run(live, image="acme/app:2", target_num_containers=2)
        async with asyncio.timeout(PATIENCE):
            while not service["image_digest"]:  # which arrives in the background
                service = await live.services.inspect(service)
        (first, second) = await containers(live, service)

    assert service["image_digest"] == engine.digest
    assert first["image_digest"] == second["image_digest"] == engine.digest
    assert engine.images == ["acme/app:2"] * 2


async def test_rollback_restores_the_digest_of_its_deployment() -> None:
    engine = Registry()
    async with running(engine) as server, client_of(server) as live:
        service = await run(live, image="acme/app:2", pin_images=True)
        before = service["image_digest"]
        engine.pushes = 1
        await live.services.update(service, container_envvars={"A": "1"})
        await done(live, await live.services.redeploy(service))
        assert (await live.services.inspect(service))["image_digest"] != before

        await done(live, await live.services.rollback(service))
        back = await live.services.inspect(service)

    assert back["image_digest"] == before
    assert engine.images[-1] == f"acme/app:2@{before}"
    assert back["calculated_envvars"] == []


async def test_digest_that_is_unknown_is_a_warning(live: DockerCloud) -> None:
    """The embedded engine has no registry."""
    service = await run(live, pin_images=True, target_num_containers=2)

    (warning,) = service["warnings"]
    assert warning.startswith("pin_images: the digest of")
    assert service["image_digest"] is None


async def test_warnings_of_the_engine_are_in_the_dicts_and_in_the_log() -> None:
    engine = Registry()
    engine.warning = "image could not be accessed on a registry"
    async with running(engine) as server, client_of(server) as live:
        service = await live.services.create(image=IDLE, name="web")
        started = await live.services.start(service)
        await done(live, started)
        service = await live.services.inspect(service)
        (container,) = await containers(live, service)
        action = started.get("dockercloud_action_uri", "")
        log = [line["log"] async for line in live.actions.logs(action)]

    assert service["warnings"] == container["warnings"] == [engine.warning]
    assert f"web-1: warning: {engine.warning}" in log
