import asyncio
import sys

from aiodockercloud import DockerCloud


async def main(path: str) -> None:
    async with DockerCloud() as cloud:
        stack = await cloud.stacks.deploy(path, name="shop")
        services = [await cloud.services.inspect(uri) for uri in stack["services"]]
        names = sorted(service["name"] for service in services)
        print(f"{stack['name']} is {stack['state']}: {', '.join(names)}")


asyncio.run(main(sys.argv[1]))
