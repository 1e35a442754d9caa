import asyncio

from aiodockercloud import DockerCloud
from aiodockercloud.server import running


async def main() -> None:
    async with running() as server:
        async with DockerCloud(
            server.url, user=server.user, apikey=server.apikey
        ) as cloud:
            web = await cloud.services.create(
                image="dockercloud/hello-world", name="web", target_num_containers=2
            )
            print("created:", web["name"], "is", web["state"])

            await cloud.services.start(web)
            await cloud.services.wait(web, state="Running")
            containers = await cloud.containers.list(service=web["resource_uri"])
            print("running:", *sorted(container["name"] for container in containers))

            await cloud.services.delete(web)
            await cloud.services.wait(web, state="Terminated")
            print("terminated")


asyncio.run(main())
