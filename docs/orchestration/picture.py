import asyncio

from aiodockercloud import DockerCloud
from aiodockercloud.server import Server, running


async def watch(cloud: DockerCloud, server: Server) -> None:
    picture: dict[str, str] = {}
    names: dict[str, str] = {}
    async with cloud.events.snapshot(type="service") as events:
        async for event in events:
            if "objects" in event:  # at the start, and after each gap
                picture = {one["name"]: one["state"] for one in event["objects"]}
                names = {one["resource_uri"]: one["name"] for one in event["objects"]}
                print(event["type"], picture)
                server.faults.cut_streams()  # a bad network
                await cloud.services.start(event["objects"][0])
            else:
                name = names[event["resource_uri"]]
                picture[name] = event["state"]
                print(event["type"], picture)
                if event["state"] == "Running":
                    print("gaps:", events.gaps)
                    return


async def main() -> None:
    async with running() as server:
        async with DockerCloud(
            server.url, user=server.user, apikey=server.apikey
        ) as cloud:
            await cloud.services.create(image="tutum/hello-world", name="web")
            await watch(cloud, server)


asyncio.run(main())
