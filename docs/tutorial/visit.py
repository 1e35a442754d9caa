import asyncio

import aiohttp

from aiodockercloud import DockerCloud


async def main() -> None:
    async with DockerCloud() as cloud, aiohttp.ClientSession() as session:
        web = await cloud.services.find("web.tutorial")
        for container in await cloud.services.containers(web):
            address = await cloud.containers.address(container, 80)
            async with session.get(f"http://{address}/") as response:
                print(container["name"], "answers", response.status)


asyncio.run(main())
