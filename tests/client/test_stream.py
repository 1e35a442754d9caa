"""Streams against a small server on the loopback: frames, ends, reconnecting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import aiohttp
import pytest
from aiohttp import WSMsgType, web
from aiohttp.test_utils import unused_port

from aiodockercloud import (
    AuthError,
    ConnectError,
    DockerCloud,
    ObjectNotFound,
    StreamClosed,
)
from tests.support.facts import PATIENCE, until
from tests.support.scripted import Player, Script, client_for, cuts

Serve = Callable[..., Awaitable[DockerCloud]]

LOGS = "/api/app/v1/service/{uuid}/logs/"
EXEC = "/api/app/v1/container/{uuid}/exec/"

#: A timeout in the fixture would not cover the tests.
pytestmark = pytest.mark.timeout(PATIENCE)


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Start a server with one websocket path and one script per connection."""
    async with AsyncExitStack() as stack:

        async def start(path: str, *scripts: Script, **options: object) -> DockerCloud:
            handlers = {path: Player(*scripts).play}
            return await stack.enter_async_context(client_for(handlers, **options))

        yield start


def sends(*frames: object, close: int = 1000) -> Script:
    async def script(ws: web.WebSocketResponse, _: web.Request) -> None:
        for frame in frames:
            if isinstance(frame, str):
                await ws.send_str(frame)
            else:
                await ws.send_json(frame)
        await ws.close(code=close, message=b"because")

    return script


async def waits_for_close(ws: web.WebSocketResponse, _: web.Request) -> None:
    async for _message in ws:
        pass


# --- opening ------------------------------------------------------------------------


async def test_stream_not_entered_sends_nothing(serve: Serve) -> None:
    cloud = await serve(LOGS)  # without a script, any connection fails

    cloud.services.logs("x")
    await asyncio.sleep(0)

    assert cloud.session is None


async def test_logs_entered_send_the_documented_query(serve: Serve) -> None:
    asked: list[web.Request] = []

    async def script(_: web.WebSocketResponse, request: web.Request) -> None:
        asked.append(request)

    cloud = await serve(LOGS, script, script)
    async with cloud.services.logs("x", tail=10, follow=False):
        pass
    async with cloud.services.logs("x"):
        pass

    assert [dict(request.query) for request in asked] == [
        {"follow": "false", "tail": "10"},
        {"follow": "true"},
    ]
    assert asked[0].headers["Authorization"] == "Basic x"


@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize(
    ("refusal", "error"),
    [(web.HTTPNotFound, ObjectNotFound), (web.HTTPUnauthorized, AuthError)],
)
async def test_refused_upgrade_raises_the_error_of_a_request(
    serve: Serve, refusal: Script, error: type[Exception], given: bool
) -> None:
    async with aiohttp.ClientSession() as session:
        cloud = await serve(LOGS, refusal, session=session if given else None)

        with pytest.raises(error) as caught:
            async with cloud.services.logs("x"):
                pass
    # A session of the caller does not give the body of the response.
    assert given or "not that one" in str(caught.value)


async def test_upgrade_without_a_response_raises_connect_error() -> None:
    async with DockerCloud(f"http://127.0.0.1:{unused_port()}") as cloud:
        with pytest.raises(ConnectError):
            await anext(cloud.services.logs("x"))


# --- reading ------------------------------------------------------------------------


@pytest.mark.parametrize("entered", [True, False])
async def test_stream_closed_with_1000_ends_the_iteration(
    serve: Serve, entered: bool
) -> None:
    cloud = await serve(LOGS, sends({"log": "a"}, {"log": "b"}))

    stream = cloud.services.logs("x")
    if entered:
        async with stream:
            lines = [line["log"] async for line in stream]
    else:
        lines = [line["log"] async for line in stream]

    assert lines == ["a", "b"]
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


