"""Logs that go on after lost connections: each line once, in order, or told missing."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st

from aiodockercloud import (
    AuthError,
    BadRequest,
    ConnectError,
    DockerCloud,
    ObjectNotFound,
    StreamClosed,
    Unavailable,
    reconnect,
    wire,
)
from aiodockercloud.logs import LogStream
from aiodockercloud.server import Embedded, Server, log_streams, running
from aiodockercloud.server.engines import embedded_logs
from aiodockercloud.server.engines.clock import ManualClock
from aiodockercloud.server.engines.images import Container as Run
from aiodockercloud.server.journal import Journal
from aiodockercloud.types import LogLine, Service
from aiodockercloud.window import WINDOW
from flows import PATIENCE, Raw, client_of, containers, done, run, until
from proxies import Proxy, proxy


class Counters:
    """The image ``acme/count``: each run writes ``<run> <number>`` over and over.

    Attributes:
        written: How many numbers each run has written.
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
                self._write(container, me)  # the last words

    def _write(self, container: Run, me: str) -> None:
        container.print(f"{me} {self.written[me]}")
        self.written[me] += 1


class Talk:
    """The image ``acme/talk``: its containers say what the test has them say."""

    def __init__(self, engine: Embedded) -> None:
        self.runs: dict[str, Run] = {}

        @engine.image("acme/talk")
        async def talk(container: Run) -> None:
            self.runs[container.name] = container
            await container.wait_stopped()

    def say(self, name: str, *texts: object) -> None:
        for text in texts:
            self.runs[name].print(str(text))


@pytest.fixture
def talk(engine: Embedded) -> Talk:
    return Talk(engine)


@pytest.fixture
async def way(server: Server) -> AsyncIterator[Proxy]:
    async with proxy(server.url) as found:
        yield found


@pytest.fixture
async def far(server: Server, way: Proxy) -> AsyncIterator[DockerCloud]:
    """A client of ``server`` by way of the proxy."""
    async with far_client(server, way) as cloud:
        yield cloud


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconnect, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(reconnect, "LONGEST_PAUSE", 0.05)


def far_client(server: Server, way: Proxy) -> DockerCloud:
    auth = wire.basic_auth(server.user, server.apikey or "")
    return DockerCloud(way.url, auth=auth)


async def texts(stream: LogStream) -> list[str]:
    """All texts of a log that ends by itself."""
    async with asyncio.timeout(PATIENCE), stream as lines:
        return [wire.log_text(line) async for line in lines]


async def texts_until(stream: LogStream, text: str) -> list[str]:
    """The texts up to this one."""
    found = []
    async with asyncio.timeout(PATIENCE):
        async for line in stream:
            found.append(wire.log_text(line))
            if found[-1] == text:
                return found
    raise AssertionError(f"the log ended without {text!r}")


# --- nothing lost, nothing twice ------------------------------------------------------


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
            me, _, number = wire.log_text(line).rpartition(" ")
            found[me].append(int(number))

    async def cut() -> None:
        while True:
            # In the middle of frames, handshakes and answers; now and then at once.
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
        # To be sure that it ends: the last cut may be long ago.
        cutter.cancel()
        way.never_cut()
        await reader

    assert len(counters.written) >= 3 + 3 + 2 + 5 + 1
    assert found == {me: list(range(n)) for me, n in counters.written.items()}


async def test_log_without_follow_that_is_cut_is_read_to_its_end_once(
    live: DockerCloud, far: DockerCloud, way: Proxy, talk: Talk
) -> None:
    service = await run(live, image="acme/talk", name="web", target_num_containers=2)
    for number in range(2000):
        talk.say(f"web-{1 + number % 2}", number)
    stream = far.services.logs(service, tail=3000, follow=False)
    found: list[int] = []
    async with asyncio.timeout(PATIENCE), stream:
        way.cut_after(20_000)
        async for line in stream:
            found.append(int(wire.log_text(line)))
            if len(found) == 1:
                talk.say("web-1", "too late to be asked for")
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
    thing = service if kind == "service" else container
    if tail:
        server.faults.cut(after=0, times=1, path="*/logs/")

    async with asyncio.timeout(PATIENCE), api.logs(thing, tail=tail) as stream:
        # What has come is the position only; the reader finds out when it reads.
        await until(lambda: len(stream._frames) == 1)
        server.faults.cut_streams("*/logs/")
        await until(lambda: stream._end is not None)
        talk.say("web-1", 4, 5, 6, 7)
        found = await texts_until(stream, "7")

    assert found == list(expected)


