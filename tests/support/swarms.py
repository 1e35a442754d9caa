"""A real Swarm for tests: where it is, what it shows, and our server on it.

``../shared/tools/swarm up N`` makes one and prints its addresses; the tests take them
from the environment and are left out, with a reason, when there is none.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from typing import Any

import pytest

from aiodockercloud import DockerCloud
from aiodockercloud.server import Server, running
from aiodockercloud.server.engines.swarm import Swarm, SwarmSettings, naming
from aiodockercloud.server.engines.swarm.docker_api import Api
from aiodockercloud.types import Service
from tests.support.facts import SHARED
from tests.support.flows import client_of

#: The only image that the nodes have: busybox with a web server.
IMAGE = "hello:latest"
#: Waits, and ends when asked to.
WAIT = "trap 'exit 0' TERM; while true; do sleep 1 & wait; done"
#: Seconds that any single fact may take to come about.
PATIENCE = 60.0
#: The label of our Swarm services with their stack's name.
STACK = "aiodockercloud.stack"
GONE = ("Terminating", "Terminated")


# --- where it is ----------------------------------------------------------------------


def nodes() -> int:
    """How many nodes the Swarm has; none: there is no Swarm to test on."""
    number = 0
    while f"SWARM_ADDR_{number + 1}" in os.environ and "DOCKER_HOST" in os.environ:
        number += 1
    return number


def need(number: int) -> pytest.MarkDecorator:
    """Skip unless there is a Swarm with that many nodes."""
    return pytest.mark.skipif(
        nodes() < number,
        reason=f"needs a Swarm of {number} nodes: ../shared/tools/swarm up {number},"
        " its output in the environment",
    )


def hostname(number: int) -> str:
    """What node *number*, from 1, is called."""
    return f"{os.environ.get('SWARM_NAME', 'swl')}-{number}"


def address(number: int) -> str:
    """Where node *number*, from 1, is."""
    return os.environ[f"SWARM_ADDR_{number}"]


def node_engines() -> dict[str, str]:
    """Hostname → URL of every node's Engine."""
    return {hostname(i): os.environ[f"DOCKER_HOST_{i}"] for i in range(1, nodes() + 1)}


async def tool(*arguments: str) -> None:
    """Run ``tools/swarm``: ``kill 3`` is that node losing power, ``up 3`` brings all
    three back."""
    process = await asyncio.create_subprocess_exec(
        str(SHARED / "tools" / "swarm"),
        *arguments,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, err = await process.communicate()
    assert process.returncode == 0, err.decode()


# --- what it shows --------------------------------------------------------------------


@asynccontextmanager
async def manager() -> AsyncIterator[Api]:
    """The Engine itself: what Swarm shows, and what is done behind our back."""
    api = Api(os.environ["DOCKER_HOST"])
    try:
        yield api
    finally:
        await api.close()


async def services(docker: Api, namespace: str) -> dict[str, Any]:
    """Container uuid → its Swarm service, of all that a namespace has."""
    label = f"aiodockercloud.namespace={namespace}"
    params = {"filters": {"label": [label]}}
    found = await docker.call("GET", "services", params=params)
    return {s["Spec"]["Labels"][naming.CONTAINER_LABEL]: s for s in found}


async def running_tasks(docker: Api) -> Counter[str]:
    """How many running tasks each Swarm service (its id) has, on nodes that answer."""
    down = {
        node["ID"]
        for node in await docker.call("GET", "nodes")
        if node["Status"]["State"] == "down"
    }
    return Counter(
        task["ServiceID"]
        for task in await docker.call("GET", "tasks")
        if task["Status"]["State"] == "running" and task.get("NodeID") not in down
    )


async def shown(docker: Api, namespace: str) -> dict[str, int]:
    """Container uuid → how many tasks of it run, of all that a namespace has."""
    there = await services(docker, namespace)
    tasks = await running_tasks(docker)
    return {uuid: tasks[service["ID"]] for uuid, service in there.items()}


async def until(
    ask: Callable[[], Awaitable[bool]], *, seconds: float = PATIENCE
) -> None:
    """What only asking again and again can tell."""
    async with asyncio.timeout(seconds):
        while True:
            if await ask():
                return
            await asyncio.sleep(0.1)


async def nothing_left(docker: Api, namespace: str) -> None:
    """Neither services nor networks of a namespace."""

    async def left() -> bool:
        networks = await docker.call("GET", "networks")
        ours = [n for n in networks if n["Name"].startswith(f"dc-{namespace}")]
        return not ours and not await services(docker, namespace)

    await until(left)


async def forget(uuids: Collection[str]) -> None:
    """Delete the Swarm services of containers. Their tasks take four seconds to end,
    which is waited for by nobody: after each small test that would be most of it."""
    async with manager() as docker:
        for service in await docker.call("GET", "services"):
            if service["Spec"]["Labels"].get(naming.CONTAINER_LABEL) in uuids:
                await docker.call("DELETE", f"services/{service['ID']}")


# --- our server on it -----------------------------------------------------------------


@asynccontextmanager
async def engine(
    kind: type[Swarm] = Swarm, settings: SwarmSettings | None = None
) -> AsyncIterator[Swarm]:
    """Yield an engine that looks often and gives containers little time to end."""
    yield kind(node_engines=node_engines(), poll=0.3, grace=1.0, settings=settings)


@asynccontextmanager
async def server(kind: type[Swarm] = Swarm) -> AsyncIterator[Server]:
    """A server with a namespace of its own, of which nothing is left on the Swarm."""
    user = new_user()
    async with engine(kind) as swarm, running(swarm, user=user) as server:
        yield server
        async with client_of(server) as cloud, manager() as docker:
            await clear(cloud)
            await nothing_left(docker, user)


def new_user() -> str:
    """A user, and namespace, that nobody else has."""
    return f"t{uuid.uuid4().hex[:8]}"


async def clear(cloud: DockerCloud) -> None:
    """Terminate all stacks and services."""
    for api in (cloud.stacks, cloud.services):
        there = [x["resource_uri"] for x in await api.list() if x["state"] not in GONE]
        for answer in [await api.delete(uri) for uri in there]:
            await done(cloud, answer)


async def done(cloud: DockerCloud, answer: Any) -> None:
    """The action of a changing call has ended well."""
    await cloud.actions.wait(answer, timeout=PATIENCE)


async def run(cloud: DockerCloud, **fields: Any) -> Service:
    """A service, created and started, as it is when its action has ended."""
    service = await cloud.services.create(**{"image": IMAGE, **fields})
    await done(cloud, await cloud.services.start(service))
    return await cloud.services.inspect(service)


def sh(script: str) -> str:
    """A ``run_command``."""
    return f'sh -c "{script}"'
