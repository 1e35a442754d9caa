"""Logs over lost connections: each line once and in order, or reported as missed."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from aiodockercloud import DockerCloud, wire
from aiodockercloud.server import Embedded, Server, running
from aiodockercloud.server.api import log_selection, log_streams
from aiodockercloud.server.engines.embedded import Container as Run
from aiodockercloud.server.engines.embedded import EmbeddedSettings
from aiodockercloud.server.engines.embedded.clock import ManualClock
from aiodockercloud.server.journal import Journal
from aiodockercloud.server.settings import Settings, Timings
from aiodockercloud.wire import loglines
from tests.support import reconnecting, talking
from tests.support.facts import PATIENCE, until
from tests.support.flows import client_of, containers, done, run
from tests.support.proxies import Proxy, proxy, without_position
from tests.support.reconnecting import far_client
from tests.support.talking import Talk, texts_until


class Counters:
    """The image ``acme/count``: each run writes ``<run> <number>`` over and over.

    Attributes:
        written: The number of lines of each run.
    """

    def __init__(self, engine: Embedded, prefix: str = "") -> None:
        self.written: defaultdict[str, int] = defaultdict(int)

        @engine.image("acme/count")
        async def count(container: Run) -> None:
            me = f"{prefix}{container.name}#{len(self.written)}"
            try:
                while True:
                    self._write(container, me)
                    await asyncio.sleep(0.001)
            finally:
                self._write(container, me)  # the last line

    def _write(self, container: Run, me: str) -> None:
        container.print(f"{me} {self.written[me]}")
        self.written[me] += 1


@pytest.fixture
def engine_settings() -> EmbeddedSettings:
    """The settings of ``engine``; tests override the fixture."""
    return EmbeddedSettings()


@pytest.fixture
def engine(engine_settings: EmbeddedSettings) -> Embedded:
    return Embedded(nodes=3, settings=engine_settings)


talk = talking.talk
way = reconnecting.way
far = reconnecting.far
timings = reconnecting.timings


# --- each line once -------------------------------------------------------------------


async def test_follow_over_redeploy_scale_and_cuts_has_every_line_once_and_in_order(
    engine: Embedded, live: DockerCloud, far: DockerCloud, way: Proxy
) -> None:
    counters = Counters(engine)
    service = await run(live, image="acme/count", name="web", target_num_containers=3)
    chance = random.Random(5)
    found: defaultdict[str, list[int]] = defaultdict(list)
    reading = far.services.logs(service, tail=None, since=0)

    async def read() -> None:
        async for line in reading:
            assert "missed" not in line
            me, _, number = loglines.log_text(line).rpartition(" ")
            found[me].append(int(number))

    async def cut() -> None:
        while True:
            # In the middle of frames, handshakes and responses; sometimes immediately.
            way.cut_after(chance.randrange(1, 60_000))
            cuts = way.cuts
            async with asyncio.timeout(PATIENCE):
                await way.until_cut(cuts + 1)

    async with asyncio.timeout(2 * PATIENCE), reading:
        reader, cutter = asyncio.create_task(read()), asyncio.create_task(cut())
        await done(live, await live.services.redeploy(service))
        await done(live, await live.services.scale(service, 5))
        await done(live, await live.services.redeploy(service))
        await done(live, await live.services.scale(service, 1))
        await done(live, await live.services.stop(service))
        await done(live, await live.services.start(service))
        while reading.reconnects < 20:
            await way.until_cut(way.cuts + 1)
        await done(live, await live.services.delete(service))
        # The stream ends even if its last reconnection was long ago.
        cutter.cancel()
        way.never_cut()
        await reader

    assert len(counters.written) >= 3 + 3 + 2 + 5 + 1
    assert found == {me: list(range(n)) for me, n in counters.written.items()}


@pytest.mark.parametrize("timestamps", [True, False])
async def test_log_without_follow_that_is_cut_is_read_to_its_end_once(
    live: DockerCloud, far: DockerCloud, way: Proxy, talk: Talk, timestamps: bool
) -> None:
    service = await run(live, image="acme/talk", name="web", target_num_containers=2)
    for number in range(2000):
        talk.say(f"web-{1 + number % 2}", number)
    stream = far.services.logs(service, tail=3000, follow=False, timestamps=timestamps)
    found: list[int] = []
    async with asyncio.timeout(PATIENCE), stream:
        way.cut_after(20_000)
        async for line in stream:
            found.append(int(loglines.log_text(line)))
            if len(found) == 1:
                talk.say("web-1", "after the request")
            if len(found) in (500, 1000):
                way.cut_after(20_000)

    assert stream.reconnects >= 1
    assert found == list(range(2000))


@pytest.mark.parametrize("kind", ["service", "container"])
@pytest.mark.parametrize(("tail", "expected"), [(0, "4567"), (2, "234567")])
async def test_connection_lost_before_the_first_line_loses_none(
    server: Server, live: DockerCloud, talk: Talk, kind: str, tail: int, expected: str
) -> None:
    service = await run(live, image="acme/talk", name="web")
    talk.say("web-1", 1, 2, 3)
    (container,) = await containers(live, service)
    api: Any = live.services if kind == "service" else live.containers
    target = service if kind == "service" else container
    if tail:
        server.faults.cut(after=0, times=1, path="*/logs/")

    async with asyncio.timeout(PATIENCE), api.logs(target, tail=tail) as stream:
        # Only the position has arrived; the next read notices the lost connection.
        await until(lambda: len(stream._frames) == 1)
        server.faults.cut_streams("*/logs/")
        await until(lambda: stream._end is not None)
        talk.say("web-1", 4, 5, 6, 7)
        found = await texts_until(stream, "7")

    assert found == list(expected)


async def test_container_terminated_while_disconnected_ends_with_its_last_line(
    live: DockerCloud, far: DockerCloud, way: Proxy, talk: Talk
) -> None:
    service = await run(live, image="acme/talk", name="web", target_num_containers=2)
    first, _ = await containers(live, service)
    async with far.containers.logs(first) as one, far.services.logs(service) as all_:
        talk.say("web-1", "a")
        assert await texts_until(one, "a") == ["a"]
        assert await texts_until(all_, "a") == ["a"]
        way.refuse()
        way.cut()
        talk.say("web-1", "b")
        talk.say("web-2", "c")
        await done(live, await live.services.delete(service))
        way.accept()
        async with asyncio.timeout(PATIENCE):
            assert [loglines.log_text(line) async for line in one] == ["b"]
            rest = [loglines.log_text(line) async for line in all_]
            assert sorted(rest) == ["b", "c"]


async def test_client_that_cannot_connect_continues_to_try(
    live: DockerCloud, far: DockerCloud, way: Proxy, talk: Talk
) -> None:
    service = await run(live, image="acme/talk", name="web")
    async with far.services.logs(service, tail=0) as stream:
        await live.services.inspect(service)
        way.refuse()
        way.cut()
        reading = asyncio.create_task(texts_until(stream, "still here"))
        await until(lambda: way.refused >= 5)
        assert not reading.done()
        talk.say("web-1", "still here")
        way.accept()
        assert await reading == ["still here"]


async def test_action_log_that_is_cut_continues(
    live: DockerCloud, far: DockerCloud, way: Proxy, engine: Embedded
) -> None:
    gate = asyncio.Event()
    create = engine.create

    async def gated(spec: Any) -> None:
        await gate.wait()
        await create(spec)

    engine.create = gated  # type: ignore[method-assign]  # waits for the test
    service = await live.services.create(image="x", target_num_containers=3)
    started = await live.services.start(service)
    async with far.actions.logs(started["dockercloud_action_uri"]) as stream:
        first = await anext(stream)
        way.cut()
        gate.set()
        async with asyncio.timeout(PATIENCE):
            rest = [line["log"] async for line in stream]
        assert stream.reconnects == 1

    whole = [
        line["log"]
        async for line in live.actions.logs(
            started["dockercloud_action_uri"], follow=False
        )
    ]
    assert [first["log"], *rest] == whole


async def test_stamps_grow_with_each_line_while_the_clock_stands_still() -> None:
    engine = Embedded(clock=ManualClock())
    talk = Talk(engine)
    async with running(engine) as server, client_of(server) as cloud:
        service = await run(
            cloud, image="acme/talk", name="web", target_num_containers=2
        )
        for number in range(3):
            talk.say("web-1", number)
            talk.say("web-2", number)
        async with cloud.services.logs(service, follow=False) as stream:
            lines = [line async for line in stream]

    assert [loglines.log_text(line) for line in lines] == list("001122")
    stamps = [loglines.log_stamp(line) for line in lines]
    assert stamps == sorted(set(stamps))  # type: ignore[type-var]  # none is None


# --- restarts of the server -----------------------------------------------------------


async def test_follow_continues_over_a_restart_of_the_server(tmp_path: Path) -> None:
    """Embedded containers start again with the server; no line is repeated."""
    found: list[str] = []
    async with proxy("http://127.0.0.1:1") as way:
        first = Embedded()
        counters = Counters(first)
        async with running(first, data_dir=tmp_path) as server:
            way.point_to(server.url)
            cloud = far_client(server, way)
            service = await run(cloud, image="acme/count", name="web")
            stream = cloud.services.logs(service)

            async def read(count: int) -> None:
                async with asyncio.timeout(PATIENCE):
                    while len(found) < count:
                        found.append(loglines.log_text(await anext(stream)))

            await read(50)
        before = len(found)
        assert counters.written

        second = Embedded()
        Counters(second, "again ")
        async with running(second, data_dir=tmp_path, user=server.user) as server:
            way.point_to(server.url)
            way.cut()
            await read(before + 50)
            await stream.close()
            await cloud.close()

    assert stream.reconnects >= 1
    numbers = defaultdict(list)
    for text in found:
        me, _, number = text.rpartition(" ")
        numbers[me].append(int(number))
    assert len(numbers) == 2
    for one in numbers.values():
        assert one == list(range(len(one)))


async def test_follow_continues_when_the_server_becomes_an_old_one(
    live: DockerCloud,
    far: DockerCloud,
    way: Proxy,
    talk: Talk,
) -> None:
    service = await run(live, image="acme/talk", name="web")
    async with far.services.logs(service, tail=1) as stream:
        talk.say("web-1", "a")
        assert await texts_until(stream, "a") == ["a"]
        way.refuse()
        way.cut()
        talk.say("web-1", "b", "c", "d")
        way.edit = without_position
        way.accept()
        found = await texts_until(stream, "d")

    assert found == ["b", "c", "d"]


# --- missed lines ---------------------------------------------------------------------


@pytest.mark.parametrize("engine_settings", [EmbeddedSettings(kept_log_lines=10)])
async def test_lines_dropped_before_the_reader_reconnects_are_reported_missed(
    live: DockerCloud,
    far: DockerCloud,
    way: Proxy,
    talk: Talk,
) -> None:
    service = await run(live, image="acme/talk", name="web")
    async with far.services.logs(service, tail=0) as stream:
        await live.services.inspect(service)
        talk.say("web-1", "a")
        assert await texts_until(stream, "a") == ["a"]
        way.refuse()
        way.cut()
        talk.say("web-1", *range(30))
        way.accept()
        async with asyncio.timeout(PATIENCE):
            notice = await anext(stream)
        rest = await texts_until(stream, "29")

    assert notice["missed"] is None
    assert "missing" in notice["log"]
    assert notice["source"] == "web-1"
    assert rest == [str(number) for number in range(20, 30)]


@pytest.mark.parametrize("settings", [Settings(timings=Timings(log_retry=0.01))])
async def test_log_of_an_unreachable_container_continues_when_its_node_recovers(
    live: DockerCloud, engine: Embedded, talk: Talk
) -> None:
    service = await run(live, image="acme/talk", name="web")
    talk.say("web-1", "before")
    for node in engine.nodes:
        engine.lose_node(node)
    async with asyncio.timeout(PATIENCE), live.services.logs(service) as stream:
        notice = await anext(stream)
        talk.say("web-1", "meanwhile")
        for node in engine.nodes:
            engine.recover_node(node)
        found = await texts_until(stream, "meanwhile")

    assert notice["missed"] is None
    assert "unreachable" in notice["log"]
    assert found == ["before", "meanwhile"]


async def test_action_log_reports_the_missed_lines_to_a_slow_reader() -> None:
    journal: Journal[list[Any]] = Journal(2)
    wanted = log_selection.Selection(tail=None, follow=True)
    journal.append([1.5, "a"])
    frames = log_streams.action_log(journal, wanted)
    async with asyncio.timeout(PATIENCE), aclosing(frames):
        assert wire.loads(await anext(frames))["log"] == "a"
        for text in "bcde":
            journal.append([2.5, text])
        journal.close()
        notice, *rest = [wire.loads(frame) async for frame in frames]

    assert (notice["type"], notice["missed"]) == ("log", 2)
    assert [frame["log"] for frame in rest] == ["d", "e"]
