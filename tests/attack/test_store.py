"""The database under attack: full and read-only disks, poisoned records, kill -9."""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import aiosqlite
import pytest

from aiodockercloud import DockerCloud, DockerCloudError, Unavailable, wire
from aiodockercloud.server import Embedded, Server, running
from aiodockercloud.server.engines.embedded import Container
from aiodockercloud.server.state.database import FILE
from aiodockercloud.server.state.store import Rows, write_rows
from aiodockercloud.server.state.vault import Vault
from tests.support.facts import IDLE, PATIENCE
from tests.support.flows import Raw, client_of, done, run
from tests.support.processes import alice, serving

SERVICES = "/api/app/v1/service/"
FULL = "database or disk is full"


class Disk:
    """Lets the database of a server be written, or not."""

    def __init__(self, server: Server) -> None:
        self.full = False
        #: Set by an attempt to write while the disk is full.
        self.attempted = asyncio.Event()
        #: Set by the first write after that.
        self.written = asyncio.Event()
        server.cloud.store.write = self._write

    async def _write(self, db: aiosqlite.Connection, vault: Vault, rows: Rows) -> None:
        if self.full:
            self.attempted.set()
            raise sqlite3.OperationalError(FULL)
        await write_rows(db, vault, rows)
        if self.attempted.is_set():
            self.written.set()


@pytest.fixture
async def server(engine: Embedded, tmp_path: Path) -> AsyncIterator[Server]:
    async with running(engine, data_dir=tmp_path, apikey="s3cret") as server:
        yield server


@pytest.fixture
def disk(server: Server) -> Disk:
    return Disk(server)


