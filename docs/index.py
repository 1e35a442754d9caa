import asyncio

from aiodockercloud import DockerCloud
from aiodockercloud.server import running


async def main() -> None:
    async with running() as server:  # or a server of your own: aiodockercloud serve
        async with DockerCloud(
            server.url, user=server.user, apikey=server.apikey
        ) as cloud:
            web = await cloud.services.run(image="dockercloud/hello-world", name="web")
            await cloud.actions.wait(await cloud.services.scale(web, 3))
            for container in await cloud.services.containers(web):
                print(container["name"], container["state"])


asyncio.run(main())
