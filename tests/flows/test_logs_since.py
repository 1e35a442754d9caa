"""The selected lines of a log and their order: since, tail, fairness."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from math import inf, nan
from typing import Any

import aiohttp
import pytest

from aiodockercloud import BadRequest, DockerCloud
from aiodockercloud.server import Embedded, running
from aiodockercloud.server.engines.embedded.clock import ManualClock
from aiodockercloud.types import Service
from aiodockercloud.wire.window import WINDOW
from tests.support import talking
from tests.support.facts import PATIENCE, UUID, until
from tests.support.flows import Raw, client_of, containers, run
from tests.support.talking import Talk, texts, texts_until

talk = talking.talk


# --- since ----------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["datetime", "seconds", "stamp"])
@pytest.mark.parametrize("kind", ["service", "container"])
async def test_since_excludes_older_lines(form: str, kind: str) -> None:
    clock = ManualClock()
    engine = Embedded(clock=clock)
    talk = Talk(engine)
    async with running(engine) as server, client_of(server) as live:
        service = await run(live, image="acme/talk", name="web")
        (container,) = await containers(live, service)
        talk.say("web-1", "old")
        await clock.advance(0.5)
        now = datetime.fromtimestamp(clock.time_ns() / 1e9, UTC)
        talk.say("web-1", *range(400))
        since: Any = {
            "datetime": now,
            "seconds": now.timestamp(),
            "stamp": now.strftime("%Y-%m-%dT%H:%M:%S.%f000Z"),
        }[form]
        api: Any = live.services if kind == "service" else live.containers
        target = service if kind == "service" else container

        found = await texts(api.logs(target, since=since, follow=False))
        last = await texts(api.logs(target, since=since, tail=2, follow=False))

    assert found == [str(number) for number in range(400)]
    assert last == ["398", "399"]


async def test_since_a_line_begins_with_that_line(
    live: DockerCloud, talk: Talk
) -> None:
    service = await run(live, image="acme/talk", name="web")
    talk.say("web-1", *range(10))
    async with live.services.logs(service, follow=False) as stream:
        lines = [line async for line in stream]
    stamp = lines[4]["log"].partition(" ")[0]

    found = await texts(live.services.logs(service, since=stamp, follow=False))

    assert found == [str(number) for number in range(4, 10)]


@pytest.mark.parametrize(
    "since",
    [datetime(2016, 5, 4), "yesterday", -1, "", "2016-05-04T12:00", inf, -inf, nan],
)
async def test_since_that_is_no_time_is_refused_by_the_client(
    live: DockerCloud, since: Any
) -> None:
    with pytest.raises(ValueError, match=r"^since: "):
        live.services.logs(UUID, since=since)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("since=yesterday", "since"),
        ("since=-1", "since"),
        ("since=2016-05-04", "since"),
        ("since=2016-13-04T12:00:00Z", "since"),
        ("since=1e9", "since"),
        ("since=%D9%A1", "since"),
        ("at=now", "at"),
        ("seen=web-1", "seen"),
        ("seen=web-1:x", "seen"),
    ],
)
async def test_invalid_parameter_is_400(
    raw: Raw, live: DockerCloud, talk: Talk, query: str, field: str
) -> None:
    service = await run(live, image="acme/talk", name="web")

    answer = await raw("GET", f"{service['resource_uri']}logs/?{query}")

    assert answer.status == 400
    assert answer.error.startswith(f"{field}: ")
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await raw.upgrade(f"{service['resource_uri']}logs/?{query}")


async def test_bad_tail_is_an_error_at_the_first_line(
    live: DockerCloud, talk: Talk
) -> None:
    service: Service = await run(live, image="acme/talk", name="web")

    with pytest.raises(BadRequest, match="tail"):
        await anext(live.services.logs(service, tail=-1))


# --- fairness -------------------------------------------------------------------------


async def test_container_with_many_lines_does_not_delay_the_others(
    live: DockerCloud, talk: Talk
) -> None:
    """Each container with new lines has its turn.

    After the frames that are already sent, the line of the quiet container is the next
    or the next but one.
    """
    service = await run(live, image="acme/talk", name="web", target_num_containers=2)
    async with live.services.logs(service, tail=0) as stream:
        await live.services.inspect(service)
        talk.say("web-1", *range(9000))
        await until(lambda: len(stream._frames) >= WINDOW)
        talk.say("web-2", "may I?")
        before = await texts_until(stream, "may I?")

    # A window of sent frames, one frame that waits for credits, one of the other turn.
    assert len(before) <= WINDOW + 3


async def test_containers_with_many_lines_share_equally(
    live: DockerCloud, talk: Talk
) -> None:
    service = await run(live, image="acme/talk", name="web", target_num_containers=3)
    for name, count in (("web-1", 5000), ("web-2", 500), ("web-3", 500)):
        talk.say(name, *range(count))
    async with asyncio.timeout(PATIENCE):
        async with live.services.logs(service, since=0) as stream:
            first = [(await anext(stream))["source"] for _ in range(1200)]

    for name in ("web-1", "web-2", "web-3"):
        assert abs(first.count(name) - 400) <= 100  # lines of each that are read ahead
