"""The tables of the pages on migration: each call works, and none is left out."""

from __future__ import annotations

import asyncio
import csv
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from itertools import count
from pathlib import Path
from typing import Any

import pytest

import aiodockercloud
from aiodockercloud import DockerCloud, OperationNotAllowed
from aiodockercloud.server import Embedded, Server
from aiodockercloud.types import Service
from tests.support import legacy
from tests.support.facts import PATIENCE, ROOT
from tests.support.flows import done
from tests.support.snippets import blocks

FOLDER = ROOT / "docs" / "migration"
TABLES = ("python_dockercloud", "docker_cloud_cli", "aiodocker")

#: What a program of python-dockercloud 1.0.12 can call.
SDK = {
    "Service": "list fetch create save start stop redeploy scale delete refresh logs",
    "Container": "list fetch start stop redeploy delete logs execute",
    "Stack": "list fetch create save start stop redeploy export delete",
    "Node": "list fetch save deploy upgrade_docker delete",
    "NodeCluster": "list fetch create save deploy delete",
    "Action": "list fetch logs cancel retry",
    "Trigger": "fetch list create add save call delete",
    "Tag": "fetch list add save remove delete",
    "Repository": "list fetch create save delete",
    "Provider": "list fetch",
    "Region": "list fetch",
    "AZ": "list fetch",
    "NodeType": "list fetch",
    "Utils": (
        "fetch_by_resource_uri fetch_remote_service fetch_remote_container"
        " fetch_remote_stack fetch_remote_node fetch_remote_nodecluster"
        " fetch_remote_action"
    ),
    "Events": "on_message run_forever",
}


def rows(table: str) -> list[tuple[str, str]]:
    """Return the rows of a table without the marks of literals."""
    with (FOLDER / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return [(old.strip("`"), new.strip("`")) for old, new in csv.reader(file)]


@pytest.fixture
def engine() -> Embedded:
    return Embedded(nodes=3)


@pytest.fixture
async def names(live: DockerCloud, server: Server) -> dict[str, Any]:
    """The objects that the tables name, of a server with a bit of everything."""
    service = await live.services.run(image="dockercloud/hello-world", name="web")
    await live.services.update(service, container_envvars={"A": "0"})
    await done(live, await live.services.redeploy(service))
    trigger = await live.triggers.create(service, name="deploy")
    (container,) = await live.services.containers(service)
    stack = await live.stacks.create(
        name="shop", services=[{"name": "db", "image": "redis"}]
    )
    await done(live, await live.stacks.start(stack))
    region = await live.regions.inspect("digitalocean/lon1")
    node_type = await live.nodetypes.inspect("digitalocean/1gb")
    (redeploy,) = await live.actions.list(action="Service Redeploy")
    return {
        "cloud": live,
        "url": server.url,
        "stream_url": server.stream_url,
        "user": server.user,
        "apikey": server.apikey,
        "service": await live.services.inspect(service),
        "container": container,
        "stack": await live.stacks.inspect(stack),
        "trigger": trigger,
        "action": redeploy,
        "node": (await live.nodes.list())[0],
        "region": region["resource_uri"],
        "node_type": node_type["resource_uri"],
        "cluster": await live.nodeclusters.create(
            name="farm1",
            region=region["resource_uri"],
            node_type=node_type["resource_uri"],
            target_num_nodes=1,
        ),
        "repository": await live.repositories.create(
            name="registry.example.com/acme/web", username="me", password="…"
        ),
    }


@asynccontextmanager
async def changes(cloud: DockerCloud, service: Service) -> AsyncIterator[None]:
    """Change a service while the block runs, for calls that wait for an event."""

    async def change() -> None:
        for number in count():
            await cloud.services.update(service, tags=[str(number)])

    task = asyncio.create_task(change())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def run(call: str, names: dict[str, Any]) -> None:
    """Run the call of a row."""
    program = f"async def row({', '.join(names)}):\n    {call}\n"
    module = dict(vars(aiodockercloud))
    exec(compile(program, "<row>", "exec"), module)
    async with asyncio.timeout(PATIENCE):
        await module["row"](**names)


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(new, id=f"{table}-{number}")
        for table in TABLES
        for number, (_, new) in enumerate(rows(table), 1)
    ],
)
async def test_call_of_a_table_works(
    live: DockerCloud,
    names: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    call: str,
) -> None:
    monkeypatch.chdir(FOLDER / "docker_cloud_cli")
    if match := re.search(r"cloud\.(services|stacks|containers)\.start\((\w+)", call):
        api = getattr(live, match[1])
        await done(live, await api.stop(names[match[2]]))
    # The states of the action and of the node allow no such operation any more.
    refused = call.startswith(
        ("await cloud.actions.cancel", "await cloud.nodes.deploy")
    )
    waits = ".subscribe(" in call
    with pytest.raises(OperationNotAllowed) if refused else nullcontext():
        async with changes(live, names["service"]) if waits else nullcontext():
            await run(call, names)


def test_table_of_the_sdk_has_all_its_calls() -> None:
    found = " ".join(old for old, _ in rows("python_dockercloud"))

    missing = [
        f"{kind}.{method}"
        for kind, methods in SDK.items()
        for method in methods.split()
        if kind not in found or not re.search(rf"\b{method}\(", found)
    ]

    assert missing == []


async def test_program_of_the_sdk_prints_what_the_page_shows(
    server: Server, tmp_path: Path
) -> None:
    program = FOLDER / "python_dockercloud" / "before.py27"
    environment = legacy.environment(server, tmp_path)

    printed = await legacy.run(str(program), env=environment, seconds=PATIENCE)

    page = blocks(FOLDER / "python_dockercloud.rst", "console")[0]
    assert printed == page.splitlines()[1:]
