import asyncio

from aiodockercloud import DockerCloud
from aiodockercloud.server import running


async def main() -> None:
    async with running() as server:
        async with DockerCloud(
            server.url, user=server.user, apikey=server.apikey
        ) as cloud:
            web = await cloud.services.create(image="tutum/hello-world", name="web")
            await cloud.actions.wait(await cloud.services.start(web))

            more = await cloud.triggers.create(web, name="more", operation="SCALEUP")
            await cloud.actions.wait(await cloud.triggers.call(web, more, 2))
            web = await cloud.services.inspect(web)
            print("now", web["running_num_containers"], "containers")

            await cloud.triggers.delete(web, more)
            print("triggers left:", await cloud.triggers.list(web))


asyncio.run(main())
