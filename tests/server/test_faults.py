"""The effect of each fault on a client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiohttp
import pytest

from aiodockercloud import (
    ConnectError,
    DockerCloud,
    ServerError,
    StreamClosed,
    ThrottledError,
    wire,
)
from aiodockercloud.server import Server
from tests.support.facts import IDLE, PATIENCE, SHELL
from tests.support.faulted import LIST, create, until_cut
from tests.support.flows import Raw, client_of, run

#: Events of services only: each change also has an event of its action.
EVENTS = "/api/audit/v1/events/?type=service"


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """Return a session of aiohttp that opens a new connection for each request.

    aiohttp repeats a request only on a connection that was open before.
    """
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(force_close=True)
    ) as session:
        yield session


@asynccontextmanager
async def response_to_list(
    server: Server, session: aiohttp.ClientSession
) -> AsyncIterator[aiohttp.ClientResponse]:
    assert server.apikey is not None
    headers = {"Authorization": wire.basic_auth(server.user, server.apikey)}
    async with (
        asyncio.timeout(PATIENCE),
        session.get(server.url + LIST, headers=headers) as response,
    ):
        yield response


def names(server: Server) -> set[str]:
    """Return the names of the server's services, without a request."""
    return {service.name for service in server.cloud.services.values()}


async def create_events(live: DockerCloud, count: int) -> list[str]:
    """Create services, which causes one event each, and return their URIs."""
    return [
        (await live.services.create(name=f"web-{number}", image=IDLE))["resource_uri"]
        for number in range(count)
    ]


async def other_request(server: Server) -> None:
    """Send another request, which leaves enough time for an awaited answer."""
    async with client_of(server) as cloud:
        await cloud.services.list()


# --- delay and stall ------------------------------------------------------------------


async def test_delay_delays_an_answer(server: Server, live: DockerCloud) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()

    with server.faults.delay(0.1) as rule:
        await live.services.list()

    assert loop.time() - began >= 0.1
    assert rule.hits == 1


async def test_removed_delay_continues_at_once(
    server: Server, live: DockerCloud
) -> None:
    rule = server.faults.delay((3600, 7200))
    request = asyncio.create_task(live.services.list())
    async with asyncio.timeout(PATIENCE):
        await rule.met()
        assert not request.done()

        rule.remove()

        assert await request == []


@pytest.mark.parametrize(
    ("when", "done"), [("before", False), ("after", True), ("body", True)]
)
async def test_stall_holds_an_answer_until_it_is_removed(
    server: Server, live: DockerCloud, when: Any, done: bool
) -> None:
    with server.faults.stall(when=when, method="POST") as rule:
        request = create(live, "web")
        async with asyncio.timeout(PATIENCE):
            await rule.met()
            # Other requests are served; the service exists or does not exist yet.
            assert [s["name"] for s in await live.services.list()] == ["web"] * done
        assert not request.done()

    async with asyncio.timeout(PATIENCE):
        assert (await request)["name"] == "web"


