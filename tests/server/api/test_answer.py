"""JSON answers that leave without aiohttp equal those that leave with aiohttp."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import web

from aiodockercloud.server import Server
from aiodockercloud.server.api.answer import _Answer as Answer
from tests.support.facts import PATIENCE, UUID
from tests.support.flows import Raw

#: Headers that differ for each request, and that of a connection that is closed.
CHANGING = {"date", "x-request-id", "connection"}


async def answers(server: Server, raw: Raw, *requests: str) -> bytes:
    """Return what the server sends for requests of one connection, the last closed."""
    reader, writer = await asyncio.open_connection(*server.url[7:].split(":"))
    for number, line in enumerate(requests):
        end = "Connection: close\r\n" if number == len(requests) - 1 else ""
        writer.write(
            f"{line}\r\nHost: {server.url[7:]}\r\nAuthorization: {raw.auth}\r\n"
            f"X-Request-ID: r{number}\r\n{end}\r\n".encode()
        )
    async with asyncio.timeout(PATIENCE):
        received = await reader.read()
    writer.close()
    await writer.wait_closed()
    return received


def parse(received: bytes) -> tuple[str, dict[str, str], bytes, bytes]:
    """Return the status line, headers and body of the first answer, and the rest."""
    head, _, rest = received.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    pairs = [line.split(": ", 1) for line in lines]
    headers = {name.lower(): value for name, value in pairs}
    assert len(headers) == len(pairs)
    size = int(headers["content-length"])
    return status, headers, rest[:size], rest[size:]


@pytest.mark.parametrize(
    "path",
    [
        "/api/app/v1/service/",
        "/api/app/v1/service/?state=Running",
        f"/api/app/v1/service/{UUID}/",
        "/api/app/v1/nothing/",
        "/api/auth/",
        "/api/v1/service/",
    ],
)
async def test_answer_of_an_open_connection_equals_that_of_a_closed_one(
    server: Server, raw: Raw, path: str
) -> None:
    get = f"GET {path} HTTP/1.1"

    received = await answers(server, raw, get, get, get)

    found: list[tuple[Any, ...]] = []
    for number in range(3):
        status, headers, body, received = parse(received)
        assert headers["x-request-id"] == f"r{number}"
        assert headers["date"].endswith(" GMT")
        plain = {key: headers[key] for key in headers if key not in CHANGING}
        found.append((status, plain, body))
    assert received == b""
    assert found[0] == found[1] == found[2]


async def test_head_and_http_1_0_have_the_headers_of_a_get(
    server: Server, raw: Raw
) -> None:
    path = "/api/app/v1/service/"
    status, get, body, _ = parse(await answers(server, raw, f"GET {path} HTTP/1.1"))

    head = await answers(server, raw, f"HEAD {path} HTTP/1.1")
    old = await answers(server, raw, f"GET {path} HTTP/1.0")

    assert parse(head)[0] == status
    assert parse(head)[1].keys() == get.keys()
    assert parse(head)[2:] == (b"", b"")
    assert parse(old)[0] == status.replace("1.1", "1.0")
    assert parse(old)[1].keys() == get.keys() - {"connection"}
    assert parse(old)[2] == body


@pytest.mark.parametrize("value", ["a\r\nb: c", "a\nb", "a\rb", "a\0b"])
def test_head_with_a_line_break_in_a_header_is_refused(value: str) -> None:
    answer = Answer(b"{}", 200, {"A": value})

    with pytest.raises(ValueError, match="header"):
        answer._head(2)


class Slow:
    """A client that reads when a test lets the client read."""

    def __init__(self) -> None:
        self.is_full = False
        self.is_open = True
        self.written = b""
        self.room = asyncio.Event()

    def write(self, data: bytes) -> None:
        self.written += data
        self.is_full = True

    async def until_room(self) -> None:
        await self.room.wait()


async def test_answer_waits_until_the_client_has_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client, answer = Slow(), Answer(b'{"a":1}', 200, {"B": "c"})
    monkeypatch.setattr(answer, "_output", client)

    sending = asyncio.create_task(answer.write_eof())
    await asyncio.sleep(0)

    assert client.written.startswith(b"HTTP/1.1 200 OK\r\n")
    assert client.written.endswith(b'\r\nB: c\r\nContent-Length: 7\r\n\r\n{"a":1}')
    assert not sending.done()
    client.room.set()
    await sending
    assert answer.prepared
    assert answer.keep_alive


async def test_answer_to_a_client_that_has_left_is_a_connection_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client, answer = Slow(), Answer(b"{}", 200, {})
    client.is_open = False
    monkeypatch.setattr(answer, "_output", client)

    with pytest.raises(ConnectionError):
        await answer.write_eof()

    assert client.written == b""


async def test_answer_whose_connection_is_to_be_closed_leaves_with_aiohttp() -> None:
    answer = Answer(b"{}", 200, {})
    assert isinstance(answer, web.Response)

    answer.force_close()

    assert answer.keep_alive is False
    assert not answer.prepared
