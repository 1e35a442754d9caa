import asyncio
from collections.abc import Iterator

import pytest

from aiodockercloud import DockerCloud
from aiodockercloud.server import Embedded, Faults, ThreadServer, running_in_thread
from aiodockercloud.server.engines.embedded import Container


async def double(cloud: DockerCloud, name: str) -> int:
    """The code under test: run twice as many containers."""
    service = await cloud.services.find(name)
    target = 2 * service["target_num_containers"]
    await cloud.actions.wait(await cloud.services.scale(service, target))
    return target


def program() -> None:
    """The code under test: a synchronous program with a loop of its own."""

    async def main() -> None:
        async with DockerCloud() as cloud:  # finds the server of the test
            await cloud.services.run(image="acme/web", name="web")
            await double(cloud, "web")

    asyncio.run(main())


# An asynchronous test: a new server for each test, in the loop of the test.


@pytest.mark.asyncio
async def test_double_runs_twice_as_many(dockercloud: DockerCloud) -> None:
    await dockercloud.services.run(image="acme/web", name="web")

    assert await double(dockercloud, "web") == 2


@pytest.mark.asyncio
async def test_double_survives_a_bad_network(
    dockercloud: DockerCloud, dockercloud_faults: Faults
) -> None:
    await dockercloud.services.run(image="acme/web", name="web")
    dockercloud_faults.cut(when="after", method="POST", times=1)  # the answer is lost

    assert await double(dockercloud, "web") == 2


# A synchronous test: the server has a thread of its own.


def test_program_ends(dockercloud_url: str) -> None:
    program()


# One server for all tests of the session, with an image of your own.


@pytest.fixture(scope="session")
def cloud_server() -> Iterator[ThreadServer]:
    engine = Embedded(nodes=3)

    @engine.image("acme/worker")
    async def worker(container: Container) -> int:
        container.print("working for", container.environment["CUSTOMER"])
        return 0

    with running_in_thread(engine) as server:
        yield server


@pytest.mark.parametrize("customer", ["alice", "bob"])
def test_worker_works_for_its_customer(
    cloud_server: ThreadServer, customer: str
) -> None:
    async def work() -> str:
        async with DockerCloud(
            cloud_server.url, user=cloud_server.user, apikey=cloud_server.apikey
        ) as cloud:
            result = await cloud.services.run(
                image="acme/worker",
                container_envvars={"CUSTOMER": customer},
                until="stopped",
            )
            return result["stdout"]

    assert asyncio.run(work()) == f"working for {customer}\n"
