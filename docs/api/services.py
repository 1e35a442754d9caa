import asyncio

from aiodockercloud import DockerCloud
from aiodockercloud.server import running


async def main() -> None:
    async with running() as server:
        async with DockerCloud(
            server.url, user=server.user, apikey=server.apikey
        ) as cloud:
            web = await cloud.services.run(
                image="dockercloud/hello-world", name="web", container_ports=["80"]
            )
            print(web["name"], "runs", web["running_num_containers"], "container")

            await cloud.actions.wait(await cloud.services.scale(web, 3))
            web = await cloud.services.inspect(web)
            print("scaled to", web["running_num_containers"])

            web = await cloud.services.update(
                web, container_envvars={"GREETING": "hello"}
            )
            print("synchronized:", web["synchronized"])
            await cloud.actions.wait(await cloud.services.redeploy(web))
            web = await cloud.services.find("web")
            print("synchronized:", web["synchronized"])


asyncio.run(main())
