"""Logs of single containers and of services: frames, tail, follow, disconnection."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

import aiohttp
import pytest

from aiodockercloud import BadRequest, DockerCloud, LogStream, ObjectNotFound, wire
from aiodockercloud.server import Embedded, Server, running
from aiodockercloud.server.api import log_selection, log_streams
from aiodockercloud.server.engines.embedded import Container as Run
from aiodockercloud.server.engines.embedded import EmbeddedSettings
from aiodockercloud.types import Service
from aiodockercloud.wire import loglines
from tests.support.facts import IDLE, PATIENCE, SHELL, UUID, ended_except, tasks
from tests.support.flows import Gated, Raw, client_of, containers, done, run
from tests.support.talking import Talk, lines_until, texts, texts_until

STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z ")


@pytest.fixture
def engine_settings() -> EmbeddedSettings:
    """The settings of ``engine``; tests override the fixture."""
    return EmbeddedSettings()


@pytest.fixture
def engine(engine_settings: EmbeddedSettings) -> Embedded:
    return Embedded(nodes=3, settings=engine_settings)


@pytest.fixture
def talk(engine: Embedded) -> Talk:
    return Talk(engine, greets=True)


@pytest.fixture
async def web(live: DockerCloud, talk: Talk) -> Service:
    """A service of two containers, which have written 1, 2 and 3 each."""
    service = await run(live, image="acme/talk", name="web", target_num_containers=2)
    for number in "123":
        talk.say("web-1", number)
        talk.say("web-2", number)
    return service


# --- frames ---------------------------------------------------------------------------


async def test_frames_have_the_fields_that_old_clients_read(
    raw: Raw, live: DockerCloud, web: Service, talk: Talk
) -> None:
    talk.runs["web-1"].error("oh")
    (first, _) = await containers(live, web)

    frames = await raw.frames(f"{web['resource_uri']}logs/?follow=false&tail=1")
    of_one = await raw.frames(f"{first['resource_uri']}logs/?follow=False&tail=2")

    (frame,) = frames
    assert set(frame) == {"type", "source", "log", "streamType", "timestamp"}
    assert (frame["type"], frame["source"]) == ("log", "web-1")
    assert frame["streamType"] == "stderr"
    assert STAMP.match(frame["log"])
    assert frame["log"].endswith(" oh\n")
    assert isinstance(frame["timestamp"], int)
    assert [set(frame) for frame in of_one] == [
        {"type", "log", "streamType", "timestamp"}
    ] * 2
    assert [frame["streamType"] for frame in of_one] == ["stdout", "stderr"]


# --- tail -----------------------------------------------------------------------------


async def test_log_without_follow_is_merged_in_order_and_ends(
    live: DockerCloud, web: Service
) -> None:
    async with asyncio.timeout(PATIENCE):
        async with live.services.logs(web, follow=False) as stream:
            lines = [line async for line in stream]

    assert Counter(line["source"] for line in lines) == {"web-1": 4, "web-2": 4}
    assert [loglines.log_text(line) for line in lines][2:] == list("112233")
    stamps = [line["log"].partition(" ")[0] for line in lines]
    assert stamps == sorted(stamps)


@pytest.mark.parametrize(
    ("tail", "expected"),
    [(0, []), (1, ["3"]), (3, ["2", "3", "3"]), (1000, None)],
)
async def test_tail_is_of_the_merged_log(
    live: DockerCloud, web: Service, tail: int, expected: list[str] | None
) -> None:
    found = await texts(live.services.logs(web, tail=tail, follow=False))

    assert len(found) == 8 if expected is None else found == expected


async def test_tail_of_one_container(live: DockerCloud, web: Service) -> None:
    (first, _) = await containers(live, web)

    for tail, expected in ((0, []), (2, ["2", "3"])):
        stream = live.containers.logs(first, tail=tail, follow=False)
        assert await texts(stream) == expected


async def test_tail_is_300_by_default(live: DockerCloud, talk: Talk) -> None:
    service = await run(live, image="acme/talk", name="web")
    talk.say("web-1", *map(str, range(400)))

    found = await texts(live.services.logs(service, follow=False))

    assert found == [str(n) for n in range(100, 400)]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("tail=x", "tail"),
        ("tail=-1", "tail"),
        ("tail=1.5", "tail"),
        ("tail=%C2%B2", "tail"),
        (f"tail={10**25}", "tail"),
        (f"tail={'9' * 4400}", "tail"),
        ("follow=maybe", "follow"),
    ],
)
async def test_bad_query_is_400_before_the_upgrade(
    raw: Raw, live: DockerCloud, web: Service, query: str, field: str
) -> None:
    answer = await raw("GET", f"{web['resource_uri']}logs/?{query}")
    assert answer.status == 400
    assert answer.error.startswith(f"{field}: ")
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await raw.upgrade(f"{web['resource_uri']}logs/?{query}")
    assert caught.value.status == 400
    if query == "tail=-1":
        with pytest.raises(BadRequest, match="tail"):
            await texts(live.services.logs(web, tail=-1))


async def test_plain_get_of_a_stream_is_400(raw: Raw, web: Service) -> None:
    answer = await raw("GET", f"{web['resource_uri']}logs/")

    assert answer.status == 400
    assert "websocket" in answer.error


@pytest.mark.parametrize("kind", ["services", "containers", "actions"])
async def test_log_of_an_unknown_uuid_is_not_found_before_the_upgrade(
    live: DockerCloud, kind: str
) -> None:
    stream = getattr(live, kind).logs(UUID)

    with pytest.raises(ObjectNotFound, match=UUID[:8]):
        await texts(stream)


# --- follow ---------------------------------------------------------------------------


async def test_follow_continues_with_new_lines_of_all_containers(
    live: DockerCloud, web: Service, talk: Talk
) -> None:
    async with live.services.logs(web, tail=1) as stream:
        first = {(await anext(stream))["source"] for _ in range(2)}
        assert first == {"web-1", "web-2"}
        talk.say("web-1", "news")
        talk.say("web-2", "more news")
        assert await lines_until(stream, "more news") == [
            ("web-1", "news"),
            ("web-2", "more news"),
        ]


async def test_follow_with_tail_zero_has_new_lines_only(
    live: DockerCloud, web: Service, talk: Talk
) -> None:
    (first, _) = await containers(live, web)

    async with live.containers.logs(first, tail=0) as stream:
        # A response after the upgrade: the server reads the log by now.
        await live.services.inspect(web)
        talk.say("web-1", "news")
        assert await lines_until(stream, "news") == [("", "news")]


async def test_follow_adds_new_containers_from_their_first_line(
    live: DockerCloud, web: Service
) -> None:
    async with live.services.logs(web, tail=0) as stream:
        await done(live, await live.services.scale(web, 3))
        assert await lines_until(stream, "web-3 is up") == [("web-3", "web-3 is up")]


async def test_follow_adds_a_new_container_while_its_action_runs() -> None:
    engine = Gated()
    Talk(engine, greets=True)
    engine.gate.set()
    async with running(engine) as server, client_of(server) as cloud:
        service = await run(cloud, image="acme/talk", name="web")
        await cloud.services.update(service, sequential_deployment=True)

        @engine.image("acme/talk")
        async def last(container: Run) -> None:
            """Let no container start after this one."""
            engine.gate.clear()
            container.print("the first of two")
            await container.wait_stopped()

        async with cloud.services.logs(service, tail=0) as stream:
            scaling = await cloud.services.scale(service, 3)
            await texts_until(stream, "the first of two")
            engine.gate.set()
            await done(cloud, scaling)


async def test_follow_continues_over_a_redeploy(
    live: DockerCloud, web: Service
) -> None:
    async with live.services.logs(web, tail=0) as stream:
        await done(live, await live.services.redeploy(web))
        seen = await texts_until(stream, "web-1 is up")
        if "web-2 is up" not in seen:
            await texts_until(stream, "web-2 is up")


async def test_follow_continues_over_stop_and_start(
    live: DockerCloud, web: Service
) -> None:
    async with live.services.logs(web, tail=0) as stream:
        await done(live, await live.services.stop(web))
        await texts_until(stream, "web-1 goes down")
        await done(live, await live.services.start(web))
        await texts_until(stream, "web-1 is up")


@pytest.mark.parametrize("kind", ["service", "container"])
async def test_follow_ends_when_the_object_is_terminated(
    live: DockerCloud, web: Service, kind: str
) -> None:
    (first, _) = await containers(live, web)
    stream = (
        live.services.logs(web) if kind == "service" else live.containers.logs(first)
    )
    async with asyncio.timeout(PATIENCE), stream as lines:
        await done(live, await live.services.delete(web))
        found = [loglines.log_text(line) async for line in lines]

    assert "3" in found


async def test_log_of_a_stopped_container_can_be_read(live: DockerCloud) -> None:
    service = await run(live, image=SHELL, run_command="sh -c 'echo out; exit 3'")
    await live.services.wait(service, "Stopped", timeout=PATIENCE)

    assert await texts(live.services.logs(service, follow=False)) == ["out"]


async def test_log_of_a_terminated_object_is_empty_and_ends(
    live: DockerCloud, web: Service
) -> None:
    (first, _) = await containers(live, web)
    await done(live, await live.services.delete(web))

    assert await texts(live.services.logs(web)) == []
    assert await texts(live.containers.logs(first)) == []


async def test_log_of_a_service_that_never_ran_waits_for_its_first_line(
    live: DockerCloud, talk: Talk
) -> None:
    service = await live.services.create(image="acme/talk", name="web")

    async with live.services.logs(service) as stream:
        await done(live, await live.services.start(service))
        assert await lines_until(stream, "web-1 is up") == [("web-1", "web-1 is up")]


@pytest.mark.parametrize("follow", [True, False])
async def test_log_with_one_unreachable_container_has_the_others(
    live: DockerCloud, engine: Embedded, web: Service, follow: bool
) -> None:
    (first, _) = await containers(live, web)
    node = await live.nodes.inspect(first["node"])
    (lost,) = [
        id for id in engine.nodes if engine._nodes[id].address == node["public_ip"]
    ]
    engine.lose_node(lost)

    async with live.services.logs(web, follow=follow) as stream:
        seen = await lines_until(stream, "3")

    assert ("web-2", "web-2 is up") in seen


@pytest.mark.parametrize(
    ("engine_settings", "kept"),
    [
        (EmbeddedSettings(), True),
        (EmbeddedSettings(kept_removed_log_lines=0), False),
    ],
)
async def test_reader_that_reconnects_gets_the_rest_of_a_removed_container(
    live: DockerCloud,
    server: Server,
    talk: Talk,
    kept: bool,
) -> None:
    at = server.engine.time_ns()
    service = await run(live, image="acme/talk", name="web", target_num_containers=2)
    talk.say("web-2", "much")
    await live.services.update(service, target_num_containers=1)
    await done(live, await live.services.scale(service))
    talk.say("web-1", "little")
    await done(live, await live.services.stop(service))
    last = server.engine.time_ns()

    # Lines of different containers are not in the order of their stamps: see ``Merge``.
    frames = log_streams.service_log(
        server.cloud,
        server.cloud.services[service["uuid"]],
        log_selection.Selection(tail=None, follow=True, at_ns=at, seen={"web-1": last}),
    )

    async def read() -> list[str]:
        return [loglines.log_text(wire.loads(frame)) async for frame in frames]

    reading = asyncio.create_task(read())
    await done(live, await live.services.delete(service))
    async with asyncio.timeout(PATIENCE):
        found = await reading

    # Scaling down asks the container to stop, and the image reports the request.
    assert found == (["web-2 is up", "much", "web-2 goes down"] if kept else [])


# --- disconnection --------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["service", "container", "action"])
async def test_reader_of_a_silent_log_that_disconnects_leaves_no_task(
    live: DockerCloud, kind: str
) -> None:
    service = await run(live, image=IDLE)
    (container,) = await containers(live, service)
    (action, _) = await live.actions.list()
    before = tasks()

    for _ in range(3):
        streams: dict[str, Callable[[], LogStream[Any]]] = {
            "service": lambda: live.services.logs(service, tail=0),
            "container": lambda: live.containers.logs(container, tail=0),
            "action": lambda: live.actions.logs(action, tail=0),
        }
        async with streams[kind]():
            await live.services.inspect(service)

    await ended_except(before)


class Lingering(Embedded):
    """An engine that closes its logs only when ``closable`` is set."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        #: The number of open logs.
        self.open = 0
        self.closing = asyncio.Event()
        self.closable = asyncio.Event()

    async def logs(
        self, uuid: str, *, tail: int | None, follow: bool, since_ns: int = 0, **_: Any
    ) -> AsyncGenerator[Any, None]:
        log = super().logs(uuid, tail=tail, follow=follow, since_ns=since_ns)
        self.open += 1
        try:
            async with aclosing(log) as lines:
                async for line in lines:
                    yield line
        finally:
            self.open -= 1
            self.closing.set()
            await self.closable.wait()


