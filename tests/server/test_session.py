"""Sessions of the page: what the cookie allows, for which pages, and how long."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http.cookies import Morsel, SimpleCookie
from typing import Any

import aiohttp
import pytest

from aiodockercloud import DockerCloud
from aiodockercloud.server import Server, running
from aiodockercloud.server.settings import Limits, Settings, Timings
from aiodockercloud.server.state.sessions import Sessions
from aiodockercloud.wire import dumps
from tests.support.facts import IDLE, PATIENCE
from tests.support.flows import Answer, Raw

Stream = aiohttp.ClientWebSocketResponse[bool]

SERVICES = "/api/app/v1/service/"
EVENTS = "/api/audit/v1/events/"


def sent_cookie(answer: Answer) -> Morsel[str]:
    """Return the only cookie of an answer."""
    [morsel] = SimpleCookie(answer.headers["Set-Cookie"]).values()
    return morsel


@dataclass
class Browser:
    """Sends requests as a browser sends those of the page, or of another page.

    Attributes:
        raw: Sends requests without credentials.
        own: The headers of requests of the page.
        cookie: The header with the cookie of the session.
    """

    raw: Raw
    own: dict[str, str]
    cookie: dict[str, str]

    @classmethod
    def of(cls, raw: Raw) -> Browser:
        own = {"Origin": raw.url, "Sec-Fetch-Site": "same-origin"}
        return cls(raw, own, {})

    async def login(self, user: str, apikey: str, **headers: str) -> Answer:
        """Log in, and keep the cookie."""
        body = dumps({"user": user, "apikey": apikey})
        sent = {**self.own, **headers}
        answer = await self.raw("POST", "/session", body, auth=None, **sent)
        if answer.status == 200:
            morsel = sent_cookie(answer)
            self.cookie = {"Cookie": f"{morsel.key}={morsel.value}"}
        return answer

    async def __call__(
        self, method: str, path: str, body: bytes | None = None, /, **headers: str
    ) -> Answer:
        """Send a request with the cookie and the given headers only."""
        return await self.raw(method, path, body, auth=None, **self.cookie, **headers)


@pytest.fixture
def browser(raw: Raw) -> Browser:
    return Browser.of(raw)


@pytest.fixture
async def logged_in(browser: Browser, server: Server) -> Browser:
    """A browser with a session of the first account."""
    assert server.apikey is not None
    assert (await browser.login(server.user, server.apikey)).status == 200
    return browser


# --- the files ----------------------------------------------------------------------


async def test_page_needs_no_key_and_loads_only_its_own_files(raw: Raw) -> None:
    answer = await raw("GET", "/", auth=None)

    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "http" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_page_is_not_sent_again_unless_changed(raw: Raw) -> None:
    tag = (await raw("GET", "/", auth=None)).headers["Etag"]

    assert (await raw("GET", "/", auth=None, If_None_Match=tag)).status == 304
    assert (await raw("GET", "/", auth=None, If_None_Match='"x"')).status == 200


async def test_files_outside_the_page_are_not_served(raw: Raw) -> None:
    for name in ("__init__.py", "..%2Fsettings.py", "%2Fetc%2Fpasswd", "a/b"):
        assert (await raw("GET", f"/page/{name}", auth=None)).status == 404


# --- login --------------------------------------------------------------------------


async def test_login_answers_the_session_in_a_cookie_for_the_page_only(
    browser: Browser, server: Server
) -> None:
    answer = await browser.login(server.user, server.apikey or "")

    cookie = sent_cookie(answer)
    assert cookie["httponly"] is True
    assert cookie["samesite"] == "Strict"
    assert cookie["path"] == "/"
    assert cookie["secure"] == ""
    assert cookie["domain"] == ""
    found = answer.json()
    assert found["user"] == server.user
    assert found["scopes"] == ["read", "deploy", "exec", "admin"]
    assert found["operations"]["container"]["start"] == ["Stopped"]
    assert str(server.apikey) not in answer.body.decode()
    assert (await browser("GET", "/session")).json() == found


async def test_cookie_is_secure_when_the_browser_uses_tls(
    browser: Browser, server: Server
) -> None:
    own = browser.own["Origin"].replace("http:", "https:")
    answer = await browser.login(server.user, server.apikey or "", Origin=own)

    cookie = sent_cookie(answer)
    assert cookie["secure"] is True
    assert cookie.key.startswith("__Host-")
    assert (await browser("GET", SERVICES)).status == 200


@pytest.mark.parametrize("body", [{}, {"user": "admin"}, {"apikey": "x"}, {"user": 1}])
async def test_incomplete_login_is_refused(
    browser: Browser, body: dict[str, Any]
) -> None:
    answer = await browser("POST", "/session", dumps(body), **browser.own)

    assert answer.status == 400


async def test_login_with_a_wrong_key_opens_nothing(
    browser: Browser, server: Server
) -> None:
    answer = await browser.login(server.user, "wrong", X_Requested_With="fetch")

    assert answer.status == 401
    assert answer.error == "the user or the API key is wrong"
    assert "Set-Cookie" not in answer.headers
    # A browser would open a dialog of its own.
    assert "WWW-Authenticate" not in answer.headers


async def test_login_with_a_large_body_is_refused(browser: Browser) -> None:
    answer = await browser.login("admin", "x" * 70_000)

    assert answer.status == 400
    assert "65536 bytes" in answer.error


async def test_failed_logins_are_limited_as_those_of_keys(
    browser: Browser, server: Server
) -> None:
    limits, timings = Limits(failed_logins=2), Timings(refusal=0.0)
    async with (
        running(settings=Settings(limits=limits, timings=timings)) as server,
        aiohttp.ClientSession() as session,
    ):
        browser = Browser.of(Raw(server, session))
        found = [(await browser.login("admin", "wrong")).status for _ in range(3)]

    assert found == [401, 401, 429]


async def test_login_is_not_repeated_for_an_idempotency_key(
    browser: Browser, server: Server
) -> None:
    first = await browser.login(server.user, server.apikey or "", Idempotency_Key="a")
    second = await browser.login(server.user, server.apikey or "", Idempotency_Key="a")

    assert sent_cookie(first).value != sent_cookie(second).value


async def test_there_is_no_session_without_a_cookie(browser: Browser) -> None:
    answer = await browser("GET", "/session")

    assert (answer.status, answer.json()) == (200, {"user": None})


# --- what the cookie allows ---------------------------------------------------------


async def test_session_has_the_rights_of_its_key(
    browser: Browser, live: DockerCloud
) -> None:
    key = await live.keys.create(scopes=["read"])

    answer = await browser.login("admin", key["key"])

    assert answer.json()["scopes"] == ["read"]
    assert (await browser("GET", SERVICES)).status == 200
    body = dumps({"image": IDLE})
    assert (await browser("POST", SERVICES, body, **browser.own)).status == 403


FOREIGN = [
    {},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:1"},
    {"Origin": "http://127.0.0.1:1"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
]


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
async def test_other_pages_change_nothing_with_the_cookie(
    logged_in: Browser, server: Server, headers: dict[str, str]
) -> None:
    body = dumps({"image": IDLE})

    answer = await logged_in("POST", SERVICES, body, **headers)

    assert answer.status == 403
    assert answer.error.startswith("Origin: ")
    assert not server.cloud.services
    assert (await logged_in("DELETE", "/session", None, **headers)).status == 403
    assert (await logged_in("GET", SERVICES)).status == 200


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
async def test_other_pages_open_no_stream_with_the_cookie(
    logged_in: Browser, headers: dict[str, str]
) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await logged_in.raw.upgrade(EVENTS, auth=None, **logged_in.cookie, **headers)

    assert caught.value.status == 403


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
async def test_other_pages_open_no_session(
    browser: Browser, server: Server, headers: dict[str, str]
) -> None:
    body = dumps({"user": server.user, "apikey": server.apikey})

    answer = await browser("POST", "/session", body, **headers)

    assert answer.status == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "same-origin"},
        {"Origin": "{own}"},
        {"Origin": "{own}", "Sec-Fetch-Site": "same-origin"},
    ],
    ids=str,
)
async def test_page_changes_with_the_cookie(
    logged_in: Browser, headers: dict[str, str]
) -> None:
    own = {name: text.format(own=logged_in.raw.url) for name, text in headers.items()}

    answer = await logged_in("POST", SERVICES, dumps({"image": IDLE}), **own)

    assert answer.status == 201


# --- the end of a session -----------------------------------------------------------


@asynccontextmanager
async def stream(browser: Browser) -> AsyncIterator[Stream]:
    """Open the event stream of a session."""
    origin = {"Origin": browser.raw.url}
    ws = await browser.raw.upgrade(EVENTS, auth=None, **browser.cookie, **origin)
    async with ws, asyncio.timeout(PATIENCE):
        yield ws


async def assert_ended(browser: Browser, ws: Stream) -> None:
    """Check that a session and its stream have ended."""
    message = await ws.receive()
    assert message.type is aiohttp.WSMsgType.CLOSE
    assert message.data == 1008
    assert (await browser("GET", SERVICES)).status == 401
    assert (await browser("GET", "/session")).json() == {"user": None}


async def test_logout_ends_the_session_and_its_streams(logged_in: Browser) -> None:
    async with stream(logged_in) as ws:
        answer = await logged_in("DELETE", "/session", None, **logged_in.own)

        assert answer.status == 204
        assert sent_cookie(answer)["max-age"] == "0"
        await assert_ended(logged_in, ws)


async def test_logout_leaves_other_sessions_of_the_key(
    logged_in: Browser, server: Server
) -> None:
    other = Browser.of(logged_in.raw)
    await other.login(server.user, server.apikey or "")
    async with stream(other) as ws:
        await logged_in("DELETE", "/session", None, **logged_in.own)

        assert (await other("GET", SERVICES)).status == 200
        await other("POST", SERVICES, dumps({"image": IDLE}), **other.own)
        assert (await ws.receive()).type is aiohttp.WSMsgType.TEXT


async def test_session_ends_with_its_key(browser: Browser, live: DockerCloud) -> None:
    key = await live.keys.create(scopes=["read"])
    await browser.login("admin", key["key"])
    async with stream(browser) as ws:
        await live.keys.delete(key)

        await assert_ended(browser, ws)


async def test_session_ends_when_its_time_is_over(server: Server) -> None:
    settings = Settings(timings=Timings(session=0.2))
    async with (
        running(settings=settings) as server,
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
    ):
        browser = Browser.of(Raw(server, session))
        await browser.login(server.user, server.apikey or "")
        async with stream(browser) as ws:
            await assert_ended(browser, ws)


async def test_session_of_a_key_that_expires_ends_with_the_key(
    browser: Browser, live: DockerCloud
) -> None:
    key = await live.keys.create(scopes=["read"], expires_in=100)

    answer = await browser.login("admin", key["key"])

    assert answer.json()["expires_datetime"] == key["expires_datetime"]


# --- the number of sessions ---------------------------------------------------------


def test_session_beyond_those_of_a_key_closes_the_oldest_of_the_key() -> None:
    sessions = Sessions(Settings(limits=Limits(sessions_of_key=2)))
    closed: list[str] = []
    sessions.on_closed = lambda session: closed.append(session.id)
    other, _ = sessions.open("other")
    (first, oldest), (second, _), (third, _) = (sessions.open("key") for _ in range(3))

    assert sessions.find(first) is None
    assert all(sessions.find(token) for token in (other, second, third))
    assert closed == [oldest.id]


def test_session_beyond_the_number_closes_the_oldest() -> None:
    sessions = Sessions(Settings(limits=Limits(sessions=2)))
    tokens = [sessions.open(f"key {i}")[0] for i in range(3)]

    assert [bool(sessions.find(token)) for token in tokens] == [False, True, True]
    assert len(sessions) == 2


def test_session_is_found_by_its_token_until_its_time_is_over() -> None:
    now = time.time()
    sessions = Sessions(clock=lambda: now)
    token, session = sessions.open("key")

    assert sessions.find(token) == session
    assert sessions.find(session.id) is None
    assert sessions.find("\udcff") is None
    now = session.expires
    assert sessions.find(token) is None
    assert len(sessions) == 0
