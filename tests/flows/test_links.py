"""The variables and links that containers receive from the platform."""

from __future__ import annotations

import pytest

from aiodockercloud import BadRequest, DockerCloud
from aiodockercloud.server import Embedded, Server, running
from aiodockercloud.server.engines.embedded import Container as Run
from tests.support.facts import IDLE, SHELL
from tests.support.flows import client_of, containers, done, environment, run


async def test_container_receives_its_platform_variables(
    live: DockerCloud, server: Server
) -> None:
    service = await run(live, image=SHELL, run_command="sleep 1000", name="web")
    (container,) = await containers(live, service)
    node = await live.nodes.inspect(container["node"])

    variables = await environment(live, container)

    for kind, owner in (("SERVICE", service), ("CONTAINER", container), ("NODE", node)):
        uri = owner["resource_uri"]
        assert variables[f"DOCKERCLOUD_{kind}_API_URI"] == uri
        assert variables[f"DOCKERCLOUD_{kind}_API_URL"] == server.url + uri
    assert variables["DOCKERCLOUD_SERVICE_HOSTNAME"] == "web"
    assert variables["DOCKERCLOUD_CONTAINER_HOSTNAME"] == "web-1"
    assert variables["DOCKERCLOUD_SERVICE_FQDN"] == service["public_dns"]
    assert variables["DOCKERCLOUD_CONTAINER_FQDN"] == container["public_dns"]
    assert variables["DOCKERCLOUD_NODE_FQDN"] == node["external_fqdn"]
    assert variables["DOCKERCLOUD_REST_HOST"] == server.url
    assert variables["DOCKERCLOUD_STREAM_HOST"] == server.stream_url
    assert "DOCKERCLOUD_AUTH" not in variables
    assert "DOCKERCLOUD_STACK_NAME" not in variables


async def test_container_receives_its_overlay_address(live: DockerCloud) -> None:
    service = await run(live, image=SHELL, run_command="sleep 1000")
    (container,) = await containers(live, service)

    variables = await environment(live, container)

    assert variables.get("DOCKERCLOUD_IP_ADDRESS") == f"{container['private_ip']}/16"


async def test_role_global_gives_credentials_until_the_container_ends(
    live: DockerCloud, server: Server
) -> None:
    service = await run(live, image=SHELL, run_command="sleep 1000", roles=["global"])
    (container,) = await containers(live, service)
    auth = (await environment(live, container))["DOCKERCLOUD_AUTH"]
    async with DockerCloud(server.url, auth=auth, retry=None) as inside:
        assert len(await inside.services.list()) == 1

        await done(live, await live.services.delete(service))

        with pytest.raises(Exception, match="401"):
            await inside.services.list()


async def test_link_gives_variables_and_live_endpoints(live: DockerCloud) -> None:
    db = await run(
        live,
        name="my-db",
        target_num_containers=2,
        container_ports=[{"inner_port": 5432}],
        container_envvars=[{"key": "PASS", "value": "secret"}],
    )
    web = await run(
        live,
        name="web",
        image=SHELL,
        run_command="sleep 1000",
        linked_to_service=[{"to_service": "my-db", "name": "db"}],
    )
    first, second = await containers(live, db)
    (client,) = await containers(live, web)

    variables = await environment(live, client)
    assert variables["DB_PORT"] == f"tcp://{first['private_ip']}:5432"
    assert variables["DB_1_PORT_5432_TCP_ADDR"] == first["private_ip"]
    assert variables["DB_2_PORT_5432_TCP"] == f"tcp://{second['private_ip']}:5432"
    assert variables["DB_2_PORT_5432_TCP_PROTO"] == "tcp"
    assert variables["DB_ENV_PASS"] == "secret"
    assert variables["DB_NAME"] == f"/{first['uuid']}/my-db-1"
    assert variables["DB_DOCKERCLOUD_API_URL"].endswith(db["resource_uri"])
    linked = client["linked_to_container"]
    assert [link["name"] for link in linked] == ["DB_1", "DB_2"]
    assert linked[0]["from_container"] == client["resource_uri"]
    assert linked[0]["to_container"] == first["resource_uri"]
    assert linked[0]["endpoints"] == {"5432/tcp": f"tcp://{first['private_ip']}:5432"}
    assert (await live.services.inspect(db))["linked_from_service"] == [
        {
            "from_service": web["resource_uri"],
            "to_service": db["resource_uri"],
            "name": "db",
        }
    ]


async def test_linked_to_container_is_updated_without_a_redeploy(
    live: DockerCloud,
) -> None:
    db = await run(live, name="db")
    other = await run(live, name="other")
    web = await run(live, name="web", linked_to_service=[{"to_service": "db"}])

    async def linked() -> list[str]:
        (client,) = await containers(live, web)
        return [link["to_container"] for link in client["linked_to_container"]]

    assert await linked() == (await live.services.inspect(db))["containers"]
    await done(live, await live.services.scale(db, 2))
    assert await linked() == (await live.services.inspect(db))["containers"]
    updated = await live.services.update(
        web, linked_to_service=[{"to_service": other["resource_uri"], "name": "db"}]
    )
    assert updated["synchronized"] is True
    assert await linked() == other["containers"]
    await done(live, await live.services.delete(other))
    assert await linked() == []


async def test_link_to_a_missing_service_is_refused(live: DockerCloud) -> None:
    with pytest.raises(BadRequest, match="no-such"):
        await live.services.create(
            image=IDLE, linked_to_service=[{"to_service": "no-such"}]
        )


async def test_calculated_variables_have_their_origin() -> None:
    engine = Embedded()

    @engine.image("acme/worker", environment={"MODE": "fast", "LEVEL": "1"})
    async def worker(container: Run) -> None:
        await container.wait_stopped()

    async with running(engine) as server, client_of(server) as cloud:
        db = await run(cloud, name="db", image="acme/worker")
        web = await run(
            cloud,
            name="web",
            image="acme/worker",
            container_envvars=[{"key": "LEVEL", "value": "9"}],
            linked_to_service=[{"to_service": db["resource_uri"], "name": "db"}],
        )

    found = {one["key"]: one for one in web["calculated_envvars"]}
    assert found["LEVEL"] == {"key": "LEVEL", "value": "9", "origin": "user"}
    assert found["MODE"] == {"key": "MODE", "value": "fast", "origin": "image"}
    assert found["DB_ENV_MODE"]["origin"] == "tutum"
