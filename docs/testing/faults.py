import asyncio

from aiodockercloud import DockerCloud, StreamClosed
from aiodockercloud.server import Embedded, running
from aiodockercloud.server.engines.embedded import Container

engine = Embedded(nodes=2)


@engine.image("acme/worker", environment={"QUEUE": "mail"})
async def worker(container: Container) -> None:
    container.print(f"working on {container.environment['QUEUE']}")
    await container.wait_stopped()


async def main() -> None:
    async with running(engine) as server:
        async with DockerCloud(
            server.url, user=server.user, apikey=server.apikey
        ) as cloud:
            # The answer to a creation gets lost: the client asks for it again.
            with server.faults.cut(when="after", method="POST", times=1) as lost:
                web = await cloud.services.create(image="acme/worker", name="web")
            print(lost.hits, "lost,", len(await cloud.services.list()), "made")

            # The server is busy.
            with server.faults.throttle(0.1, times=2) as busy:
                web = await cloud.services.start(web)
            print(busy.hits, "times busy, then", web["state"])

            # A container crashes.
            web = await cloud.services.wait(web, "Running", timeout=60)
            container = await cloud.containers.inspect(web["containers"][0])
            engine.crash(container["uuid"], exit_code=137)
            container = await cloud.containers.wait(container, "Stopped", timeout=60)
            print(container["name"], container["exit_code_msg"])

            # A log breaks off in the middle.
            logs = cloud.services.logs(web, follow=False, reconnect=False)
            with server.faults.cut(path="*/logs/", after=0):
                try:
                    print([line async for line in logs])
                except StreamClosed as error:
                    print("half a log is an error:", error.code)
                finally:
                    await logs.close()


asyncio.run(main())
