"""Requests of the client: URLs, headers, errors, the session."""

from __future__ import annotations

import asyncio
import gc
import pickle
from base64 import b64encode
from math import nan
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import RawTestServer, TestServer, unused_port
from aioresponses import aioresponses
from yarl import URL

from aiodockercloud import (
    DOCKER_CLOUD,
    TUTUM,
    ApiError,
    AuthError,
    ConnectError,
    Dialect,
    DockerCloud,
    Forbidden,
    ObjectNotFound,
    Retry,
)
from aiodockercloud.transport.urls import proxy_for

BASE = "https://cloud.example.com"
PATH = "/api/app/v1/service/"
AT_ONCE = Retry(attempts=3, first=0, cap=0)


def eager(retry: Retry | None = AT_ONCE) -> DockerCloud:
    return DockerCloud(BASE, user="alice", apikey="s3cret", retry=retry)


def calls(api: aioresponses, method: str, url: str = BASE + PATH) -> list[Any]:
    return api.requests.get((method, URL(url)), [])


# --- addresses ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environ", "arguments", "rest", "stream"),
    [
        ({}, {"url": "http://h:1/"}, "http://h:1", "ws://h:1"),
        ({}, {"url": "https://h/pre/fix/"}, "https://h/pre/fix", "wss://h/pre/fix"),
        ({}, {"url": "http://h", "stream_url": "wss://s"}, "http://h", "wss://s"),
        ({"REST_HOST": "http://h/"}, {}, "http://h", "ws://h"),
        ({"REST_HOST": "http://h", "STREAM_HOST": "ws://s/"}, {}, "http://h", "ws://s"),
        ({"STREAM_HOST": "ws://s"}, {"url": "http://h"}, "http://h", "ws://h"),
    ],
)
def test_addresses_come_from_arguments_then_environment(
    monkeypatch: pytest.MonkeyPatch,
    environ: dict[str, str],
    arguments: dict[str, Any],
    rest: str,
    stream: str,
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(f"DOCKERCLOUD_{name}", value)

    cloud = DockerCloud(**arguments)

    assert (cloud.rest_url, cloud.stream_url) == (rest, stream)


@pytest.mark.parametrize(
    "url",
    [
        *("cloud.example.com", "localhost:8008", "ftp://h", "http://", "ws://h"),
        *("http://h:99999", "http://h:port", "http://[::1", "http://a b"),
    ],
)
def test_address_of_another_scheme_or_without_host_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="not an address"):
        DockerCloud(url)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"user": "a", "apikey": 5}, TypeError, "apikey: must be a text, not int"),
        ({"user": b"a", "apikey": "b"}, TypeError, "user: must be a text, not bytes"),
        ({"auth": ("a", "b")}, TypeError, "auth: must be a text, not tuple"),
        ({"namespace": 5}, TypeError, "namespace: must be a text, not int"),
        ({"url": 5}, TypeError, "an address is a text, not int"),
        ({"stream_url": 5}, TypeError, "an address is a text, not int"),
        ({"timeout": "5"}, TypeError, "timeout: must be a number of seconds or a"),
        ({"timeout": True}, TypeError, "timeout: must be a number of seconds or a"),
        ({"timeout": 0}, ValueError, "timeout: must be above 0 s, not 0"),
        ({"timeout": -1}, ValueError, "timeout: must be above 0 s, not -1"),
        ({"timeout": nan}, ValueError, "timeout: must be above 0 s, not nan"),
    ],
)
def test_argument_of_a_wrong_type_or_size_is_refused_by_the_constructor(
    options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        DockerCloud(**{"url": BASE, **options})


@pytest.mark.parametrize("arguments", [{}, {"stream_url": "ws://s"}])
@pytest.mark.parametrize("dialect", [DOCKER_CLOUD, TUTUM])
def test_client_without_address_names_the_variables_to_set(
    monkeypatch: pytest.MonkeyPatch, dialect: Dialect, arguments: dict[str, Any]
) -> None:
    prefix = dialect.env_prefix
    monkeypatch.setenv(f"{prefix}_STREAM_HOST", "ws://s")

    with pytest.raises(ValueError, match=f"set {prefix}_REST_HOST") as caught:
        DockerCloud(dialect=dialect, **arguments)
    assert f"{prefix}_APIKEY" in str(caught.value)


async def test_namespace_from_the_environment_is_in_the_path(
    api: aioresponses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKERCLOUD_NAMESPACE", "acme")
    api.get(f"{BASE}/api/app/v1/acme/service/x/", payload={"uuid": "x"})

    async with DockerCloud(BASE) as cloud:
        assert dict(await cloud.services.inspect("x")) == {"uuid": "x"}


# --- one request ----------------------------------------------------------------------


async def test_request_with_a_body_sends_json_and_credentials(
    api: aioresponses, cloud: DockerCloud
) -> None:
    api.post(BASE + PATH, status=201, payload={"uuid": "x"})

    assert await cloud.request("POST", PATH, json={"name": "é"}) == {"uuid": "x"}

    (call,) = calls(api, "POST")
    assert call.kwargs["data"] == '{"name":"é"}'.encode()
    headers = call.kwargs["headers"]
    assert headers["Content-Type"] == headers["Accept"] == "application/json"
    assert headers["Authorization"] == "Basic YWxpY2U6czNjcmV0"
    assert headers["User-Agent"].startswith("aiodockercloud")


async def test_request_with_params_quotes_them_and_drops_none(
    api: aioresponses, cloud: DockerCloud
) -> None:
    url = URL(f"{BASE}{PATH}?a=x%20%26%2B&b=true&c=false&d=/uri/", encoded=True)
    api.get(url, payload={})

    params = {
        "a": "x &+",
        "b": True,
        "c": False,
        "d": {"resource_uri": "/uri/"},
        "e": None,
    }
    assert await cloud.request("GET", PATH, params=params) == {}


async def test_request_whose_response_names_an_action_returns_its_uri(
    api: aioresponses, cloud: DockerCloud
) -> None:
    uri = "/api/audit/v1/action/1/"
    api.post(BASE + PATH, payload={}, headers={"X-DockerCloud-Action-URI": uri})

    assert await cloud.request("POST", PATH) == {"dockercloud_action_uri": uri}


async def test_request_refused_raises_with_the_servers_message(
    api: aioresponses, cloud: DockerCloud
) -> None:
    api.get(BASE + PATH, status=404, payload={"error": "no such thing"})

    with pytest.raises(ObjectNotFound, match="no such thing") as caught:
        await cloud.request("GET", PATH)

    error = caught.value
    assert (error.method, error.url, error.attempts) == ("GET", BASE + PATH, 1)
    assert "s3cret" not in str(vars(error))


async def test_write_that_is_redirected_is_not_followed(
    api: aioresponses, cloud: DockerCloud
) -> None:
    api.post(BASE + PATH, status=301, headers={"Location": BASE + "/elsewhere/"})
    api.get(BASE + "/elsewhere/", payload={})

    with pytest.raises(ApiError) as caught:
        await cloud.request("POST", PATH)
    assert caught.value.status == 301


async def test_request_without_a_response_raises_connect_error() -> None:
    url = f"http://127.0.0.1:{unused_port()}"
    async with DockerCloud(url, user="u", apikey="hunter2", retry=None) as cloud:
        with pytest.raises(ConnectError, match=r"no answer from http://127") as caught:
            await cloud.request("GET", PATH)

    assert isinstance(caught.value.__cause__, aiohttp.ClientConnectorError)
    assert pickle.loads(pickle.dumps(caught.value)).url == url + PATH


async def test_request_that_takes_too_long_raises_and_is_not_repeated() -> None:
    seen = 0

    async def hang(_: web.Request) -> web.Response:
        nonlocal seen
        seen += 1
        await asyncio.Event().wait()
        raise AssertionError

    app = web.Application()
    app.router.add_get(PATH, hang)
    async with TestServer(app) as server, asyncio.timeout(60):
        async with DockerCloud(
            str(server.make_url("")), auth="x", timeout=0.05, retry=AT_ONCE
        ) as cloud:
            with pytest.raises(ConnectError, match="timed out"):
                await cloud.request("GET", PATH)
    assert seen == 1


# --- the session ----------------------------------------------------------------------


async def test_unused_client_creates_no_session() -> None:
    async with DockerCloud(BASE) as cloud:
        assert cloud.session is None


async def test_close_twice_closes_the_clients_own_session_once(
    api: aioresponses,
) -> None:
    api.get(BASE + PATH, payload={})
    cloud = eager()
    await cloud.request("GET", PATH)
    session = cloud.session

    await cloud.close()
    await cloud.close()

    assert session is not None
    assert session.closed
    with pytest.raises(RuntimeError, match="closed"):
        await cloud.request("GET", PATH)


def test_client_in_a_second_event_loop_is_refused_with_the_reason() -> None:
    cloud = DockerCloud(f"http://127.0.0.1:{unused_port()}", auth="x", retry=None)

    async def use() -> None:
        await cloud.request("GET", PATH)

    with pytest.raises(ConnectError):
        asyncio.run(use())
    for attempt in (use, lambda: cloud.stream(PATH)):
        with pytest.raises(RuntimeError, match="another event loop"):
            asyncio.run(attempt())
    asyncio.run(cloud.close())


@pytest.mark.parametrize("own", [True, False])
async def test_proxy_of_the_environment_serves_requests_and_streams(
    monkeypatch: pytest.MonkeyPatch, own: bool
) -> None:
    seen: list[str] = []

    async def proxy(request: web.BaseRequest) -> web.Response:
        seen.append(f"{request.method} {request.raw_path}")
        return web.json_response({"error": "from the proxy"}, status=403)

    async with RawTestServer(proxy) as server, asyncio.timeout(60):
        monkeypatch.setenv("HTTP_PROXY", str(server.make_url("/")))
        monkeypatch.setenv("http_proxy", str(server.make_url("/")))
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        async with aiohttp.ClientSession(trust_env=True) as session:
            shared = None if own else session
            async with DockerCloud("http://h.test", auth="x", session=shared) as cloud:
                for call in (cloud.request("GET", PATH), cloud.stream(PATH)):
                    with pytest.raises(Forbidden):
                        await call

    assert seen == [f"GET http://h.test{PATH}"] * 2


def test_no_proxy_names_servers_that_are_reached_directly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy.test:3128")
    monkeypatch.setenv("no_proxy", "h.test")

    assert proxy_for("http://h.test:8008") is None
    assert proxy_for("ws://h.test:8008") is None
    assert proxy_for("ws://other.test") == "http://proxy.test:3128"


async def test_session_of_the_caller_is_used_and_left_open(api: aioresponses) -> None:
    api.get(BASE + PATH, payload={})
    async with aiohttp.ClientSession(raise_for_status=True) as session:
        async with DockerCloud(BASE, auth="Basic x", session=session) as cloud:
            await cloud.request("GET", PATH)
        assert not session.closed
        assert "Authorization" not in session.headers

    (call,) = calls(api, "GET")
    assert call.kwargs["headers"]["Authorization"] == "Basic x"


OTHER = "Basic b3RoZXI6d3Jvbmc="  # other:wrong


@pytest.mark.parametrize("key", ["k", "ż:ó@ł/%41 \x7f", ""])
@pytest.mark.parametrize(
    "options",
    [
        {"trust_env": True},
        {"auth": aiohttp.BasicAuth.decode(OTHER)},
        {"headers": {"Authorization": OTHER}},
    ],
    ids=["netrc", "auth", "header"],
)
@pytest.mark.filterwarnings("ignore:The 'auth' parameter:DeprecationWarning")
async def test_credentials_of_the_client_precede_those_of_the_session(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, key: str, options: dict[str, Any]
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login other password wrong\n")
    monkeypatch.setenv("NETRC", str(netrc))
    auth = f"Basic {b64encode(f'użytkownik:{key}'.encode()).decode()}"
    received = []

    async def refuse(request: web.BaseRequest) -> web.Response:
        received.append(request.headers.getall("Authorization"))
        return web.json_response({"error": "no"}, status=403)

    async with (
        RawTestServer(refuse) as server,
        aiohttp.ClientSession(**options) as session,
        DockerCloud(str(server.make_url("/")), auth=auth, session=session) as cloud,
    ):
        for call in (cloud.request("POST", PATH), cloud.stream(PATH)):
            with pytest.raises(Forbidden):
                await call

    assert received == [[auth]] * 2


async def test_value_that_json_does_not_have_is_refused_with_its_field() -> None:
    async with DockerCloud(BASE, auth="x") as cloud:
        for value in ({"key": "\udc80"}, b"bytes", 2**64):
            with pytest.raises(TypeError, match=r"^container_envvars: "):
                await cloud.request("POST", PATH, json={"container_envvars": value})
        with pytest.raises(TypeError, match="surrogates not allowed"):
            await cloud.request("POST", PATH, json=["\udc80"])


async def test_concurrent_requests_resolve_credentials_once(
    api: aioresponses, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0

    async def resolve(*_: object, **__: object) -> str:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        return "Basic x"

    monkeypatch.setattr("aiodockercloud.transport.credentials.resolve", resolve)
    api.get(BASE + PATH, payload={}, repeat=True)

    async with DockerCloud(BASE) as cloud:
        await asyncio.gather(*(cloud.request("GET", PATH) for _ in range(10)))
    assert asked == 1


async def test_cancelled_request_leaves_nothing_behind() -> None:
    arrived = asyncio.Event()

    async def hang(_: web.Request) -> web.Response:
        arrived.set()
        await asyncio.Event().wait()
        raise AssertionError

    app = web.Application()
    app.router.add_get(PATH, hang)
    async with TestServer(app) as server, asyncio.timeout(60):
        async with DockerCloud(str(server.make_url("")), auth="x") as cloud:
            task = asyncio.create_task(cloud.request("GET", PATH))
            await arrived.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert cloud.free_slots == cloud.limits.concurrency
    gc.collect()  # an open connection causes a warning, which is an error


def test_repr_shows_no_secrets() -> None:
    cloud = DockerCloud("https://u:hunter2@h/", namespace="acme")

    assert repr(cloud) == "<DockerCloud https://h namespace='acme'>"


async def test_wrong_credentials_raise_auth_error(
    api: aioresponses, cloud: DockerCloud
) -> None:
    api.get(BASE + PATH, status=401, payload={"error": "who are you"})

    with pytest.raises(AuthError, match="who are you"):
        await cloud.services.list()
