"""Idempotency keys: a repeated write is carried out once; the retention of keys."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import aiohttp
import pytest

from aiodockercloud import DockerCloud, wire
from aiodockercloud.server import Embedded, Server, running
from aiodockercloud.server.engines import EngineError
from aiodockercloud.server.settings import Limits, Retention, Settings
from tests.support.facts import IDLE, PATIENCE
from tests.support.flows import Answer, Raw
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


def content(answer: Answer) -> tuple[int, bytes, Mapping[str, str]]:
    """Return status, body and headers of a response, without its date and its id."""
    changing = ("Date", "Content-Length", "X-Request-ID")
    headers = {k: v for k, v in answer.headers.items() if k not in changing}
    return answer.status, answer.body, headers


# --- repeated requests ----------------------------------------------------------------


async def test_create_with_the_same_key_creates_one_and_responds_twice(
    raw: Raw, server: Server
) -> None:
    first, second = await create(raw), await create(raw)

    assert first.status == 201
    assert content(first) == content(second)
    assert "X-DockerCloud-Action-URI" in second.headers
    assert list(server.cloud.services) == [first.json()["uuid"]]


async def test_create_without_a_key_creates_one_each_time(
    raw: Raw, server: Server
) -> None:
    for _ in range(2):
        assert (await raw("POST", SERVICES, BODY)).status == 201
    assert len(server.cloud.services) == 2


async def test_keys_of_namespaces_and_accounts_are_separate(
    raw: Raw, server: Server
) -> None:
    server.cloud.accounts.add("bob", "k", namespace="admin")
    bob = wire.basic_auth("bob", "k")
    acme = "/api/app/v1/acme/service/"

    answers = [
        await create(raw),
        await raw("POST", acme, BODY, Idempotency_Key=KEY),
        await raw("POST", SERVICES, BODY, auth=bob, Idempotency_Key=KEY),
        await create(raw, key=KEY.upper()),
    ]

    assert len({answer.json()["uuid"] for answer in answers}) == 4
    assert len({key for kept in keys_of(server)._stored.values() for key in kept}) == 4
    assert len(server.cloud.services) == 4


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", SERVICES, b'{"image":"other"}'),
        ("POST", SERVICES + "?x=1", BODY),
        ("POST", STACKS, BODY),
        ("PATCH", SERVICES + "{uuid}/", BODY),
        ("DELETE", SERVICES + "{uuid}/", b""),
    ],
)
async def test_key_of_another_request_is_refused(
    raw: Raw, server: Server, method: str, path: str, body: bytes
) -> None:
    service = (await create(raw)).json()

    answer = await raw(
        method, path.format(uuid=service["uuid"]), body, Idempotency_Key=KEY
    )

    assert answer.status == 422
    assert answer.error.startswith("Idempotency-Key: ")
    (only,) = server.cloud.services.values()
    assert only.state == "Not running"
    assert content(await create(raw))[0] == 201


async def test_refused_request_is_carried_out_again(raw: Raw, server: Server) -> None:
    body = wire.dumps({"name": "r.example.com/a"})
    other = await raw("POST", REPOSITORIES, body)
    path = other.json()["resource_uri"]

    taken = await raw("POST", REPOSITORIES, body, Idempotency_Key=KEY)
    await raw("DELETE", path)
    free = await raw("POST", REPOSITORIES, body, Idempotency_Key=KEY)

    assert (taken.status, free.status) == (409, 201)


async def test_operation_and_delete_are_repeated(raw: Raw, server: Server) -> None:
    service = (await create(raw)).json()
    start = f"{service['resource_uri']}start/"

    for method, path in (("POST", start), ("DELETE", service["resource_uri"])):
        first = await raw(method, path, Idempotency_Key=path)
        second = await raw(method, path, Idempotency_Key=path)
        assert first.status == 202
        assert content(first) == content(second)
    operations = [action.action for action in server.cloud.actions.values()]
    assert operations.count("Service Start") == 1
    assert operations.count("Service Terminate") == 1


async def test_delete_without_a_response_body_is_repeated(raw: Raw) -> None:
    body = b'{"name": "r.example.com/a", "username": "u", "password": "p"}'
    repository = (await raw("POST", REPOSITORIES, body)).json()

    first = await raw("DELETE", repository["resource_uri"], Idempotency_Key="d")
    second = await raw("DELETE", repository["resource_uri"], Idempotency_Key="d")
    third = await raw("DELETE", repository["resource_uri"], Idempotency_Key="e")

    assert (first.status, second.status, third.status) == (204, 204, 404)
    assert content(first) == content(second)


async def test_call_of_a_trigger_is_repeated_by_a_key_of_that_trigger(
    raw: Raw, live: DockerCloud
) -> None:
    """A trigger call has no account: the key belongs to the trigger instead."""
    service = await live.services.create(image=IDLE)
    urls = [
        (await live.triggers.create(service, operation="SCALEUP"))["url"]
        for _ in range(2)
    ]

    for url, count in ((urls[0], 2), (urls[0], 2), (urls[1], 3), (urls[1], 3)):
        answer = await raw("POST", url, auth=None, Idempotency_Key=KEY)
        assert answer.status == 202
        await live.actions.wait(answer.headers["X-DockerCloud-Action-URI"])
        found = await live.services.inspect(service)
        assert found["target_num_containers"] == count


async def test_response_in_tutums_dialect_is_repeated_unchanged(raw: Raw) -> None:
    first, second = [
        await raw("POST", "/api/v1/service/", BODY, Idempotency_Key=KEY)
        for _ in range(2)
    ]

    assert content(first) == content(second)
    assert second.headers["X-Tutum-Action-URI"].startswith("/api/v1/action/")


@pytest.mark.parametrize("settings", [Settings(retention=Retention(answers=90.0))])
async def test_every_response_states_the_retention_of_keys(raw: Raw) -> None:
    for answer in (
        await raw("GET", SERVICES),
        await create(raw),
        await raw("POST", SERVICES, b"?"),
        await raw("GET", "/nowhere/"),
        await raw("GET", SERVICES, auth=None),
    ):
        assert answer.headers["Idempotency-Kept"] == "90"


# --- keys -----------------------------------------------------------------------------


async def test_get_ignores_a_key(raw: Raw) -> None:
    first = await raw("GET", SERVICES, Idempotency_Key=KEY)
    await create(raw)
    second = await raw("GET", SERVICES, Idempotency_Key=KEY)

    assert len(first.json()["objects"]) == 0
    assert len(second.json()["objects"]) == 1


@pytest.mark.parametrize(("length", "status"), [(0, 400), (255, 201), (256, 400)])
async def test_key_has_a_bounded_length(
    raw: Raw, server: Server, length: int, status: int
) -> None:
    answer = await create(raw, key="k" * length)

    assert answer.status == status
    if status == 400:
        assert answer.error == "Idempotency-Key: must have 1 to 255 characters"
    assert len(server.cloud.services) == (status == 201)


async def test_key_of_any_bytes_is_accepted(raw: Raw, server: Server) -> None:
    for _ in range(2):
        assert (await create(raw, key="\udcff\udcfeé☃")).status == 201
    assert len(server.cloud.services) == 1


# --- simultaneous requests ------------------------------------------------------------


class Slow(Embedded):
    """An engine that returns tokens only while ``gate`` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()
        self.requested = asyncio.Event()
        self.refusals = 0

    async def join_token(self) -> str | None:
        self.requested.set()
        await self.gate.wait()
        if self.refusals:
            self.refusals -= 1
            raise EngineError("no quorum")
        return None


