import asyncio
import ssl

from aiodockercloud import DockerCloud


async def main() -> None:
    context = ssl.create_default_context(cafile="cloud.pem")
    async with DockerCloud(ssl=context) as cloud:  # the address is in the environment
        print(len(await cloud.nodes.list()), "node over TLS")


asyncio.run(main())
