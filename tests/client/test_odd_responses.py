"""Responses of servers that do not keep to the API: bounds, redirects, one error."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from aiodockercloud import (
    ApiError,
    AuthError,
    BadRequest,
    ClientClosed,
    DockerCloud,
    DockerCloudError,
    InvalidResponse,
    Limits,
    ObjectNotFound,
)
from tests.support.facts import ROOT

PATH = "/api/app/v1/service/"
UUID = "7eaf7fff-882c-4f3d-9a8f-a22317ac00ce"
META = {"next": None, "limit": 1, "offset": 0}
STACK_FILE = ROOT / "examples" / "docker-cloud.yml"
SMALL = Limits(response_bytes=4096, error_bytes=1024)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    """Serve one handler for all paths and yield the address."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    async with TestServer(app) as server, asyncio.timeout(60):
        yield str(server.make_url("")).rstrip("/")


def client(url: str, **options: Any) -> DockerCloud:
    options = {"auth": "Basic x", "retry": None, **options}
    return DockerCloud(url, **options)


async def call(cloud: DockerCloud, method: str) -> None:
    """Send a request, or open a stream."""
    if method == "stream":
        await cloud.stream(PATH)
    else:
        await cloud.request(method, PATH)


async def flood(request: web.Request, status: int) -> web.StreamResponse:
    """Send a body without end, as long as the client reads."""
    response = web.StreamResponse(status=status)
    await response.prepare(request)
    while True:
        await response.write(b'"' + b"x" * 1023)


# --- bounds -----------------------------------------------------------------------


async def test_body_without_end_raises_invalid_response() -> None:
    ended = asyncio.Event()

    async def handler(request: web.Request) -> web.StreamResponse:
        try:
            return await flood(request, 200)
        finally:
            ended.set()

    async with serving(handler) as url, client(url, limits=SMALL) as cloud:
        with pytest.raises(InvalidResponse, match="more than 4096 bytes") as caught:
            await cloud.request("GET", PATH)
        await ended.wait()  # the connection is closed

    assert (caught.value.status, caught.value.url) == (200, url + PATH)


async def test_error_with_a_body_without_end_keeps_its_class_and_is_cut() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return await flood(request, 400)

    async with serving(handler) as url, client(url, limits=SMALL) as cloud:
        with pytest.raises(BadRequest) as caught:
            await cloud.request("GET", PATH)

    assert 0 < len(caught.value.message) <= 500


async def test_body_that_grows_by_decompression_is_bounded() -> None:
    body = gzip.compress(b'{"a":"' + b"x" * 2**20 + b'"}')
    assert len(body) < SMALL.response_bytes

    async def handler(_: web.Request) -> web.Response:
        return web.Response(body=body, headers={"Content-Encoding": "gzip"})

    async with serving(handler) as url, client(url, limits=SMALL) as cloud:
        with pytest.raises(InvalidResponse, match="more than 4096 bytes"):
            await cloud.request("GET", PATH)


async def test_body_within_the_limit_is_read_whole() -> None:
    text = "x" * 300_000  # several reads of the socket

    async def handler(_: web.Request) -> web.Response:
        return web.json_response({"text": text})

    async with serving(handler) as url, client(url) as cloud:
        assert await cloud.request("GET", PATH) == {"text": text}


@pytest.mark.parametrize("shared", [False, True])
async def test_refused_stream_with_a_body_without_end_raises_its_error(
    shared: bool,
) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return await flood(request, 404)

    async with serving(handler) as url, aiohttp.ClientSession() as session:
        own = session if shared else None
        async with client(url, limits=SMALL, session=own) as cloud:
            with pytest.raises(ObjectNotFound):
                await cloud.stream(PATH)


