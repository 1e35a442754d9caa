"""A real Swarm for tests: addresses, state, and a server on the Swarm.

``../shared/tools/swarm up N`` starts a Swarm and prints its addresses. The tests read
the addresses from the environment; without addresses the tests are skipped.
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
#: A script that runs until SIGTERM.
WAIT = "trap 'exit 0' TERM; while true; do sleep 1 & wait; done"
#: Seconds to wait for any one fact.
PATIENCE = 60.0
#: The label of Swarm services with the name of the stack.
STACK = "aiodockercloud.stack"
GONE = ("Terminating", "Terminated")


# --- addresses ------------------------------------------------------------------------


def nodes() -> int:
    """Return the number of nodes of the Swarm, 0 without a Swarm."""
    number = 0
    while f"SWARM_ADDR_{number + 1}" in os.environ and "DOCKER_HOST" in os.environ:
        number += 1
    return number


def need(number: int) -> pytest.MarkDecorator:
    """Return the mark that skips a test on a Swarm with fewer nodes."""
    return pytest.mark.skipif(
        nodes() < number,
        reason=f"needs a Swarm of {number} nodes: ../shared/tools/swarm up {number},"
        " its output in the environment",
    )


def hostname(number: int) -> str:
    """Return the hostname of node *number*, from 1."""
    return f"{os.environ.get('SWARM_NAME', 'swl')}-{number}"


def address(number: int) -> str:
    """Return the address of node *number*, from 1."""
    return os.environ[f"SWARM_ADDR_{number}"]


def node_engines() -> dict[str, str]:
    """Return the URL of each node's Engine, by hostname."""
    return {hostname(i): os.environ[f"DOCKER_HOST_{i}"] for i in range(1, nodes() + 1)}


async def tool(*arguments: str) -> None:
    """Run ``tools/swarm``.

    ``kill 3`` switches node 3 off, ``up 3`` starts all nodes up to number 3.
    """
    process = await asyncio.create_subprocess_exec(
        str(SHARED / "tools" / "swarm"),
        *arguments,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, err = await process.communicate()
    assert process.returncode == 0, err.decode()


# --- state ----------------------------------------------------------------------------


@asynccontextmanager
async def manager() -> AsyncIterator[Api]:
    """Connect to the manager's Engine, to see the Swarm and to change it directly."""
    api = Api(os.environ["DOCKER_HOST"])
    try:
        yield api
    finally:
        await api.close()


async def services(docker: Api, namespace: str) -> dict[str, Any]:
    """Return the Swarm services of a namespace, by container uuid."""
    label = f"aiodockercloud.namespace={namespace}"
    params = {"filters": {"label": [label]}}
    found = await docker.call("GET", "services", params=params)
    return {s["Spec"]["Labels"][naming.CONTAINER_LABEL]: s for s in found}


async def running_tasks(docker: Api) -> Counter[str]:
    """Count the running tasks of each Swarm service id, on nodes that respond."""
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


async def task_counts(docker: Api, namespace: str) -> dict[str, int]:
    """Count the running tasks of each container uuid of a namespace."""
    found = await services(docker, namespace)
    tasks = await running_tasks(docker)
    return {uuid: tasks[service["ID"]] for uuid, service in found.items()}


async def until(
    ask: Callable[[], Awaitable[bool]], *, seconds: float = PATIENCE
) -> None:
    """Ask again and again until the answer is True."""
    async with asyncio.timeout(seconds):
        while True:
            if await ask():
                return
            await asyncio.sleep(0.1)


async def wait_until_empty(docker: Api, namespace: str) -> None:
    """Wait until a namespace has neither services nor networks."""

    async def left() -> bool:
        networks = await docker.call("GET", "networks")
        ours = [n for n in networks if n["Name"].startswith(f"dc-{namespace}")]
        return not ours and not await services(docker, namespace)

    await until(left)


async def forget(uuids: Collection[str]) -> None:
    """Delete the Swarm services of containers without waiting for the tasks.

    The tasks take four seconds to end, longer than most tests.
    """
    async with manager() as docker:
        for service in await docker.call("GET", "services"):
            if service["Spec"]["Labels"].get(naming.CONTAINER_LABEL) in uuids:
                await docker.call("DELETE", f"services/{service['ID']}")


# --- a server on the Swarm ------------------------------------------------------------


@asynccontextmanager
async def engine(
    kind: type[Swarm] = Swarm, settings: SwarmSettings | None = None
) -> AsyncIterator[Swarm]:
    """Yield an engine that looks often and gives containers little time to end."""
    yield kind(node_engines=node_engines(), poll=0.3, grace=1.0, settings=settings)


@asynccontextmanager
async def server(kind: type[Swarm] = Swarm) -> AsyncIterator[Server]:
    """Start a server with a new namespace; remove the namespace at the end."""
    user = new_user()
    async with engine(kind) as swarm, running(swarm, user=user) as server:
        yield server
        async with client_of(server) as cloud, manager() as docker:
            await clear(cloud)
            await wait_until_empty(docker, user)


def new_user() -> str:
    """Return an unused name for a user and the namespace."""
    return f"t{uuid.uuid4().hex[:8]}"


async def clear(cloud: DockerCloud) -> None:
    """Terminate all stacks and services."""
    for api in (cloud.stacks, cloud.services):
        found = [x["resource_uri"] for x in await api.list() if x["state"] not in GONE]
        for answer in [await api.delete(uri) for uri in found]:
            await done(cloud, answer)


async def done(cloud: DockerCloud, answer: Any) -> None:
    """Wait until the action of a changing call has succeeded."""
    await cloud.actions.wait(answer, timeout=PATIENCE)


async def run(cloud: DockerCloud, **fields: Any) -> Service:
    """Create and start a service; return the service at the end of the action."""
    service = await cloud.services.create(**{"image": IMAGE, **fields})
    await done(cloud, await cloud.services.start(service))
    return await cloud.services.inspect(service)


def sh(script: str) -> str:
    """Return a ``run_command`` for a shell script."""
    return f'sh -c "{script}"'
