"""What a client logs: the loggers, the levels, and no secrets."""

from __future__ import annotations

import logging
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aioresponses import aioresponses

from aiodockercloud import (
    ConnectError,
    DockerCloud,
    ObjectNotFound,
    StreamClosed,
    Unavailable,
)
from tests.support.facts import PATIENCE, UUID
from tests.support.retrying import BASE, PATH, eager
from tests.support.scripted import SHORT_PAUSES, Player, client_for, cuts

REQUEST, STREAM = "aiodockercloud.request", "aiodockercloud.stream"
CREDENTIALS = "aiodockercloud.credentials"
SECRET = "Canary-7f3a"


@pytest.fixture(autouse=True)
def _everything(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "aiodockercloud")


def logged(caplog: pytest.LogCaptureFixture, name: str) -> list[tuple[int, str]]:
    """Return the level and the text of the messages of one logger."""
    return [(level, text) for logger, level, text in caplog.record_tuples
            if logger == name]  # fmt: skip


async def test_request_is_logged_with_its_status_and_the_id_of_the_server(
    api: aioresponses, cloud: DockerCloud, caplog: pytest.LogCaptureFixture
) -> None:
    api.get(BASE + PATH, payload={}, headers={"x-request-id": "r-17"})
    await cloud.request("GET", PATH)

    [(level, text)] = logged(caplog, REQUEST)
    assert level == logging.DEBUG
    assert text.startswith(f"GET {BASE}{PATH}: 200 in ")
    assert text.endswith(" ms (request r-17)")


async def test_error_has_the_request_id_of_the_server(
    api: aioresponses, cloud: DockerCloud
) -> None:
    api.get(BASE + PATH, status=404, headers={"X-Request-ID": "r-18"})
    api.get(BASE + PATH, status=404)
    with pytest.raises(ObjectNotFound) as named:
        await cloud.request("GET", PATH)
    with pytest.raises(ObjectNotFound) as unnamed:
        await cloud.request("GET", PATH)

    assert named.value.request_id == "r-18"
    assert unnamed.value.request_id is None
    assert ConnectError("no answer").request_id is None
    assert StreamClosed(1006).request_id is None


async def test_request_without_an_answer_is_logged(
    api: aioresponses, caplog: pytest.LogCaptureFixture
) -> None:
    api.get(BASE + PATH, exception=aiohttp.ServerDisconnectedError())
    async with eager(retry=None) as cloud:
        with pytest.raises(ConnectError):
            await cloud.request("GET", PATH)

    [(level, text)] = logged(caplog, REQUEST)
    assert level == logging.DEBUG
    assert text.startswith(f"GET {BASE}{PATH}: no answer from {BASE}: ")


async def test_repeated_request_is_logged_with_the_reason(
    api: aioresponses, caplog: pytest.LogCaptureFixture
) -> None:
    api.get(BASE + PATH, status=503, payload={"error": "restarting"})
    api.get(BASE + PATH, payload={})
    async with eager() as cloud:
        await cloud.request("GET", PATH)

    texts = [text for level, text in logged(caplog, REQUEST) if level == logging.INFO]
    assert texts == [f"GET {BASE}{PATH}: 503 restarting; attempt 2 follows in 0.0 s"]


async def test_closed_rate_gate_is_logged(
    api: aioresponses, caplog: pytest.LogCaptureFixture
) -> None:
    api.get(
        BASE + PATH, status=429, headers={"Retry-After": "0.1", "X-Request-ID": "r-19"}
    )
    api.get(BASE + PATH, payload={})
    async with eager() as cloud:
        await cloud.request("GET", PATH)

    texts = [text for level, text in logged(caplog, REQUEST) if level == logging.INFO]
    assert texts == [
        "the server answered 429: all requests wait 0.1 s (request r-19)",
        f"GET {BASE}{PATH}: 429 Too Many Requests; attempt 2 follows in 0.1 s",
    ]


