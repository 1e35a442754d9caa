import asyncio

from aiodockercloud import DockerCloud
from aiodockercloud.server import running


async def main() -> None:
    async with running() as server:
        async with DockerCloud(
            server.url, user=server.user, apikey=server.apikey
        ) as cloud:
            secret = await cloud.secrets.create(name="db-password", data="s3cret")
            await cloud.configs.create(name="app.conf", data="debug = no\n")
            web = await cloud.services.run(
                image="busybox",
                name="web",
                run_command="sleep 1000",
                secrets=["db-password"],
                configs=[{"source": "app.conf", "target": "/etc/app.conf"}],
            )
            (container,) = await cloud.services.containers(web)
            script = "wc -c </run/secrets/db-password; cat /etc/app.conf"
            result = await cloud.containers.run(container, ["sh", "-c", script])
            print(result["stdout"], end="")

            await cloud.secrets.update(secret, data="another")
            web = await cloud.services.inspect(web)
            print("new content deployed:", web["synchronized"])
            redeployed = await cloud.services.redeploy(web)
            await cloud.actions.wait(redeployed)
            web = await cloud.services.inspect(web)
            print("new content deployed:", web["synchronized"])


asyncio.run(main())
