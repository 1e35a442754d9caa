"""Outages of an Engine, through the whole server.

A proxy between the server and the real Engine hangs, answers like a manager without a
leader, or refuses connections.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import uuid
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from aiodockercloud import DockerCloud, Unavailable, WaitFailed
from aiodockercloud.server import Server, running
from aiodockercloud.server.engines import ContainerSpec, EngineUnavailable
from aiodockercloud.server.engines.swarm import (
    Swarm,
    SwarmSettings,
    naming,
    service_specs,
)
from aiodockercloud.server.engines.swarm.docker_api import Api
from aiodockercloud.types import Service
from aiodockercloud.wire.loglines import log_text
from tests.support import swarms
from tests.support.flows import client_of, containers
from tests.support.swarms import PATIENCE, done, until

pytestmark = [swarms.need(3), pytest.mark.asyncio(loop_scope="module")]
fixture = partial(pytest_asyncio.fixture, loop_scope="module")

#: The response of a manager that has lost its majority.
LEADERLESS = (
    b'{"message":"rpc error: code = Unknown desc = The swarm does not have a leader.'
    b" It's possible that too few managers are online.\"}"
)
#: A script that prints numbers, so that lost or repeated lines show, until SIGTERM.
COUNT = (
    'sh -c \'trap "exit 0" TERM; i=0;'
    " while true; do i=$((i+1)); echo $i; sleep 0.1 & wait; done'"
)


class Proxy:
    """A proxy between the server and its Engine.

    Attributes:
        url: The address of the proxy.
        mode: ``"open"``: the proxy passes everything on. ``"hangs"``: the proxy holds
            all responses. ``"leaderless"``: each response is that of a manager without
            a leader. ``"away"``: the socket does not exist.
    """

    def __init__(self, path: Path, engine: str) -> None:
        self.url = f"unix://{path}"
        self.mode = "open"
        self._path = path
        self._engine = engine.removeprefix("unix://")
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()

    async def set(self, mode: str) -> None:
        """Change the mode; close open connections unless the new mode is ``hangs``."""
        self.mode = mode
        self._changed.set()
        self._changed = asyncio.Event()
        if mode != "hangs":
            await self.close()
        if mode != "away" and self._server is None:
            self._server = await asyncio.start_unix_server(self._serve, self._path)

    async def close(self) -> None:
        for writer in self._writers:
            writer.close()
        if self._server is not None:
            self._server.close()
            self._server = None
        self._path.unlink(missing_ok=True)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._writers.add(writer)
        try:
            if self.mode == "leaderless":
                await self._refuse(reader, writer)
            else:
                await self._pass(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _refuse(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(
                b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json"
                b"\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(LEADERLESS)
            )
            writer.write(LEADERLESS)
            await writer.drain()

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        theirs, ours = await asyncio.open_unix_connection(self._engine)
        self._writers.add(ours)

        try:
            await asyncio.gather(self._pump(reader, ours), self._pump(theirs, writer))
        finally:
            self._writers.discard(ours)
            ours.close()

    async def _pump(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter
    ) -> None:
        while data := await source.read(65536):
            while self.mode == "hangs":
                await self._changed.wait()
            sink.write(data)
            await sink.drain()
        sink.write_eof()


@fixture(scope="module")
async def proxy(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Proxy]:
    path = tmp_path_factory.mktemp("proxy") / "docker.sock"
    proxy = Proxy(path, os.environ["DOCKER_HOST"])
    await proxy.set("open")
    yield proxy
    await proxy.close()


@fixture(scope="module")
async def server(proxy: Proxy) -> AsyncIterator[Server]:
    settings = SwarmSettings(request_timeout=1.0)
    engine = Swarm(proxy.url, poll=0.2, grace=1.0, settings=settings)
    async with running(engine, user=swarms.new_user()) as server:
        yield server
        await proxy.set("open")
        async with client_of(server) as cloud:
            await swarms.clear(cloud)


@fixture()
async def live(server: Server) -> AsyncIterator[DockerCloud]:
    async with client_of(server) as cloud:
        yield cloud


@fixture(scope="module")
async def web(server: Server) -> Service:
    """Start a service of two containers that print numbers."""
    async with client_of(server) as cloud:
        return await up(cloud, name="web", target_num_containers=2)


@fixture()
async def docker() -> AsyncIterator[Api]:
    async with swarms.manager() as api:
        yield api


async def up(cloud: DockerCloud, **fields: Any) -> Service:
    service = await cloud.services.create(
        **{"image": swarms.IMAGE, "run_command": COUNT, "autorestart": "ALWAYS"}
        | fields
    )
    await done(cloud, await cloud.services.start(service))
    return await cloud.services.inspect(service)


async def swarm_service(docker: Api, container: Any) -> dict[str, Any] | None:
    label = f"{naming.CONTAINER_LABEL}={container['uuid']}"
    params = {"filters": {"label": [label]}}
    found = await docker.call("GET", "services", params=params)
    return found[0] if found else None


async def recovered(cloud: DockerCloud) -> None:
    """Wait until Docker answers requests again."""

    async def works() -> bool:
        with contextlib.suppress(Unavailable):
            return bool(await cloud.request("POST", "/api/infra/v1/token/"))
        return False

    await until(works)


@pytest.mark.parametrize(
    ("mode", "text"),
    [
        ("hangs", "Docker has not answered within 1 s; try again later"),
        ("leaderless", "the Swarm has no leader: too few of its managers are up"),
        ("away", "Docker cannot be reached; try again later"),
    ],
)
async def test_outage_is_reported_as_503_and_passes(
    live: DockerCloud,
    proxy: Proxy,
    docker: Api,
    web: Service,
    mode: str,
    text: str,
) -> None:
    first, second = await containers(live, web)
    node = (await live.nodes.list())[0]

    await proxy.set(mode)
    async with asyncio.timeout(PATIENCE):
        # Stored state can be read.
        assert (await live.services.inspect(web))["state"] == "Running"
        assert (await live.nodes.list())[0]["state"] == "Deployed"
        # Requests that need Docker fail with a reason.
        with pytest.raises(Unavailable, match=text):
            await live.request("POST", "/api/infra/v1/token/")
        with pytest.raises(Unavailable, match=text):
            await live.nodes.update(node, tags=["new"])
        with pytest.raises(WaitFailed, match=text):
            await done(live, await live.containers.stop(second))
    assert (await live.containers.inspect(second))["state"] == "Running"
    assert (await live.nodes.inspect(node))["tags"] == node["tags"]
    # Meanwhile a service is deleted in Docker.
    service = await swarm_service(docker, first)
    assert service is not None
    await docker.call("DELETE", f"services/{service['ID']}")

    await proxy.set("open")

    await live.containers.wait(first, "Terminated", timeout=PATIENCE)
    await recovered(live)
    await done(live, await live.services.scale(web, 2))
    assert (await live.services.inspect(web))["running_num_containers"] == 2


@pytest.mark.parametrize("mode", ["leaderless", "away"])
async def test_followed_log_continues_after_an_outage(
    live: DockerCloud, proxy: Proxy, web: Service, mode: str
) -> None:
    container = (await containers(live, web))[0]
    numbers: list[int] = []
    logs = live.containers.logs(container, tail=1)
    async with asyncio.timeout(PATIENCE), logs as lines:
        async for line in lines:
            numbers.append(int(log_text(line)))
            if len(numbers) == 3:
                await proxy.set(mode)
                asyncio.get_running_loop().call_later(
                    0.5, asyncio.ensure_future, proxy.set("open")
                )
            if len(numbers) == 20:
                break

    assert numbers == list(range(numbers[0], numbers[0] + 20))


async def test_container_created_in_an_outage_is_removed_afterwards(
    live: DockerCloud,
    server: Server,
    proxy: Proxy,
    docker: Api,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The request creates the service, but the response is lost."""
    assert isinstance(server.engine, Swarm)
    api = server.engine._api
    ask = api.call

    async def call(method: str, path: str, **fields: Any) -> Any:
        answer = await ask(method, path, **fields)
        if path == "services/create":
            await proxy.set("away")
            raise EngineUnavailable("Docker has not answered")
        return answer

    monkeypatch.setattr(api, "call", call)
    made = await live.services.create(image=swarms.IMAGE, name="made")
    with pytest.raises(WaitFailed, match="Docker has not answered"):
        await done(live, await live.services.start(made))
    [container] = await live.containers.list(service=made)
    assert container["state"] == "Terminated"
    assert await swarm_service(docker, container) is not None

    await proxy.set("open")

    async def removed() -> bool:
        return await swarm_service(docker, container) is None

    await until(removed)
    assert (await live.services.inspect(made))["state"] == "Not running"


