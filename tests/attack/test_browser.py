"""Pages of other hosts: what a browser with cached credentials sends for them."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

import aiohttp
import pytest

from aiodockercloud import DockerCloud
from aiodockercloud.server import Server, running
from aiodockercloud.types import Service
from tests.support.flows import Raw, run
from tests.support.sockets import connected

SERVICES = "/api/app/v1/service/"
EVENTS = "/api/audit/v1/events/"
#: Headers of requests for a page of another host; ``{own}`` is the server's own origin.
FOREIGN = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "http://localhost:1"},
    {"Origin": "http://127.0.0.1"},
    {"Origin": "{own}.evil.example"},
    {"Origin": "http://user@{host}"},
    {"Origin": "http://[::1"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-site"},
    {"Origin": "{own}", "Sec-Fetch-Site": "cross-site"},
]
OWN = [
    {},
    {"Origin": "{own}"},
    {"Origin": "{own}", "Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "none"},
]


def spelled(headers: dict[str, str], server: Server) -> dict[str, str]:
    """Return headers with the server's own origin."""
    host = urlsplit(server.url).netloc
    return {
        name: value.format(own=server.url, host=host) for name, value in headers.items()
    }


@pytest.fixture
async def shell(live: DockerCloud) -> Service:
    """A running service with the small shell."""
    return await run(live, name="shell", image="busybox", run_command="sleep 1000")


# --- origins ------------------------------------------------------------------------


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
async def test_page_of_another_host_changes_nothing(
    server: Server, raw: Raw, live: DockerCloud, shell: Service, headers: dict[str, str]
) -> None:
    sent = spelled(headers, server)
    trigger = await live.triggers.create(shell)
    before = await live.services.inspect(shell)
    actions = len(server.cloud.actions)

    for method, path, body in (
        ("POST", SERVICES, b'{"image":"busybox","name":"csrf"}'),
        ("POST", f"{shell['resource_uri']}stop/", None),
        ("PATCH", shell["resource_uri"], b'{"target_num_containers":2}'),
        ("DELETE", shell["resource_uri"], None),
        ("POST", trigger["url"], None),
    ):
        answer = await raw(
            method, path, body, Content_Type="text/plain;charset=UTF-8", **sent
        )
        assert answer.status == 403
        assert "--allowed-host" in answer.error

    assert await live.services.inspect(shell) == before
    assert len(await live.services.list()) == 1
    assert len(server.cloud.actions) == actions


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
async def test_page_of_another_host_opens_no_stream(
    server: Server, raw: Raw, shell: Service, headers: dict[str, str]
) -> None:
    sent = spelled(headers, server)

    for path in (EVENTS, f"{shell['containers'][0]}exec/?command=true"):
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await raw.upgrade(path, **sent)
        assert caught.value.status == 403


@pytest.mark.parametrize("headers", OWN, ids=str)
async def test_page_of_the_server_changes_and_opens_streams(
    server: Server, raw: Raw, headers: dict[str, str]
) -> None:
    sent = spelled(headers, server)

    async with await raw.upgrade(EVENTS, **sent):
        answer = await raw("POST", SERVICES, b'{"image":"web"}', **sent)
    assert answer.status == 201


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
async def test_page_of_another_host_cannot_read_what_it_requests(
    server: Server, raw: Raw, headers: dict[str, str]
) -> None:
    sent = spelled(headers, server)

    for method in ("GET", "OPTIONS"):
        answer = await raw(method, SERVICES, **sent)
        assert not [name for name in answer.headers if name.startswith("Access-")]
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"


# --- hosts --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        *("attacker.example", "attacker.example:80", "127.0.0.1.evil.example"),
        *("localhost.evil.example:8008", "evil.localhost.example", "192.0.2.1"),
        *("[2001:db8::1]:8008", "a b.example", "[::1.example"),
    ],
)
async def test_other_host_is_refused(server: Server, raw: Raw, host: str) -> None:
    for method, path in (("GET", SERVICES), ("GET", EVENTS), ("POST", SERVICES)):
        answer = await raw(method, path, b"{}", Host=host)
        assert answer.status == 421
        assert "--allowed-host" in answer.error
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await raw.upgrade(EVENTS, Host=host)
    assert caught.value.status == 421


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.0.0.1:1", "127.9.9.9", "localhost:8008", "LOCALHOST."),
        *("web.localhost", "[::1]:8008", "dockercloud:8008"),
        *("cloud.example.com", "cloud.example.com:8443", "Public.Example."),
    ],
)
async def test_own_host_is_served(host: str) -> None:
    async with (
        running(
            public_url="https://cloud.example.com/", allowed_hosts=["public.example"]
        ) as server,
        aiohttp.ClientSession() as session,
    ):
        raw = Raw(server, session)
        assert (await raw("GET", SERVICES, Host=host)).status == 200
        assert (await raw("GET", SERVICES, Host="evil.example")).status == 421