async def test_lost_stream_is_logged_with_its_url_and_its_gap(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def sends_an_event(ws: web.WebSocketResponse, _: web.Request) -> None:
        await ws.send_json({"type": "service", "state": "Running"})
        await ws.close()

    # Without event ids, each reconnect is a gap.
    player = Player(cuts, web.Response(status=503), sends_an_event)
    handlers = {"/api/audit/v1/events/": player.play}
    async with client_for(handlers, timings=SHORT_PAUSES, retry=None) as cloud:
        async with cloud.events.subscribe() as events:
            assert [(await anext(events))["type"] for _ in "12"] == ["gap", "service"]
        url = f"{cloud.stream_url}/api/audit/v1/events/?since=now"

    opened, lost, refused, again, gap = logged(caplog, STREAM)
    assert opened == again == (logging.DEBUG, f"opened {url}")
    assert lost[0] == refused[0] == logging.INFO
    assert lost[1].startswith(f"{url}: the stream was closed with code 1006")
    assert refused[1].startswith(f"{url}: 503 Service Unavailable; reconnecting in ")
    assert lost[1].endswith("; reconnecting in 0.0 s")
    assert gap == (
        logging.WARNING,
        f"{url}: a gap, an unknown number of events are missing",
    )


async def test_lost_event_stream_of_a_wait_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def stays(ws: web.WebSocketResponse, _: web.Request) -> None:
        await ws.receive()

    async def service(_: web.Request) -> web.Response:
        uri = f"/api/app/v1/service/{UUID}/"
        state = "Starting" if len(player.asked) < 2 else "Running"
        return web.json_response({"resource_uri": uri, "uuid": UUID, "state": state})

    player = Player(cuts, stays)
    handlers = {
        "/api/audit/v1/events/": player.play,
        f"/api/app/v1/service/{UUID}/": service,
    }
    async with client_for(handlers, timings=SHORT_PAUSES) as cloud:
        await cloud.services.wait(UUID, "Running", timeout=PATIENCE)

    [text] = [text for level, text in logged(caplog, STREAM) if level == logging.INFO]
    assert text.endswith("the connection was lost; reconnecting in 0.0 s")


async def test_missing_log_lines_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def misses_three(ws: web.WebSocketResponse, _: web.Request) -> None:
        await ws.send_json({"type": "log", "log": "[3 lines]\n", "missed": 3})
        await ws.close()

    path = f"/api/app/v1/service/{UUID}/logs/"
    async with client_for({path: Player(misses_three).play}) as cloud:
        assert [line["missed"] async for line in cloud.services.logs(UUID)] == [3]

    warnings = [text for level, text in logged(caplog, STREAM) if level > logging.INFO]
    [text] = warnings
    assert path in text
    assert text.endswith(": a gap, 3 lines are missing")


@pytest.mark.parametrize(
    ("environ", "source"),
    [
        ({"AUTH": f"Basic {SECRET}"}, "DOCKERCLOUD_AUTH of the environment"),
        (
            {"USER": "alice", "PASS": SECRET},
            "DOCKERCLOUD_USER and DOCKERCLOUD_PASS of the environment",
        ),
    ],
)
async def test_source_of_the_credentials_is_logged(
    api: aioresponses,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    environ: dict[str, str],
    source: str,
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(f"DOCKERCLOUD_{name}", value)
    api.get(BASE + PATH, payload={}, repeat=True)
    async with DockerCloud(BASE) as cloud:
        await cloud.request("GET", PATH)
        await cloud.request("GET", PATH)

    assert logged(caplog, CREDENTIALS) == [(logging.DEBUG, f"credentials: {source}")]


async def test_missing_credentials_are_logged_with_the_places(
    api: aioresponses, caplog: pytest.LogCaptureFixture
) -> None:
    api.get(BASE + PATH, payload={})
    async with DockerCloud(BASE) as cloud:
        await cloud.request("GET", PATH)

    [(_, text)] = logged(caplog, CREDENTIALS)
    file = Path.home() / ".docker" / "config.json"
    assert text == (
        "credentials: none in the environment, and none for cloud.example.com in"
        f" {file}"
    )


async def test_logs_contain_no_secret(
    api: aioresponses, caplog: pytest.LogCaptureFixture
) -> None:
    trigger = f"{BASE}/api/app/v1/service/{UUID}/trigger/{SECRET}/call/"
    address = BASE.replace("://", f"://alice:{SECRET}@")
    noisy = {"error": f"password={SECRET}"}
    api.post(trigger, status=429, payload=noisy, headers={"Retry-After": "0.01"})
    api.post(trigger, exception=aiohttp.ClientConnectionError(f"{address} is down"))
    api.get(f"{BASE}/api/infra/v1/provider/", payload={})
    async with DockerCloud(address) as cloud:
        with pytest.raises(ConnectError):
            await cloud.request(
                "POST", trigger.removeprefix(BASE), json={"password": SECRET}
            )

    assert len(logged(caplog, REQUEST)) >= 4
    assert logged(caplog, CREDENTIALS)
    assert SECRET not in caplog.text


async def test_commands_are_neither_logged_nor_in_errors(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def ends(ws: web.WebSocketResponse, _: web.Request) -> None:
        await ws.close()

    player = Player(ends, web.Response(status=503))
    handlers = {f"/api/app/v1/container/{UUID}/exec/": player.play}
    async with client_for(handlers, retry=None) as cloud:
        command = ["login", "--password", f"a {SECRET}"]
        await cloud.containers.run(UUID, command)
        with pytest.raises(Unavailable) as refused:
            await cloud.containers.run(UUID, command)

    assert "exec/?command=***" in caplog.text
    assert "exec/?command=***" in refused.value.url
    assert SECRET not in caplog.text