async def test_container_that_is_terminated_while_nobody_reads_ends_with_its_last_line(
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
            assert [wire.log_text(line) async for line in one] == ["b"]
            rest = [wire.log_text(line) async for line in all_]
            assert sorted(rest) == ["b", "c"]


async def test_action_log_that_is_cut_goes_on(
    live: DockerCloud, far: DockerCloud, way: Proxy, engine: Embedded
) -> None:
    gate = asyncio.Event()
    create = engine.create

    async def gated(spec: Any) -> None:
        await gate.wait()
        await create(spec)

    engine.create = gated  # type: ignore[method-assign]  # held up by the test
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


async def test_stamps_grow_with_each_line_though_time_stands_still() -> None:
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

    assert [wire.log_text(line) for line in lines] == list("001122")
    stamps = [wire.log_stamp(line) for line in lines]
    assert stamps == sorted(set(stamps))  # type: ignore[type-var]  # none is None


# --- the server begins anew -----------------------------------------------------------


async def test_follow_goes_on_over_a_restart_of_the_server(tmp_path: Path) -> None:
    """Embedded containers start anew with it; nothing is repeated."""
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
                        found.append(wire.log_text(await anext(stream)))

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


# --- told what is missing -------------------------------------------------------------


async def test_lines_that_are_not_kept_until_the_reader_is_back_are_told_missing(
    live: DockerCloud,
    far: DockerCloud,
    way: Proxy,
    engine: Embedded,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(embedded_logs, "KEPT", 10)
    talk = Talk(engine)
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
            word = await anext(stream)
        rest = await texts_until(stream, "29")

    assert word["missed"] is None
    assert "missing" in word["log"]
    assert word["source"] == "web-1"
    assert rest == [str(number) for number in range(20, 30)]


async def test_container_out_of_reach_is_read_on_when_its_node_is_back(
    live: DockerCloud, engine: Embedded, talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_streams, "AGAIN", 0.01)
    service = await run(live, image="acme/talk", name="web")
    talk.say("web-1", "before")
    for node in engine.nodes:
        engine.lose_node(node)
    async with asyncio.timeout(PATIENCE), live.services.logs(service) as stream:
        word = await anext(stream)
        talk.say("web-1", "meanwhile")
        for node in engine.nodes:
            engine.recover_node(node)
        found = await texts_until(stream, "meanwhile")

    assert word["missed"] is None
    assert "unreachable" in word["log"]
    assert found == ["before", "meanwhile"]


async def test_action_log_tells_a_reader_that_was_too_slow_what_it_missed(
    server: Server, live: DockerCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    await run(live, image="x")
    (action, *_) = server.cloud.actions.values()
    journal: Journal[list[Any]] = Journal(2)
    monkeypatch.setattr(server.cloud.operations, "journal", lambda _: journal)
    wanted = log_streams.Selection(tail=None, follow=True)
    journal.append([1.5, "a"])
    frames = log_streams.action_log(server.cloud, action, wanted)
    async with asyncio.timeout(PATIENCE), aclosing(frames):
        assert wire.loads(await anext(frames))["log"] == "a"
        for text in "bcde":
            journal.append([2.5, text])
        journal.close()
        word, *rest = [wire.loads(frame) async for frame in frames]

    assert (word["type"], word["missed"]) == ("log", 2)
    assert [frame["log"] for frame in rest] == ["d", "e"]


# --- since ----------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["datetime", "seconds", "stamp"])
@pytest.mark.parametrize("kind", ["service", "container"])
async def test_since_leaves_older_lines_out(
    live: DockerCloud, talk: Talk, form: str, kind: str
) -> None:
    service = await run(live, image="acme/talk", name="web")
    (container,) = await containers(live, service)
    talk.say("web-1", "old")
    await asyncio.sleep(0.01)  # seconds as a float tell microseconds apart at best
    now = datetime.now(UTC)
    await asyncio.sleep(0.01)
    talk.say("web-1", *range(400))
    since: Any = {
        "datetime": now,
        "seconds": now.timestamp(),
        "stamp": now.strftime("%Y-%m-%dT%H:%M:%S.%f000Z"),
    }[form]
    api: Any = live.services if kind == "service" else live.containers
    thing = service if kind == "service" else container

    found = await texts(api.logs(thing, since=since, follow=False))
    last = await texts(api.logs(thing, since=since, tail=2, follow=False))

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
    "since", [datetime(2016, 5, 4), "yesterday", -1, "", "2016-05-04T12:00"]
)
async def test_since_that_is_no_moment_is_refused_here(
    live: DockerCloud, since: Any
) -> None:
    with pytest.raises(ValueError, match=r"since|moment"):
        live.services.logs("7eaf7fff-882c-4f3d-9a8f-a22317ac00ce", since=since)


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
async def test_nonsense_in_the_query_is_400(
    raw: Raw, live: DockerCloud, talk: Talk, query: str, field: str
) -> None:
    service = await run(live, image="acme/talk", name="web")

    answer = await raw("GET", f"{service['resource_uri']}logs/?{query}")

    assert answer.status == 400
    assert answer.error.startswith(f"{field}: ")
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await raw.upgrade(f"{service['resource_uri']}logs/?{query}")


# --- stamps ---------------------------------------------------------------------------


@given(st.integers(0, 4_102_444_800 * 10**9))
def test_stamp_is_read_as_it_was_written(nanoseconds: int) -> None:
    assert wire.parse_stamp(wire.format_stamp(nanoseconds)) == nanoseconds


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("1970-01-01T00:00:01Z", 10**9),
        ("1970-01-01T00:00:01.5Z", 1_500_000_000),
        ("1970-01-01T01:00:01.000000001+01:00", 1_000_000_001),
        ("1970-01-01T00:00:01", 10**9),
        ("1", 10**9),
        ("1.000000001", 1_000_000_001),
    ],
)
def test_moment_may_be_a_date_or_seconds(text: str, nanoseconds: int) -> None:
    assert wire.parse_stamp(text) == nanoseconds


