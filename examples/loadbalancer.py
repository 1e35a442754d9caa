"""A load balancer in front of two containers, on a server in this process.

    python examples/loadbalancer.py

The images are async functions. The containers of ``web`` listen on a port that is not
published and count their requests in a volume; the balancer finds them under the name
of its link, and its own port is published on the loopback.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

import aiohttp
from aiohttp import web

from aiodockercloud import DockerCloud
from aiodockercloud.server import Embedded, running
from aiodockercloud.server.engines.embedded import Container

engine = Embedded()


@engine.image("acme/web", ports=[8000])
async def web_server(container: Container) -> None:
    count = container.volume("/data") / "count"

    async def answer(request: web.BaseRequest) -> web.Response:
        number = int(count.read_text()) + 1 if count.exists() else 1
        count.write_text(str(number))
        return web.Response(text=f"{container.hostname}: request {number}")

    async with container.listen_http(8000, answer):
        await container.wait_stopped()


@engine.image("acme/balancer", ports=[80])
async def balancer(container: Container) -> None:
    async def forward(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        # Each call of connect uses the next container of the service.
        backend_reader, backend_writer = await container.connect("backend", 8000)
        async with asyncio.TaskGroup() as both:
            both.create_task(copy(reader, backend_writer))
            both.create_task(copy(backend_reader, writer))

    async with container.listen(80, forward):
        await container.wait_stopped()


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        with suppress(ConnectionError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
    finally:
        writer.close()


async def ask(url: str, times: int) -> None:
    """Send requests, each on a connection of its own, and print the answers."""
    for _ in range(times):
        async with (
            aiohttp.ClientSession() as session,
            session.get(url, headers={"Connection": "close"}) as response,
        ):
            print(await response.text())


async def main() -> None:
    async with (
        running(engine) as server,
        DockerCloud(server.url, user=server.user, apikey=server.apikey) as cloud,
    ):
        backend = await cloud.services.run(
            image="acme/web",
            name="web",
            target_num_containers=2,
            bindings=[{"container_path": "/data"}],
        )
        front = await cloud.services.run(
            image="acme/balancer",
            name="balancer",
            linked_to_service=[{"to_service": "web", "name": "backend"}],
            container_ports=["80"],
        )
        url = f"http://{await cloud.containers.address(front['containers'][0], 80)}/"
        await ask(url, 4)
        print("redeploying web; its volumes stay")
        await cloud.actions.wait(await cloud.services.redeploy(backend))
        await ask(url, 2)


if __name__ == "__main__":
    asyncio.run(main())
