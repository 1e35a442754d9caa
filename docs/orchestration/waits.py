import asyncio

from aiodockercloud import DockerCloud, WaitFailed
from aiodockercloud.server import running


async def main() -> None:
    async with running() as server:
        async with DockerCloud(
            server.url, user=server.user, apikey=server.apikey
        ) as cloud:
            web = await cloud.services.create(image="tutum/hello-world", name="web")
            web = await cloud.services.start(web)
            web = await cloud.services.wait(web, "Running", timeout=60)
            print(web["name"], "is", web["state"])

            big = await cloud.services.create(
                image="tutum/hello-world", name="big", tags=["gpu"]
            )
            big = await cloud.services.start(big)
            try:
                await cloud.services.wait(big, "Running", timeout=60)
            except WaitFailed as error:
                print("it never will:", str(error).splitlines()[-1])


asyncio.run(main())
