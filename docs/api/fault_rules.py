import asyncio

from aiodockercloud import ConnectError, DockerCloud, Unavailable
from aiodockercloud.server import running


async def main() -> None:
    async with running() as server:
        async with DockerCloud(
            server.url, user=server.user, apikey=server.apikey, retry=None
        ) as cloud:
            with server.faults.fail(503, times=1):
                try:
                    await cloud.services.list()
                except Unavailable as error:
                    print(error.status, error.message)

            with server.faults.cut(path="*/service/") as lost:
                try:
                    await cloud.services.list()
                except ConnectError:
                    print("no answer,", lost.hits, "hit")

            print("without faults:", await cloud.services.list())


asyncio.run(main())
