"""Request ids, the access log and the log of failed logins."""

from __future__ import annotations

import asyncio
import logging
import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from aiodockercloud import ApiError, DockerCloud
from aiodockercloud.server import Settings, log, running
from aiodockercloud.wire import basic_auth
from tests.support.facts import IDLE, PATIENCE
from tests.support.flows import Raw, client_of, done

SERVICES = "/api/app/v1/service/"


def lines(caplog: pytest.LogCaptureFixture, name: str) -> list[str]:
    return [
        r.getMessage() for r in caplog.records if r.name == f"aiodockercloud.{name}"
    ]


@pytest.fixture
def access(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Collect the lines of the access log."""
    caplog.set_level(logging.INFO, "aiodockercloud.access")
    return caplog


# --- the id ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given", ["6f1c", "a" * 128, "Root=1-67891233-abcdef0", "a/b+c@d"]
)
async def test_id_of_a_request_is_in_its_answer(raw: Raw, given: str) -> None:
    answer = await raw("GET", SERVICES, X_Request_ID=given)

    assert answer.headers["X-Request-ID"] == given


@pytest.mark.parametrize(
    "given", ["", " ", "a" * 129, "a b", "\u00e9", "-", "a\tb", "<a>"]
)
async def test_id_in_another_form_is_replaced(raw: Raw, given: str) -> None:
    first = await raw("GET", SERVICES, X_Request_ID=given)
    second = await raw("GET", SERVICES, X_Request_ID=given)

    ids = {answer.headers["X-Request-ID"] for answer in (first, second)}
    assert len(ids - {given}) == 2


async def test_refused_request_has_an_id_in_its_answer_and_in_the_error(
    live: DockerCloud, raw: Raw
) -> None:
    for path, auth in [("/nope", ""), (SERVICES, None), (SERVICES, "Basic x")]:
        answer = await raw("GET", path, auth=auth)
        assert answer.status >= 400
        assert answer.headers["X-Request-ID"]
    with pytest.raises(ApiError) as caught:
        await live.services.inspect(str(uuid.uuid4()))
    assert caught.value.request_id


async def test_stream_has_an_id_in_its_handshake(raw: Raw) -> None:
    path = "/api/audit/v1/events/"
    async with await raw.upgrade(path, X_Request_ID="6f1c") as ws:
        assert ws._response.headers["X-Request-ID"] == "6f1c"


async def test_repeated_write_has_an_id_of_its_own(raw: Raw) -> None:
    body = f'{{"image": "{IDLE}"}}'
    first, again = [
        await raw("POST", SERVICES, body, Idempotency_Key="k", X_Request_ID=name)
        for name in ("one", "two")
    ]

    assert first.json()["uuid"] == again.json()["uuid"]
    assert (first.headers["X-Request-ID"], again.headers["X-Request-ID"]) == (
        "one",
        "two",
    )


async def test_action_its_parts_and_their_log_have_the_id(
    live: DockerCloud, raw: Raw, caplog: pytest.LogCaptureFixture
) -> None:
    stack = await live.stacks.create(
        name="shop", services=[{"name": "web", "image": IDLE}]
    )
    answer = await raw("POST", f"{stack['resource_uri']}start/", X_Request_ID="6f1c")
    uri = answer.headers["X-DockerCloud-Action-URI"]
    await done(live, {"dockercloud_action_uri": uri})

    started = [a for a in await live.actions.list() if "Start" in a["action"]]

    assert {a["action"] for a in started} == {"Stack Start", "Service Start"}
    assert {a["request_id"] for a in started} == {"6f1c"}


async def test_action_without_a_request_has_no_id(tmp_path: Path) -> None:
    async with running(data_dir=tmp_path, apikey="key") as server:
        async with client_of(server) as cloud:
            service = await cloud.services.create(image=IDLE)
            started = await cloud.services.start(service)
            await done(cloud, started)
    async with running(data_dir=tmp_path, apikey="key") as server:
        async with client_of(server) as cloud:
            found = await cloud.actions.inspect(started["dockercloud_action_uri"])

    assert found["request_id"]
    assert log.REQUEST_ID.get() == ""


# --- the access log -------------------------------------------------------------------


async def test_each_request_is_one_line_without_query_and_secrets(
    live: DockerCloud, raw: Raw, access: pytest.LogCaptureFixture
) -> None:
    service = await live.services.create(image=IDLE)
    trigger = await live.triggers.create(service)
    hidden = trigger["url"].replace("trigger", "%74rigger")
    access.clear()

    await raw("GET", f"{SERVICES}?name=c4nary")
    await raw("POST", trigger["url"], "c4nary", auth=None)
    await raw("POST", hidden, auth=None)
    await raw("GET", "/nope%1B[2J", auth=None)

    found = lines(access, "access")
    assert [line.partition(" in ")[0] for line in found[:3]] == [
        f"127.0.0.1 admin GET {SERVICES} 200",
        f"127.0.0.1 - POST {SERVICES}{service['uuid']}/trigger/***/call/ 202",
        f"127.0.0.1 - POST {SERVICES}{service['uuid']}/trigger/***/call/ 202",
    ]
    assert found[3].startswith("127.0.0.1 - GET /nope\\x1b[2J 404")
    assert trigger["uuid"] not in access.text
    assert "c4nary" not in access.text
    fields = vars(access.records[0])
    assert fields["status"] == 200
    assert fields["user"] == "admin"
    assert fields["seconds"] > 0


async def test_stream_is_one_line_at_its_end(
    raw: Raw, access: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = asyncio.Event()
    handler = logging.Handler()
    monkeypatch.setattr(handler, "emit", lambda _: ended.set())
    monkeypatch.setattr(log.ACCESS, "handlers", [handler])
    async with await raw.upgrade("/api/audit/v1/events/"):
        assert lines(access, "access") == []

    async with asyncio.timeout(PATIENCE):
        await ended.wait()
    (line,) = lines(access, "access")
    assert "GET /api/audit/v1/events/ 101 in" in line


async def test_nothing_is_logged_about_requests_unless_the_program_asks(
    raw: Raw, caplog: pytest.LogCaptureFixture
) -> None:
    assert (await raw("GET", SERVICES)).status == 200

    assert lines(caplog, "access") == []


# --- failed logins --------------------------------------------------------------------


async def test_failed_login_is_a_warning_with_address_and_known_user(
    raw: Raw, caplog: pytest.LogCaptureFixture
) -> None:
    for user in ("admin", "c4nary"):
        answer = await raw("GET", SERVICES, auth=basic_auth(user, "c4nary"))
        assert answer.status == 401

    known, unknown = [r for r in caplog.records if r.name == "aiodockercloud.auth"]
    assert "failed login of admin from 127.0.0.1" in known.getMessage()
    assert "failed login of an unknown user from 127.0.0.1" in unknown.getMessage()
    assert known.levelno == logging.WARNING
    assert vars(known)["user"] == "admin"
    assert "c4nary" not in caplog.text


async def test_missing_credentials_are_no_failed_login(
    raw: Raw, caplog: pytest.LogCaptureFixture
) -> None:
    assert (await raw("GET", SERVICES, auth=None)).status == 401

    assert lines(caplog, "auth") == []


async def test_attempts_beyond_the_limit_are_no_warnings(
    caplog: pytest.LogCaptureFixture,
) -> None:
    default = Settings()
    settings = replace(
        default,
        limits=replace(default.limits, failed_logins=2),
        timings=replace(default.timings, refusal=0.0),
    )
    async with running(settings=settings) as server, client_of(server) as cloud:
        await cloud.services.list()
        wrong = DockerCloud(server.url, user="admin", apikey="wrong", retry=None)
        async with wrong:
            for _ in range(6):
                with pytest.raises(ApiError):
                    await wrong.services.list()

    assert len(lines(caplog, "auth")) == 2