@pytest.fixture
def engine() -> Embedded:
    return Slow()


async def test_repetition_during_the_first_request_waits_for_its_response(
    raw: Raw, server: Server, engine: Slow
) -> None:
    def token(body: bytes = b"{}") -> asyncio.Task[Answer]:
        return asyncio.create_task(raw("POST", TOKENS, body, Idempotency_Key=KEY))

    first = token()
    async with asyncio.timeout(PATIENCE):
        await engine.requested.wait()
        others = [token() for _ in range(5)]
        # A different request does not wait.
        assert (await token(b'{"a":1}')).status == 422
        engine.gate.set()
        answers = [await one for one in (first, *others)]

    assert len({answer.body for answer in answers}) == 1
    assert {answer.status for answer in answers} == {201}
    assert len(server.cloud.all("token", "admin")) == 1
    assert keys_of(server)._running == {}


async def test_repetition_of_a_refused_first_request_is_carried_out(
    raw: Raw, server: Server, engine: Slow
) -> None:
    engine.refusals = 1
    async with asyncio.timeout(PATIENCE):
        tasks = [
            asyncio.create_task(raw("POST", TOKENS, b"{}", Idempotency_Key=KEY))
            for _ in range(3)
        ]
        await engine.requested.wait()
        engine.gate.set()
        answers = await asyncio.gather(*tasks)

    assert sorted(answer.status for answer in answers) == [201, 201, 503]
    assert len(server.cloud.all("token", "admin")) == 1


# --- retention ------------------------------------------------------------------------


def stored(server: Server) -> int:
    """Return the number of stored responses."""
    return sum(len(found) for found in keys_of(server)._stored.values())


@pytest.mark.parametrize("settings", [Settings(retention=Retention(answers=-1.0))])
async def test_response_is_removed_after_its_retention(
    raw: Raw, server: Server
) -> None:
    await create(raw)
    await create(raw)
    assert len(server.cloud.services) == 2
    assert stored(server) == 1

    keys_of(server).sweep()
    assert keys_of(server)._stored == {}
    assert +keys_of(server)._sizes == {}


@pytest.mark.parametrize("bound", ["number", "size"])
async def test_new_responses_of_an_account_replace_its_oldest_ones(
    raw: Raw, bound: str
) -> None:
    size = len((await create(raw)).body)
    limits = (
        Limits(kept_answers=3)
        if bound == "number"
        else Limits(kept_answer_characters=int(3.5 * size))
    )
    async with (
        running(settings=Settings(limits=limits)) as server,
        aiohttp.ClientSession() as session,
    ):
        raw = Raw(server, session)
        server.cloud.accounts.add("bob", "k", namespace="admin")
        bob = wire.basic_auth("bob", "k")
        await raw("POST", SERVICES, BODY, auth=bob, Idempotency_Key=KEY)
        for number in range(5):
            await create(raw, key=str(number))
        assert len(server.cloud.services) == 6
        assert stored(server) == 4
        await create(raw, key="4")
        await create(raw, key="2")
        await raw("POST", SERVICES, BODY, auth=bob, Idempotency_Key=KEY)
        assert len(server.cloud.services) == 6

        await create(raw, key="1")
        assert len(server.cloud.services) == 7
