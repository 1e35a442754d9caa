import asyncio

from aiodockercloud import DockerCloud


async def main() -> None:
    async with DockerCloud() as cloud:
        stack = await cloud.stacks.find("tutorial")
        await cloud.actions.wait(await cloud.stacks.delete(stack))
        left = await cloud.containers.list(terminated=False)
        print(len(left), "containers are left")


asyncio.run(main())