async def test_stall_in_the_body_sends_the_first_half(
    server: Server, session: aiohttp.ClientSession
) -> None:
    with server.faults.stall(when="body") as rule:
        async with response_to_list(server, session) as response:
            assert response.status == 200
            size = response.content_length or 0
            first = await response.content.readexactly(size // 2)
            assert not response.content.at_eof()

            rule.remove()

            assert len(first + await response.content.read()) == size


async def test_stalled_request_is_dropped_when_its_client_has_left(
    server: Server, live: DockerCloud
) -> None:
    service = await live.services.create(image=IDLE)
    with server.faults.stall(path="*/start/") as rule:
        request = asyncio.create_task(live.services.start(service))
        async with asyncio.timeout(PATIENCE):
            await rule.met()
        request.cancel()
        await asyncio.wait([request])
        await live.services.list()  # then the server has noticed the closed connection

    assert [a["action"] for a in await live.actions.list()] == ["Service Create"]
    assert (await live.services.inspect(service))["state"] == "Not running"


async def test_delay_in_the_body_delays_each_frame(
    server: Server, raw: Raw, live: DockerCloud
) -> None:
    async with asyncio.timeout(PATIENCE):
        ws = await raw.upgrade(EVENTS)
        with server.faults.delay(0.01, when="body", path="*/events/") as rule:
            uris = await create_events(live, 3)
            found = [(await ws.receive_json())["resource_uri"] for _ in range(3)]
        await ws.close()

    assert found == uris
    assert rule.hits == 3


async def test_stall_of_a_stream_holds_its_frames_but_answers_pings(
    server: Server, raw: Raw, live: DockerCloud
) -> None:
    async with asyncio.timeout(PATIENCE):
        ws = await raw.upgrade(EVENTS)
        with server.faults.stall(when="body", path="*/events/") as rule:
            [uri] = await create_events(live, 1)
            await rule.met()
            receiving = asyncio.create_task(ws.receive_json())
            for _ in range(3):  # the server answers each ping
                await ws.ping()
                await live.services.list()
            assert not receiving.done()

        assert (await receiving)["resource_uri"] == uri
        await ws.close()


# --- errors ---------------------------------------------------------------------------


@pytest.mark.parametrize(("when", "made"), [("before", set()), ("after", {"web"})])
async def test_fail_answers_with_the_status_before_or_after_the_work(
    server: Server, live: DockerCloud, when: Any, made: set[str]
) -> None:
    with server.faults.fail(502, when=when, retry_after=7):
        with pytest.raises(ServerError, match="a fault made on purpose") as caught:
            await create(live, "web")

    assert caught.value.status == 502
    assert caught.value.headers["Retry-After"] == "7"
    assert names(server) == made
    await live.services.list()


async def test_throttle_answers_429_with_retry_after(
    server: Server, live: DockerCloud
) -> None:
    with server.faults.throttle(2.5), pytest.raises(ThrottledError) as caught:
        await live.services.list()
    assert caught.value.headers["Retry-After"] == "2.5"

    with server.faults.throttle(None), pytest.raises(ThrottledError) as caught:
        await live.services.list()
    assert "Retry-After" not in caught.value.headers


async def test_fail_refuses_the_upgrade_of_a_stream(
    server: Server, live: DockerCloud
) -> None:
    with server.faults.fail(503, path="*/events/"), pytest.raises(ServerError):
        await anext(live.events.subscribe())


# --- cut ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "made"), [("before", set()), ("after", {"web"}), ("body", {"web"})]
)
async def test_cut_resets_the_connection_before_or_after_the_work(
    server: Server, live: DockerCloud, when: Any, made: set[str]
) -> None:
    with server.faults.cut(when=when, method="POST") as rule:
        with pytest.raises(ConnectError):
            await create(live, "web")

    assert rule.hits == 1
    assert names(server) == made


@pytest.mark.parametrize("size", [0, 1, 20])
async def test_cut_after_bytes_sends_the_headers_and_these_bytes(
    server: Server, session: aiohttp.ClientSession, size: int
) -> None:
    with server.faults.cut(after=size):
        async with response_to_list(server, session) as response:
            assert response.status == 200
            assert (response.content_length or 0) > 20
            found = await response.content.readexactly(size)
            with pytest.raises(aiohttp.ClientPayloadError):
                found += await response.content.read()

    assert len(found) == size


async def test_cut_in_the_body_of_an_answer_without_a_body_cuts_before_the_answer(
    server: Server, live: DockerCloud
) -> None:
    repository = await live.repositories.create(name="registry.example.com/x/y")

    with server.faults.cut(when="body", method="DELETE") as rule:
        with pytest.raises(ConnectError):
            await live.repositories.delete(repository)

    assert rule.hits == 1


async def test_cut_after_frames_resets_each_stream_after_these_frames(
    server: Server, live: DockerCloud
) -> None:
    one = live.events.subscribe(type="service", reconnect=False)
    two = live.events.subscribe(type="service", reconnect=False)
    async with asyncio.timeout(PATIENCE), one, two:
        with server.faults.cut(after=3, path="*/events/", times=2) as rule:
            uris = await create_events(live, 5)
            for stream in (one, two):
                assert await until_cut(stream) == uris[:3]
    assert rule.hits == 2


async def test_cut_streams_resets_open_streams_with_a_matching_path(
    server: Server, live: DockerCloud
) -> None:
    service = await live.services.create(image=IDLE)
    events = live.events.subscribe(type="service", reconnect=False)
    logs = live.services.logs(service)
    async with asyncio.timeout(PATIENCE), events, logs:
        assert server.faults.cut_streams("*/nothing/") == 0
        assert server.faults.cut_streams("*/events/") == 1

        with pytest.raises(StreamClosed):
            await anext(events)
        assert server.faults.cut_streams() == 1
    assert server.faults.cut_streams() == 0