# --- redirects --------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("method", ["GET", "POST", "stream"])
async def test_redirect_to_another_server_is_reported_and_not_followed(
    status: int, method: str
) -> None:
    seen: list[str | None] = []

    async def other(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization"))
        return web.Response(status=401)

    async with serving(other) as elsewhere:

        async def handler(request: web.Request) -> web.Response:
            to = elsewhere + request.path_qs
            return web.Response(status=status, headers={"Location": to})

        async with serving(handler) as url, client(url) as cloud:
            with pytest.raises((ApiError, InvalidResponse)) as caught:
                await call(cloud, method)

    error = caught.value
    assert isinstance(error, ApiError | InvalidResponse)
    assert error.status == (401 if method == "stream" else status)
    assert "no credentials there" in error.message
    assert f"redirects to {elsewhere}{PATH}" in error.message
    assert seen == ([None] if method == "stream" else [])


async def test_redirected_stream_of_a_shared_session_is_reported_as_well() -> None:
    async def other(_: web.Request) -> web.Response:
        return web.Response(status=401)

    async with serving(other) as elsewhere:

        async def handler(request: web.Request) -> web.Response:
            raise web.HTTPFound(elsewhere + request.path_qs)

        async with serving(handler) as url, aiohttp.ClientSession() as session:
            async with client(url, session=session) as cloud:
                with pytest.raises(InvalidResponse, match=elsewhere):
                    await cloud.stream(PATH)


async def test_redirect_of_a_get_on_the_same_server_is_followed() -> None:
    async def handler(request: web.Request) -> web.Response:
        if request.path == "/new/":
            return web.json_response({"auth": request.headers["Authorization"]})
        raise web.HTTPMovedPermanently("/new/")

    async with serving(handler) as url, client(url) as cloud:
        assert await cloud.request("GET", PATH) == {"auth": "Basic x"}


async def test_redirects_without_end_raise_invalid_response() -> None:
    async def handler(request: web.Request) -> web.Response:
        raise web.HTTPFound(request.path_qs)

    async with serving(handler) as url, client(url) as cloud:
        with pytest.raises(InvalidResponse, match="do not end"):
            await cloud.request("GET", PATH)


@pytest.mark.parametrize("location", ["http://[", "javascript:x", "ftp://h/"])
async def test_redirect_to_an_unreadable_address_raises_api_error(
    location: str,
) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": location})

    async with serving(handler) as url, client(url) as cloud:
        with pytest.raises(ApiError, match="redirects to"):
            await cloud.request("GET", PATH)


# --- one root of errors -----------------------------------------------------------


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/9 banana\r\n\r\n",
        b"\x00\x01\x02\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: zstd\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\xff\xfe",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{",
        b"HTTP/1.1 302 Found\r\nLocation: http://h:99999/\r\n\r\n",
        b"HTTP/1.1 700 Odd\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 429 No\r\nRetry-After: nan\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 429 No\r\nRetry-After: Fri, 31 Dec 9999 23:59:59 -2359\r\n"
        b"Content-Length: 0\r\n\r\n",
    ],
)
@pytest.mark.parametrize("method", ["GET", "stream"])
async def test_odd_http_raises_an_error_of_the_library(raw: bytes, method: str) -> None:
    async def connected(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(raw)
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    async with server, asyncio.timeout(60):
        host, port = server.sockets[0].getsockname()[:2]
        async with client(f"http://{host}:{port}") as cloud:
            with pytest.raises(DockerCloudError) as caught:
                await call(cloud, method)

    assert caught.value.message


async def test_closed_session_of_the_caller_raises_client_closed() -> None:
    session = aiohttp.ClientSession()
    await session.close()
    async with client("http://h", session=session) as cloud:
        for method in ("GET", "stream"):
            with pytest.raises(ClientClosed, match="session of the client"):
                await call(cloud, method)


@pytest.mark.parametrize(
    ("status", "kind"), [(401, AuthError), (404, ObjectNotFound), (418, ApiError)]
)
async def test_shared_session_that_raises_keeps_classes_of_errors(
    status: int, kind: type[ApiError]
) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.json_response({"error": "not today"}, status=status)

    async with serving(handler) as url:
        async with aiohttp.ClientSession(raise_for_status=True) as session:
            async with client(url, session=session) as cloud:
                with pytest.raises(kind, match="not today") as caught:
                    await cloud.request("GET", PATH)
                assert caught.value.status == status
                with pytest.raises(kind) as caught:
                    await cloud.stream(PATH)
                assert caught.value.status == status


async def test_closing_the_client_ends_a_request_with_client_closed() -> None:
    arrived = asyncio.Event()

    async def handler(_: web.Request) -> web.Response:
        arrived.set()
        await asyncio.Event().wait()
        raise AssertionError

    async with serving(handler) as url:
        cloud = client(url)
        task = asyncio.create_task(cloud.request("GET", PATH))
        await arrived.wait()
        await cloud.close()
        with pytest.raises(ClientClosed, match="the client was closed"):
            await task


# --- objects that lack what the API's objects have --------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"uuid": 5, "state": 7, "resource_uri": []},
        {"uuid": "x", "containers": 5},
        {"objects": [{}], "meta": META},
        {"objects": [{"uuid": 5, "name": 6, "resource_uri": 7}], "meta": META},
        {"objects": [{}, {}], "meta": META},
        {"uuid": UUID, "resource_uri": f"/api/audit/v1/action/{UUID}/"},
        {"state": "Failed"},
        {"state": ["Running"]},
        {"uuid": UUID, "state": "Stopped", "containers": [5]},
        {"uuid": UUID, "state": "Partly running", "services": [None]},
        {"uuid": UUID, "state": "Terminated"},
        {"container_ports": [5], "public_dns": 7},
        {"container_ports": [{"inner_port": 80, "protocol": "tcp", "outer_port": []}]},
        {"container_ports": 5},
    ],
    ids=lambda answer: ",".join(answer) or "empty",
)
@pytest.mark.parametrize(
    "call",
    [
        lambda cloud: cloud.services.find("web"),
        lambda cloud: cloud.stacks.find("web"),
        lambda cloud: cloud.services.run(image="a", timeout=0),
        lambda cloud: cloud.services.containers(UUID),
        lambda cloud: cloud.services.wait(UUID, "Running", timeout=0.01),
        lambda cloud: cloud.stacks.wait(UUID, "Running", timeout=0.01),
        lambda cloud: cloud.containers.wait(UUID, "Running", timeout=0.01),
        lambda cloud: cloud.actions.wait(UUID, timeout=0.01),
        lambda cloud: cloud.stacks.deploy(STACK_FILE, timeout=0.01),
        lambda cloud: cloud.containers.address(UUID, 80),
        lambda cloud: anext(cloud.logs(UUID)),
        lambda cloud: anext(cloud.stacks.logs(UUID)),
    ],
    ids=[
        *("find", "find stack", "run", "containers", "wait", "wait for stack"),
        *("wait for container", "wait for action", "deploy", "address"),
        *("logs", "stack logs"),
    ],
)
async def test_odd_object_raises_an_error_of_the_library(
    call: Callable[[DockerCloud], Awaitable[Any]], answer: dict[str, Any]
) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.json_response(answer)

    async with serving(handler) as url, client(url) as cloud:
        with pytest.raises((DockerCloudError, TimeoutError)):
            await call(cloud)