@pytest.mark.parametrize(
    ("line", "nanoseconds"),
    [
        ({"log": "1970-01-01T00:00:01.5Z text\n", "timestamp": 7}, 1_500_000_000),
        ({"log": "text\n", "timestamp": 7}, 7 * 10**9),
        ({"log": "9999-99-99T99:99:99Z text\n", "timestamp": 7}, 7 * 10**9),
        ({"log": "text\n"}, None),
        ({}, None),
    ],
)
def test_stamp_of_a_line_is_in_its_text_or_its_timestamp(
    line: LogLine, nanoseconds: int | None
) -> None:
    assert wire.log_stamp(line) == nanoseconds


# --- fairness -------------------------------------------------------------------------


async def test_chatty_container_does_not_hold_up_the_others(
    live: DockerCloud, talk: Talk
) -> None:
    """Of each container with new lines one in turn: behind what is under way already,
    the quiet one's line is the next or the next but one."""
    service = await run(live, image="acme/talk", name="web", target_num_containers=2)
    async with live.services.logs(service, tail=0) as stream:
        await live.services.inspect(service)
        talk.say("web-1", *range(9000))
        await until(lambda: len(stream._frames) >= WINDOW)
        talk.say("web-2", "may I?")
        before = await texts_until(stream, "may I?")

    # A window is on its way, one frame in the server's hand, one more of the other.
    assert len(before) <= WINDOW + 3


