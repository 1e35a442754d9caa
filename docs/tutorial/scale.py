import asyncio

from aiodockercloud import DockerCloud


async def main() -> None:
    async with DockerCloud() as cloud:
        web = await cloud.services.find("web.tutorial")
        await cloud.actions.wait(await cloud.services.scale(web, 4))
        for container in await cloud.services.containers(web):
            print(container["name"])


asyncio.run(main())
