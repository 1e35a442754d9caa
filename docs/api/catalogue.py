import asyncio

from aiodockercloud import DockerCloud
from aiodockercloud.server import running


async def main() -> None:
    async with running() as server:
        async with DockerCloud(
            server.url, user=server.user, apikey=server.apikey
        ) as cloud:
            for provider in await cloud.providers.list():
                print(provider["name"], len(provider["regions"]), "regions")

            region = await cloud.regions.inspect("aws/eu-west-1")
            print(region["label"])
            for uri in region["availability_zones"]:
                zone = await cloud.azs.inspect(uri)
                print(zone["name"], "available:", zone["available"])
            node_type = await cloud.nodetypes.inspect("digitalocean/1gb")
            print(node_type["label"])


asyncio.run(main())