async def test_containers_with_much_to_say_share_equally(
    live: DockerCloud, talk: Talk
) -> None:
    service = await run(live, image="acme/talk", name="web", target_num_containers=3)
    for name, count in (("web-1", 5000), ("web-2", 500), ("web-3", 500)):
        talk.say(name, *range(count))
    async with asyncio.timeout(PATIENCE):
        async with live.services.logs(service, since=0) as stream:
            first = [(await anext(stream))["source"] for _ in range(1200)]

    for name in ("web-1", "web-2", "web-3"):
        assert abs(first.count(name) - 400) <= 100  # what is read ahead of each


# --- what ends it ---------------------------------------------------------------------

Script = Callable[[web.WebSocketResponse, web.Request], Any]
LOGS = "/api/app/v1/service/{uuid}/logs/"


@pytest.fixture
async def serve() -> AsyncIterator[Any]:
    """Start a server as the hosted one was: each connection plays a script. It knows
    neither windows nor since."""
    servers: list[TestServer] = []
    clouds: list[DockerCloud] = []

    async def start(*scripts: Any) -> tuple[DockerCloud, list[dict[str, str]]]:
        left, asked = list(scripts), []

        async def handler(request: web.Request) -> web.WebSocketResponse:
            asked.append(dict(request.query))
            script = left.pop(0)
            if isinstance(script, type):
                raise script(text='{"error": "no"}')
            ws = web.WebSocketResponse()
            await ws.prepare(request)
            for frame in script:
                if frame == "cut":
                    assert request.transport is not None
                    request.transport.abort()
                    return ws
                await ws.send_json(frame)
            await ws.close()
            return ws

        app = web.Application()
        app.router.add_get(LOGS, handler)
        server = TestServer(app)
        await server.start_server()
        servers.append(server)
        clouds.append(DockerCloud(str(server.make_url("")), auth="Basic x"))
        return clouds[-1], asked

    async with asyncio.timeout(PATIENCE):
        yield start
        for cloud in clouds:
            await cloud.close()
        for server in servers:
            await server.close()


def line(number: int, source: str | None = "web-1") -> dict[str, Any]:
    named = {} if source is None else {"source": source}
    stamp = wire.format_stamp(1_456_804_338_000_000_000 + number)
    return {"type": "log", **named, "log": f"{stamp} {number}\n", "timestamp": 1}


async def read(stream: LogStream) -> list[str]:
    """Texts, and ``?`` for a word that lines may be missing."""

    def shown(line: LogLine) -> str:
        if "missed" not in line:
            return wire.log_text(line)
        assert line["missed"] is None
        return "?"

    return [shown(line) async for line in stream]


@pytest.mark.parametrize(
    ("refusal", "error"),
    [(web.HTTPUnauthorized, AuthError), (web.HTTPNotFound, ObjectNotFound)],
)
async def test_refusal_when_reconnecting_ends_it(
    serve: Any, refusal: Any, error: type[Exception]
) -> None:
    cloud, asked = await serve(["cut"], refusal)

    with pytest.raises(error):
        await read(cloud.services.logs("x"))
    assert len(asked) == 2


async def test_overload_when_reconnecting_is_waited_out(serve: Any) -> None:
    unavailable = web.HTTPServiceUnavailable
    cloud, asked = await serve(
        [line(1), "cut"], unavailable, unavailable, ["cut"], [line(1), line(2)]
    )
    stream = cloud.services.logs("x")

    assert await read(stream) == ["1", "2"]
    assert stream.reconnects == 2
    assert len(asked) == 5


async def test_first_connection_is_tried_once(serve: Any) -> None:
    cloud, asked = await serve(web.HTTPServiceUnavailable)

    with pytest.raises(Unavailable):
        await read(cloud.services.logs("x"))
    assert len(asked) == 1


async def test_without_reconnect_a_lost_connection_raises(serve: Any) -> None:
    cloud, _ = await serve([line(1), "cut"])
    stream = cloud.services.logs("x", reconnect=False)

    assert await anext(stream) == line(1)
    with pytest.raises(StreamClosed):
        await anext(stream)
    assert stream.reconnects == 0


