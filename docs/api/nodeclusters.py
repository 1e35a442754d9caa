import asyncio

from aiodockercloud import DockerCloud
from aiodockercloud.server import running


async def main() -> None:
    async with running() as server:
        async with DockerCloud(
            server.url, user=server.user, apikey=server.apikey
        ) as cloud:
            farm = await cloud.nodeclusters.create(
                name="farm",
                node_type="/api/infra/v1/nodetype/digitalocean/1gb/",
                region="/api/infra/v1/region/digitalocean/lon1/",
                target_num_nodes=2,
                tags=["front"],
            )
            print(farm["name"], "is", farm["state"])
            await cloud.nodeclusters.deploy(farm)
            farm = await cloud.nodeclusters.wait(farm, "Deployed")
            print("deployed:", farm["current_num_nodes"], "nodes")

            # Another target acts at once.
            await cloud.actions.wait(
                await cloud.nodeclusters.update(farm, target_num_nodes=3)
            )
            print("scaled:", len(await cloud.nodes.list(node_cluster=farm)), "nodes")


asyncio.run(main())
