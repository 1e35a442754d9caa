import asyncio
import sys

from aiodockercloud import DockerCloud, StackFileError, WaitFailed


async def main() -> None:
    async with DockerCloud() as cloud:
        stack = await cloud.stacks.deploy("docker-cloud.yml", name="tutorial")
        print(stack["name"], "is", stack["state"])
        services = await cloud.services.list(stack=stack)
        for service in sorted(services, key=lambda one: one["name"]):
            for container in await cloud.services.containers(service):
                print(f"{container['name']:8} {container['state']}")


try:
    asyncio.run(main())
except (StackFileError, WaitFailed) as error:
    sys.exit(str(error))
