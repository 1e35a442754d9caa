"""Logs of jobs: with ``until="stopped"`` the stream ends when nothing runs any more."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import aiohttp.web
import pytest

from aiodockercloud import DockerCloud, LogStream, NotSupported
from aiodockercloud.server import Embedded
from aiodockercloud.server.engines.embedded import Container as Run
from aiodockercloud.types import Service
from tests.support import reconnecting
from tests.support.facts import PATIENCE, SHELL
from tests.support.flows import Raw, containers, done, run
from tests.support.proxies import Proxy
from tests.support.scripted import Player, client_for
from tests.support.talking import Talk, lines_until, texts

timings, way, far = reconnecting.timings, reconnecting.way, reconnecting.far

LINES = [str(n) for n in range(700)]
JOB = "acme/job"


@pytest.fixture
def gate(engine: Embedded) -> asyncio.Event:
    """Lets containers of the image ``acme/job`` print their lines and end."""
    gate = asyncio.Event()

    @engine.image(JOB)
    async def job(container: Run) -> int:
        container.print("begins")
        await gate.wait()
        for line in LINES:
            container.print(line)
        return 3

    return gate


@pytest.fixture
async def talking(live: DockerCloud, engine: Embedded) -> tuple[Service, Talk]:
    talk = Talk(engine, greets=True)
    return await run(live, image="acme/talk", name="web"), talk


async def test_log_of_a_job_ends_with_its_last_line(
    live: DockerCloud, gate: asyncio.Event
) -> None:
    service = await run(live, image=JOB, name="job")
    (container,) = await containers(live, service)
    streams: list[LogStream[Any]] = [
        live.services.logs(service, until="stopped"),
        live.containers.logs(container, until="stopped"),
    ]
    reading = [asyncio.create_task(texts(stream)) for stream in streams]
    await live.services.inspect(service)

    gate.set()

    for found in await asyncio.gather(*reading):
        assert found == ["begins", *LINES]
    assert (await live.services.inspect(service))["state"] == "Stopped"


async def test_log_of_several_containers_ends_with_the_last_of_them(
    live: DockerCloud, gate: asyncio.Event
) -> None:
    gate.set()
    service = await live.services.create(
        image=JOB, name="job", target_num_containers=3, sequential_deployment=True
    )

    # No container exists yet: the service is about to run.
    started = await live.services.start(service)
    async with asyncio.timeout(PATIENCE):
        async with live.services.logs(started, until="stopped") as stream:
            sources = Counter([line["source"] async for line in stream])

    assert sources == dict.fromkeys(["job-1", "job-2", "job-3"], len(LINES) + 1)


async def test_log_of_a_stopped_job_ends_at_once(
    live: DockerCloud, gate: asyncio.Event
) -> None:
    gate.set()
    service = await run(live, image=JOB, name="job")
    await live.services.wait(service, "Stopped", timeout=PATIENCE)
    (container,) = await containers(live, service)

    assert await texts(live.services.logs(service, tail=2, until="stopped")) == [
        *LINES[-2:]
    ]
    assert await texts(live.containers.logs(container, tail=0, until="stopped")) == []


async def test_log_of_a_service_that_does_not_run_ends_at_once(
    live: DockerCloud,
) -> None:
    service = await live.services.create(image=JOB, tags=["nowhere"])
    assert await texts(live.services.logs(service, until="stopped")) == []

    started = await live.services.start(service)

    # The start fails, because no node has the tag.
    assert await texts(live.services.logs(started, until="stopped")) == []


async def test_log_ends_when_an_action_stops_or_terminates_the_object(
    live: DockerCloud, talking: tuple[Service, Talk]
) -> None:
    service, talk = talking
    talk.say("web-1", "1")
    reading = asyncio.create_task(texts(live.services.logs(service, until="stopped")))
    await done(live, await live.services.stop(service))
    assert await reading == ["web-1 is up", "1", "web-1 goes down"]

    await done(live, await live.services.start(service))
    (container,) = await containers(live, service)
    async with live.containers.logs(container, until="stopped") as stream:
        await lines_until(stream, "web-1 is up")
        await done(live, await live.services.delete(service))
        async with asyncio.timeout(PATIENCE):
            assert [line async for line in stream] != [None]


async def test_log_continues_over_a_redeploy(
    live: DockerCloud, talking: tuple[Service, Talk]
) -> None:
    service, talk = talking
    async with live.services.logs(service, tail=0, until="stopped") as stream:
        await done(live, await live.services.redeploy(service))
        talk.say("web-1", "after")
        await lines_until(stream, "after")


async def test_log_continues_while_the_policy_restarts_the_container(
    live: DockerCloud, engine: Embedded
) -> None:
    runs = 0

    @engine.image("acme/flaky")
    async def flaky(container: Run) -> int:
        nonlocal runs
        runs += 1
        container.print(f"run {runs}")
        return int(runs < 3)

    service = await live.services.create(image="acme/flaky", autorestart="ON_FAILURE")
    started = await live.services.start(service)

    assert await texts(live.services.logs(started, until="stopped")) == [
        *("run 1", "run 2", "run 3")
    ]


@pytest.mark.parametrize("kind", ["services", "containers"])
async def test_log_after_a_lost_connection_ends_without_a_gap(
    live: DockerCloud, far: DockerCloud, way: Proxy, gate: asyncio.Event, kind: str
) -> None:
    service = await run(live, image=JOB, name="job")
    (container,) = await containers(live, service)
    api, thing = getattr(far, kind), service if kind == "services" else container
    async with asyncio.timeout(PATIENCE), api.logs(thing, until="stopped") as stream:
        assert len(await lines_until(stream, "begins")) == 1
        way.cut()
        gate.set()
        await live.services.wait(service, "Stopped", timeout=PATIENCE)
        found = [line["log"].split()[1] async for line in stream]

    assert found == LINES
    assert stream.reconnects == 1


# --- refusals ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query", ["until=terminated", "until=Stopped", "until=stopped&follow=false"]
)
async def test_bad_end_is_400_before_the_upgrade(raw: Raw, query: str) -> None:
    service = await raw("POST", "/api/app/v1/service/", '{"image": "x"}')
    path = f"{service.json()['resource_uri']}logs/?{query}"

    assert (await raw("GET", path)).error.startswith("until: ")
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await raw.upgrade(path)
    assert caught.value.status == 400


async def test_stream_of_an_old_client_with_the_parameter_ends(
    raw: Raw, live: DockerCloud
) -> None:
    service = await run(live, image=SHELL, run_command="sh -c 'echo out'")
    frames = await raw.frames(f"{service['resource_uri']}logs/?until=stopped")

    assert [frame["log"].split()[1] for frame in frames] == ["out"]


@pytest.mark.parametrize(
    ("query", "field"),
    [("tial=5", "tial"), ("until=stopped", "until"), ("service=x", "service")],
)
async def test_unknown_parameter_of_an_actions_log_is_refused_by_name(
    raw: Raw, live: DockerCloud, query: str, field: str
) -> None:
    service = await run(live)
    (action, *_) = await live.actions.list(object=service)

    answer = await raw("GET", f"{action['resource_uri']}logs/?{query}")

    assert answer.status == 400
    assert answer.error.startswith(f"{field}: there is no such parameter")


async def test_unknown_parameter_of_an_exec_is_refused_by_name(
    raw: Raw, live: DockerCloud
) -> None:
    (container,) = await containers(live, await run(live))

    answer = await raw("GET", f"{container['resource_uri']}exec/?cmd=ls")

    assert answer.error.startswith("cmd: there is no such parameter")


async def test_service_of_a_containers_log_is_honoured_or_refused(
    raw: Raw, live: DockerCloud
) -> None:
    service = await run(live, image=SHELL, run_command="sh -c 'echo out'", name="web")
    other = await run(live, name="db")
    (container,) = await containers(live, service)
    logs = f"{container['resource_uri']}logs/?follow=false&service="

    for spelling in (service["resource_uri"], service["uuid"], ""):
        assert len(await raw.frames(logs + spelling)) == 1
    answer = await raw("GET", logs + other["resource_uri"])

    assert answer.status == 400
    assert answer.error.startswith("service: the container web-1 is of ")


# --- our client ----------------------------------------------------------------------


async def test_wrong_option_of_a_log_is_named(live: DockerCloud) -> None:
    with pytest.raises(ValueError, match="until: must be 'stopped'"):
        live.services.logs("x", until="Stopped")  # type: ignore[arg-type]  # the test
    with pytest.raises(ValueError, match="until: a log without follow"):
        live.containers.logs("x", follow=False, until="stopped")
    with pytest.raises(TypeError, match="since: "):
        live.services.logs("x", since=[])  # type: ignore[arg-type]  # the test


async def test_server_without_the_parameter_is_reported() -> None:
    """Such a server would never end the stream."""

    async def stays(ws: aiohttp.web.WebSocketResponse, _: object) -> None:
        await ws.receive()

    player = Player(stays)
    handlers = {"/api/app/v1/service/{uuid}/logs/": player.play}
    async with asyncio.timeout(PATIENCE), client_for(handlers) as cloud:
        with pytest.raises(NotSupported, match="until: the server cannot"):
            await texts(cloud.services.logs("x", until="stopped"))

    assert player.asked[0]["until"] == "stopped"
