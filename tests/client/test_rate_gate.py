"""When requests are repeated, and when a client holds requests back."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from aioresponses import aioresponses

from aiodockercloud import (
    ConnectError,
    DockerCloud,
    InvalidResponse,
    Retry,
    ThrottledError,
)
from aiodockercloud.transport.retry import RateGate, retry_after
from tests.support.facts import PATIENCE, until
from tests.support.retrying import BASE, PATH, calls, eager, good


class Seen:
    """A server with scripted answers, which records the requests."""

    def __init__(self, answer: Callable[[int], web.Response]) -> None:
        self._answer = answer
        #: The time of each request, by the clock of the loop.
        self.times: list[float] = []
        self.came = asyncio.Event()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.times.append(asyncio.get_running_loop().time())
        self.came.set()
        return self._answer(len(self.times))


@asynccontextmanager
async def serving(
    answer: Callable[[int], web.Response], retry: Retry | None
) -> AsyncIterator[tuple[Seen, DockerCloud]]:
    """Start a server that answers request n with ``answer(n)``, and a client."""
    seen = Seen(answer)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", seen.handle)
    async with TestServer(app) as server, asyncio.timeout(PATIENCE):
        async with DockerCloud(
            str(server.make_url("")), auth="Basic x", retry=retry
        ) as cloud:
            yield seen, cloud


def throttled(seconds: object) -> web.Response:
    return web.Response(status=429, headers={"Retry-After": str(seconds)})


async def closed(cloud: DockerCloud) -> None:
    """Wait until the client has read the answer that closes the gate."""
    await until(lambda: cloud.rate_gate.opens_at > 0)


# --- when -----------------------------------------------------------------------------


def from_now(seconds: float) -> timedelta:
    """A date in a header, relative to the time at which the test runs."""
    return timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 0),
        ({"Retry-After": "30"}, 30),
        ({"retry-after": "0.5"}, 0.5),
        ({"Retry-After": "-1"}, 0),
        ({"Retry-After": "nan"}, 0),
        ({"Retry-After": "soon"}, 0),
        ({"Retry-After": ""}, 0),
        ({"Retry-After": from_now(30)}, 30),
        ({"Retry-After": from_now(-30)}, 0),
        # A server whose clock is an hour fast.
        ({"Retry-After": from_now(3630), "Date": from_now(3600)}, 30),
        ({"Retry-After": from_now(30), "Date": "?"}, 30),
    ],
)
def test_retry_after_is_read_as_seconds_or_date(
    headers: Mapping[str, str | timedelta], seconds: float
) -> None:
    now = datetime.now(UTC)
    error = ThrottledError(
        headers={
            name: format_datetime(now + value, usegmt=True)
            if isinstance(value, timedelta)
            else value
            for name, value in headers.items()
        }
    )

    assert retry_after(error) == pytest.approx(seconds, abs=20)
    assert (retry_after(error) > 0) is (seconds > 0)


def test_retry_after_without_a_response_is_zero() -> None:
    assert retry_after(ConnectError("gone")) == 0


@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_is_the_shortest_pause(status: int) -> None:
    def answer(number: int) -> web.Response:
        if number > 2:
            return good()
        return web.Response(status=status, headers={"Retry-After": "0.2"})

    async with serving(answer, Retry(first=0.001)) as (seen, cloud):
        await cloud.request("GET", PATH)

    first, second, third = seen.times
    assert second - first >= 0.2
    assert third - second >= 0.2


async def test_retry_after_beyond_patience_is_raised_and_holds_no_request_back(
    api: aioresponses,
) -> None:
    api.get(BASE + PATH, status=429, headers={"Retry-After": "3600"}, repeat=True)

    async with eager() as cloud:
        for count in (1, 2):
            with pytest.raises(ThrottledError) as caught:
                await cloud.request("GET", PATH)
            assert len(calls(api, "GET")) == count
    assert caught.value.headers["Retry-After"] == "3600"


# --- the gate -------------------------------------------------------------------------


async def test_429_of_one_request_holds_all_others_back() -> None:
    """Requests beyond the concurrency limit are held back as well."""

    def answer(number: int) -> web.Response:
        return throttled(0.5) if number == 1 else good()

    async with serving(answer, Retry(first=0.001)) as (seen, cloud):
        first = asyncio.create_task(cloud.request("GET", PATH))
        await closed(cloud)
        others = [cloud.request("POST", PATH) for _ in range(150)]
        await asyncio.gather(first, *others)

    assert len(seen.times) == 152
    assert seen.times[1] - seen.times[0] >= 0.5


async def test_429_of_one_request_holds_streams_back_before_they_open() -> None:
    def answer(number: int) -> web.Response:
        return throttled(0.3) if number == 1 else good()

    async with serving(answer, Retry(first=0.001)) as (seen, cloud):
        first = asyncio.create_task(cloud.request("GET", PATH))
        await closed(cloud)
        with pytest.raises(InvalidResponse):  # the server has no websockets
            await cloud.stream("/api/audit/v1/events/")
        await first

    assert len(seen.times) == 3
    assert seen.times[1] - seen.times[0] >= 0.3


async def test_503_of_one_request_holds_no_other_back() -> None:
    def answer(number: int) -> web.Response:
        if number > 1:
            return good()
        return web.Response(status=503, headers={"Retry-After": "60"})

    async with serving(answer, Retry()) as (seen, cloud):
        first = asyncio.create_task(cloud.request("GET", PATH))
        await seen.came.wait()
        await until(
            lambda: cloud.free_slots == cloud.limits.concurrency
        )  # the response has been read
        await cloud.request("GET", PATH)
        first.cancel()
        await asyncio.wait([first])


async def test_request_held_back_too_long_is_raised_without_being_sent() -> None:
    retry = Retry(patience=0.3, first=0.2, cap=0.2)
    async with serving(lambda _: throttled(0.3), retry) as (seen, cloud):
        first = asyncio.create_task(cloud.request("GET", PATH))
        await closed(cloud)
        cloud.rate_gate.close(5, {"Retry-After": "0.1"})
        with pytest.raises(ThrottledError, match=r"\[0 attempts\]") as caught:
            await cloud.request("GET", PATH)
        with pytest.raises(ThrottledError) as of_first:
            await first

    assert caught.value.attempts == 0
    assert caught.value.headers["Retry-After"] == "0.1"
    assert (caught.value.method, caught.value.url) == ("GET", cloud.rest_url + PATH)
    # The first request raises its own answer, from before it was held back.
    assert of_first.value.attempts == 1
    assert len(seen.times) == 1


async def test_request_cancelled_while_held_back_frees_its_slot() -> None:
    def answer(number: int) -> web.Response:
        return throttled(0.3) if number == 1 else good()

    async with serving(answer, Retry(first=0.001)) as (seen, cloud):
        first = asyncio.create_task(cloud.request("GET", PATH))
        await closed(cloud)
        others = [asyncio.create_task(cloud.request("GET", PATH)) for _ in range(150)]
        await asyncio.sleep(0)
        for other in others:
            other.cancel()
        await asyncio.wait(others)
        await first
        assert cloud.free_slots == cloud.limits.concurrency
    assert len(seen.times) == 2


async def test_200_tasks_that_meet_429_all_wait_and_succeed() -> None:
    """The server refuses for two seconds; the test counts the requests."""
    asked = 2.0
    until = 0.0
    loop = asyncio.get_running_loop()
    answers: Counter[int] = Counter()

    def answer(number: int) -> web.Response:
        nonlocal until
        until = until or loop.time() + asked
        response = throttled(int(asked)) if loop.time() < until else good()
        answers[response.status] += 1
        return response

    async with serving(answer, Retry()) as (seen, cloud):
        results = await asyncio.gather(
            *(cloud.request("GET", PATH) for _ in range(200)), return_exceptions=True
        )

    assert [one for one in results if one != {}] == []
    first = seen.times[0]
    # Only requests under way at the first answer are early; the others wait.
    early = [when for when in seen.times if when < first + asked]
    assert len(early) == answers[429] <= 100
    assert max(early) < first + asked / 2
    assert min(set(seen.times) - set(early)) >= max(early) + asked
    assert len(seen.times) <= 1.5 * 200


async def test_waiting_requests_pass_after_the_pause_and_one_by_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop = asyncio.get_running_loop()
    gate = RateGate()
    times: list[float] = []
    planned: list[float] = []
    sleep = asyncio.sleep

    async def recorded_sleep(seconds: float) -> None:
        planned.append(loop.time() + seconds)
        await sleep(seconds)

    async def pass_through() -> None:
        await gate.wait(PATIENCE, "GET", "http://h/")
        times.append(loop.time())

    monkeypatch.setattr(asyncio, "sleep", recorded_sleep)
    until = loop.time() + 0.3
    gate.close(0.3, {})
    gate.close(0.1, {})  # a shorter pause changes nothing
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*(pass_through() for _ in range(50)))
        pauses = len(planned)
        await pass_through()

    assert min(times) >= until
    # On a busy machine, many may pass at once; the plan has one after the other.
    assert max(planned[:50]) - min(planned[:50]) > 0.3 / 10 / 4
    assert len(planned) == pauses
