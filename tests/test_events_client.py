"""The event stream against a server of scripts: ids, gaps, snapshots, back-off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import unused_port

from aiodockercloud import (
    AuthError,
    ConnectError,
    DockerCloud,
    ObjectNotFound,
    StreamClosed,
    reconnect,
    wire,
)
from aiodockercloud import events as events_module
from flows import PATIENCE, until
from scripted import Player, Script, client_for

EVENTS = "/api/audit/v1/events/"
SERVICES = "/api/app/v1/service/"
GAP = {"type": "gap", "id": None, "missed": None}

#: A limit within the fixture would not reach the tests.
pytestmark = pytest.mark.timeout(PATIENCE)


def event(number: int, *, old: bool = False) -> dict[str, Any]:
    """The n-th event; servers of old give it no id."""
    uri = f"{SERVICES}{number}/"
    found = {"type": "service", "action": "update", "resource_uri": uri, "state": "x"}
    return found if old else {**found, "id": f"run-{number}"}


def position(id: str) -> dict[str, Any]:
    return {"type": "position", "id": id}


class Scripted(Player):
    """A server that plays one script per connection to its event stream."""

    def __init__(self) -> None:
        super().__init__()
        self.objects: list[dict[str, Any]] = []
        self.listed = 0
        self.refuse_list = 0

    async def index(self, request: web.Request) -> web.Response:
        if self.refuse_list:
            self.refuse_list -= 1
            raise web.HTTPServiceUnavailable
        self.listed += 1
        offset = int(request.query.get("offset", 0))
        limit = int(request.query["limit"])
        page = self.objects[offset : offset + limit]
        more = offset + limit < len(self.objects)
        meta = {"offset": offset, "limit": limit, "next": "more" if more else None}
        return web.json_response({"meta": meta, "objects": page})


@pytest.fixture
async def server() -> AsyncIterator[tuple[Scripted, DockerCloud]]:
    scripted = Scripted()
    handlers = {EVENTS: scripted.play, SERVICES: scripted.index}
    async with client_for(handlers, retry=None) as cloud:
        yield scripted, cloud


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconnect, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(reconnect, "LONGEST_PAUSE", 0.01)
    monkeypatch.setattr(events_module, "CONFIRM", 0.5)


def sends(*frames: dict[str, Any], close: int | None = None) -> Script:
    """Send, then close with a code or, without one, break the connection."""

    async def script(ws: web.WebSocketResponse, request: web.Request) -> None:
        for frame in frames:
            await ws.send_json(frame)
        if close is not None:
            await ws.close(code=close)
        elif request.transport is not None:
            request.transport.close()

    return script


def stays(*frames: dict[str, Any]) -> Script:
    async def script(ws: web.WebSocketResponse, _: web.Request) -> None:
        for frame in frames:
            await ws.send_json(frame)
        async for _message in ws:
            pass

    return script


async def all_of(events: AsyncIterator[Any]) -> list[Any]:
    return [item async for item in events]


# --- as it was ----------------------------------------------------------------------


async def test_subscribe_with_filters_joins_them(
    server: tuple[Scripted, DockerCloud],
) -> None:
    scripted, cloud = server
    scripted.scripts = [sends(close=1000), sends(close=1000)]

    async with cloud.events.subscribe():
        pass
    async with cloud.events.subscribe(
        type=["service", "node"], object={"resource_uri": "/a/"}, parent=["/b/", "/c/"]
    ):
        pass

    filters = {"type": "service,node", "object": "/a/", "parent": "/b/,/c/"}
    assert scripted.asked == [{"since": "now"}, {**filters, "since": "now"}]


async def test_events_refused_when_reconnecting_end_it(
    server: tuple[Scripted, DockerCloud],
) -> None:
    scripted, cloud = server
    scripted.scripts = [
        sends(position("run-0"), event(1)),
        web.HTTPBadGateway,
        web.HTTPUnauthorized,
    ]

    async with cloud.events.subscribe() as events:
        assert (await anext(events))["id"] == "run-1"
        with pytest.raises(AuthError):
            await anext(events)

    assert len(scripted.asked) == 3


@pytest.mark.parametrize(
    ("refusal", "error"),
    [(web.HTTPForbidden, "403"), (web.HTTPNotFound, "404")],
)
async def test_events_refused_for_good_end_it_without_another_try(
    server: tuple[Scripted, DockerCloud],
    refusal: type[web.HTTPException],
    error: str,
) -> None:
    scripted, cloud = server
    scripted.scripts = [sends(position("run-0")), refusal]

    async with cloud.events.subscribe() as events:
        with pytest.raises(Exception, match=error):
            await anext(events)

    assert len(scripted.asked) == 2


async def test_events_without_reconnect_raise(
    server: tuple[Scripted, DockerCloud],
) -> None:
    scripted, cloud = server
    scripted.scripts = [sends()]

    async with cloud.events.subscribe(reconnect=False) as events:
        with pytest.raises(StreamClosed):
            await anext(events)
    assert events.gaps == 0


async def test_events_that_never_connected_raise_at_once() -> None:
    async with DockerCloud(f"http://127.0.0.1:{unused_port()}") as cloud:
        with pytest.raises(ConnectError):
            async with cloud.events.subscribe():
                pass


# --- going on -----------------------------------------------------------------------


async def test_reconnect_goes_on_from_the_last_event_given(
    server: tuple[Scripted, DockerCloud],
) -> None:
    scripted, cloud = server
    scripted.scripts = [
        sends(position("run-0"), event(1), event(2)),
        sends(position("run-2")),
        web.HTTPServiceUnavailable,
        sends(position("run-2"), event(3), close=1000),
    ]

    async with cloud.events.subscribe() as events:
        seen = await all_of(events)

    assert seen == [event(1), event(2), event(3)]
    assert [asked["since"] for asked in scripted.asked] == [
        *("now", "run-2", "run-2", "run-2")
    ]
    assert (events.gaps, events.position) == (0, "run-3")


async def test_reconnect_before_the_first_event_goes_on_from_the_position(
    server: tuple[Scripted, DockerCloud],
) -> None:
    scripted, cloud = server
    scripted.scripts = [
        sends(position("run-7")),
        sends(position("run-7"), event(8), close=1000),
    ]

    async with cloud.events.subscribe() as events:
        assert await all_of(events) == [event(8)]

    assert scripted.asked[1] == {"since": "run-7"}


async def test_position_told_in_between_is_where_a_quiet_reader_goes_on(
    server: tuple[Scripted, DockerCloud],
) -> None:
    scripted, cloud = server
    scripted.scripts = [
        sends(position("run-7"), position("run-900")),
        sends(position("run-900"), close=1000),
    ]

    async with cloud.events.subscribe() as events:
        assert await all_of(events) == []

    assert scripted.asked[1] == {"since": "run-900"}


async def test_since_begins_there_and_a_lost_history_is_a_gap(
    server: tuple[Scripted, DockerCloud],
) -> None:
    scripted, cloud = server
    gap = {"type": "gap", "id": "new-0", "missed": None}
    scripted.scripts = [
        # Cut right before the gap was told: it is asked for again.
        sends(position("run-5")),
        sends(position("run-5"), gap),
        sends(position("new-0"), close=1000),
    ]

    async with cloud.events.subscribe(since="run-5") as events:
        assert await all_of(events) == [gap]

    assert [asked["since"] for asked in scripted.asked] == ["run-5", "run-5", "new-0"]
    assert events.gaps == 1


# --- servers without since ----------------------------------------------------------


async def test_old_protocol_has_one_gap_per_reconnect(
    server: tuple[Scripted, DockerCloud],
) -> None:
    scripted, cloud = server
    scripted.scripts = [
        sends(event(1, old=True)),
        web.HTTPServiceUnavailable,
        sends(),
        sends(event(2, old=True), close=1000),
    ]

    async with cloud.events.subscribe() as events:
        seen = await all_of(events)

    assert seen == [event(1, old=True), GAP, GAP, event(2, old=True)]
    assert events.gaps == 2
    assert {asked["since"] for asked in scripted.asked} == {"now"}


async def test_old_protocol_tells_the_gap_before_any_event(
    server: tuple[Scripted, DockerCloud],
) -> None:
    """On a quiet stream nobody would know otherwise."""
    scripted, cloud = server
    scripted.scripts = [sends(), stays()]

    async with cloud.events.subscribe() as events:
        assert await anext(events) == GAP


@pytest.mark.parametrize("frames", [(), (event(9, old=True),)])
async def test_server_that_has_become_an_old_one_is_a_gap(
    server: tuple[Scripted, DockerCloud], frames: tuple[dict[str, Any], ...]
) -> None:
    """It was asked to go on, and does not say that it does."""
    scripted, cloud = server
    scripted.scripts = [sends(position("run-3")), stays(*frames)]

    async with cloud.events.subscribe() as events:
        assert await anext(events) == GAP
        for frame in frames:
            assert await anext(events) == frame


# --- cancelling ---------------------------------------------------------------------


async def test_cancelled_step_loses_nothing(
    server: tuple[Scripted, DockerCloud],
) -> None:
    scripted, cloud = server
    go_on = asyncio.Event()

    async def script(ws: web.WebSocketResponse, _: web.Request) -> None:
        await ws.send_json(position("run-0"))
        await go_on.wait()
        await ws.send_json(event(1))
        await ws.close()

    # A step may be canceled while it connects; then the next one does.
    scripted.scripts = [sends(position("run-0")), *[script] * 30]
    async with cloud.events.subscribe() as events:
        for moment in range(30):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(moment / 1000):
                    await anext(events)
        go_on.set()
        assert await all_of(events) == [event(1)]


# --- back-off -----------------------------------------------------------------------


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[list[float]]:
    """The pauses drawn from each series of pauses that was begun."""
    series: list[list[float]] = []
    original = wire.backoff

    def backoff(first: float = 0.2, **options: float) -> Iterator[float]:
        own: list[float] = []
        series.append(own)
        for pause in original(first, **options):
            own.append(pause)
            yield pause

    monkeypatch.setattr(wire, "backoff", backoff)
    return series


async def test_pauses_grow_until_an_event_comes_and_then_begin_anew(
    server: tuple[Scripted, DockerCloud], drawn: list[list[float]]
) -> None:
    scripted, cloud = server
    # Longer than any of these connections: that is another reason to begin anew.
    reconnect.LONGEST_PAUSE = PATIENCE
    scripted.scripts = [
        sends(position("run-0")),
        *[web.HTTPServiceUnavailable] * 2,
        sends(position("run-0")),
        sends(position("run-0")),
        sends(position("run-0"), event(1)),
        web.HTTPServiceUnavailable,
        sends(position("run-1"), close=1000),
    ]

    async with cloud.events.subscribe() as events:
        assert await all_of(events) == [event(1)]

    # The first is lost, two refuse, two more are lost: five that bring nothing.
    assert [len(pauses) for pauses in drawn] == [5, 2]
    first, last = drawn[0][0], drawn[0][-1]
    assert 0.0005 <= first <= 0.001
    assert 0.008 <= last <= 0.016


async def test_connection_that_held_begins_the_pauses_anew_without_an_event(
    server: tuple[Scripted, DockerCloud], drawn: list[list[float]]
) -> None:
    scripted, cloud = server
    reconnect.LONGEST_PAUSE = 0.0
    scripted.scripts = [sends(position("run-0"))] * 3
    scripted.scripts += [sends(position("run-0"), close=1000)]

    async with cloud.events.subscribe() as events:
        assert await all_of(events) == []

    assert [len(pauses) for pauses in drawn] == [1, 1, 1]


async def test_retry_after_of_a_refusal_is_obeyed(
    server: tuple[Scripted, DockerCloud],
) -> None:
    scripted, cloud = server
    busy = web.Response(status=429, headers={"Retry-After": "0.3"})
    scripted.scripts = [
        *(sends(position("run-0")), busy),
        sends(position("run-0"), close=1000),
    ]
    loop = asyncio.get_running_loop()

    async with cloud.events.subscribe() as events:
        before = loop.time()
        assert await all_of(events) == []

    assert loop.time() - before >= 0.3


# --- snapshot -----------------------------------------------------------------------


async def test_snapshot_is_listed_when_subscribed_and_again_after_a_gap(
    server: tuple[Scripted, DockerCloud], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events_module, "PAGE", 2)
    scripted, cloud = server
    scripted.objects = [
        {"resource_uri": f"{SERVICES}{n}/", "state": "Running"} for n in range(3)
    ]
    gone = {"resource_uri": f"{SERVICES}9/", "state": "Terminated"}
    scripted.objects.append(gone)
    gap = {"type": "gap", "id": "run-5", "missed": 4}
    scripted.scripts = [
        sends(position("run-0"), event(1), gap, close=1012),
        sends(position("run-5"), close=1000),
    ]

    async with cloud.events.snapshot(type="service") as events:
        assert scripted.listed == 0  # nothing before it is asked for
        seen = await all_of(events)

    there = scripted.objects[:3]
    assert seen == [
        {"type": "snapshot", "id": "run-0", "objects": there},
        event(1),
        {**gap, "objects": there},
    ]
    assert scripted.asked[0] == {"type": "service", "since": "now"}
    assert scripted.asked[1]["since"] == "run-5"
    assert scripted.listed == 4  # pages


async def test_snapshot_of_an_old_server_lists_again_at_each_reconnect(
    server: tuple[Scripted, DockerCloud],
) -> None:
    scripted, cloud = server
    scripted.objects = [{"resource_uri": f"{SERVICES}1/", "state": "Running"}]
    scripted.scripts = [
        sends(event(1, old=True), close=1012),
        sends(close=1000),
    ]

    async with cloud.events.snapshot(type="service") as events:
        seen = await all_of(events)

    assert seen == [
        {"type": "snapshot", "id": None, "objects": scripted.objects},
        event(1, old=True),
        {**GAP, "objects": scripted.objects},
    ]


async def test_snapshot_whose_list_fails_for_the_moment_lists_again(
    server: tuple[Scripted, DockerCloud],
) -> None:
    scripted, cloud = server
    scripted.refuse_list = 2
    scripted.scripts = [sends(position("run-0"), close=1000)]

    async with cloud.events.snapshot(type="service") as events:
        seen = await all_of(events)

    assert [item["type"] for item in seen] == ["snapshot"]


async def test_snapshot_whose_list_fails_pauses_before_it_lists_again(
    server: tuple[Scripted, DockerCloud], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconnect, "FIRST_PAUSE", 0.4)  # half of it with jitter
    scripted, cloud = server
    scripted.refuse_list = 1
    scripted.scripts = [sends(position("run-0"), close=1000)]
    loop = asyncio.get_running_loop()

    async with cloud.events.snapshot(type="service") as events:
        before = loop.time()
        await anext(events)

    assert loop.time() - before >= 0.2


async def test_close_while_a_list_pauses_ends_a_waiting_reader(
    server: tuple[Scripted, DockerCloud], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconnect, "FIRST_PAUSE", 1000.0)
    scripted, cloud = server
    scripted.refuse_list = 1
    scripted.scripts = [stays(position("run-0"))]

    async with cloud.events.snapshot(type="service") as events:
        reading = asyncio.create_task(anext(events, None))
        await until(lambda: events._again_at > 0)
        await events.close()

        assert await reading is None


async def test_snapshot_that_is_cut_off_before_it_is_given_is_no_gap(
    server: tuple[Scripted, DockerCloud],
) -> None:
    scripted, cloud = server
    scripted.scripts = [sends(), sends(close=1000)]

    async with cloud.events.snapshot(type="service") as events:
        seen = await all_of(events)

    assert seen == [{"type": "snapshot", "id": None, "objects": []}]
    assert len(scripted.asked) == 2


async def test_snapshot_whose_list_is_refused_raises(
    server: tuple[Scripted, DockerCloud],
) -> None:
    scripted, cloud = server
    scripted.scripts = [stays(position("run-0"))]

    async with cloud.events.snapshot(type="stack") as events:
        with pytest.raises(ObjectNotFound):
            await anext(events)


async def test_snapshot_of_an_unknown_type_is_refused(cloud: DockerCloud) -> None:
    with pytest.raises(ValueError, match="no events of type pod"):
        cloud.events.snapshot(type=["service", "pod"])
