import asyncio

from aiodockercloud import DockerCloud
from aiodockercloud.server import running


async def main() -> None:
    async with running() as server:
        async with DockerCloud(
            server.url, user=server.user, apikey=server.apikey
        ) as cloud:
            repository = await cloud.repositories.create(
                name="registry.example.com/team/app", username="me", password="secret"
            )
            print(repository["name"], "in use:", repository["in_use"])
            for registry in await cloud.registries.list():
                print(registry["host"])

            await cloud.repositories.delete(repository)
            print(await cloud.repositories.list())


asyncio.run(main())
