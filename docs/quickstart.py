import asyncio

from aiodockercloud import DockerCloud
from aiodockercloud.server import running


async def main() -> None:
    async with running() as server:
        async with DockerCloud(
            server.url, user=server.user, apikey=server.apikey
        ) as cloud:
            web = await cloud.services.run(
                image="dockercloud/hello-world", name="web", target_num_containers=2
            )
            containers = await cloud.services.containers(web)
            print("running:", *(container["name"] for container in containers))

            job = await cloud.services.run(
                image="busybox", run_command=["echo", "hello"], until="stopped"
            )
            print("the job ended with", job["exit_code"], "and", repr(job["stdout"]))

            await cloud.services.delete(web)
            await cloud.services.wait(web, state="Terminated")
            print("terminated")


asyncio.run(main())
