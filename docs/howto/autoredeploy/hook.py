import asyncio
import sys

from aiodockercloud import DockerCloud


async def main(image: str) -> None:
    async with DockerCloud() as cloud:
        service = await cloud.services.run(image=image)
        trigger = await cloud.triggers.create(service, operation="REDEPLOY")
        print(trigger["url"])


asyncio.run(main(sys.argv[1]))
