"""The event stream against a scripted server: ids, gaps, pauses."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import unused_port

from aiodockercloud import (
    AuthError,
    ConnectError,
    DockerCloud,
    StreamClosed,
    Timings,
    wire,
)
from tests.support import scriptedevents
from tests.support.facts import PATIENCE
from tests.support.scriptedevents import (
    GAP,
    Scripted,
    all_of,
    event,
    position,
    sends,
    stays,
)

#: A timeout in the fixture would not cover the tests.
pytestmark = pytest.mark.timeout(PATIENCE)

server = scriptedevents.server
timings = scriptedevents.timings
limits = scriptedevents.limits


# --- opening, ends ------------------------------------------------------------------


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


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"type": "servce"}, ValueError, "type: there are no events of type servce"),
        ({"type": ["service", "pod"]}, ValueError, "type: .* pod"),
        ({"type": ""}, ValueError, "type: "),
        ({"type": []}, ValueError, "type: an empty list"),
        ({"type": 1}, TypeError, "type: "),
        ({"type": [None]}, TypeError, "type: "),
        ({"object": "web"}, ValueError, "object: 'web' is not the resource_uri"),
        ({"object": {"uuid": "1"}}, ValueError, "object: "),
        ({"object": []}, ValueError, "object: an empty list"),
        ({"object": b"/a/"}, TypeError, "object: "),
        ({"parent": ["/a/", ""]}, ValueError, "parent: "),
        ({"parent": 5}, TypeError, "parent: "),
        ({"since": 5}, TypeError, "since: "),
    ],
)
async def test_subscribe_with_a_wrong_argument_names_the_argument(
    options: dict[str, Any], error: type[Exception], message: str
) -> None:
    async with DockerCloud("http://127.0.0.1:9", auth="Basic x") as cloud:
        with pytest.raises(error, match=f"^{message}"):
            cloud.events.subscribe(**options)


async def test_events_refused_when_reconnecting_raise(
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
async def test_events_refused_permanently_raise_without_another_attempt(
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


# --- continuing ---------------------------------------------------------------------


async def test_reconnect_continues_after_the_last_event_yielded(
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


async def test_reconnect_before_the_first_event_continues_at_the_position(
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


async def test_reconnect_without_events_continues_at_the_last_position(
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


async def test_since_is_sent_and_a_lost_history_is_a_gap(
    server: tuple[Scripted, DockerCloud],
) -> None:
    scripted, cloud = server
    gap = {"type": "gap", "id": "new-0", "missed": None}
    scripted.scripts = [
        # This connection breaks before the gap; the next one requests it again.
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


async def test_old_protocol_reports_the_gap_before_any_event(
    server: tuple[Scripted, DockerCloud],
) -> None:
    """A stream without events would hide the gap otherwise."""
    scripted, cloud = server
    scripted.scripts = [sends(), stays()]

    async with cloud.events.subscribe() as events:
        assert await anext(events) == GAP


@pytest.mark.parametrize("frames", [(), (event(9, old=True),)])
async def test_server_that_does_not_confirm_the_position_is_a_gap(
    server: tuple[Scripted, DockerCloud], frames: tuple[dict[str, Any], ...]
) -> None:
    """An older server replaced the first one."""
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

    # A step cancelled while connecting leaves the connecting to the next step.
    scripted.scripts = [sends(position("run-0")), *[script] * 30]
    async with cloud.events.subscribe() as events:
        for milliseconds in range(30):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(milliseconds / 1000):
                    await anext(events)
        go_on.set()
        assert await all_of(events) == [event(1)]


# --- pauses -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedTimings(Timings):
    """Timings that record the pauses drawn from each series of pauses."""

    first_pause: float = 0.001
    drawn: list[list[float]] = field(default_factory=list)

    def pauses(self) -> Iterator[float]:
        own: list[float] = []
        self.drawn.append(own)
        for pause in wire.backoff(self.first_pause, cap=self.longest_pause):
            own.append(pause)
            yield pause


# No connection lasts so long, because such a connection resets the pauses as well.
@pytest.mark.parametrize("timings", [RecordedTimings(lasting_connection=PATIENCE)])
async def test_pauses_grow_and_are_reset_by_an_event(
    server: tuple[Scripted, DockerCloud], timings: RecordedTimings
) -> None:
    scripted, cloud = server
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

    # Five connections without an event: one lost, two refused, two lost.
    assert [len(pauses) for pauses in timings.drawn] == [5, 2]
    first, last = timings.drawn[0][0], timings.drawn[0][-1]
    assert 0.0005 <= first <= 0.001
    assert 0.008 <= last <= 0.016


@pytest.mark.parametrize("timings", [RecordedTimings(lasting_connection=0.0)])
async def test_connection_that_lasted_resets_the_pauses_without_an_event(
    server: tuple[Scripted, DockerCloud], timings: RecordedTimings
) -> None:
    scripted, cloud = server
    scripted.scripts = [sends(position("run-0"))] * 3
    scripted.scripts += [sends(position("run-0"), close=1000)]

    async with cloud.events.subscribe() as events:
        assert await all_of(events) == []

    assert [len(pauses) for pauses in timings.drawn] == [1, 1, 1]


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
