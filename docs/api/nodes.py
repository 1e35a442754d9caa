import asyncio

from aiodockercloud import DockerCloud
from aiodockercloud.server import running


async def main() -> None:
    async with running() as server:
        async with DockerCloud(
            server.url, user=server.user, apikey=server.apikey
        ) as cloud:
            [node] = await cloud.nodes.list(state="Deployed")
            print(node["current_num_containers"], "containers")

            node = await cloud.nodes.update(node, tags=["ssd"])
            print([tag["name"] for tag in node["tags"]])

            db = await cloud.services.create(image="redis", name="db", tags=["ssd"])
            await cloud.actions.wait(await cloud.services.start(db))
            node = await cloud.nodes.inspect(node)
            print(node["current_num_containers"], "container")

            action = await cloud.actions.wait(await cloud.nodes.health_check(node))
            print(action["action"], action["state"])


asyncio.run(main())
