import asyncio

from aiodockercloud import DockerCloud
from aiodockercloud.server import Embedded, running
from aiodockercloud.server.engines.embedded import Container, ManualClock

clock = ManualClock()
engine = Embedded(clock=clock)


@engine.image("acme/report", environment={"EVERY": "3600"})
async def report(container: Container) -> int:
    for number in range(1, 4):
        container.print("report", number)
        await container.sleep(float(container.environment["EVERY"]))
    return 0


async def main() -> None:
    async with running(engine) as server:
        async with DockerCloud(
            server.url, user=server.user, apikey=server.apikey
        ) as cloud:
            service = await cloud.services.run(image="acme/report", name="report")
            [container] = await cloud.services.containers(service)

            await clock.advance(3 * 3600)
            container = await cloud.containers.wait(container, "Stopped")
            print("exit code", container["exit_code"], "after three hours")
            async with cloud.containers.logs(container, follow=False) as lines:
                print([line["log"].split(" ", 1)[1] async for line in lines])


asyncio.run(main())
