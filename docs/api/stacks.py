import asyncio

from aiodockercloud import DockerCloud
from aiodockercloud.server import running


async def main() -> None:
    async with running() as server:
        async with DockerCloud(
            server.url, user=server.user, apikey=server.apikey
        ) as cloud:
            shop = await cloud.stacks.create(
                name="shop",
                services=[
                    {"name": "db", "image": "busybox", "command": "sleep 3600"},
                    {"name": "web", "image": "tutum/hello-world", "links": ["db"]},
                ],
            )
            await cloud.stacks.start(shop)
            shop = await cloud.stacks.wait(shop, "Running")
            print(shop["name"], "is", shop["state"])

            web = await cloud.services.find("web.shop")
            print("web links to", web["linked_to_service"][0]["name"])
            print(await cloud.stacks.export(shop))


asyncio.run(main())
