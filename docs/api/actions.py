import asyncio

from aiodockercloud import DockerCloud
from aiodockercloud.server import running


async def main() -> None:
    async with running() as server:
        async with DockerCloud(
            server.url, user=server.user, apikey=server.apikey
        ) as cloud:
            web = await cloud.services.create(image="tutum/hello-world", name="web")
            action = await cloud.actions.wait(await cloud.services.start(web))
            print(action["action"], action["state"])

            async with cloud.actions.logs(action, follow=False) as lines:
                async for line in lines:
                    print(line["log"])

            for action in await cloud.actions.list(object=web):
                print(action["action"])


asyncio.run(main())