def content(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


async def everything(cloud: DockerCloud) -> dict[str, Any]:
    """Return all that a user sees; the date of a key's last use is not a change."""
    keys = [{**key, "last_used_datetime": None} for key in await cloud.keys.list()]
    return {
        "services": [
            await cloud.services.inspect(x) for x in await cloud.services.list()
        ],
        "stacks": [await cloud.stacks.inspect(x) for x in await cloud.stacks.list()],
        "containers": await cloud.containers.list(),
        "actions": await cloud.actions.list(),
        "repositories": await cloud.repositories.list(),
        "nodeclusters": await cloud.nodeclusters.list(),
        "accounts": await cloud.accounts.list(),
        "keys": keys,
    }


def writes(service: str, stack: str, trigger: str, call: str) -> dict[str, Any]:
    """Return a request of each kind that changes something, by a name."""
    key = "/api/admin/v1/key/"
    return {
        "create": ("POST", SERVICES, {"image": IDLE, "name": "new"}),
        "create a stack": (
            *("POST", "/api/app/v1/stack/"),
            {"name": "s", "services": [{"name": "web", "image": IDLE}]},
        ),
        "update": ("PATCH", service, {"nickname": "other"}),
        "update a stack": ("PATCH", stack, {"services": [{"name": "b", "image": "x"}]}),
        "scale": ("PATCH", service, {"target_num_containers": 3}),
        "start": ("POST", f"{service}start/", None),
        "stop": ("POST", f"{service}stop/", None),
        "redeploy": ("POST", f"{service}redeploy/", None),
        "terminate": ("DELETE", service, None),
        "create a trigger": ("POST", f"{service}trigger/", {"name": "t"}),
        "delete a trigger": ("DELETE", trigger, None),
        "call a trigger": ("POST", call, None),
        "create a repository": (
            *("POST", "/api/repo/v1/repository/"),
            {"name": "r.example.com/a", "username": "u", "password": "p"},
        ),
        "create an account": ("POST", "/api/admin/v1/account/", {"user": "eve"}),
        "create a key": ("POST", key, {"name": "k", "scopes": ["read"]}),
        "create a token": ("POST", "/api/infra/v1/token/", None),
    }


NAMES = list(writes("", "", "", ""))


@pytest.mark.parametrize("name", NAMES)
async def test_refused_change_is_not_done(
    server: Server, live: DockerCloud, raw: Raw, disk: Disk, name: str
) -> None:
    """The first request meets the failure, the second one a server that knows."""
    web = await run(live, name="web")
    stack = await live.stacks.create(
        name="shop", services=[{"name": "b", "image": IDLE}]
    )
    trigger = await live.triggers.create(web, name="t")
    method, path, body = writes(
        web["resource_uri"],
        stack["resource_uri"],
        trigger["resource_uri"],
        trigger["url"],
    )[name]
    before = await everything(live)
    triggers = await live.triggers.list(web)

    disk.full = True
    for _ in range(2):
        answer = await raw(method, path, None if body is None else wire.dumps(body))
        assert answer.status == 503
        assert FULL.encode() in answer.body
        assert await everything(live) == before
        assert await live.triggers.list(web) == triggers
    disk.full = False
    await live.services.update(web, nickname="web")  # the store recovers

    assert server.cloud.store.failing is None
    after = await everything(live)
    versions = ("version", "nickname")
    for seen in (before, after):
        for one in (*seen["services"], *seen["stacks"]):
            for field in versions:
                one.pop(field, None)
    assert {**after, "actions": []} == {**before, "actions": []}


async def test_refused_change_is_absent_after_a_restart(
    tmp_path: Path, engine: Embedded
) -> None:
    account: dict[str, Any] = {"data_dir": tmp_path, "apikey": "s3cret"}
    async with running(engine, **account) as server, client_of(server) as cloud:
        disk = Disk(server)
        web = await run(cloud, name="web")
        disk.full = True
        for _ in range(2):
            async with hasty(server) as other:
                with pytest.raises(Unavailable):
                    await other.services.delete(web)
        disk.full = False
        await cloud.services.create(image=IDLE, name="later")

    async with running(engine=Embedded(), **account) as server:
        async with client_of(server) as cloud:
            found = {s["name"]: s["state"] for s in await cloud.services.list()}
    assert found == {"web": "Running", "later": "Not running"}


def hasty(server: Server) -> DockerCloud:
    """Return a client without retries."""
    return DockerCloud(server.url, user="admin", apikey="s3cret", retry=None)


async def test_repeated_request_after_a_refusal_is_carried_out(
    live: DockerCloud, raw: Raw, disk: Disk
) -> None:
    """The answer of the refused request is not kept for its idempotency key."""
    body = wire.dumps({"image": IDLE, "name": "web"})
    disk.full = True
    refused = await raw("POST", SERVICES, body, Idempotency_Key="k")
    disk.full = False
    created = await raw("POST", SERVICES, body, Idempotency_Key="k")

    assert (refused.status, created.status) == (503, 201)
    found = [service["uuid"] for service in await live.services.list()]
    assert found == [created.json()["uuid"]]


async def test_container_that_ends_while_the_disk_is_full_is_recorded_later(
    server: Server, engine: Embedded, live: DockerCloud, disk: Disk
) -> None:
    """What the engine reports is a fact: the state stays, and is written later."""
    web = await run(live, name="web", autorestart="OFF")
    (container,) = await live.services.containers(web)
    disk.full = True
    engine.crash(container["uuid"])
    async with asyncio.timeout(PATIENCE):
        await live.containers.wait(container, "Stopped")
        with pytest.raises(OSError, match=FULL):
            await server.cloud.store.flush()
        disk.full = False
        await disk.written.wait()  # without a request
    assert (await live.containers.inspect(container))["state"] == "Stopped"


async def test_readiness_and_reads_while_the_disk_is_full(
    live: DockerCloud, raw: Raw, disk: Disk
) -> None:
    disk.full = True
    assert (await raw("POST", SERVICES, wire.dumps({"image": IDLE}))).status == 503
    assert (await raw("GET", "/readyz")).status == 503
    assert await live.services.list() == []
    disk.full = False


# --- a read-only directory ------------------------------------------------------------


async def test_read_only_directory_serves_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account: dict[str, Any] = {"data_dir": tmp_path, "apikey": "s3cret"}
    async with running(**account) as server, client_of(server) as cloud:
        await run(cloud, name="web")
    before = content(tmp_path)

    monkeypatch.setattr(
        "aiodockercloud.server.state.store.is_read_only", lambda _: True
    )
    async with running(**account) as server:
        async with hasty(server) as cloud:
            assert [s["state"] for s in await cloud.services.list()] == ["Running"]
            with pytest.raises(Unavailable, match="is read-only"):
                await cloud.services.create(image=IDLE)
            assert len(await cloud.services.list()) == 1
    assert content(tmp_path) == before


# --- poisoned records -----------------------------------------------------------------

ODD = os.fsdecode(b"caf\xff")


@pytest.mark.parametrize("where", ["exception", "exit code"])
async def test_text_that_is_not_unicode_stops_no_writing(
    server: Server, engine: Embedded, live: DockerCloud, where: str
) -> None:
    @engine.image("acme/reader")
    async def reader(container: Container) -> None:
        if where == "exception":
            raise ValueError(f"cannot parse {ODD}")
        raise SystemExit(ODD)

    service = await live.services.create(image="acme/reader", autorestart="OFF")
    await live.services.start(service)
    with pytest.raises(DockerCloudError):
        await live.services.wait(service, "Running", timeout=PATIENCE)
    await live.services.create(image=IDLE, name="after")

    assert len(await live.services.list()) == 2
    assert server.cloud.store.failing is None
    await live.containers.list()


async def test_record_that_is_no_json_is_refused_before_it_exists(
    server: Server, live: DockerCloud
) -> None:
    await live.services.create(image=IDLE, name="web")
    (service,) = server.cloud.services.values()
    copy = type(service)(**{**service.as_json(), "uuid": "x", "name": ODD})
    with pytest.raises(TypeError):
        server.cloud.add(copy)

    assert len(await live.services.list()) == 1
    await live.services.create(image=IDLE, name="after")


# --- kill -9 --------------------------------------------------------------------------

#: Moments at which each of the four servers is killed.
KILLS = int(os.environ.get("KILLS", "25"))


@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(4))
async def test_killed_server_has_every_acknowledged_change(
    tmp_path: Path, seed: int
) -> None:
    choose = random.Random(seed)
    nicknames: dict[str, set[str]] = {}
    created: asyncio.Queue[str] = asyncio.Queue()
    for number in range(KILLS):
        async with serving(tmp_path) as process:
            await process.ready()
            async with alice(process) as cloud:
                await _check(cloud, nicknames)
                changing = [
                    asyncio.create_task(
                        _change(cloud, nicknames, created, f"{number}-{worker}")
                    )
                    for worker in range(4)
                ]
                # The number of answers chooses the moment, and not the clock.
                async with asyncio.timeout(PATIENCE):
                    for _ in range(choose.randint(3, 12)):
                        await created.get()
                process.process.kill()
                await process.ended()
                await asyncio.gather(*changing)
    async with serving(tmp_path) as process:
        await process.ready()
        async with alice(process) as cloud:
            await _check(cloud, nicknames)


