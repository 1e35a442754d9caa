import asyncio
import subprocess
import sys
from collections.abc import Iterator

import pytest

from aiodockercloud import DockerCloud
from aiodockercloud.server import Embedded, ThreadServer, running_in_thread

PROGRAM = """
import asyncio
from aiodockercloud import DockerCloud

async def main():
    async with DockerCloud() as cloud:
        print(len(await cloud.nodes.list()), "node")

asyncio.run(main())
"""


def test_program_prints_the_number_of_nodes(dockercloud_url: str) -> None:
    output = subprocess.check_output([sys.executable, "-c", PROGRAM], text=True)

    assert output == "1 node\n"


@pytest.fixture(scope="session")
def engine() -> Embedded:
    return Embedded(nodes=3)


@pytest.fixture(scope="session")
def server(engine: Embedded) -> Iterator[ThreadServer]:
    with running_in_thread(engine) as server:
        yield server


def test_crash_stops_the_container(server: ThreadServer, engine: Embedded) -> None:
    async def crash() -> str:
        async with DockerCloud(
            server.url, user=server.user, apikey=server.apikey
        ) as cloud:
            web = await cloud.services.create(image="acme/web", name="web")
            web = await cloud.services.wait(
                await cloud.services.start(web), "Running", timeout=60
            )
            container = await cloud.containers.inspect(web["containers"][0])
            server.call(engine.crash, container["uuid"])
            container = await cloud.containers.wait(container, "Stopped", timeout=60)
            return container["state"]

    assert asyncio.run(crash()) == "Stopped"
