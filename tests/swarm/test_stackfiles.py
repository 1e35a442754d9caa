"""Stack files as people wrote them, up and down on a real Swarm of three nodes."""

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
from tests.support.realfiles import GOOD, STACKFILES
from tests.support.swarms import WAIT, done

pytestmark = [swarms.need(3), pytest.mark.asyncio(loop_scope="module")]

#: Files with what Swarm cannot do: what the refusal says.
REFUSED = {
    "CloudBoost--docker.docker-cloud.yml": "Swarm publishes each port once",
    "Trendyn--app.tutum.yml": "cpu_shares: Swarm does not weigh containers",
    "ditinc--foodwatch.tutum.yml": "Swarm",
}
#: Stack files that are up at a time.
AT_ONCE = 10
#: Seconds after which all of them together count as hanging; they take about 100.
ALL_FILES = 600.0


class Life(NamedTuple):
    """What became of a stack file."""

    refused: str = ""
    state: str = ""
    #: Containers wanted, told as running, and running on the Swarm.
    wanted: int = 0
    running: int = 0
    tasks: int = 0
    end: str = ""
    left: int = 0
    problem: str = ""


def adapted(file: str, number: int, folder: Path) -> list[dict[str, Any]]:
    """The services of a stack file, such that all files can be up at a time with the
    one image there is: its own commands are not in that, fixed host ports are spread,
    not more than one container a node wants one, and host paths are there."""
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


def elsewhere(services: list[dict[str, Any]]) -> set[tuple[str, str]]:
    """(service, stack) that they refer to in other stacks."""
    found = set()
    for service in services:
        names = [link["to_service"] for link in service.get("linked_to_service", ())]
        names += [b.get("volumes_from") or "" for b in service.get("bindings", ())]
        for name, dot, stack in (name.partition(".") for name in names):
            if dot:
                found.add((name, stack))
    return found


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
    """Up and down; or refused."""
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
    """What became of each file that the chosen tests ask for, several at a time."""
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
            late = Life(problem=f"not up and down within {ALL_FILES:.0f} s of them all")
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
    """Running stacks for services that the files expect in other stacks."""
    wanted: dict[str, set[str]] = {}
    for services in bodies:
        for name, stack_name in elsewhere(services):
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


# The first of them waits for all: more than any one test may take elsewhere.
@pytest.mark.timeout(ALL_FILES + 60)
@pytest.mark.parametrize("file", GOOD)
async def test_stack_file_comes_up_and_goes_down_or_is_refused(
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