async def test_container_of_another_server_is_logged_once_and_left_alone(
    server: Server, docker: Api, caplog: pytest.LogCaptureFixture
) -> None:
    other = service_specs.service_spec(
        ContainerSpec(
            uuid=str(uuid.uuid4()),
            name="web-1",
            service="web",
            stack=None,
            namespace=swarms.new_user(),
            node="",
            pinned=False,
            image=swarms.IMAGE,
            options={"net": "host"},
        )
    )
    id = other["Labels"][naming.CONTAINER_LABEL]
    await docker.call("POST", "services/create", data=other)
    try:
        assert isinstance(server.engine, Swarm)

        async def reported() -> bool:
            return f"unknown container, left unchanged: {id}" in caplog.text

        await until(reported)
        for _ in range(3):
            server.engine._watch.report_again(id)
            await server.engine._watch.look()
        assert caplog.text.count(id) == 1
        assert await swarm_service(docker, {"uuid": id}) is not None
    finally:
        await docker.call("DELETE", f"services/{other['Name']}")


async def test_restarted_manager_is_connected_again(
    live: DockerCloud, docker: Api
) -> None:
    """A node loses power: the containers of the node start again."""
    every = await up(live, name="every", deployment_strategy="EVERY_NODE")
    assert every["running_num_containers"] == 3
    await swarms.tool("kill", "1")
    try:
        with pytest.raises(Unavailable, match="Docker cannot be reached"):
            async with asyncio.timeout(PATIENCE):
                await live.request("POST", "/api/infra/v1/token/")
    finally:
        await swarms.tool("up", "3")
    await recovered(live)

    async def again() -> bool:
        here = await live.containers.list(service=every, state="Running")
        return len(here) == 3 and len(await swarm_tasks(here)) == 3

    async def swarm_tasks(here: Any) -> list[Any]:
        services = [await swarm_service(docker, one) for one in here]
        ids = [service["ID"] for service in services if service]
        filters = {"service": ids, "desired-state": ["running"]}
        tasks = await docker.call("GET", "tasks", params={"filters": filters})
        return [task for task in tasks if task["Status"]["State"] == "running"]

    await until(again)
