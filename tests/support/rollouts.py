"""A service behind real HTTP while its containers are replaced."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiohttp
from aiohttp import web

from aiodockercloud import DockerCloud, DockerCloudError, WaitFailed
from aiodockercloud.server import Embedded
from aiodockercloud.server.engines.embedded import Container as Run
from aiodockercloud.types import Action, RolloutFields, Service
from tests.support.facts import PATIENCE
from tests.support.flows import containers, run

GOOD, NEWER = "acme/web:1", "acme/web:2"
BROKEN, SHORT, SICK = "acme/web:broken", "acme/web:short", "acme/web:sick"

SAFE: RolloutFields = {
    "order": "start-first",
    "failure_action": "rollback",
    "monitor": 0.1,
}
PORT = {"inner_port": 80, "published": True}

#: Seconds between two requests.
PAUSE = 0.02


def web_engine(nodes: int = 3) -> Embedded:
    """Return an engine with versions of a web server that work and that do not."""
    engine = Embedded(nodes=nodes)

    def serving(name: str, *, healthy: bool = True) -> None:
        @engine.image(name, ports=[80], healthcheck=True)
        async def serve(container: Run) -> None:
            async def answer(request: web.BaseRequest) -> web.Response:
                return web.Response(text=name)

            async with container.listen_http(80, answer):
                container.healthy(healthy)
                await container.wait_stopped()

    serving(GOOD)
    serving(NEWER)
    serving(SICK, healthy=False)

    @engine.image(BROKEN, ports=[80], healthcheck=True)
    async def broken(container: Run) -> int:
        container.error("no such database")
        return 3

    @engine.image(SHORT, ports=[80], healthcheck=True)
    async def short(container: Run) -> int:
        container.healthy()
        await container.sleep(0.2)
        container.error("connection lost")
        return 4

    return engine


class Traffic:
    """Requests to whatever containers of a service are up.

    Attributes:
        sent: The number of answered requests.
        failed: Why requests failed.
        bodies: The different answers.
        begun: Set after the first request.
    """

    def __init__(self, cloud: DockerCloud, service: Service) -> None:
        self.sent = 0
        self.failed: list[str] = []
        self.bodies: set[str] = set()
        self.begun = asyncio.Event()
        self._cloud = cloud
        self._service = service

    async def run(self) -> None:
        """Send requests until the task is cancelled."""
        async with aiohttp.ClientSession() as session:
            while True:
                await self._send(session)
                self.begun.set()
                await asyncio.sleep(PAUSE)

    async def _send(self, session: aiohttp.ClientSession) -> None:
        # As a proxy does: another container is tried when one has just gone.
        problem = "no container is up"
        with suppress(DockerCloudError):
            for container in await containers(self._cloud, self._service):
                if container["state"] != "Running" or container["health"] != "healthy":
                    continue
                try:
                    host, port = await self._cloud.containers.address(container, 80)
                    self.bodies.add(await _get(session, f"http://{host}:{port}/"))
                except (aiohttp.ClientError, TimeoutError) as error:
                    problem = f"{container['name']}: {error!r}"
                else:
                    self.sent += 1
                    return
        self.failed.append(problem)


async def _get(session: aiohttp.ClientSession, url: str) -> str:
    timeout = aiohttp.ClientTimeout(total=PATIENCE)
    async with session.get(url, timeout=timeout) as response:
        return await response.text()


@asynccontextmanager
async def traffic(cloud: DockerCloud, service: Service) -> AsyncIterator[Traffic]:
    """Send requests to a service while the block runs."""
    found = Traffic(cloud, service)
    task = asyncio.create_task(found.run())
    try:
        await found.begun.wait()
        yield found
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def six(live: DockerCloud, **fields: Any) -> Service:
    """Return a running service of six healthy web servers."""
    fields = {"image": GOOD, "container_ports": [PORT], "update_config": SAFE} | fields
    web = await run(live, name="web", target_num_containers=6, **fields)
    return await live.services.wait(web, "Running", healthy=True, timeout=PATIENCE)


async def ended(live: DockerCloud, answer: Any) -> tuple[Action, str]:
    """Return the ended action of an answer, and its log."""
    uri = answer["dockercloud_action_uri"]
    why = ""
    try:
        await live.actions.wait(answer, timeout=PATIENCE)
    except WaitFailed as error:
        why = str(error)
    return await live.actions.inspect(uri), why


async def images(live: DockerCloud, service: Service) -> list[str]:
    return [c["image_name"] for c in await containers(live, service)]
