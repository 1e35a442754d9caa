"""Streams that fail: for ever, by a closed client, by two readers, by huge frames."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing
from sys import getsizeof
from typing import Any

import aiohttp
import pytest
from aiohttp import ClientTimeout, web

from aiodockercloud import (
    DOCKER_CLOUD,
    TUTUM,
    AuthError,
    ClientClosed,
    ConnectError,
    Dialect,
    DockerCloud,
    Limits,
    ObjectNotFound,
    StreamClosed,
    Timings,
    Unavailable,
    log_text,
)
from aiodockercloud.transport.stream import Stream
from tests.support.facts import PATIENCE, until
from tests.support.scripted import Player, Script, client_for, cuts

LOGS = "/api/app/v1/service/{uuid}/logs/"
EVENTS = "/api/audit/v1/events/"


#: No connection of these tests lasts so long that the connection counts as a success.
NO_PAUSES = Timings(first_pause=0, longest_pause=0, lasting_connection=10 * PATIENCE)
LIMITS = Limits(fruitless_connections=3, failed_attempts=4)

Serve = Callable[..., Awaitable[tuple[DockerCloud, Player]]]
Play = Callable[[web.WebSocketResponse, web.Request], Awaitable[object]]
Open = Callable[[DockerCloud], Stream[Any]]

#: A timeout in the fixture would not cover the tests.
pytestmark = pytest.mark.timeout(PATIENCE)

EVERY_STREAM = pytest.mark.parametrize(
    "open_stream",
    [
        lambda cloud: cloud.services.logs("x"),
        lambda cloud: cloud.services.logs("x", follow=False),
        lambda cloud: cloud.services.logs("x", until="stopped"),
        lambda cloud: cloud.events.subscribe(),
        lambda cloud: cloud.events.subscribe(since="run-1"),
    ],
    ids=["followed log", "log", "job", "events", "events since"],
)


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Start a server that plays one script per connection, and a client."""
    async with AsyncExitStack() as stack:

        async def start(*scripts: Script, **options: Any) -> tuple[DockerCloud, Player]:
            player = Player(*scripts)
            handlers = {LOGS: player.play, EVENTS: player.play}
            options = {"timings": NO_PAUSES, "limits": LIMITS, **options}
            client = client_for(handlers, **options)
            return await stack.enter_async_context(client), player

        yield start


async def fails(ws: web.WebSocketResponse, _: web.Request) -> None:
    await ws.close(code=1011, message=b"internal error")


def sends(*frames: Any, then: Play = fails) -> Script:
    async def script(ws: web.WebSocketResponse, request: web.Request) -> None:
        for frame in frames:
            if isinstance(frame, str):
                await ws.send_str(frame)
            else:
                await ws.send_json(frame)
        await then(ws, request)

    return script


async def waits_for_close(ws: web.WebSocketResponse, _: web.Request) -> None:
    async for _message in ws:
        pass


async def collect(stream: Stream[Any], items: list[Any]) -> None:
    async with stream:
        async for item in stream:
            items.append(item)


def line(number: int) -> dict[str, Any]:
    return {"log": f"2016-03-01T00:00:00.{number:09}Z {number}\n"}


# --- bounded attempts ---------------------------------------------------------------