async def test_stream_closed_with_another_code_raises_it_after_its_frames(
    serve: Serve,
) -> None:
    cloud = await serve(LOGS, sends({"log": "a"}, close=1011))

    async with cloud.services.logs("x", reconnect=False) as stream:
        assert dict(await anext(stream)) == {"log": "a"}
        with pytest.raises(StreamClosed) as caught:
            await anext(stream)

    assert (caught.value.code, caught.value.reason) == (1011, "because")


async def test_stream_cut_off_raises_instead_of_ending(
    serve: Serve,
) -> None:
    cloud = await serve(LOGS, cuts)

    async with cloud.services.logs("x", reconnect=False) as stream:
        with pytest.raises(StreamClosed) as caught:
            await anext(stream)

    assert caught.value.code == 1006


async def test_stream_ended_by_tcp_without_close_frame_raises(serve: Serve) -> None:
    async def hang_up(_: web.WebSocketResponse, request: web.Request) -> None:
        assert request.transport is not None
        request.transport.close()

    cloud = await serve(LOGS, hang_up)

    async with cloud.services.logs("x", reconnect=False) as stream:
        with pytest.raises(StreamClosed, match="1006"):
            await anext(stream)


async def test_control_frames_are_not_lines(serve: Serve) -> None:
    cloud = await serve(
        LOGS, sends({"type": "auth"}, {"type": "log-started"}, {"log": "a"})
    )

    async with cloud.services.logs("x") as stream:
        assert [dict(line) async for line in stream] == [{"log": "a"}]


@pytest.mark.parametrize(
    ("frame", "error"),
    [
        ({"type": "error", "data": {"errorMessage": "UNAUTHORIZED"}}, AuthError),
        ({"type": "error", "message": "UNAUTHORIZED"}, AuthError),
        ({"type": "error", "data": {"errorMessage": "oops"}}, StreamClosed),
        ({"type": "error"}, StreamClosed),
        ("not JSON", StreamClosed),
        ([1, 2], StreamClosed),
    ],
)
async def test_error_frame_raises(
    serve: Serve, frame: object, error: type[Exception]
) -> None:
    cloud = await serve(LOGS, sends(frame))

    async with cloud.services.logs("x", reconnect=False) as stream:
        with pytest.raises(error):
            await anext(stream)


@pytest.mark.parametrize("kind", [[], {}, None, 5])
async def test_log_frame_with_an_odd_type_is_a_line(serve: Serve, kind: object) -> None:
    cloud = await serve(LOGS, sends({"type": kind, "log": "a"}))

    async with cloud.services.logs("x", reconnect=False) as stream:
        assert (await anext(stream))["log"] == "a"


@pytest.mark.parametrize("frame", [{"type": []}, {"type": {}}, {}, [1], "null"])
async def test_event_frame_without_a_type_ends_the_stream(
    serve: Serve, frame: object
) -> None:
    cloud = await serve("/api/audit/v1/events/", sends(frame))

    async with cloud.events.subscribe() as stream:
        with pytest.raises(StreamClosed, match="1007"):
            await anext(stream)


async def test_leaving_closes_the_socket_at_once(serve: Serve) -> None:
    closed: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()

    async def script(ws: web.WebSocketResponse, request: web.Request) -> None:
        await ws.send_json({"log": "a"})
        await waits_for_close(ws, request)
        closed.set_result(ws.close_code)

    cloud = await serve(LOGS, script)
    async with cloud.services.logs("x") as stream:
        async for _ in stream:
            break

    assert await closed == 1000


async def test_cancelled_reader_loses_no_frame_and_leaves_no_task(
    serve: Serve,
) -> None:
    go = asyncio.Event()

    async def script(ws: web.WebSocketResponse, _: web.Request) -> None:
        await go.wait()
        await ws.send_json({"log": "a"})

    cloud = await serve(LOGS, script)
    async with cloud.services.logs("x") as stream:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await anext(stream)
        go.set()
        assert dict(await anext(stream)) == {"log": "a"}
        reader = stream._reader

    assert reader is not None
    assert reader.done()


