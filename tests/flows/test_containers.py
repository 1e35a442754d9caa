"""Single containers: stop, start, redeploy, terminate, lists and fields."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import unused_port

from aiodockercloud import DockerCloud, ObjectNotFound, OperationNotAllowed
from aiodockercloud.server import Embedded, running
from aiodockercloud.types import Service
from tests.support.facts import IDLE, PATIENCE, UUID
from tests.support.flows import client_of, containers, done, run


@pytest.fixture
async def web(live: DockerCloud) -> Service:
    return await run(live, name="web", target_num_containers=2)


async def test_stop_and_start_keep_the_container(
    live: DockerCloud, web: Service
) -> None:
    container = (await containers(live, web))[0]

    stopping = await live.containers.stop(container)
    assert stopping["state"] == "Stopping"
    await done(live, stopping)
    stopped = await live.containers.inspect(container)
    assert stopped["state"] == "Stopped"
    assert stopped["exit_code"] is not None
    assert stopped["stopped_datetime"]

    starting = await live.containers.start(container)
    assert starting["state"] == "Starting"
    await done(live, starting)
    started = await live.containers.inspect(container)
    assert started["state"] == "Running"
    assert started["exit_code"] is None
    assert started["uuid"] == container["uuid"]


async def test_redeploy_replaces_the_container(live: DockerCloud, web: Service) -> None:
    first, second = await containers(live, web)

    answer = await live.containers.redeploy(second)
    assert answer["uuid"] == second["uuid"]
    await done(live, answer)

    kept, new = await containers(live, web)
    assert kept["uuid"] == first["uuid"]
    assert new["uuid"] != second["uuid"]
    assert new["name"] == second["name"] == "web-2"
    assert (await live.containers.inspect(second))["state"] == "Terminated"
    assert (await live.services.inspect(web))["state"] == "Running"


@pytest.mark.parametrize("reuse", [True, False])
async def test_redeploy_keeps_or_replaces_the_volumes(
    live: DockerCloud, reuse: bool
) -> None:
    service = await run(live, bindings=[{"container_path": "/data"}])
    (before,) = await containers(live, service)
    # Another node has the fewest containers afterwards.
    await run(live, name="ballast", target_num_containers=2)

    await done(live, await live.containers.redeploy(before, reuse_volumes=reuse))

    (after,) = await containers(live, service)
    volumes = [c["bindings"][0]["volume"] for c in (before, after)]
    assert (volumes[0] == volumes[1]) is reuse
    if reuse:
        assert after["node"] == before["node"]


async def test_delete_removes_the_container_and_lowers_the_target(
    live: DockerCloud, web: Service
) -> None:
    first, second = await containers(live, web)

    answer = await live.containers.delete(first)
    assert answer["state"] == "Terminating"
    await done(live, answer)

    service = await live.services.inspect(web)
    assert service["containers"] == [second["resource_uri"]]
    assert service["current_num_containers"] == 1
    assert service["target_num_containers"] == 1
    assert service["state"] == "Running"
    terminated = await live.containers.inspect(first)
    assert terminated["state"] == "Terminated"
    assert terminated["destroyed_datetime"]


async def test_scale_after_a_delete_fills_the_gap(
    live: DockerCloud, web: Service
) -> None:
    first, second = await containers(live, web)
    await done(live, await live.containers.delete(first))

    await done(live, await live.services.scale(web, 2))

    names = {c["name"]: c["uuid"] for c in await containers(live, web)}
    assert set(names) == {"web-1", "web-2"}
    assert names["web-2"] == second["uuid"]
    assert names["web-1"] != first["uuid"]


async def test_operations_that_the_state_forbids_are_refused_with_the_allowed_ones(
    live: DockerCloud, web: Service
) -> None:
    container = (await containers(live, web))[0]

    with pytest.raises(OperationNotAllowed, match=r"Running.*stop.*redeploy"):
        await live.containers.start(container)
    await done(live, await live.containers.stop(container))
    with pytest.raises(OperationNotAllowed, match=r"Stopped.*start"):
        await live.containers.stop(container)
    await done(live, await live.containers.delete(container))
    for call in (
        live.containers.start,
        live.containers.stop,
        live.containers.redeploy,
        live.containers.delete,
    ):
        with pytest.raises(OperationNotAllowed, match="Terminated"):
            await call(container)


async def test_list_filters_by_service_stack_node_and_state(
    live: DockerCloud, web: Service
) -> None:
    stack = await live.stacks.create(
        name="shop", services=[{"name": "web", "image": IDLE}]
    )
    await done(live, await live.stacks.start(stack))
    first, second = await containers(live, web)
    await done(live, await live.containers.stop(second))

    async def uuids(**filters: Any) -> list[str]:
        return [c["uuid"] for c in await live.containers.list(**filters)]

    assert sorted(await uuids(service=web)) == sorted([first["uuid"], second["uuid"]])
    assert await uuids(state="Stopped") == [second["uuid"]]
    assert await uuids(name="web-2") == [second["uuid"]]
    assert await uuids(uuid__startswith=first["uuid"][:8]) == [first["uuid"]]
    in_stack = await live.containers.list(
        service__name="web", service__stack__name="shop"
    )
    assert [c["name"] for c in in_stack] == ["web-1"]
    assert first["uuid"] in await uuids(node=first["node"])
    assert second["node"] == first["node"] or second["uuid"] not in await uuids(
        node=first["node"]
    )
    assert (await live.containers.find("web-1.shop"))["uuid"] == in_stack[0]["uuid"]


async def test_inspect_has_the_fields_that_clients_read(
    live: DockerCloud, web: Service
) -> None:
    container = (await containers(live, web))[0]

    assert container["image_name"] == f"{IDLE}:latest"
    assert str(container["private_ip"]).startswith(("127.", "10.7."))
    assert len(str(container["docker_id"])) == 64
    node = await live.nodes.inspect(container["node"])
    assert container["public_dns"] == node["external_fqdn"] == node["public_ip"]
    assert node["resource_uri"] == container["node"]
    listed = {c["uuid"]: c for c in await live.containers.list()}
    assert listed[container["uuid"]]["service"] == web["resource_uri"]


async def test_hello_world_answers_on_its_published_port(live: DockerCloud) -> None:
    service = await run(
        live,
        image="dockercloud/hello-world",
        container_ports=[{"inner_port": 80, "published": True}],
    )
    (container,) = await containers(live, service)
    node = await live.nodes.inspect(container["node"])
    port = container["container_ports"][0]["outer_port"]

    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://{node['public_ip']}:{port}/") as answer,
    ):
        assert answer.status == 200
        assert container["name"] in await answer.text()


async def test_endpoints_of_container_and_service_answer_without_a_domain() -> None:
    async with (
        running(Embedded(nodes=3)) as server,
        client_of(server) as live,
        aiohttp.ClientSession() as session,
    ):
        service = await run(
            live,
            image="dockercloud/hello-world",
            container_ports=[{"inner_port": 80, "outer_port": unused_port()}],
        )
        (container,) = await containers(live, service)
        node = await live.nodes.inspect(container["node"])
        for found in (service, container):
            (port,) = found["container_ports"]
            endpoint = str(port["endpoint_uri"])
            assert endpoint.startswith(f"http://{node['public_ip']}:")
            async with session.get(endpoint) as answer:
                assert container["name"] in await answer.text()

    assert container["public_dns"] == service["public_dns"] == node["external_fqdn"]


async def test_public_names_are_in_the_domain_of_the_server() -> None:
    async with running(domain="apps.example.com") as server, client_of(server) as live:
        service = await run(live, name="web")
        (container,) = await containers(live, service)
        node = await live.nodes.inspect(container["node"])
        shop = await live.stacks.create(
            name="shop", services=[{"name": "db", "image": IDLE}]
        )
        await done(live, await live.stacks.start(shop))
        (db,) = (await live.stacks.inspect(shop))["services"]
        (in_stack,) = await live.containers.list(service=db)

    assert in_stack["public_dns"].startswith(f"db-1.shop.{in_stack['uuid'][:8]}.cont.")
    uuid = container["uuid"][:8]
    assert container["public_dns"] == f"web-1.{uuid}.cont.apps.example.com"
    assert service["public_dns"] == f"web.{service['uuid'][:8]}.svc.apps.example.com"
    assert node["external_fqdn"] == f"{node['uuid']}.node.apps.example.com"


async def test_ports_of_the_image_are_unpublished_ports_of_the_container_only(
    live: DockerCloud,
) -> None:
    service = await run(live, image="dockercloud/hello-world")
    (container,) = await containers(live, service)

    assert service["container_ports"] == []
    (port,) = container["container_ports"]
    assert (port["inner_port"], port["published"], port["outer_port"]) == (
        80,
        False,
        None,
    )
    assert port["endpoint_uri"] is None


async def test_unknown_container_is_not_found(live: DockerCloud) -> None:
    with pytest.raises(ObjectNotFound):
        await live.containers.inspect(UUID)


async def test_crash_of_one_container_changes_the_state_of_the_service(
    live: DockerCloud, engine: Embedded, web: Service
) -> None:
    container = (await containers(live, web))[0]

    engine.crash(container["uuid"], 9)

    await live.services.wait(web, "Partly running", timeout=PATIENCE)
    container = await live.containers.inspect(container)
    assert (container["state"], container["exit_code"]) == ("Stopped", 9)


class GatedStop(Embedded):
    """An engine that stops containers only while ``gate`` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()

    async def stop_container(self, uuid: str) -> None:
        await self.gate.wait()
        await super().stop_container(uuid)


async def test_operations_on_a_service_precede_pending_ones_on_its_containers() -> None:
    engine = GatedStop()
    async with running(engine) as server, client_of(server) as cloud:
        engine.gate.set()
        web = await run(cloud, name="web", target_num_containers=3)
        first, second, third = await containers(cloud, web)
        await done(cloud, await cloud.containers.stop(third))

        # The service's operation precedes the operation on its third container.
        engine.gate.clear()
        answers = [
            await cloud.containers.stop(first),
            await cloud.services.stop(web),
            await cloud.containers.start(third),
        ]
        engine.gate.set()
        await done(cloud, *answers)
        states = [one["state"] for one in await containers(cloud, web)]
        assert states == ["Stopped", "Stopped", "Running"]

        engine.gate.clear()
        answers = [
            await cloud.containers.stop(third),
            await cloud.services.start(web),
            await cloud.containers.start(second),
        ]
        engine.gate.set()
        await done(cloud, *answers)
        states = [one["state"] for one in await containers(cloud, web)]
        assert states == ["Running"] * 3