@pytest.mark.parametrize("script", [fails, cuts], ids=["closed", "cut"])
@EVERY_STREAM
async def test_stream_that_fails_each_time_raises_the_last_error(
    open_stream: Open, script: Play, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    opened = 0

    async def handler(request: web.Request) -> web.StreamResponse:
        nonlocal opened
        opened += 1
        ws = web.WebSocketResponse(protocols=["window.aiodockercloud"])
        await ws.prepare(request)
        await script(ws, request)
        return ws

    handlers = {LOGS: handler, EVENTS: handler}
    async with client_for(handlers, timings=NO_PAUSES, limits=LIMITS) as cloud:
        items: list[Any] = []
        with pytest.raises(StreamClosed) as caught:
            await collect(open_stream(cloud), items)

    # Each lost connection may be a gap of the events, which is no progress.
    assert all(item["type"] == "gap" for item in items)

    assert caught.value.code == (1011 if script is fails else 1006)
    assert opened == 3
    levels = [
        one.levelno
        for one in caplog.records
        if one.name == "aiodockercloud.stream" and one.levelno != logging.WARNING
    ]  # a warning reports a gap
    assert levels == [logging.INFO] * 2 + [logging.ERROR]


async def test_server_that_stays_unavailable_raises_after_the_attempts(
    serve: Serve,
) -> None:
    refusals = [web.HTTPServiceUnavailable] * 4
    cloud, player = await serve(sends(line(1)), *refusals)

    with pytest.raises(Unavailable):
        async for _ in cloud.services.logs("x"):
            pass

    assert len(player.asked) == 5


async def test_new_line_starts_the_count_again(serve: Serve) -> None:
    lines = [line(number) for number in range(4)]
    scripts = [
        script for end in range(1, 5) for script in (fails, fails, sends(*lines[:end]))
    ]
    cloud, player = await serve(*scripts, fails, fails, fails)

    items: list[Any] = []
    with pytest.raises(StreamClosed):
        await collect(cloud.services.logs("x"), items)

    found = [log_text(item) for item in items if "missed" not in item]
    assert found == ["0", "1", "2", "3"]
    # The last connection with a line counts from zero.
    assert len(player.asked) == 15


@pytest.mark.parametrize(
    ("lasting", "connections"), [(10 * PATIENCE, 3), (-1, 9)], ids=["short", "lasting"]
)
async def test_connection_that_lasted_is_no_fruitless_connection(
    serve: Serve, lasting: float, connections: int
) -> None:
    timings = Timings(first_pause=0, longest_pause=0, lasting_connection=lasting)
    cloud, player = await serve(*[fails] * 8, web.HTTPNotFound, timings=timings)

    with pytest.raises((StreamClosed, ObjectNotFound)):
        await collect(cloud.services.logs("x"), [])

    assert len(player.asked) == connections


# --- refusals -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("refusal", "error"),
    [(web.HTTPUnauthorized, AuthError), (web.HTTPNotFound, ObjectNotFound)],
)
async def test_session_that_raises_for_status_keeps_the_status_of_refused_streams(
    serve: Serve, refusal: Script, error: type[Exception]
) -> None:
    async with aiohttp.ClientSession(raise_for_status=True) as session:
        cloud, player = await serve(refusal, sends(line(1)), refusal, session=session)

        with pytest.raises(error):
            await anext(cloud.services.logs("x"))
        with pytest.raises(error):  # a key that is revoked while a log is followed
            async for _ in cloud.services.logs("x"):
                pass

    assert len(player.asked) == 3


@pytest.mark.parametrize(
    "bound",
    [
        0.2,
        ClientTimeout(total=0.2),
        ClientTimeout(total=None, sock_read=0.2),
        ClientTimeout(total=None, connect=0.2),
        ClientTimeout(total=None, sock_connect=0.1, sock_read=0.1),
    ],
    ids=str,
)
async def test_every_form_of_timeout_bounds_the_opening_of_a_stream(
    bound: float | ClientTimeout,
) -> None:
    connections = []

    async def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)  # and answers nothing

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    async with server, DockerCloud(url, auth="Basic x", timeout=bound) as cloud:
        with pytest.raises(ConnectError, match="timed out"):
            await anext(cloud.events.subscribe())
        for writer in connections:
            writer.close()


# --- text ---------------------------------------------------------------------------


async def test_line_that_is_not_valid_unicode_is_mended(serve: Serve) -> None:
    raw = '{"log": "caf\\udce9 \\ud83d\\udc33\\n"}'
    cloud, _ = await serve(sends(line(1), raw, line(2), then=waits_for_close))

    async with cloud.services.logs("x") as stream:
        found = [log_text(await anext(stream)) for _ in range(3)]

    assert found == ["1", "caf\ufffd \U0001f433", "2"]


# --- readers ------------------------------------------------------------------------


@EVERY_STREAM
async def test_second_reader_is_refused_and_the_first_continues(
    open_stream: Open,
) -> None:
    go = asyncio.Event()

    async def handler(request: web.Request) -> web.StreamResponse:
        ws = web.WebSocketResponse(protocols=["window.aiodockercloud"])
        await ws.prepare(request)
        if "until" in request.query or "since" in request.query:
            await ws.send_json({"type": "position", **POSITION, **request.query})
        await go.wait()
        await ws.send_json({"type": "service", "id": "run-1", "log": "a"})
        return ws

    async with client_for({LOGS: handler, EVENTS: handler}) as cloud:
        async with open_stream(cloud) as stream:
            reading = asyncio.create_task(anext(stream))
            await asyncio.sleep(0)
            with pytest.raises(RuntimeError, match="another task reads this stream"):
                await anext(stream)
            go.set()
            assert (await reading)["type"] == "service"


POSITION = {"id": "run-1", "at": "2016-03-01T00:00:00.000000000Z"}


async def test_reader_that_gave_up_is_no_second_reader(serve: Serve) -> None:
    go = asyncio.Event()

    async def script(ws: web.WebSocketResponse, _: web.Request) -> None:
        await go.wait()
        await ws.send_json(line(1))

    cloud, _ = await serve(script)
    async with cloud.services.logs("x") as stream:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(stream), 0.01)
        go.set()
        assert await anext(stream) == line(1)


