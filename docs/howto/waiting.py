import asyncio

from aiodockercloud import DockerCloud, WaitFailed
from aiodockercloud.server import running


async def main() -> None:
    async with running() as server:
        async with DockerCloud(
            server.url, user=server.user, apikey=server.apikey
        ) as cloud:
            web = await cloud.services.run(image="dockercloud/hello-world", name="web")
            print("runs:", web["name"])

            await cloud.actions.wait(await cloud.services.scale(web, 3))
            web = await cloud.services.inspect(web)
            print("scaled to", web["running_num_containers"])

            try:
                await cloud.services.run(
                    image="busybox",
                    name="broken",
                    run_command=["sh", "-c", "echo no database; exit 3"],
                )
            except WaitFailed as error:
                print(str(error).partition("; ")[2])

            try:
                await cloud.services.wait(web, "Stopped", timeout=0.1)
            except TimeoutError:
                print("not stopped yet")


asyncio.run(main())
