import asyncio

from aiodockercloud import DockerCloud, Forbidden
from aiodockercloud.server import running


async def main() -> None:
    async with running() as server:
        async with DockerCloud(
            server.url, user=server.user, apikey=server.apikey
        ) as cloud:
            account = await cloud.accounts.create(user="bob", namespaces=["acme"])
            print(account["user"], account["namespaces"])
            key = await cloud.keys.create(user="bob", name="ci", scopes=["read"])
            print(key["name"], key["scopes"])

        async with DockerCloud(server.url, user="bob", apikey=key["key"]) as cloud:
            print(await cloud.services.list())
            try:
                await cloud.services.create(image="nginx")
            except Forbidden as error:
                print(error.message)


asyncio.run(main())
