"""Whole flows through our server on a real Swarm of three nodes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from aiodockercloud import DockerCloud
from aiodockercloud.server import Server
from aiodockercloud.server.engines.swarm.docker_api import Api
from aiodockercloud.types import ContainerState
from aiodockercloud.wire.loglines import log_text
from tests.support import swarms
from tests.support.flows import change, client_of, containers
from tests.support.programs import QUICKSTART, environment, quiet
from tests.support.swarms import PATIENCE, WAIT, done, run, sh

pytestmark = [swarms.need(3), pytest.mark.asyncio(loop_scope="module")]

#: Waits for a container that has only just started, and for its name in DNS.
FETCH = (
    "for i in 1 2 3 4 5 6 7 8 9 10; do timeout 3 wget -qO- http://{}/ && break;"
    " sleep 0.3; done"
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[Server]:
    async with swarms.server() as server:
        yield server


@pytest_asyncio.fixture(loop_scope="module")
async def live(server: Server) -> AsyncIterator[DockerCloud]:
    async with client_of(server) as cloud:
        yield cloud


@pytest_asyncio.fixture(loop_scope="module")
async def docker() -> AsyncIterator[Api]:
    async with swarms.manager() as api:
        yield api


async def output(cloud: DockerCloud, container: Any, script: str) -> str:
    """Return the output of a shell script in a container."""
    command = ["sh", "-c", script]
    result = await cloud.containers.run(container, command, timeout=PATIENCE)
    return result["stdout"].strip()


# --- links and ports ----------------------------------------------------------------


async def test_linked_service_is_reached_from_every_node(live: DockerCloud) -> None:
    stack = await live.stacks.create(
        name="shop",
        services=[
            {
                "name": "web",
                "image": swarms.IMAGE,
                "target_num_containers": 3,
                "deployment_strategy": "HIGH_AVAILABILITY",
                "links": ["db", "db:store"],
            },
            {"name": "db", "image": swarms.IMAGE, "expose": ["80"]},
        ],
    )
    await done(live, await live.stacks.start(stack))
    web, db = [
        await live.services.inspect(uri)
        for uri in (await live.stacks.inspect(stack))["services"]
    ]
    clients = await containers(live, web)

    assert len({container["node"] for container in clients}) == 3
    addresses = ("db:80", "store:80", "$DB_PORT_80_TCP_ADDR:$DB_PORT_80_TCP_PORT")
    for client in clients:
        for address in (*addresses, "$STORE_1_PORT_80_TCP_ADDR:80"):
            assert await output(live, client, FETCH.format(address)) == "db-1"

    # The former address does not answer.
    await done(live, await live.services.redeploy(db))

    for client in clients:
        for address in addresses:
            assert await output(live, client, FETCH.format(address)) == "db-1"
    await done(live, await live.stacks.delete(stack))


async def test_published_port_answers_from_outside_its_node(live: DockerCloud) -> None:
    ports = [{"inner_port": 80, "protocol": "tcp", "published": True}]
    web = await run(
        live,
        name="web",
        container_ports=ports,
        target_num_containers=3,
        deployment_strategy="HIGH_AVAILABILITY",
    )
    found = {}
    async with asyncio.timeout(PATIENCE), aiohttp.ClientSession() as session:
        for container in await containers(live, web):
            [port] = container["container_ports"]
            node = await live.nodes.inspect(container["node"])
            url = f"http://{node['public_ip']}:{port['outer_port']}/"
            async with session.get(url) as response:
                found[node["public_ip"]] = (await response.text()).strip()

    assert set(found) == {os.environ[f"SWARM_ADDR_{i}"] for i in (1, 2, 3)}
    assert set(found.values()) == {"web-1", "web-2", "web-3"}
    await done(live, await live.services.delete(web))


async def test_command_runs_on_every_node_and_its_end_is_reported(
    live: DockerCloud,
) -> None:
    web = await run(live, name="web", deployment_strategy="EVERY_NODE")
    found = await containers(live, web)

    assert len(found) == 3
    for container in found:
        result = await live.containers.run(
            container, ["sh", "-c", "hostname; cat; echo no >&2; exit 3"], stdin="in\n"
        )
        assert result["stdout"] == f"{container['name']}\nin\n"
        assert result["stderr"] == "no\n"
        assert result["exit_code"] == 3
    await done(live, await live.services.delete(web))


async def test_logs_of_all_containers_are_one_stream(live: DockerCloud) -> None:
    speak = sh("echo out of $HOSTNAME; echo err >&2; " + WAIT)
    web = await run(
        live,
        name="web",
        run_command=speak,
        target_num_containers=3,
        deployment_strategy="HIGH_AVAILABILITY",
    )
    found = set()
    async with asyncio.timeout(PATIENCE), live.services.logs(web, tail=10) as lines:
        async for line in lines:
            found.add((line["source"], line["streamType"], log_text(line).strip()))
            if len(found) == 6:
                break

    names = {f"web-{i}" for i in (1, 2, 3)}
    assert found == {
        *((name, "stdout", f"out of {name}") for name in names),
        *((name, "stderr", "err") for name in names),
    }
    await done(live, await live.services.delete(web))


# --- single containers --------------------------------------------------------------


async def test_one_container_is_stopped_started_replaced_and_removed(
    live: DockerCloud,
) -> None:
    web = await run(live, name="web", target_num_containers=3)
    first, second, third = await containers(live, web)

    async def states() -> list[str]:
        return [one["state"] for one in await containers(live, web)]

    await done(live, await live.containers.stop(second))
    assert await states() == ["Running", "Stopped", "Running"]
    assert (await live.services.inspect(web))["state"] == "Partly running"
    assert (await live.containers.inspect(second))["exit_code"] == 0

    await done(live, await live.containers.start(second))
    assert await states() == ["Running"] * 3
    assert await output(live, second, "hostname") == "web-2"

    await done(live, await live.containers.redeploy(first))
    assert (await live.containers.inspect(first))["state"] == "Terminated"
    names = [one["name"] for one in await containers(live, web)]
    assert sorted(names) == ["web-1", "web-2", "web-3"]

    await done(live, await live.containers.delete(third))
    service = await live.services.inspect(web)
    assert service["running_num_containers"] == 2
    assert service["target_num_containers"] == 2

    await done(live, await live.services.scale(web, 4))
    names = [one["name"] for one in await containers(live, web)]
    assert sorted(names) == ["web-1", "web-2", "web-3", "web-4"]
    await done(live, await live.services.scale(web, 1))
    assert [one["name"] for one in await containers(live, web)] == ["web-1"]
    await done(live, await live.services.stop(web))
    assert (await live.services.inspect(web))["state"] == "Stopped"
    await done(live, await live.services.delete(web))


@pytest.mark.parametrize("code", [0, 7])
async def test_end_of_a_container_is_reported_with_its_exit_code(
    live: DockerCloud, code: int
) -> None:
    job = await run(live, name="job", run_command=sh(f"exit {code}"))
    [uri] = job["containers"]
    container = await live.containers.wait(uri, "Stopped", timeout=PATIENCE)

    assert container["exit_code"] == code
    assert (await live.services.inspect(job))["state"] == "Stopped"
    await done(live, await live.services.delete(job))


@pytest.mark.parametrize(
    ("rule", "code", "state"),
    [
        ("ALWAYS", 1, "Terminated"),
        ("ON_SUCCESS", 0, "Terminated"),
        ("ON_SUCCESS", 1, "Stopped"),
    ],
)
async def test_autodestroy_removes_ended_containers(
    live: DockerCloud,
    docker: Api,
    server: Server,
    rule: str,
    code: int,
    state: ContainerState,
) -> None:
    job = await run(
        live, name="job", run_command=sh(f"sleep 1; exit {code}"), autodestroy=rule
    )
    [uri] = job["containers"]
    container = await live.containers.wait(uri, state, timeout=PATIENCE)

    assert container["exit_code"] == code
    there = container["uuid"] in await swarms.services(docker, server.user)
    assert there == (state == "Stopped")
    await done(live, await live.services.delete(job))


async def test_service_deleted_in_docker_is_terminated_with_an_event(
    live: DockerCloud, docker: Api, server: Server
) -> None:
    web = await run(live, name="web", target_num_containers=2)
    first, second = await containers(live, web)
    await done(live, await live.containers.stop(second))
    found = await swarms.services(docker, server.user)
    told = set()
    async with live.events.subscribe() as events, asyncio.timeout(PATIENCE):
        for container in (first, second):
            id = found[container["uuid"]]["ID"]
            await docker.call("DELETE", f"services/{id}")
        async for item in events:
            event = change(item)
            told.add((event["resource_uri"], event["state"]))
            if told >= {(c["resource_uri"], "Terminated") for c in (first, second)} | {
                (web["resource_uri"], "Not running")
            }:
                break

    for container in (first, second):
        assert (await live.containers.inspect(container))["state"] == "Terminated"
    service = await live.services.inspect(web)
    assert service["state"] == "Not running"
    assert service["running_num_containers"] == 0

    # The service can be started again.
    await done(live, await live.services.start(web))
    assert (await live.services.inspect(web))["running_num_containers"] == 2
    await done(live, await live.services.delete(web))


# --- the example --------------------------------------------------------------------


async def test_quickstart_runs_on_swarm() -> None:
    process = await asyncio.create_subprocess_exec(
        *QUICKSTART,
        *("--engine", "swarm", "--image", swarms.IMAGE),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment(),
    )
    try:
        async with asyncio.timeout(2 * PATIENCE):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()

    assert quiet(err.decode()) == ""
    assert process.returncode == 0
    assert out.decode().endswith("==> done; containers left: none\n")
    async with swarms.manager() as docker:
        assert await swarms.services(docker, "admin") == {}
