"""Connections that send nothing, too little or nonsense, and the owner beside them."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import os
import signal
import sys
from pathlib import Path

import pytest

from aiodockercloud import DockerCloud, wire
from aiodockercloud.server import Server, running
from aiodockercloud.server.settings import Limits, Settings, Timings
from tests.support import rights
from tests.support.facts import UUID, until, within
from tests.support.flows import Raw
from tests.support.processes import ACCOUNT, Process, alice
from tests.support.sockets import connected, many

SERVICES = b"/api/app/v1/service/"
BODY = b"Content-Length: 100\r\n\r\n{"
#: What a connection sends and then leaves incomplete, by kind.
INCOMPLETE = {
    "nothing": b"",
    "half a request line": b"GET /api",
    "half a header": b"GET /api/auth/ HTTP/1.1\r\nHost: x\r\nX-A: b",
    "headers without an end": b"GET /api/auth/ HTTP/1.1\r\nHost: x\r\n",
    "no body, without a key": b"POST " + SERVICES + b" HTTP/1.1\r\nHost: x\r\n" + BODY,
    "no body, wrong key": b"POST "
    + SERVICES
    + b" HTTP/1.1\r\nHost: x\r\nAuthorization: Basic YTpi\r\n"
    + BODY,
    "no body, no trigger": b"POST "
    + SERVICES
    + b"a/trigger/b/call/ HTTP/1.1\r\nHost: x\r\nIdempotency-Key: q\r\n"
    + BODY,
    "no second request": b"GET /api/auth/ HTTP/1.1\r\nHost: x\r\n\r\n",
    "half a second request": b"GET /api/auth/ HTTP/1.1\r\nHost: x\r\n\r\nGET /api",
}
CANARY = b"CANARY7f3a"
#: Requests that are not HTTP, each with a secret.
UNREADABLE = {
    "NUL in a header": b"GET / HTTP/1.1\r\nAuthorization: Basic %s\x00\r\n\r\n",
    "lone CR": b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Basic %s\rX\r\n\r\n",
    "byte in the path": b"POST /trigger/%s/call/\xe9 HTTP/1.1\r\nHost: x\r\n\r\n",
    "space in the query": b"GET /?user=a&token=%s x HTTP/1.1\r\nHost: x\r\n\r\n",
    "long header": b"GET / HTTP/1.1\r\nAuthorization: Basic %s"
    + b"A" * 20_000
    + b"\r\n\r\n",
    "long path": b"GET /?token=%s" + b"A" * 20_000 + b" HTTP/1.1\r\n\r\n",
    "length": b"POST / HTTP/1.1\r\nX-Key: %s\r\nContent-Length: x\r\n\r\n{}",
    "two lengths": b"POST / HTTP/1.1\r\nContent-Length: 1\r\nX-Key: %s\r\n"
    b"Content-Length: 2\r\n\r\n{}",
    "length and chunks": b"POST / HTTP/1.1\r\nContent-Length: 1\r\nX-Key: %s\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "no HTTP": b"\x16\x03\x01 %s\r\n\r\n",
    "other protocol": b"SSH-2.0-%s\r\n\r\n",
    "version": b"GET / HTTP/9.9.9\r\nX-Key: %s\r\n\r\n",
    "header name": b"GET / HTTP/1.1\r\nX Key: %s\r\n\r\n",
    "folded header": b"GET / HTTP/1.1\r\n X-Key: %s\r\n\r\n",
}
SHORT = Settings(timings=Timings(headers=0.2, idle=0.3, body=0.2))


@pytest.mark.parametrize("sent", INCOMPLETE.values(), ids=INCOMPLETE)
async def test_connection_without_a_complete_request_ends(sent: bytes) -> None:
    async with (
        running(settings=SHORT) as server,
        connected(server.url, sent) as connection,
    ):
        await within(20, connection.ended())


@pytest.mark.parametrize(
    "path", ["/api/app/v1/service/", "/api/app/v1/service/a/trigger/b/call/", "/x"]
)
async def test_body_of_a_refused_request_is_not_decompressed(
    server: Server, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    # A body of 1 MB can become 1 GB, and hold the event loop for seconds. Only who
    # decompresses this body notices that it is not compressed.
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\n"
    async with connected(server.url) as connection:
        connection.send(head.encode() + b"Content-Length: 100\r\n\r\n")
        status, *_ = await connection.answer()
        assert status in (401, 404)
        connection.send(b"x" * 100 + b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        status, *_ = await connection.answer()
        assert status == 200
    assert caplog.messages == []


async def test_compressed_body_is_refused_unread(raw: Raw, live: DockerCloud) -> None:
    body = gzip.compress(b'{"image": "acme/web"}')

    answer = await raw("POST", "/api/app/v1/service/", body, Content_Encoding="gzip")

    assert answer.status == 400
    assert answer.error.startswith("body: must not be compressed")
    assert await live.services.list() == []


async def test_headers_that_arrive_byte_by_byte_end_by_the_same_time(
    raw: Raw,
) -> None:
    async with running(settings=SHORT) as server, connected(server.url) as connection:
        connection.send(b"GET / HTTP/1.1\r\n")
        while connection.is_open:
            connection.send(b"X")
            await within(5, connection.reader.read(1))


async def test_body_that_does_not_arrive_is_answered_408() -> None:
    async with running(settings=SHORT) as server, connected(server.url) as connection:
        auth = Raw(server, None).auth.encode()  # type: ignore[arg-type]  # no session
        connection.send(
            b"POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\n%s"
            % (SERVICES, auth, BODY)
        )
        status, _, body = await connection.answer()

        assert status == 408
        assert json.loads(body) == {"error": "body: did not arrive within 0.2 s"}
        await connection.ended()


@pytest.mark.parametrize(
    ("path", "status"),
    [(SERVICES, 401), (SERVICES + b"a/trigger/%s/call/" % UUID.encode(), 404)],
)
async def test_body_without_credentials_is_not_read(
    server: Server, path: bytes, status: int
) -> None:
    head = b"POST %s HTTP/1.1\r\nHost: x\r\nIdempotency-Key: q\r\n" % path
    async with connected(server.url, head + b"Content-Length: 4000000\r\n\r\n") as one:
        assert (await one.answer())[0] == status


async def test_open_stream_and_slow_handler_outlive_the_time_limits() -> None:
    async with running(settings=SHORT) as server:
        cloud = DockerCloud(server.url, user=server.user, apikey=server.apikey)
        async with cloud, cloud.events.subscribe() as events:
            for attempt in range(3):
                async with connected(server.url, b"GET") as unfinished:
                    await unfinished.ended()  # a time limit has passed
                created = await cloud.services.create(image="web", name=f"w{attempt}")
                async for event in events:
                    if event.get("resource_uri") == created["resource_uri"]:
                        break


@pytest.mark.parametrize(
    "sent", [b"", b"GET /api", b"GET /api/auth/ HTTP/1.1\r\nHost: x\r\n\r\n"]
)
async def test_owner_is_served_beside_more_connections_than_allowed(
    sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(limits=Limits(connections=20))
    async with running(settings=settings) as server:
        async with many(server.url, 100, sent) as connections:
            ends = [asyncio.create_task(one.ended()) for one in connections]
            cloud = DockerCloud(server.url, user=server.user, apikey=server.apikey)
            async with cloud:
                for _ in range(3):
                    await cloud.services.list()
            await until(lambda: sum(not end.done() for end in ends) <= 20)
            assert not all(end.done() for end in ends)
        await asyncio.gather(*ends)

    lines = [one for one in caplog.messages if "connections are open" in one]
    assert len(lines) == 1


async def test_open_streams_keep_their_connections_when_others_are_too_many() -> None:
    settings = Settings(limits=Limits(connections=20))
    async with running(settings=settings) as server:
        cloud = DockerCloud(server.url, user=server.user, apikey=server.apikey)
        async with cloud, cloud.events.subscribe() as events:
            first = await cloud.services.create(image="web", name="first")
            async with many(server.url, 50, b"GET"):
                second = await cloud.services.create(image="web", name="second")
                async for event in events:
                    if event["type"] == "gap":
                        raise AssertionError("the stream was closed")
                    if event.get("resource_uri") == second["resource_uri"]:
                        break
        assert first["uuid"] != second["uuid"]


@pytest.mark.parametrize("sent", UNREADABLE.values(), ids=UNREADABLE)
async def test_unreadable_request_is_refused_without_its_bytes(
    server: Server, sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    # The message that the server may not repeat.
    async with connected(server.url, sent % CANARY) as connection:
        status, head, body = await connection.answer()
        await connection.ended()

    assert status == 400
    assert "Content-Type: application/json" in head
    assert list(json.loads(body)) == ["error"]
    assert CANARY not in head.encode() + body
    assert CANARY.decode() not in caplog.text
    assert "Traceback" not in caplog.text


async def test_unreadable_requests_are_logged_once_in_a_while(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(50):
        async with connected(server.url, b"nonsense\r\n\r\n") as connection:
            await connection.ended()

    assert len(caplog.messages) == 1


async def test_owner_is_served_when_the_process_may_open_few_files() -> None:
    command = (sys.executable, "-m", "aiodockercloud", "serve", "--port", "0")
    process = Process(
        await asyncio.create_subprocess_exec(
            *("sh", "-c", 'ulimit -n 512 && exec "$@"', "sh", *command),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, **ACCOUNT},
        )
    )
    url = await process.ready()
    async with many(url, 600, b"GET /api"):
        async with alice(process) as cloud:
            assert await cloud.services.list() == []
    assert await process.end(signal.SIGTERM) == 0

    assert "the process may open 512 files only" in process.err
    assert "Too many open files" not in process.err
    assert "Traceback" not in process.err


async def test_no_answer_to_head_has_a_body(tmp_path: Path) -> None:
    # Behind a proxy, a body would be the answer to the next request, of another user.
    paths = sorted({route.path() for route in rights.routes() if route.method == "GET"})
    async with running(data_dir=tmp_path) as server:
        assert server.apikey is not None
        auth = wire.basic_auth(server.user, server.apikey)
        head = f"HTTP/1.1\r\nHost: x\r\nAuthorization: {auth}\r\n\r\n"
        for path in paths:
            async with connected(server.url) as connection:
                connection.send(f"HEAD {path} {head}GET /healthz {head}".encode())
                data = b""
                while b"healthy" not in data:
                    more = await within(20, connection.reader.read(2**16))
                    assert more, path
                    data += more
                _, rest = data.split(b"\r\n\r\n", 1)
                assert rest.startswith(b"HTTP/1.1 200"), path
    assert any("backup" in path for path in paths)