async def test_container_created_while_the_reader_disconnects_is_not_read() -> None:
    engine = Lingering()
    Talk(engine, greets=True)
    async with running(engine) as server, client_of(server) as cloud:
        service = await run(cloud, image="acme/talk", name="web")
        frames = log_streams.service_log(
            server.cloud,
            server.cloud.services[service["uuid"]],
            log_selection.Selection(tail=None, follow=True),
        )
        async with asyncio.timeout(PATIENCE):
            await anext(frames)
            closing = asyncio.create_task(frames.aclose())
            await engine.closing.wait()
            await done(cloud, await cloud.services.scale(service, 2))
            engine.closable.set()
            await closing

        assert engine.open == 0


async def test_slow_reader_gets_every_line(live: DockerCloud, talk: Talk) -> None:
    service = await run(live, image="acme/talk", name="web")
    async with live.services.logs(service, tail=0) as stream:
        await live.services.inspect(service)
        for start in range(0, 5000, 500):
            talk.say("web-1", *map(str, range(start, start + 500)))
            await live.services.inspect(service)
        found = await texts_until(stream, "4999")

    assert found == [str(n) for n in range(5000)]


async def test_follow_waits_for_a_container_that_is_being_created() -> None:
    engine = Gated(nodes=1)
    async with running(engine) as server, client_of(server) as cloud:
        service = await cloud.services.create(
            image=SHELL, run_command="sh -c 'echo here; sleep 1000'"
        )
        await cloud.services.start(service)
        async with asyncio.timeout(PATIENCE):
            await engine.knocked.wait()
            async with cloud.services.logs(service) as lines:
                await cloud.services.inspect(service)
                engine.gate.set()
                line = await anext(aiter(lines))

    assert loglines.log_text(line).strip() == "here"