async def test_address_of_the_connection_is_served() -> None:
    """The server that listens on all addresses is reached by any of them."""
    async with (
        running(host="127.0.0.2") as server,
        aiohttp.ClientSession() as session,
    ):
        raw = Raw(server, session)
        assert (await raw("GET", SERVICES)).status == 200


async def test_page_of_an_allowed_host_may_request_changes() -> None:
    async with (
        running(allowed_hosts=["app.example"]) as server,
        aiohttp.ClientSession() as session,
    ):
        raw = Raw(server, session)
        for origin, status in (
            ("https://app.example", 201),
            ("https://app.example:8443", 201),
            ("https://other.example", 403),
        ):
            answer = await raw("POST", SERVICES, b'{"image":"web"}', Origin=origin)
            assert answer.status == status


async def test_request_of_http_1_0_without_a_host_is_served(server: Server) -> None:
    async with connected(server.url, b"GET /api/auth/ HTTP/1.0\r\n\r\n") as connection:
        assert (await connection.answer())[0] == 401


@pytest.mark.parametrize("host", ["", "http://a", "a..b", "a:80", "*"])
async def test_allowed_host_that_cannot_be_used_is_refused(host: str) -> None:
    with pytest.raises(ValueError, match="is not a host"):
        async with running(allowed_hosts=[host]):
            pass


# --- headers of answers -------------------------------------------------------------


def assert_headers(head: str) -> None:
    """Check the headers that every answer has."""
    lines = head.split("\r\n")
    assert "Server: aiodockercloud" in lines
    assert "X-Content-Type-Options: nosniff" in lines
    assert "X-Frame-Options: DENY" in lines
    assert "Cache-Control: no-store" in lines
    assert "Referrer-Policy: no-referrer" in lines
    csp = "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'"
    assert csp in lines
    assert "python" not in head.lower()
    assert "aiohttp" not in head.lower()


@pytest.mark.parametrize(
    ("request_line", "more", "status"),
    [
        (f"GET {SERVICES} HTTP/1.1", "", 200),
        (f"GET {SERVICES} HTTP/1.1", "Host: evil.example\r\n", 421),
        (f"POST {SERVICES} HTTP/1.1", "Origin: null\r\n", 403),
        (f"PUT {SERVICES} HTTP/1.1", "", 405),
        ("GET /nothing/ HTTP/1.1", "", 404),
        ("GET /a%0Ab HTTP/1.1", "", 404),
        ("GET /api/%0A/app/v1/service/ HTTP/1.1", "", 404),
        ("OPTIONS * HTTP/1.1", "", 404),
        ("CONNECT evil.example:443 HTTP/1.1", "", 404),
        ("GET http://evil.example/ HTTP/1.1", "", 404),
        (f"GET {SERVICES} HTTP/1.1", "Expect: nothing\r\n", 417),
        ("GET\t/ HTTP/1.1", "", 400),
    ],
)
async def test_every_answer_is_json_with_the_headers_for_browsers(
    server: Server, raw: Raw, request_line: str, more: str, status: int
) -> None:
    host = "" if "Host:" in more else "Host: 127.0.0.1\r\n"
    head = f"{request_line}\r\n{host}{more}Authorization: {raw.auth}\r\n\r\n"

    async with connected(server.url, head.encode()) as connection:
        found, answered, body = await connection.answer()

    assert found == status
    assert_headers(answered)
    assert "Content-Type: application/json\r\n" in answered
    assert json.loads(body)


async def test_handshake_of_a_stream_has_the_headers_for_browsers(
    server: Server, raw: Raw
) -> None:
    head = (
        f"GET {EVENTS} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {raw.auth}\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )

    async with connected(server.url, head.encode()) as connection:
        status, answered, _ = await connection.answer()

    assert status == 101
    assert_headers(answered)
