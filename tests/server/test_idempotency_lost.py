"""A repeated write is carried out once, even if servers and connections end."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import aiosqlite
import pytest
from aiohttp.test_utils import unused_port

from aiodockercloud import DockerCloud, Retry, ThrottledError, wire
from aiodockercloud.server import Faults, Server, running
from aiodockercloud.server.api.idempotency import ANSWER, _digest
from aiodockercloud.server.settings import Limits, Retention, Settings
from aiodockercloud.server.state.store import Rows, write_rows
from aiodockercloud.server.state.vault import Vault
from tests.support.facts import IDLE, PATIENCE
from tests.support.flows import Raw, client_of
from tests.support.keyed import (
    BODY,
    KEY,
    REPOSITORIES,
    SERVICES,
    STACKS,
    TOKENS,
    create,
    keys_of,
)
from tests.support.processes import ACCOUNT, alice, kept, serving

SOON = Retry(attempts=10, first=0.01, cap=0.1)

# --- restarts of the server -----------------------------------------------------------


async def test_response_is_repeated_after_a_restart(tmp_path: Path) -> None:
    account: dict[str, Any] = {"user": "admin", "apikey": "k", "data_dir": tmp_path}
    bodies = []
    for _ in range(2):
        async with running(**account) as server, aiohttp.ClientSession() as session:
            bodies.append((await create(Raw(server, session))).body)
            assert len(server.cloud.services) == 1
    assert bodies[0] == bodies[1]

    ended = Settings(retention=Retention(answers=-1.0))
    async with running(**account, settings=ended) as server:
        assert keys_of(server)._stored == {}
    assert responses_in(tmp_path) == 0


def responses_in(data: Path) -> int:
    """Return the number of responses in a database."""
    db = sqlite3.connect(data / "aiodockercloud.sqlite3")
    try:
        query = "SELECT count(*) FROM objects WHERE kind = ?"
        return int(db.execute(query, (ANSWER,)).fetchone()[0])
    finally:
        db.close()


async def test_removed_responses_leave_the_store_oldest_first(
    tmp_path: Path,
) -> None:
    account: dict[str, Any] = {"user": "admin", "apikey": "k", "data_dir": tmp_path}
    async with running(**account) as server, aiohttp.ClientSession() as session:
        for number in range(10):
            await create(Raw(server, session), key=str(number))
    assert responses_in(tmp_path) == 10

    settings = Settings(limits=Limits(kept_answers=4))
    async with (
        running(**account, settings=settings) as server,
        aiohttp.ClientSession() as session,
    ):
        await create(Raw(server, session), key="10")
        for number in range(7, 11):
            await create(Raw(server, session), key=str(number))
        assert len(server.cloud.services) == 11
    assert responses_in(tmp_path) == 4


async def test_response_is_repeated_after_a_kill(tmp_path: Path) -> None:
    headers = {
        "Authorization": wire.basic_auth(*ACCOUNT.values()),
        "Content-Type": "application/json",
        "Idempotency-Key": KEY,
    }
    bodies = []
    async with aiohttp.ClientSession(headers=headers) as session:
        for _ in range(2):
            async with serving(tmp_path) as process:
                url = await process.ready() + SERVICES
                async with session.post(url, data=BODY) as response:
                    assert response.status == 201
                    bodies.append(await response.read())
                async with alice(process) as cloud:
                    assert len(await cloud.services.list()) == 1
                process.process.kill()
                await process.ended()

    assert bodies[0] == bodies[1]
    assert KEY.encode() not in kept(tmp_path)


CREATES: dict[str, tuple[str, dict[str, Any]]] = {
    "service": (SERVICES, {"image": IDLE}),
    "stack": (STACKS, {"name": "a", "services": [{"name": "b", "image": IDLE}]}),
    "trigger": (SERVICES + "{service}/trigger/", {}),
    "repository": (REPOSITORIES, {"name": "r.example.com/a"}),
    "token": (TOKENS, {}),
    "nodecluster": (
        "/api/infra/v1/nodecluster/",
        {
            "name": "farm",
            "region": "/api/infra/v1/region/aws/us-east-1/",
            "node_type": "/api/infra/v1/nodetype/aws/t2.micro/",
        },
    ),
}


@pytest.mark.parametrize("kind", CREATES)
async def test_object_and_response_are_written_together(
    tmp_path: Path, kind: str
) -> None:
    """A kill at any moment leaves both in the database, or neither."""
    batches: list[set[str]] = []

    async def write(db: aiosqlite.Connection, vault: Vault, rows: Rows) -> None:
        batches.append({kind for kind, _ in rows})
        await write_rows(db, vault, rows)

    async with (
        running(data_dir=tmp_path) as server,
        aiohttp.ClientSession() as session,
        client_of(server) as cloud,
    ):
        raw = Raw(server, session)
        service = await cloud.services.create(image=IDLE)
        path, body = CREATES[kind]
        server.cloud.store.write = write
        path = path.format(service=service["uuid"])
        answer = await raw("POST", path, wire.dumps(body), Idempotency_Key=KEY)
        assert answer.status == 201
    (batch,) = (one for one in batches if ANSWER in one)
    assert kind in batch


async def test_response_that_could_not_be_written_is_repeated_later(
    tmp_path: Path,
) -> None:
    async def full(*_: object) -> None:
        raise sqlite3.OperationalError("disk full")

    async with running(data_dir=tmp_path) as server, aiohttp.ClientSession() as session:
        raw = Raw(server, session)
        server.cloud.store.write = full
        assert (await create(raw)).status == 503
        server.cloud.store.write = write_rows
        assert (await create(raw)).status == 201
        assert len(server.cloud.services) == 1


async def test_no_secret_of_a_request_outlives_its_object(tmp_path: Path) -> None:
    """A digest without the key would reveal a short password to a search."""
    body = wire.dumps({"name": "r.example.com/a", "password": "hunter2"})
    async with running(data_dir=tmp_path) as server, aiohttp.ClientSession() as session:
        raw = Raw(server, session)
        await raw("POST", REPOSITORIES, body, Idempotency_Key=KEY)
        (found,) = keys_of(server)._stored["admin"].values()
        again = _digest("", "POST", REPOSITORIES, body)
        assert found.digest != again
        assert "hunter2" not in str(found)
        assert KEY not in str(found)


# --- with our client ------------------------------------------------------------------


@pytest.mark.parametrize("when", ["before", "after", "body"])
async def test_create_whose_response_is_lost_with_the_server_creates_one(
    tmp_path: Path, when: Any
) -> None:
    """The client repeats its request after the server has been replaced."""
    port = unused_port()
    account: dict[str, Any] = {
        **{"user": "admin", "apikey": "k", "port": port},
        "data_dir": tmp_path,
    }
    async with (
        asyncio.timeout(PATIENCE),
        DockerCloud(
            f"http://127.0.0.1:{port}", user="admin", apikey="k", retry=SOON
        ) as cloud,
    ):
        faults = Faults()
        async with running(**account, faults=faults):
            await cloud.services.list()
            rule = faults.cut(method="POST", when=when, times=1)
            lost = asyncio.create_task(cloud.services.create(image=IDLE))
            await rule.met()
            faults.cut()  # no further request until this server has ended
        async with running(**account) as server:
            service = await lost
            assert list(server.cloud.services) == [service["uuid"]]
            assert [x["uuid"] for x in await cloud.services.list()] == [service["uuid"]]


async def test_call_of_a_trigger_whose_response_is_lost_counts_once(
    server: Server,
) -> None:
    async with DockerCloud(
        server.url, user=server.user, apikey=server.apikey, retry=SOON
    ) as cloud:
        service = await cloud.services.create(image=IDLE)
        trigger = await cloud.triggers.create(service, operation="SCALEUP")
        with server.faults.cut(when="after", path="*/call/", times=1) as rule:
            await cloud.triggers.call(service, trigger)
        found = await cloud.services.inspect(service)

    assert rule.hits == 1
    assert found["target_num_containers"] == 2


async def test_throttled_create_creates_one(server: Server) -> None:
    async with DockerCloud(
        server.url, user=server.user, apikey=server.apikey, retry=SOON
    ) as cloud:
        with server.faults.throttle(0.1, method="POST", times=1):
            await cloud.services.create(image=IDLE)
        with server.faults.throttle(0.01, method="POST"):
            with pytest.raises(ThrottledError, match=r"\[10 attempts\]"):
                await cloud.services.create(image=IDLE)
    assert len(server.cloud.services) == 1


#: The faults of the connection of a request, with their probabilities.
CUTS: dict[str, Callable[[Faults], Any]] = {
    "before it is handled": lambda f: f.cut(when="before", method="POST", chance=0.05),
    "after it is handled": lambda f: f.cut(when="after", method="POST", chance=0.05),
    "in its response": lambda f: f.cut(after=range(1, 500), method="POST", chance=0.05),
}


async def test_5000_creates_under_cuts_create_each_service_once() -> None:
    count = 5_000
    faults = Faults(seed=5)
    async with (
        running(faults=faults) as server,
        DockerCloud(
            server.url, user=server.user, apikey=server.apikey, retry=SOON
        ) as cloud,
    ):
        rules = [cut(faults) for cut in CUTS.values()]
        created = await asyncio.gather(
            *(cloud.services.create(image=IDLE, nickname=f"{n}") for n in range(count)),
            return_exceptions=True,
        )
        faults.clear()
        found = {
            service.uuid: service.definition["nickname"]
            for service in server.cloud.services.values()
        }

    assert [one for one in created if isinstance(one, BaseException)] == []
    assert {one["uuid"]: one["nickname"] for one in created} == found  # type: ignore[index]  # no errors
    assert len(found) == count
    assert [rule.hits > count / 50 for rule in rules] == [True] * 3
