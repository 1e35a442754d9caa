"""Rules of faults: selected requests, seeds, and the end of a server."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from aiodockercloud import ConnectError, DockerCloud, ServerError
from aiodockercloud.server import Embedded, Faults, Server, make_app, running
from aiodockercloud.server.api import streams
from aiodockercloud.server.control.control_plane import ControlPlane
from aiodockercloud.server.faults import Rule
from tests.support.facts import IDLE, PATIENCE, ended_except, tasks
from tests.support.faulted import LIST, create, until_cut
from tests.support.flows import Raw, client_of

#: Seconds in which a server ends if no request is held up; otherwise 5 s pass.
PROMPT = 4.0

# --- rules ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("which", "hits"),
    [
        ({}, 4),
        ({"method": "GET"}, 2),
        ({"path": "*/service/"}, 2),
        ({"path": "/api/app/v1/service"}, 0),
        ({"path": "*/service/", "method": "post"}, 1),
        ({"times": 3}, 3),
        ({"chance": 0}, 0),
        ({"chance": 1, "times": 1}, 1),
    ],
)
async def test_rule_meets_the_selected_requests(
    server: Server, raw: Raw, which: Any, hits: int
) -> None:
    rule = server.faults.fail(418, **which)

    answers = [
        (await raw(method, path)).status == 418
        for path in (LIST, "/api/infra/v1/node/")
        for method in ("GET", "POST")
    ]

    assert rule.hits == sum(answers) == hits


@pytest.mark.parametrize(
    ("which", "error"),
    [
        ({"times": 0}, "times must be 1 or more, got 0"),
        ({"chance": 1.5}, "chance must be from 0 to 1, got 1.5"),
        ({"chance": -1}, "chance must be from 0 to 1, got -1"),
        ({"when": "later"}, "when must be before, after or body, got later"),
        ({"when": "after", "after": 3}, "after needs when=.body., got after"),
    ],
)
def test_invalid_argument_of_a_rule_is_refused(which: Any, error: str) -> None:
    faults = Faults()

    with pytest.raises(ValueError, match=f"^{error}"):
        faults.cut(**which)

    assert not faults.active


def test_misspelt_argument_of_a_rule_is_refused() -> None:
    with pytest.raises(TypeError, match="paht"):
        Faults().cut(paht="*/service/*")  # type: ignore[call-arg]  # on purpose


async def test_rules_apply_in_their_order(server: Server, raw: Raw) -> None:
    delay = server.faults.delay(0)
    first = server.faults.fail(501)
    second = server.faults.fail(502)

    assert (await raw("GET", LIST)).status == 501
    first.remove()
    assert (await raw("GET", LIST)).status == 502

    assert (delay.hits, first.hits, second.hits) == (2, 1, 1)
    assert repr(second) == "<fault fail 502 * * hits=1>"


async def test_clear_removes_all_rules_and_releases_requests(
    server: Server, live: DockerCloud
) -> None:
    async with asyncio.timeout(PATIENCE):
        stalled = server.faults.stall(times=1)
        request = asyncio.create_task(live.services.list())
        await stalled.met()
        server.faults.fail()
        server.faults.cut(chance=0.5)

        server.faults.clear()

        assert await request == []
        assert await live.services.list() == []


async def test_faults_without_rules_are_not_active(
    server: Server, live: DockerCloud
) -> None:
    faults = server.faults
    assert not faults.active

    with faults.fail(times=1):
        assert faults.active
        with pytest.raises(ServerError):
            await live.services.list()
        assert not faults.active  # the rule is used up

    with faults.delay(0):
        assert faults.active
    assert not faults.active


async def test_app_without_faults_installs_nothing_for_faults() -> None:
    """``aiodockercloud serve`` runs such an app."""
    cloud = ControlPlane(Embedded())

    app = make_app(cloud)

    assert not app.middlewares
    assert streams.FRAME_HOOK not in app
    await cloud.close()


# --- seeds ----------------------------------------------------------------------------


async def fates(seed: int | None, others: int = 0) -> list[int]:
    """Return the statuses of 40 requests with a rule that fails half of them.

    Args:
        seed: The seed of the faults.
        others: The number of requests to other paths before.
    """
    async with running(faults=Faults(seed=seed)) as server:
        rules: list[Rule] = [server.faults.fail(503, chance=0.5)]
        rules.append(server.faults.delay((0, 0.001), path="*/node/"))
        async with aiohttp.ClientSession() as session:
            raw = Raw(server, session)
            for _ in range(others):
                await raw("GET", "/api/infra/v1/node/")
            return [(await raw("GET", LIST)).status for _ in range(40)]


async def test_same_seed_gives_the_same_faults() -> None:
    found = await fates(7)

    assert found == await fates(7)
    assert set(found) == {200, 503}
    assert found != await fates(8)


async def lengths(seed: int) -> list[int]:
    """Return the numbers of events that streams receive before each stream is cut."""
    async with running(faults=Faults(seed=seed)) as server, client_of(server) as cloud:
        server.faults.cut(after=range(1, 20), path="*/events/")
        found = []
        for turn in range(6):
            async with asyncio.timeout(PATIENCE):
                async with cloud.events.subscribe(
                    type="service", reconnect=False
                ) as events:
                    for number in range(20):
                        await create(cloud, f"s{turn}-{number}")
                    found.append(len(await until_cut(events)))
        return found


async def test_same_seed_cuts_streams_at_the_same_places() -> None:
    found = await lengths(7)

    assert found == await lengths(7)
    assert len(set(found)) > 1
    assert set(found) <= set(range(1, 20))


async def test_no_seed_gives_other_faults_each_time() -> None:
    assert await fates(None) != await fates(None)


# --- the end --------------------------------------------------------------------------


async def test_server_ends_promptly_with_all_kinds_of_held_connections() -> None:
    before = tasks()
    requests: list[asyncio.Task[Any]] = []
    async with running() as server:
        cloud = DockerCloud(
            server.url, user=server.user, apikey=server.apikey, retry=None
        )
        faults = server.faults
        service = await cloud.services.create(image=IDLE)
        async with asyncio.timeout(PATIENCE):
            streams = [cloud.events.subscribe(reconnect=False) for _ in range(3)]
            for stream in streams:
                await stream.__aenter__()
            faults.half_open(path="*/events/", times=1)
            stalled = faults.stall(when="body", path="*/events/", times=1)
            held_back = faults.reorder(times=1)
            await cloud.services.update(service, tags=["x"])
            await stalled.met()
            await held_back.met()
            for when in ("before", "after", "body"):
                rule = faults.stall(when=when, path="*/service/", times=1)
                requests.append(asyncio.create_task(cloud.services.list()))
                await rule.met()
            half_open = faults.half_open(path="*/stack/", times=1)
            for rule in (half_open, faults.delay(3600, times=1)):
                requests.append(asyncio.create_task(cloud.stacks.list()))
                await rule.met()
        began = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - began < PROMPT

    async with asyncio.timeout(PATIENCE):
        answers = await asyncio.gather(*requests, return_exceptions=True)
        assert [type(answer) for answer in answers] == [ConnectError] * 5
        for stream in streams:
            await stream.close()
        await cloud.close()
    await ended_except(before)


async def test_rules_stay_for_the_next_run_of_the_server() -> None:
    faults = Faults()
    faults.delay(0)
    rule = faults.fail(503)
    for hits in (1, 2):
        async with running(faults=faults) as server, client_of(server) as cloud:
            assert server.faults is faults
            with pytest.raises(ServerError):
                await cloud.services.list()
        assert rule.hits == hits
