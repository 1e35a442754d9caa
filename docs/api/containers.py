import asyncio

from aiodockercloud import DockerCloud
from aiodockercloud.loglines import log_text
from aiodockercloud.server import running


async def main() -> None:
    async with running() as server:
        async with DockerCloud(
            server.url, user=server.user, apikey=server.apikey
        ) as cloud:
            box = await cloud.services.run(
                image="busybox",
                name="box",
                run_command="sh -c 'echo ready; sleep 3600'",
            )
            [container] = await cloud.services.containers(box)

            result = await cloud.containers.run(container, ["echo", "to be  or not"])
            print(result)

            async with cloud.containers.logs(container, tail=1) as lines:
                async for line in lines:
                    print(log_text(line))
                    break

            async with cloud.containers.exec(container, "cat") as process:
                await process.write("one\n")
                await process.write("\x04")
                async for frame in process:
                    print(frame["streamType"], repr(frame["output"]))
            print("exit code", process.exit_code)


asyncio.run(main())
