import asyncio

from aiodockercloud import DockerCloud
from aiodockercloud.types import Node


def nodes() -> list[Node]:
    async def read() -> list[Node]:
        async with DockerCloud() as cloud:
            return await cloud.nodes.list()

    return asyncio.run(read())


print(len(nodes()), "node")
