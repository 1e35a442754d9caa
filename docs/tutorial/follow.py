import asyncio

from aiodockercloud import DockerCloud, log_text


async def main() -> None:
    async with DockerCloud() as cloud:
        clock = await cloud.services.find("clock.tutorial")
        async with cloud.services.logs(clock, tail=1) as lines:
            for _ in range(2):
                line = await anext(lines)
                print(line["source"], log_text(line))


asyncio.run(main())
