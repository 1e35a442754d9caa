import asyncio
import sys

from aiodockercloud import DockerCloud


async def main(call: str) -> None:
    async with DockerCloud() as cloud:
        print(await eval(call, {"cloud": cloud}))


try:
    asyncio.run(main(sys.argv[1]))
except Exception as error:
    print(f"{type(error).__name__}: {error}")
