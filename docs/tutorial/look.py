import asyncio

from aiodockercloud import DockerCloud


async def main() -> None:
    async with DockerCloud() as cloud:
        print(len(await cloud.nodes.list()), "node")
        print(len(await cloud.stacks.list()), "stacks")


asyncio.run(main())