async def test_close_from_another_task_ends_a_waiting_reader(serve: Serve) -> None:
    cloud = await serve(LOGS, waits_for_close)
    async with cloud.services.logs("x") as stream:
        reading = asyncio.create_task(anext(stream, None))
        await asyncio.sleep(0)
        await stream.close()

        assert await reading is None


async def test_close_that_is_cancelled_ends_a_waiting_reader_nevertheless(
    serve: Serve,
) -> None:
    cloud = await serve(LOGS, waits_for_close)
    async with cloud.services.logs("x") as stream:
        reading = asyncio.create_task(anext(stream, None))
        closing = asyncio.create_task(stream.close())
        await asyncio.sleep(0)
        closing.cancel()

        assert await reading is None


async def test_slow_reader_answers_pings_and_gets_every_frame() -> None:
    """The client reads ahead until the buffer is full, then waits for the reader."""
    ponged = asyncio.Event()
    count = 5000

    async def script(ws: web.WebSocketResponse, _: web.Request) -> None:
        await ws.ping(b"ping")
        message = await ws.receive()
        assert message.type is WSMsgType.PONG
        ponged.set()
        for number in range(count):
            await ws.send_json({"log": str(number)})

    # Without autoping, the server's script receives the pong.
    async def handler(request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse(autoping=False)
        await ws.prepare(request)
        await script(ws, request)
        await ws.close()
        return ws

    async with client_for({LOGS: handler}) as cloud:
        async with cloud.services.logs("x") as stream:
            await ponged.wait()  # while no frame was read
            await until(lambda: stream._stalled)
            assert len(stream._frames) == 1000
            lines = [int(line["log"]) async for line in stream]

    assert lines == list(range(count))


async def test_closing_the_client_ends_its_streams(serve: Serve) -> None:
    cloud = await serve(LOGS, waits_for_close)
    stream = cloud.services.logs("x")
    reading = asyncio.create_task(anext(stream, None))
    await until(lambda: stream._reader is not None)

    await cloud.close()

    with pytest.raises(StreamClosed):
        await reading
    await stream.close()


# --- exec ---------------------------------------------------------------------------


async def echo(ws: web.WebSocketResponse, request: web.Request) -> None:
    await ws.send_json({"streamType": "stdout", "output": request.query["command"]})
    text = ""
    while not text.endswith("\x04"):
        text += await ws.receive_str()
    await ws.send_json({"streamType": "stderr", "output": text[:-1]})
    frame = {"type": "exit", "streamType": "", "output": "", "exit_code": 3}
    await ws.send_json(frame)


async def test_run_returns_both_outputs_and_the_exit_code(serve: Serve) -> None:
    cloud = await serve(EXEC, echo)

    result = await cloud.containers.run("x", ["echo", "a b"], stdin="hello")

    assert result == {"stdout": "echo 'a b'", "stderr": "hello", "exit_code": 3}


async def test_exec_of_a_text_sends_it_unchanged(serve: Serve) -> None:
    cloud = await serve(EXEC, echo)

    async with cloud.containers.exec("x", "ls -la | wc & +%") as process:
        frame = await anext(process)
        await process.write("\x04")
        rest = [frame async for frame in process]

    assert frame["output"] == "ls -la | wc & +%"
    assert [frame["streamType"] for frame in rest] == ["stderr"]
    assert process.exit_code == 3


async def test_exec_on_a_server_without_exit_codes_has_none(serve: Serve) -> None:
    cloud = await serve(EXEC, sends({"streamType": "stdout", "output": "a"}, "bare"))

    result = await cloud.containers.run("x", "ls")

    assert result == {"stdout": "abare", "stderr": "", "exit_code": None}


async def test_run_whose_connection_breaks_raises(serve: Serve) -> None:
    cloud = await serve(EXEC, cuts)

    with pytest.raises(StreamClosed):
        await cloud.containers.run("x", "ls")


async def test_run_that_takes_too_long_raises(serve: Serve) -> None:
    cloud = await serve(EXEC, waits_for_close)

    with pytest.raises(TimeoutError):
        await cloud.containers.run("x", "ls", timeout=0.05)
