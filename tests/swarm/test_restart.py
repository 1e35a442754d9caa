"""A restart of the server on a real Swarm: the server adopts the existing objects."""

from __future__ import annotations

import asyncio
import itertools
import random
import signal
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from aiodockercloud import (
    ConflictError,
    ConnectError,
    DockerCloud,
    DockerCloudError,
    OperationNotAllowed,
)
from aiodockercloud.types import Service
from tests.support import swarms
from tests.support.processes import Process, serving
from tests.support.storm import ENDED, differences, failures
from tests.support.swarms import clear, done

pytestmark = swarms.need(3)

#: The number of operations. The server is killed when most have a response.
MIXED = 50


def operations(
    cloud: DockerCloud, services: Sequence[Service], chosen: random.Random
) -> Iterator[Coroutine[Any, Any, Any]]:
    """Yield random operations on services and containers, without end."""
    for number in itertools.count():
        service = chosen.choice(services)
        uri = service["resource_uri"]
        container = chosen.choice(service["containers"])
        choices: list[Callable[[], Coroutine[Any, Any, Any]]] = [
            partial(cloud.services.redeploy, uri),
            partial(cloud.services.scale, uri, chosen.randint(1, 4)),
            partial(cloud.services.update, uri, nickname=f"nick{number}"),
            partial(cloud.services.stop, uri),
            partial(cloud.services.start, uri),
            partial(cloud.services.delete, uri),
            partial(cloud.containers.stop, container),
            partial(cloud.containers.redeploy, container),
            partial(cloud.containers.delete, container),
            partial(begin, cloud, f"new{number}"),
        ]
        yield chosen.choice(choices)()


async def begin(cloud: DockerCloud, name: str) -> Service:
    """Create a service of two containers and start the service without waiting."""
    fields: dict[str, Any] = {"image": swarms.IMAGE, "target_num_containers": 2}
    return await cloud.services.start(await cloud.services.create(name=name, **fields))


@pytest.mark.parametrize("seed", [7, 11])
async def test_state_after_a_kill_during_mixed_operations_equals_the_swarm(
    tmp_path: Path, seed: int
) -> None:
    user, key = swarms.new_user(), "s3cret-key"
    account = {"DOCKERCLOUD_USER": user, "DOCKERCLOUD_APIKEY": key}
    chosen = random.Random(seed)
    ended: Counter[str] = Counter()

    def client(process: Process) -> DockerCloud:
        return DockerCloud(process.url, user=user, apikey=key, retry=None)

    async with serving(tmp_path, account, "--engine", "swarm") as process:
        await process.ready()
        async with client(process) as cloud:
            begun = await asyncio.gather(*(begin(cloud, f"web{n}") for n in range(11)))
            for service in begun:
                await done(cloud, service)
            *services, apart = [await cloud.services.inspect(one) for one in begun]
            await done(cloud, await cloud.containers.stop(apart["containers"][0]))
            answered = asyncio.Semaphore(0)

            async def ask(operation: Coroutine[Any, Any, Any]) -> None:
                try:
                    await operation
                except (ConflictError, OperationNotAllowed):
                    ended["refused"] += 1
                except ConnectError:
                    ended["lost"] += 1
                except DockerCloudError as error:
                    ended[f"{error!r}"] += 1
                else:
                    ended["answered"] += 1
                answered.release()

            some = operations(cloud, services, chosen)
            asked = [asyncio.create_task(ask(next(some))) for _ in range(MIXED)]
            for _ in range(chosen.randint(MIXED // 2, MIXED)):
                await answered.acquire()
            await process.end(signal.SIGKILL)
            await asyncio.gather(*asked)
    assert ended.keys() <= {"answered", "refused", "lost"}
    assert ended["answered"] >= MIXED // 4, ended
    async with swarms.manager() as docker:
        found = await swarms.services(docker, user)
        for uri in apart["containers"]:  # a running and a stopped container
            id = found[uri.split("/")[-2]]["ID"]
            await docker.call("DELETE", f"services/{id}")

        async with serving(tmp_path, account, "--engine", "swarm") as process:
            await process.ready()
            async with client(process) as cloud:
                left: list[str] = []

                async def over() -> bool:
                    left[:] = [
                        f"{action['action']} of {action['object']} is {action['state']}"
                        for action in await cloud.actions.list()
                        if action["state"] not in ENDED
                    ] or await differences(
                        cloud, await swarms.task_counts(docker, user)
                    )
                    return not left

                try:
                    await swarms.until(over)
                except TimeoutError:
                    raise AssertionError(left) from None
                assert await failures(cloud) == []
                service = await cloud.services.inspect(apart)
                assert service["state"] == "Not running"
                await clear(cloud)
            assert await process.end(signal.SIGTERM) == 0
        assert process.err == ""
        await swarms.wait_until_empty(docker, user)
