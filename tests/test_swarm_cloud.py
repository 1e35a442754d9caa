"""Whole flows through our server on a real Swarm of three nodes."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import re
import signal
import uuid
from collections import Counter
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import pytest
import pytest_asyncio

import swarms
from aiodockercloud import (
    BadRequest,
    ConnectError,
    DockerCloud,
    DockerCloudError,
    OperationNotAllowed,
)
from aiodockercloud.server import Server, running
from aiodockercloud.server.engines import swarm_spec
from aiodockercloud.server.engines.swarm_api import Api
from aiodockercloud.stackfile import load
from aiodockercloud.types import Service, Stack
from aiodockercloud.wire import log_text
from flows import client_of, containers
from test_quickstart import COMMAND, GOOD, STACKFILES, environment, quiet
from test_restart import Process, serving

pytestmark = [swarms.need(3), pytest.mark.asyncio(loop_scope="module")]

#: Seconds that any single fact may take to come about.
PATIENCE = 60.0
#: Waits, and ends when asked to.
WAIT = "trap 'exit 0' TERM; while true; do sleep 1 & wait; done"
GONE = ("Terminating", "Terminated")
#: The label of our Swarm services with their stack's name.
STACK = "aiodockercloud.stack"
FETCH = "timeout 3 wget -qO- http://{}/"


def sh(script: str) -> str:
    """A ``run_command``."""
    return f'sh -c "{script}"'


@asynccontextmanager
async def manager() -> AsyncIterator[Api]:
    """The Engine itself: what Swarm shows, and what is done behind our back."""
    api = Api(os.environ["DOCKER_HOST"])
    try:
        yield api
    finally:
        await api.close()


async def until(ask: Callable[[], Awaitable[bool]]) -> None:
    """What only asking again and again can tell."""
    async with asyncio.timeout(PATIENCE):
        while True:
            if await ask():
                return
            await asyncio.sleep(0.1)


async def swarm_services(docker: Api, namespace: str) -> dict[str, Any]:
    """Container uuid → its Swarm service, of all that a namespace has."""
    label = f"aiodockercloud.namespace={namespace}"
    params = {"filters": {"label": [label]}}
    found = await docker.call("GET", "services", params=params)
    return {s["Spec"]["Labels"][swarm_spec.CONTAINER]: s for s in found}


async def running_tasks(docker: Api) -> Counter[str]:
    """How many running tasks each Swarm service (its id) has."""
    tasks = await docker.call("GET", "tasks")
    return Counter(
        task["ServiceID"] for task in tasks if task["Status"]["State"] == "running"
    )


async def clear(cloud: DockerCloud) -> None:
    """Terminate all stacks and services."""
    for api in (cloud.stacks, cloud.services):
        there = [x["resource_uri"] for x in await api.list() if x["state"] not in GONE]
        for answer in [await api.delete(uri) for uri in there]:
            await done(cloud, answer)


async def nothing_left(docker: Api, namespace: str) -> None:
    """Neither services nor networks of a namespace."""

    async def left() -> bool:
        networks = await docker.call("GET", "networks")
        ours = [n for n in networks if n["Name"].startswith(f"dc-{namespace}")]
        return not ours and not await swarm_services(docker, namespace)

    await until(left)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[Server]:
    """A server with a namespace of its own, of which nothing is left on the Swarm."""
    user = f"t{uuid.uuid4().hex[:8]}"
    async with swarms.engine() as engine, running(engine, user=user) as server:
        yield server
        async with client_of(server) as cloud, manager() as docker:
            await clear(cloud)
            await nothing_left(docker, user)


@pytest_asyncio.fixture(loop_scope="module")
async def live(server: Server) -> AsyncIterator[DockerCloud]:
    async with client_of(server) as cloud:
        yield cloud


@pytest_asyncio.fixture(loop_scope="module")
async def docker() -> AsyncIterator[Api]:
    async with manager() as api:
        yield api


async def done(cloud: DockerCloud, answer: Any) -> None:
    await cloud.actions.wait(answer, timeout=PATIENCE)


async def run(cloud: DockerCloud, **fields: Any) -> Service:
    """A service, created and started, as it is when its action has ended."""
    service = await cloud.services.create(**{"image": swarms.IMAGE, **fields})
    await done(cloud, await cloud.services.start(service))
    return await cloud.services.inspect(service)


async def output(cloud: DockerCloud, container: Any, script: str) -> str:
    """What a shell in a container writes."""
    command = ["sh", "-c", script]
    result = await cloud.containers.run(container, command, timeout=PATIENCE)
    return result["stdout"].strip()


# --- containers find each other, and are found --------------------------------------


async def test_linked_service_is_reached_from_every_node(live: DockerCloud) -> None:
    stack = await live.stacks.create(
        name="shop",
        services=[
            {
                "name": "web",
                "image": swarms.IMAGE,
                "target_num_containers": 3,
                "deployment_strategy": "HIGH_AVAILABILITY",
                "links": ["db", "db:store"],
            },
            {"name": "db", "image": swarms.IMAGE, "expose": ["80"]},
        ],
    )
    await done(live, await live.stacks.start(stack))
    web, db = [
        await live.services.inspect(uri)
        for uri in (await live.stacks.inspect(stack))["services"]
    ]
    clients = await containers(live, web)

    assert len({container["node"] for container in clients}) == 3
    addresses = ("db:80", "store:80", "$DB_PORT_80_TCP_ADDR:$DB_PORT_80_TCP_PORT")
    for client in clients:
        for address in (*addresses, "$STORE_1_PORT_80_TCP_ADDR:80"):
            assert await output(live, client, FETCH.format(address)) == "db-1"

    # Not the address of before.
    await done(live, await live.services.redeploy(db))

    for client in clients:
        for address in addresses:
            assert await output(live, client, FETCH.format(address)) == "db-1"
    await done(live, await live.stacks.delete(stack))


async def test_published_port_answers_from_outside_its_node(live: DockerCloud) -> None:
    ports = [{"inner_port": 80, "protocol": "tcp", "published": True}]
    web = await run(
        live,
        name="web",
        container_ports=ports,
        target_num_containers=3,
        deployment_strategy="HIGH_AVAILABILITY",
    )
    found = {}
    async with asyncio.timeout(PATIENCE), aiohttp.ClientSession() as session:
        for container in await containers(live, web):
            [port] = container["container_ports"]
            node = await live.nodes.inspect(container["node"])
            url = f"http://{node['public_ip']}:{port['outer_port']}/"
            async with session.get(url) as response:
                found[node["public_ip"]] = (await response.text()).strip()

    assert set(found) == {os.environ[f"SWARM_ADDR_{i}"] for i in (1, 2, 3)}
    assert set(found.values()) == {"web-1", "web-2", "web-3"}
    await done(live, await live.services.delete(web))


async def test_command_runs_on_every_node_and_its_end_is_told(
    live: DockerCloud,
) -> None:
    web = await run(live, name="web", deployment_strategy="EVERY_NODE")
    found = await containers(live, web)

    assert len(found) == 3
    for container in found:
        result = await live.containers.run(
            container, ["sh", "-c", "hostname; cat; echo no >&2; exit 3"], stdin="in\n"
        )
        assert result["stdout"] == f"{container['name']}\nin\n"
        assert result["stderr"] == "no\n"
        assert result["exit_code"] == 3
    await done(live, await live.services.delete(web))


async def test_logs_of_all_containers_are_one_stream(live: DockerCloud) -> None:
    speak = sh("echo out of $HOSTNAME; echo err >&2; " + WAIT)
    web = await run(
        live,
        name="web",
        run_command=speak,
        target_num_containers=3,
        deployment_strategy="HIGH_AVAILABILITY",
    )
    found = set()
    async with asyncio.timeout(PATIENCE), live.services.logs(web, tail=10) as lines:
        async for line in lines:
            found.add((line["source"], line["streamType"], log_text(line).strip()))
            if len(found) == 6:
                break

    names = {f"web-{i}" for i in (1, 2, 3)}
    assert found == {
        *((name, "stdout", f"out of {name}") for name in names),
        *((name, "stderr", "err") for name in names),
    }
    await done(live, await live.services.delete(web))


# --- single containers --------------------------------------------------------------


async def test_one_container_is_stopped_started_replaced_and_removed(
    live: DockerCloud,
) -> None:
    web = await run(live, name="web", target_num_containers=3)
    first, second, third = await containers(live, web)

    async def states() -> list[str]:
        return [one["state"] for one in await containers(live, web)]

    await done(live, await live.containers.stop(second))
    assert await states() == ["Running", "Stopped", "Running"]
    assert (await live.services.inspect(web))["state"] == "Partly running"
    assert (await live.containers.inspect(second))["exit_code"] == 0

    await done(live, await live.containers.start(second))
    assert await states() == ["Running"] * 3
    assert await output(live, second, "hostname") == "web-2"

    await done(live, await live.containers.redeploy(first))
    assert (await live.containers.inspect(first))["state"] == "Terminated"
    names = [one["name"] for one in await containers(live, web)]
    assert sorted(names) == ["web-1", "web-2", "web-3"]

    await done(live, await live.containers.delete(third))
    service = await live.services.inspect(web)
    assert service["running_num_containers"] == 2
    assert service["target_num_containers"] == 2

    await done(live, await live.services.scale(web, 4))
    names = [one["name"] for one in await containers(live, web)]
    assert sorted(names) == ["web-1", "web-2", "web-3", "web-4"]
    await done(live, await live.services.scale(web, 1))
    assert [one["name"] for one in await containers(live, web)] == ["web-1"]
    await done(live, await live.services.stop(web))
    assert (await live.services.inspect(web))["state"] == "Stopped"
    await done(live, await live.services.delete(web))


@pytest.mark.parametrize("code", [0, 7])
async def test_end_of_a_container_is_told_with_its_exit_code(
    live: DockerCloud, code: int
) -> None:
    job = await run(live, name="job", run_command=sh(f"exit {code}"))
    [uri] = job["containers"]
    container = await live.containers.wait(uri, "Stopped", timeout=PATIENCE)

    assert container["exit_code"] == code
    assert (await live.services.inspect(job))["state"] == "Stopped"
    await done(live, await live.services.delete(job))


@pytest.mark.parametrize(
    ("rule", "code", "state"),
    [
        ("ALWAYS", 1, "Terminated"),
        ("ON_SUCCESS", 0, "Terminated"),
        ("ON_SUCCESS", 1, "Stopped"),
    ],
)
async def test_autodestroy_removes_what_has_ended(
    live: DockerCloud, docker: Api, server: Server, rule: str, code: int, state: str
) -> None:
    job = await run(
        live, name="job", run_command=sh(f"sleep 1; exit {code}"), autodestroy=rule
    )
    [uri] = job["containers"]
    container = await live.containers.wait(uri, state, timeout=PATIENCE)

    assert container["exit_code"] == code
    there = container["uuid"] in await swarm_services(docker, server.user)
    assert there == (state == "Stopped")
    await done(live, await live.services.delete(job))


async def test_service_removed_by_hand_is_terminated_with_an_event(
    live: DockerCloud, docker: Api, server: Server
) -> None:
    web = await run(live, name="web", target_num_containers=2)
    first, second = await containers(live, web)
    await done(live, await live.containers.stop(second))
    found = await swarm_services(docker, server.user)
    told = set()
    async with live.events.subscribe() as events, asyncio.timeout(PATIENCE):
        for container in (first, second):
            id = found[container["uuid"]]["ID"]
            await docker.call("DELETE", f"services/{id}")
        async for event in events:
            told.add((event["resource_uri"], event["state"]))
            if told >= {(c["resource_uri"], "Terminated") for c in (first, second)} | {
                (web["resource_uri"], "Not running")
            }:
                break

    for container in (first, second):
        assert (await live.containers.inspect(container))["state"] == "Terminated"
    service = await live.services.inspect(web)
    assert service["state"] == "Not running"
    assert service["running_num_containers"] == 0

    # It can be had again.
    await done(live, await live.services.start(web))
    assert (await live.services.inspect(web))["running_num_containers"] == 2
    await done(live, await live.services.delete(web))


# --- stack files --------------------------------------------------------------------

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
        there = await swarm_services(docker, namespace)
        tasks = await running_tasks(docker)
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
    there = await swarm_services(docker, namespace)
    left = [u for u in there.values() if u["Spec"]["Labels"][STACK] == name]
    return found._replace(end=stack["state"], left=len(left))


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

    async with client_of(server) as cloud, manager() as docker:

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


async def test_quickstart_runs_on_swarm() -> None:
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        *("--engine", "swarm", "--image", swarms.IMAGE),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment(),
    )
    try:
        async with asyncio.timeout(2 * PATIENCE):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()

    assert quiet(err.decode()) == ""
    assert process.returncode == 0
    assert out.decode().endswith("==> done; containers left: none\n")
    async with manager() as docker:
        assert await swarm_services(docker, "admin") == {}


# --- a restart of the server --------------------------------------------------------

#: How many operations there are, most of them answered when the server is killed.
MIXED = 20
ENDED = frozenset({"Success", "Failed", "Canceled"})


async def differences(cloud: DockerCloud, docker: Api, namespace: str) -> list[str]:
    """Where what our server tells is not what Swarm shows."""
    found = []
    there = await swarm_services(docker, namespace)
    tasks = await running_tasks(docker)
    told = {c["uuid"]: c for c in await cloud.containers.list()}
    for one, container in told.items():
        state: str = container["state"]
        if (one in there) != (state != "Terminated"):
            found.append(f"{container['name']} is {state}; there: {one in there}")
        elif one in there:
            up = tasks[there[one]["ID"]]
            if {"Running": 1, "Stopped": 0}.get(state) != up:
                found.append(f"{container['name']} is {state}; running: {up}")
    found += [f"{one} is not known" for one in there.keys() - told.keys()]
    for service in await cloud.services.list():
        own = [told[uri.split("/")[-2]]["state"] for uri in service["containers"]]
        up = own.count("Running")
        state = "Stopped" if own else "Not running"
        if up:
            state = "Running" if up == len(own) else "Partly running"
        if service["running_num_containers"] != up or (
            service["state"] not in (state, "Terminated")
        ):
            found.append(f"{service['name']} is {service['state']}: {own}")
    return found


def operations(
    cloud: DockerCloud, services: Sequence[Service], chosen: random.Random
) -> Iterator[Coroutine[Any, Any, Any]]:
    """Mixed operations on services, their containers, and new ones, without end."""
    for number in itertools.count():
        service = chosen.choice(services)
        uri = service["resource_uri"]
        container = chosen.choice(service["containers"])
        choices: list[Callable[[], Coroutine[Any, Any, Any]]] = [
            partial(cloud.services.redeploy, uri),
            partial(cloud.services.scale, uri, chosen.randint(1, 4)),
            partial(cloud.services.stop, uri),
            partial(cloud.services.start, uri),
            partial(cloud.services.delete, uri),
            partial(cloud.containers.stop, container),
            partial(cloud.containers.redeploy, container),
            partial(cloud.containers.delete, container),
            partial(begin, cloud, f"new{number}"),
            partial(begin, cloud, f"more{number}"),
        ]
        yield chosen.choice(choices)()


async def begin(cloud: DockerCloud, name: str) -> Service:
    """A service of two containers that are on their way."""
    fields: dict[str, Any] = {"image": swarms.IMAGE, "target_num_containers": 2}
    return await cloud.services.start(await cloud.services.create(name=name, **fields))


async def test_state_after_a_kill_amid_mixed_operations_is_what_swarm_shows(
    tmp_path: Path, docker: Api
) -> None:
    user, key = f"t{uuid.uuid4().hex[:8]}", "s3cret-key"
    account = {"DOCKERCLOUD_USER": user, "DOCKERCLOUD_APIKEY": key}
    ended: Counter[str] = Counter()

    def client(process: Process) -> DockerCloud:
        return DockerCloud(process.url, user=user, apikey=key, retry=None)

    async with serving(tmp_path, account, "--engine", "swarm") as process:
        await process.ready()
        async with client(process) as cloud:
            begun = await asyncio.gather(*(begin(cloud, f"web{n}") for n in range(7)))
            for service in begun:
                await done(cloud, service)
            *services, apart = [await cloud.services.inspect(one) for one in begun]
            await done(cloud, await cloud.containers.stop(apart["containers"][0]))
            answered = asyncio.Semaphore(0)

            async def ask(operation: Coroutine[Any, Any, Any]) -> None:
                try:
                    await operation
                except OperationNotAllowed:
                    ended["refused"] += 1
                except ConnectError:
                    ended["lost"] += 1
                else:
                    ended["answered"] += 1
                answered.release()

            some = operations(cloud, services, random.Random(7))
            asked = [asyncio.create_task(ask(next(some))) for _ in range(MIXED)]
            for _ in range(MIXED * 3 // 4):
                await answered.acquire()
            await process.end(signal.SIGKILL)
            await asyncio.gather(*asked)
    assert ended["answered"] >= MIXED // 3, ended
    there = await swarm_services(docker, user)
    for uri in apart["containers"]:  # one that runs, and one that is stopped
        id = there[uri.split("/")[-2]]["ID"]
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
                ] or await differences(cloud, docker, user)
                return not left

            try:
                await until(over)
            except TimeoutError:
                raise AssertionError(left) from None
            states = Counter(a["state"] for a in await cloud.actions.list())
            assert states["Failed"] <= ended["refused"], states
            service = await cloud.services.inspect(apart)
            assert service["state"] == "Not running"
            await clear(cloud)
        assert await process.end(signal.SIGTERM) == 0
    assert process.err == ""
    await nothing_left(docker, user)
