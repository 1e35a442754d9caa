import asyncio

from aiodockercloud import DockerCloud
from aiodockercloud.server import running


async def main() -> None:
    async with running() as server:
        async with DockerCloud(
            server.url, user=server.user, apikey=server.apikey
        ) as cloud:
            async with cloud.events.subscribe(type="service") as events:
                web = await cloud.services.create(image="tutum/hello-world", name="web")
                await cloud.services.start(web)
                async for event in events:
                    if event["type"] == "gap":
                        continue  # the connection was lost, and events with it
                    print(event["action"], event["state"])
                    if event["state"] == "Running":
                        break


asyncio.run(main())