async def test_aclosing_closes_the_stream(serve: Serve) -> None:
    closed: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()

    async def script(ws: web.WebSocketResponse, request: web.Request) -> None:
        await ws.send_json(line(1))
        await waits_for_close(ws, request)
        closed.set_result(ws.close_code)

    cloud, _ = await serve(script)
    async with aclosing(cloud.services.logs("x")) as lines:
        async for _line in lines:
            break

    assert await closed == 1000


@pytest.mark.parametrize(
    "open_stream",
    [
        lambda cloud: cloud.services.logs("x"),
        lambda cloud: cloud.events.subscribe(),
        lambda cloud: cloud.containers.exec("x", "ls"),
        lambda cloud: cloud.logs(["x"]),
    ],
    ids=["log", "events", "exec", "merged log"],
)
@pytest.mark.parametrize("dialect", [DOCKER_CLOUD, TUTUM])
async def test_closed_stream_is_not_entered_again(
    open_stream: Open, dialect: Dialect
) -> None:
    async with DockerCloud("http://h.test", auth="Basic x", dialect=dialect) as cloud:
        stream = open_stream(cloud)
        await stream.close()

        with pytest.raises(RuntimeError, match="this stream was closed"):
            async with stream:
                pass
        with pytest.raises(StopAsyncIteration):  # as the end of a read stream
            await anext(stream)


# --- a closed client ----------------------------------------------------------------


@EVERY_STREAM
async def test_closed_client_ends_its_readers_with_that_reason(
    open_stream: Open,
) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        ws = web.WebSocketResponse(protocols=["window.aiodockercloud"])
        await ws.prepare(request)
        await waits_for_close(ws, request)
        return ws

    async with client_for({LOGS: handler, EVENTS: handler}) as cloud:
        stream = open_stream(cloud)
        reading = asyncio.create_task(anext(stream))
        await until(lambda: stream._reader is not None)
        await cloud.close()

        with pytest.raises(StreamClosed, match="the client was closed"):
            await reading


async def test_client_closed_while_a_stream_pauses_ends_its_reader_at_once(
    serve: Serve,
) -> None:
    cloud, _ = await serve(fails, timings=Timings(first_pause=10 * PATIENCE))
    stream = cloud.services.logs("x")
    reading = asyncio.create_task(anext(stream))
    await until(lambda: stream._again_at > 0)

    await cloud.close()

    with pytest.raises(StreamClosed, match="the client was closed"):
        await reading


@EVERY_STREAM
async def test_closed_session_of_the_caller_ends_a_stream(open_stream: Open) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        ws = web.WebSocketResponse(protocols=["window.aiodockercloud"])
        await ws.prepare(request)
        await waits_for_close(ws, request)
        return ws

    session = aiohttp.ClientSession()
    handlers = {LOGS: handler, EVENTS: handler}
    async with client_for(handlers, session=session, timings=NO_PAUSES) as cloud:
        stream = open_stream(cloud)
        reading = asyncio.create_task(collect(stream, []))
        await until(lambda: stream._reader is not None)
        await session.close()

        with pytest.raises(ClientClosed, match="session of the client"):
            await reading


# --- memory -------------------------------------------------------------------------


@pytest.mark.parametrize("window", [False, True])
async def test_frames_ahead_of_the_reader_are_bounded_in_bytes(window: bool) -> None:
    count, width = 300, 10_000

    async def handler(request: web.Request) -> web.StreamResponse:
        protocols = ["window.aiodockercloud"] if window else []
        ws = web.WebSocketResponse(protocols=protocols)
        await ws.prepare(request)
        for number in range(count):
            text = f"2016-03-01T00:00:00.{number:09}Z {'x' * width}\n"
            await ws.send_json({"log": text})
        await ws.close()
        return ws

    limits = Limits(buffer_bytes=200_000)
    async with client_for({LOGS: handler}, limits=limits) as cloud:
        async with cloud.services.logs("x", reconnect=False) as stream:
            await until(lambda: stream._stalled)
            held = sum(map(getsizeof, stream._frames))
            lines = [line async for line in stream]

    assert held < 200_000 + 2 * width
    assert len(lines) == count


async def test_frame_larger_than_the_limit_ends_the_stream(serve: Serve) -> None:
    limits = Limits(frame_bytes=1000, fruitless_connections=2)
    huge = sends({"log": "x" * 2000}, then=waits_for_close)
    cloud, player = await serve(huge, huge, limits=limits)

    with pytest.raises(StreamClosed, match="1009"):
        await anext(cloud.services.logs("x", follow=False))

    assert len(player.asked) == 2
