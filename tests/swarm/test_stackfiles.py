"""Real stack files, started and terminated on a real Swarm of three nodes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import pytest_asyncio

from aiodockercloud import BadRequest, DockerCloud, DockerCloudError
from aiodockercloud.server import Server
from aiodockercloud.server.engines.swarm.docker_api import Api
from aiodockercloud.stackfile import load
from aiodockercloud.types import Service, Stack
from tests.support import swarms
from tests.support.flows import client_of
from tests.support.realfiles import GOOD, STACKFILES, references
from tests.support.swarms import WAIT, done

pytestmark = [swarms.need(3), pytest.mark.asyncio(loop_scope="module")]

#: Files with fields that Swarm cannot honour → a part of the refusal.
REFUSED = {
    "CloudBoost--docker.docker-cloud.yml": "Swarm publishes each port once",
    "Trendyn--app.tutum.yml": "cpu_shares: Swarm does not weigh containers",
    "ditinc--foodwatch.tutum.yml": "Swarm",
}
#: The number of stacks that run at the same time.
AT_ONCE = 10
#: Seconds for all files together, which take about 100.
ALL_FILES = 600.0


class Life(NamedTuple):
    """The results of starting and terminating a stack file."""

    refused: str = ""
    state: str = ""
    #: Containers: wanted, reported as running, and running on the Swarm.
    wanted: int = 0
    running: int = 0
    tasks: int = 0
    end: str = ""
    left: int = 0
    problem: str = ""


def adapted(file: str, number: int, folder: Path) -> list[dict[str, Any]]:
    """Return the services of a stack file, changed for the one image of the nodes.

    Commands are replaced, because the image does not have the original programs. Fixed
    host ports differ between files, and no service wants more containers with a fixed
    port than there are nodes. Host paths exist.
    """
    services = load(STACKFILES / file).services
    base = 20_000 + 50 * number
    for service in services:
        service["image"] = swarms.IMAGE
        if "run_command" in service or "entrypoint" in service:
            service["entrypoint"], service["run_command"] = "sh -c", f'"{WAIT}"'
        for port in service.get("container_ports", ()):
            if port["outer_port"] is not None and service.get("net") != "host":
                port["outer_port"] = base = base + 1
                target = service.get("target_num_containers", 1)
                service["target_num_containers"] = min(target, 3)
        for binding in service.get("bindings", ()):
            if path := binding.get("host_path"):
                there = folder / path.strip("/~")
                there.mkdir(parents=True, exist_ok=True)
                binding["host_path"] = str(there)
    return services


def wanted(service: Service) -> int:
    if service["deployment_strategy"] == "EVERY_NODE":
        return swarms.nodes()
    return service["target_num_containers"]


async def life(
    cloud: DockerCloud,
    docker: Api,
    namespace: str,
    name: str,
    services: list[dict[str, Any]],
) -> Life:
    """Start a stack and terminate the stack, unless the server refuses the file."""
    try:
        stack = await cloud.stacks.create(name=name, services=services)
    except BadRequest as error:
        return Life(refused=error.message)
    found = Life()
    try:
        await done(cloud, await cloud.stacks.start(stack))
        stack = await cloud.stacks.inspect(stack)
        members = [await cloud.services.inspect(uri) for uri in stack["services"]]
        there = await swarms.services(docker, namespace)
        tasks = await swarms.running_tasks(docker)
        uuids = [u.split("/")[-2] for s in members for u in s["containers"]]
        found = Life(
            state=stack["state"],
            wanted=sum(map(wanted, members)),
            running=sum(s["running_num_containers"] for s in members),
            tasks=sum(tasks[there[uuid]["ID"]] for uuid in uuids),
        )
    except (DockerCloudError, TimeoutError) as error:
        found = Life(problem=f"{error!r}")
    await done(cloud, await cloud.stacks.delete(stack))
    stack = await cloud.stacks.inspect(stack)
    there = await swarms.services(docker, namespace)
    left = [u for u in there.values() if u["Spec"]["Labels"][swarms.STACK] == name]
    return found._replace(end=stack["state"], left=len(left))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[Server]:
    async with swarms.server() as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lives(
    request: pytest.FixtureRequest,
    server: Server,
    tmp_path_factory: pytest.TempPathFactory,
) -> Mapping[str, Life]:
    """Run the files of all selected tests, several at the same time."""
    files: list[str] = [
        str(item.callspec.params["file"])
        for item in request.session.items
        if isinstance(item, pytest.Function)
        and item.module is request.module
        and "lives" in item.fixturenames
    ]
    folder = tmp_path_factory.mktemp("host")
    bodies = {file: adapted(file, i, folder) for i, file in enumerate(files)}
    room = asyncio.Semaphore(AT_ONCE)
    found: dict[str, Life] = {}

    async with client_of(server) as cloud, swarms.manager() as docker:

        async def one(file: str) -> None:
            name = re.sub("[^a-z0-9]+", "-", file.lower().partition(".")[0])[:30]
            async with room:
                found[file] = await life(
                    cloud, docker, server.user, name.strip("-"), bodies[file]
                )

        tags = {
            tag["name"]
            for services in bodies.values()
            for service in services
            for tag in service.get("tags", ())
        }
        nodes = await cloud.nodes.list(state="Deployed")
        for node in nodes:
            await cloud.nodes.update(node, tags=sorted(tags))
        others = await stand_ins(cloud, bodies.values())
        try:
            async with asyncio.timeout(ALL_FILES):
                await asyncio.gather(*map(one, files))
        except TimeoutError:
            late = Life(problem=f"not finished within {ALL_FILES:.0f} s for all files")
            found = {file: found.get(file, late) for file in files}
        finally:
            for stack in others:
                await done(cloud, await cloud.stacks.delete(stack))
            for node in nodes:
                before = [tag["name"] for tag in node["tags"]]
                await cloud.nodes.update(node, tags=before)
    return found


async def stand_ins(
    cloud: DockerCloud, bodies: Iterable[list[dict[str, Any]]]
) -> list[Stack]:
    """Start stacks with the services that the files expect in other stacks."""
    wanted: dict[str, set[str]] = {}
    for services in bodies:
        for name, stack_name in references(services):
            wanted.setdefault(stack_name, set()).add(name)
    made = []
    for stack_name, names in wanted.items():
        stack = await cloud.stacks.create(
            name=stack_name,
            services=[{"name": name, "image": swarms.IMAGE} for name in sorted(names)],
        )
        await done(cloud, await cloud.stacks.start(stack))
        made.append(stack)
    return made


# The first test waits for all files, longer than the usual timeout.
@pytest.mark.timeout(ALL_FILES + 60)
@pytest.mark.parametrize("file", GOOD)
async def test_stack_file_runs_and_is_terminated_or_is_refused(
    lives: Mapping[str, Life], file: str
) -> None:
    found = lives[file]

    assert found.problem == ""
    if file in REFUSED:
        assert REFUSED[file] in found.refused
        return
    assert found.refused == ""
    assert found.state == "Running"
    assert found.wanted == found.running == found.tasks
    assert found.end == "Terminated"
    assert found.left == 0