async def _check(cloud: DockerCloud, nicknames: dict[str, set[str]]) -> None:
    """Compare the services, and wait for the interrupted actions."""
    found = {s["resource_uri"]: s["nickname"] for s in await cloud.services.list()}
    assert nicknames.keys() <= found.keys()
    assert [u for u, possible in nicknames.items() if found[u] not in possible] == []
    async with asyncio.timeout(30):
        for action in await cloud.actions.list():
            if action["end_date"] is None:
                await done(cloud, action)
    for uri in nicknames:
        nicknames[uri] = {found[uri]}


async def _change(
    cloud: DockerCloud,
    nicknames: dict[str, set[str]],
    created: asyncio.Queue[str],
    name: str,
) -> None:
    """Create, change and start services until the server is killed."""
    try:
        for number in range(1000):
            made = await cloud.services.create(image=IDLE, name=f"s{name}-{number}")
            uri = made["resource_uri"]
            nicknames[uri] = {made["nickname"], f"n{number}"}
            await cloud.services.update(uri, nickname=f"n{number}")
            nicknames[uri] = {f"n{number}"}
            await cloud.services.start(uri)
            created.put_nowait(uri)
    except DockerCloudError:
        pass


# --- backup ---------------------------------------------------------------------------


async def test_backup_is_for_operators(
    server: Server, raw: Raw, tmp_path: Path
) -> None:
    answer = await raw("GET", "/api/admin/v1/backup/")
    assert answer.status == 200
    assert answer.body.startswith(b"SQLite format 3")
    assert b"s3cret" not in answer.body
    assert b"admin" not in answer.body
    assert content(tmp_path).keys() == {FILE, f"{FILE}-wal", "secret.key"}


async def test_backup_without_a_data_directory_is_not_possible() -> None:
    async with running() as server, aiohttp.ClientSession() as session:
        answer = await Raw(server, session)("GET", "/api/admin/v1/backup/")
    assert answer.status == 501
