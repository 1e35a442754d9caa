"""The variables and links that containers receive from the platform."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from aiodockercloud import BadRequest, DockerCloud
from aiodockercloud.server import Embedded, Server, running
from aiodockercloud.server.engines.embedded import Container as Run
from tests.support.facts import IDLE, PATIENCE, SHELL
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


# --- connections ----------------------------------------------------------------------


class Pair:
    """An engine with a database image, and a client that a test drives."""

    def __init__(self) -> None:
        self.engine = Embedded(nodes=2)
        self.client: asyncio.Future[Run] = asyncio.Future()
        self.listening = asyncio.Event()

        @self.engine.image("acme/db", ports=[5432])
        async def db(container: Run) -> None:
            async def answer(
                reader: asyncio.StreamReader, writer: asyncio.StreamWriter
            ) -> None:
                writer.write(container.name.encode())

            async with container.listen(5432, answer):
                self.listening.set()
                await container.wait_stopped()

        @self.engine.image("acme/client")
        async def client(container: Run) -> None:
            self.client.set_result(container)
            await container.wait_stopped()

    async def ask(self, host: str) -> str:
        async with asyncio.timeout(PATIENCE):
            reader, writer = await (await self.client).connect(host, 5432)
            answer = await reader.read()
            writer.close()
        return answer.decode()


async def test_link_connects_by_each_of_its_names() -> None:
    pair = Pair()
    async with running(pair.engine) as server, client_of(server) as cloud:
        await run(cloud, name="my-db", image="acme/db", target_num_containers=2)
        await run(
            cloud,
            name="web",
            image="acme/client",
            linked_to_service=[{"to_service": "my-db", "name": "db"}],
        )
        variables = (await pair.client).environment

        for host in ("db", "my-db"):
            answers = [await pair.ask(host) for _ in range(2)]
            assert sorted(answers) == ["my-db-1", "my-db-2"]
        for ordinal in (1, 2):
            name = f"my-db-{ordinal}"
            address = variables[f"DB_{ordinal}_PORT_5432_TCP_ADDR"]
            for host in (f"db-{ordinal}", name, address):
                assert await pair.ask(host) == name


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have one loopback")
async def test_link_variables_lead_to_the_container() -> None:
    pair = Pair()
    async with running(pair.engine) as server, client_of(server) as cloud:
        db = await run(cloud, name="db", image="acme/db")
        await run(
            cloud,
            name="web",
            image="acme/client",
            linked_to_service=[{"to_service": "db"}],
        )
        variables = (await pair.client).environment
        (container,) = await containers(cloud, db)

        address = variables["DB_1_PORT_5432_TCP_ADDR"]
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection(address, 5432)
            assert await reader.read() == b"db-1"
            writer.close()

    assert address == container["private_ip"]


async def test_link_to_another_stack_connects_by_its_name() -> None:
    pair = Pair()
    async with running(pair.engine) as server, client_of(server) as cloud:
        for stack in ("one", "two"):
            services = [{"name": "db", "image": "acme/db"}]
            created = await cloud.stacks.create(name=stack, services=services)
            await done(cloud, await cloud.stacks.start(created))
        await run(
            cloud,
            name="web",
            image="acme/client",
            linked_to_service=[{"to_service": "db.two", "name": "database"}],
        )
        second = await cloud.services.find("db.two")
        await done(cloud, await cloud.services.redeploy(second))

        for host in ("database", "db.two", "db-1.two", "db.one"):
            assert await pair.ask(host) == "db-1"
        with pytest.raises(OSError, match="name of a container"):
            await pair.ask("db")


async def test_redeployed_target_is_found_by_its_name() -> None:
    pair = Pair()
    async with running(pair.engine) as server, client_of(server) as cloud:
        db = await run(cloud, name="db", image="acme/db")
        await run(
            cloud,
            name="web",
            image="acme/client",
            linked_to_service=[{"to_service": "db", "name": "database"}],
        )
        assert await pair.ask("database") == "db-1"

        await done(cloud, await cloud.services.redeploy(db))
        await done(cloud, await cloud.services.scale(db, 2))

        answers = {await pair.ask("database") for _ in range(2)}
        assert answers == {"db-1", "db-2"}


async def test_addresses_survive_a_restart_of_the_server(tmp_path: Path) -> None:
    first, second = Pair(), Pair()
    async with (
        running(first.engine, data_dir=tmp_path) as server,
        client_of(server) as cloud,
    ):
        other = await run(cloud, name="other", image="acme/db")
        await run(cloud, name="db", image="acme/db")
        await run(
            cloud,
            name="web",
            image="acme/client",
            linked_to_service=[{"to_service": "db"}],
        )
        await done(cloud, await cloud.services.delete(other))

    async with running(second.engine, data_dir=tmp_path):
        variables = (await second.client).environment
        async with asyncio.timeout(PATIENCE):
            await second.listening.wait()  # a restart starts all containers at once
        assert await second.ask(variables["DB_1_PORT_5432_TCP_ADDR"]) == "db-1"