# --- half-open ------------------------------------------------------------------------


async def test_half_open_connection_is_silent_until_the_rule_is_removed(
    server: Server,
) -> None:
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection(*server.url[7:].split(":"))
        with server.faults.half_open(times=1) as rule:
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            await rule.met()
            receiving = asyncio.create_task(reader.read())
            writer.write(b"hello?")  # the server sends no reset in answer
            for _ in range(3):
                await other_request(server)
            assert not receiving.done()

        with pytest.raises(ConnectionResetError):
            await receiving
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def test_half_open_stream_sends_neither_frames_nor_pongs(
    server: Server, raw: Raw, live: DockerCloud
) -> None:
    async with asyncio.timeout(PATIENCE):
        open_before = await raw.upgrade(EVENTS)
        server.faults.half_open(path="*/events/", times=1)
        other = await raw.upgrade(EVENTS)

        # Only the stream that was opened later receives the next event.
        [uri] = await create_events(live, 1)
        assert (await other.receive_json())["resource_uri"] == uri
        receiving = asyncio.create_task(open_before.receive())
        await open_before.ping()
        await other_request(server)
        assert not receiving.done()
        assert server.faults.cut_streams() == 1  # the half-open one does not count

        server.faults.clear()
        assert (await receiving).type in (
            aiohttp.WSMsgType.CLOSED,
            aiohttp.WSMsgType.ERROR,
        )
        await open_before.close()
        await other.close()


async def test_half_open_exec_is_silent(server: Server, live: DockerCloud) -> None:
    service = await run(live, image=SHELL, run_command="sleep 1000")
    async with asyncio.timeout(PATIENCE):
        async with live.containers.exec(service["containers"][0], "cat") as exec:
            await exec.write("hello\n")
            assert (await anext(exec))["output"] == "hello\n"
            with server.faults.half_open(path="*/exec/"):
                receiving = asyncio.create_task(anext(exec))
                await exec.write("hello?\n")
                await other_request(server)
                assert not receiving.done()

            with pytest.raises(StreamClosed):
                await receiving


async def test_half_open_stream_is_noticed_by_a_heartbeat(
    server: Server, raw: Raw
) -> None:
    assert server.apikey is not None
    async with asyncio.timeout(PATIENCE), aiohttp.ClientSession() as session:
        ws = await session.ws_connect(
            server.url + EVENTS, headers={"Authorization": raw.auth}, heartbeat=0.2
        )
        server.faults.half_open()

        message = await ws.receive()

        assert message.type is aiohttp.WSMsgType.ERROR
        await ws.close()


# --- events twice and in another order ------------------------------------------------


async def test_duplicate_sends_events_twice(server: Server, raw: Raw) -> None:
    async with asyncio.timeout(PATIENCE), client_of(server) as live:
        ws = await raw.upgrade(EVENTS)
        with server.faults.duplicate(times=2) as rule:
            one, two, three = await create_events(live, 3)
            found = [(await ws.receive_json())["resource_uri"] for _ in range(5)]
        await ws.close()

    assert found == [one, one, two, two, three]
    assert rule.hits == 2


async def test_duplicate_does_not_repeat_the_position(server: Server, raw: Raw) -> None:
    async with asyncio.timeout(PATIENCE), client_of(server) as live:
        with server.faults.duplicate():
            ws = await raw.upgrade(EVENTS + "&since=now")
            await create_events(live, 1)
            kinds = [(await ws.receive_json())["type"] for _ in range(3)]
            await ws.close()

    assert kinds == ["position", "service", "service"]


async def test_reorder_sends_an_event_after_the_next_event(
    server: Server, raw: Raw
) -> None:
    async with asyncio.timeout(PATIENCE), client_of(server) as live:
        ws = await raw.upgrade(EVENTS)
        with server.faults.reorder(times=1):
            one, two, three = await create_events(live, 3)
            found = [(await ws.receive_json())["resource_uri"] for _ in range(3)]
        await ws.close()

    assert found == [two, one, three]
    assert not server.faults.active


async def test_reorder_sends_an_event_that_nothing_follows(
    server: Server, raw: Raw
) -> None:
    async with asyncio.timeout(PATIENCE), client_of(server) as live:
        ws = await raw.upgrade(EVENTS)
        with server.faults.reorder():
            [one] = await create_events(live, 1)
            found = (await ws.receive_json())["resource_uri"]
        await ws.close()

    assert found == one
    assert not server.faults.active
