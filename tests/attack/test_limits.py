"""Numbers of streams, commands and trigger calls: each has a bound for its owner."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import aiohttp
import pytest

from aiodockercloud import DockerCloud, ThrottledError, wire
from aiodockercloud.server import Server
from aiodockercloud.server.settings import Limits, Settings, Timings
from aiodockercloud.types import Service
from tests.support.facts import PATIENCE, UUID
from tests.support.flows import Raw, done, run
from tests.support.sockets import connected

EVENTS = "/api/audit/v1/events/"


@pytest.fixture
def settings() -> Settings:
    """Return settings with small limits, and a rate that no test reaches."""
    return Settings(
        limits=Limits(streams=3, execs=2, trigger_calls=3, largest_trigger_body=16),
        timings=Timings(trigger_call=1000.0),
    )


@pytest.fixture
async def shell(live: DockerCloud) -> Service:
    """A running service with the small shell."""
    return await run(live, name="shell", image="busybox", run_command="sleep 1000")


async def until_opened(raw: Raw, path: str) -> None:
    """Open and close a stream, as soon as the server has noticed another one's end."""
    async with asyncio.timeout(PATIENCE):
        while True:
            with suppress(aiohttp.WSServerHandshakeError):
                async with await raw.upgrade(path):
                    return


async def test_streams_of_a_key_are_limited_and_those_of_others_are_not(
    server: Server, raw: Raw
) -> None:
    assert server.apikey is not None
    text, _ = server.cloud.accounts.create_key(server.user, ("read",))
    other = wire.basic_auth(server.user, text)
    streams = [await raw.upgrade(EVENTS) for _ in range(3)]

    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await raw.upgrade(EVENTS)
    refused = await raw(
        "GET",
        EVENTS,
        Upgrade="websocket",
        Connection="Upgrade",
        Sec_WebSocket_Version="13",
        Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZQ==",
    )
    async with await raw.upgrade(EVENTS, auth=other):
        pass
    await streams.pop().close()
    await until_opened(raw, EVENTS)

    assert caught.value.status == refused.status == 429
    assert refused.error == (
        "this key has 3 open streams, the most that are allowed; close one first"
    )
    assert int(refused.headers["Retry-After"]) > 0
    for stream in streams:
        await stream.close()


async def test_commands_of_a_key_are_limited(raw: Raw, shell: Service) -> None:
    path = f"{shell['containers'][0]}exec/?command="
    running = [await raw.upgrade(path + "cat") for _ in range(2)]

    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await raw.upgrade(path + "true")
    async with await raw.upgrade(EVENTS):  # streams without a command are left
        pass
    await running.pop().close()
    await until_opened(raw, path + "true")

    assert caught.value.status == 429
    for stream in running:
        await stream.close()


async def test_calls_of_a_trigger_are_limited(
    raw: Raw, live: DockerCloud, shell: Service
) -> None:
    first, second = [await live.triggers.create(shell) for _ in range(2)]
    for _ in range(3):
        assert (await raw("POST", first["url"], auth=None)).status == 202

    refused = await raw("POST", first["url"], auth=None)

    assert refused.status == 429
    assert refused.error == "this trigger was called too often"
    assert 900 < int(refused.headers["Retry-After"]) <= 1000
    accepted = await raw("POST", second["url"], auth=None)
    assert accepted.status == 202
    await done(live, accepted.headers["X-DockerCloud-Action-URI"])


@pytest.mark.parametrize("key", ["", "Idempotency-Key: q\r\n"])
async def test_large_body_of_a_trigger_call_is_not_read(
    server: Server, live: DockerCloud, shell: Service, key: str
) -> None:
    trigger = await live.triggers.create(shell)
    head = f"POST {trigger['url']} HTTP/1.1\r\nHost: x\r\n{key}"

    async with connected(server.url) as announced, connected(server.url) as chunked:
        announced.send(f"{head}Content-Length: 4000000\r\n\r\n".encode())
        chunked.send(f"{head}Transfer-Encoding: chunked\r\n\r\n20\r\n".encode())
        chunked.send(b"x" * 32 + b"\r\n")
        for connection in (announced, chunked):
            status, _, body = await connection.answer()
            assert (status, body) == (
                400,
                b'{"error":"body: must be at most 16 bytes"}',
            )


async def test_calls_of_triggers_that_do_not_exist_take_nothing_from_others(
    raw: Raw, live: DockerCloud, shell: Service
) -> None:
    trigger = await live.triggers.create(shell)
    missing = trigger["url"].replace(trigger["uuid"], UUID)

    answers = await asyncio.gather(
        *(raw("POST", missing, b"x" * 1000, auth=None) for _ in range(10))
    )

    assert {answer.status for answer in answers} == {404}
    assert (await raw("POST", trigger["url"], auth=None)).status == 202


async def test_client_raises_the_error_of_a_stream_beyond_the_limit(
    server: Server, raw: Raw
) -> None:
    streams = [await raw.upgrade(EVENTS) for _ in range(3)]
    cloud = DockerCloud(server.url, user=server.user, apikey=server.apikey, retry=None)

    async with cloud:
        with pytest.raises(ThrottledError, match="this key has 3 open streams"):
            async with cloud.events.subscribe() as events:
                await anext(aiter(events))
    for stream in streams:
        await stream.close()
