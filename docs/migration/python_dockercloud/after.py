import asyncio

from aiodockercloud import DockerCloud


async def main() -> None:
    async with DockerCloud() as cloud:
        service = await cloud.services.run(
            image="dockercloud/hello-world", name="web", target_num_containers=2
        )
        print(service["name"], "is", service["state"])
        for container in await cloud.services.containers(service):
            print(container["name"], container["state"])


asyncio.run(main())