async def test_pauses_grow_and_begin_anew_after_a_new_line(
    serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[int] = []

    def backoff(first: float, *, cap: float) -> Any:
        for number in range(100):
            pauses.append(number)
            yield 0.0

    monkeypatch.setattr(wire, "backoff", backoff)
    cloud, _ = await serve(
        [line(1), "cut"],
        ["cut"],
        [line(1), "cut"],
        [line(1), line(2), "cut"],
        [line(2)],
    )

    await read(cloud.services.logs("x"))

    assert pauses == [0, 1, 2, 0]


async def test_client_that_cannot_connect_any_more_goes_on_trying(
    live: DockerCloud, far: DockerCloud, way: Proxy, talk: Talk
) -> None:
    service = await run(live, image="acme/talk", name="web")
    async with far.services.logs(service, tail=0) as stream:
        await live.services.inspect(service)
        way.refuse()
        way.cut()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await anext(stream)
        talk.say("web-1", "still here")
        way.accept()
        assert await texts_until(stream, "still here") == ["still here"]


# --- servers that know no since -------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "again", "expected"),
    [
        pytest.param([1, 2], [1, 2, 3], "1 2 3", id="from the start"),
        pytest.param([1, 2, 3], [2, 3, 4], "1 2 3 4", id="from in between"),
        pytest.param([1, 2], [2, 3], "1 2 3", id="from the last"),
        pytest.param([1, 2], [4, 5], "1 2 ? 4 5", id="from after"),
        pytest.param([1, 2], [], "1 2", id="nothing"),
        pytest.param([5, 6], [1, 2, 5, 6, 7], "5 6 7", id="from before the start"),
    ],
)
async def test_known_lines_are_dropped_and_a_possible_gap_is_told(
    serve: Any, first: list[int], again: list[int], expected: str
) -> None:
    cloud, asked = await serve(
        [*map(line, first), "cut"], [line(number) for number in again]
    )

    assert await read(cloud.services.logs("x", tail=2)) == expected.split()
    assert asked[0] == {"follow": "true", "tail": "2"}
    assert asked[1] == {"follow": "true", "tail": "10000"}


async def test_gap_is_told_once_for_all_containers(serve: Any) -> None:
    cloud, _ = await serve(
        [line(1), line(2, "web-2"), line(3, "web-3"), "cut"],
        [line(3, "web-3"), line(6), line(7, "web-2"), line(8, "web-3"), line(9)],
    )

    assert await read(cloud.services.logs("x")) == "1 2 3 ? 6 7 8 9".split()


async def test_lines_of_one_moment_are_told_apart_by_their_text(serve: Any) -> None:
    stamp = wire.format_stamp(1_456_804_338_000_000_000)
    same = [{"type": "log", "log": f"{stamp} {text}\n"} for text in "abcd"]
    cloud, _ = await serve([*same[:2], "cut"], same)

    assert await read(cloud.services.logs("x")) == list("abcd")


async def test_connection_lost_before_any_line_may_have_lost_some(serve: Any) -> None:
    cloud, asked = await serve(["cut"], [line(1)])

    assert await read(cloud.services.logs("x", tail=0)) == ["?", "1"]
    assert asked[1]["tail"] == "0"


async def test_since_is_kept_here_where_the_server_knows_none(serve: Any) -> None:
    lines = [line(number) for number in range(5)]
    cloud, asked = await serve(lines[3:], lines)
    since = lines[2]["log"].partition(" ")[0]

    assert await read(cloud.services.logs("x", since=since)) == ["2", "3", "4"]
    assert asked[0] == {"follow": "true", "since": since}
    assert asked[1] == {"follow": "true", "tail": "10000"}


async def test_nobody_there_at_first_is_an_error_at_once() -> None:
    async with DockerCloud("http://127.0.0.1:1", auth="x") as cloud:
        with pytest.raises(ConnectError):
            await anext(cloud.services.logs("x"))


async def test_bad_tail_is_an_error_at_once(live: DockerCloud, talk: Talk) -> None:
    service: Service = await run(live, image="acme/talk", name="web")

    with pytest.raises(BadRequest, match="tail"):
        await anext(live.services.logs(service, tail=-1))
