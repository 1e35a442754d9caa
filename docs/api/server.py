import asyncio

from aiodockercloud import DockerCloud
from aiodockercloud.server import Embedded, Settings, running, running_in_thread
from aiodockercloud.server.settings import Limits


async def names(url: str, apikey: str | None) -> list[str]:
    async with DockerCloud(url, user="admin", apikey=apikey) as cloud:
        await cloud.services.create(image="acme/web", name="web")
        return [service["name"] for service in await cloud.services.list()]


async def main() -> None:
    settings = Settings(limits=Limits(page=100))
    async with running(Embedded(nodes=3), apikey="s3cret", settings=settings) as server:
        print("in this event loop:", await names(server.url, "s3cret"))


asyncio.run(main())

engine = Embedded(nodes=2)
with running_in_thread(engine) as server:
    # asyncio.run starts another event loop, and the server still answers.
    print("in a thread:", asyncio.run(names(server.url, server.apikey)))
    server.call(engine.lose_node, engine.nodes[0])
