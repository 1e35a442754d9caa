import asyncio

import aiohttp

from aiodockercloud import DockerCloud


async def main() -> None:
    async with DockerCloud() as cloud, aiohttp.ClientSession() as session:
        stack = await cloud.stacks.deploy("docker-cloud.yml", name="tutorial")
        print(stack["name"], "is", stack["state"])
        web = await cloud.services.find("web.tutorial")
        for container in await cloud.services.containers(web):
            address = await cloud.containers.address(container, 80)
            async with session.get(f"http://{address}/") as response:
                print(container["name"], "answers", response.status)


asyncio.run(main())
