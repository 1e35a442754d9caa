"""Logs against scripted servers: ends, and servers without ``since``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from aiohttp import web

from aiodockercloud import (
    AuthError,
    ConnectError,
    DockerCloud,
    ObjectNotFound,
    StreamClosed,
    Timings,
    Unavailable,
)
from aiodockercloud.transport.log_stream import LogStream
from aiodockercloud.types import LogLine
from aiodockercloud.wire import loglines
from tests.support.facts import PATIENCE, until
from tests.support.scripted import SHORT_PAUSES, Player, Script, client_for, cuts

LOGS = "/api/app/v1/service/{uuid}/logs/"

#: A timeout in the fixture would not cover the tests.
pytestmark = pytest.mark.timeout(PATIENCE)


@pytest.fixture
async def serve() -> AsyncIterator[Any]:
    """Start a server like the hosted one: no flow control, no ``since``.

    Each script is the frames of one connection, or the error that refuses one.
    """
    async with AsyncExitStack() as stack:

        async def start(
            *scripts: Any, timings: Timings = SHORT_PAUSES
        ) -> tuple[DockerCloud, list[dict[str, str]]]:
            played = (one if isinstance(one, type) else sends(one) for one in scripts)
            player = Player(*played)
            client = client_for({LOGS: player.play}, timings=timings)
            cloud = await stack.enter_async_context(client)
            return cloud, player.asked

        yield start


def sends(frames: list[Any]) -> Script:
    """Send the frames, then close; ``"cut"`` breaks the connection instead."""

    async def script(ws: web.WebSocketResponse, request: web.Request) -> None:
        for frame in frames:
            if frame == "cut":
                await cuts(ws, request)
            else:
                await ws.send_json(frame)

    return script


def line(number: int, source: str | None = "web-1") -> dict[str, Any]:
    named = {} if source is None else {"source": source}
    stamp = loglines.format_stamp(1_456_804_338_000_000_000 + number)
    return {"type": "log", **named, "log": f"{stamp} {number}\n", "timestamp": 1}


async def read(stream: LogStream[Any]) -> list[str]:
    """Return the texts of the lines, and ``?`` for an item that reports a gap."""

    def rendered(line: LogLine) -> str:
        if "missed" not in line:
            return loglines.log_text(line)
        assert line["missed"] is None
        return "?"

    return [rendered(line) async for line in stream]


# --- ends -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("refusal", "error"),
    [(web.HTTPUnauthorized, AuthError), (web.HTTPNotFound, ObjectNotFound)],
)
async def test_refusal_when_reconnecting_raises(
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


async def test_first_connection_is_attempted_once(serve: Any) -> None:
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


async def test_pauses_grow_and_are_reset_by_a_new_line(
    serve: Any,
) -> None:
    drawn: list[int] = []

    class Recorded(Timings):
        def pauses(self) -> Iterator[float]:
            for number in range(100):
                drawn.append(number)
                yield 0.0

    cloud, _ = await serve(
        [line(1), "cut"],
        ["cut"],
        [line(1), "cut"],
        [line(1), line(2), "cut"],
        [line(2)],
        timings=Recorded(),
    )

    await read(cloud.services.logs("x"))

    assert drawn == [0, 1, 2, 0]


async def test_close_while_it_pauses_ends_a_waiting_reader(serve: Any) -> None:
    cloud, asked = await serve(["cut"], timings=Timings(first_pause=1000.0))
    stream = cloud.services.logs("x")
    reading = asyncio.create_task(anext(stream, None))
    await until(lambda: stream.reconnects == 1)

    await stream.close()

    assert await reading is None
    assert len(asked) == 1


# --- servers without since ------------------------------------------------------------


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
async def test_known_lines_are_dropped_and_a_possible_gap_is_reported(
    serve: Any, first: list[int], again: list[int], expected: str
) -> None:
    cloud, asked = await serve(
        [*map(line, first), "cut"], [line(number) for number in again]
    )

    assert await read(cloud.services.logs("x", tail=2)) == expected.split()
    assert asked[0] == {"follow": "true", "tail": "2"}
    assert asked[1] == {"follow": "true", "tail": "10000"}


async def test_gap_is_reported_once_for_all_containers(serve: Any) -> None:
    cloud, _ = await serve(
        [line(1), line(2, "web-2"), line(3, "web-3"), "cut"],
        [line(3, "web-3"), line(6), line(7, "web-2"), line(8, "web-3"), line(9)],
    )

    assert await read(cloud.services.logs("x")) == "1 2 3 ? 6 7 8 9".split()


async def test_lines_with_one_stamp_are_distinguished_by_their_text(serve: Any) -> None:
    stamp = loglines.format_stamp(1_456_804_338_000_000_000)
    same = [{"type": "log", "log": f"{stamp} {text}\n"} for text in "abcd"]
    cloud, _ = await serve([*same[:2], "cut"], same)

    assert await read(cloud.services.logs("x")) == list("abcd")


async def test_connection_lost_before_any_line_reports_a_gap(serve: Any) -> None:
    cloud, asked = await serve(["cut"], [line(1)])

    assert await read(cloud.services.logs("x", tail=0)) == ["?", "1"]
    assert asked[1]["tail"] == "0"


async def test_since_is_applied_by_the_client_on_servers_without_it(serve: Any) -> None:
    lines = [line(number) for number in range(5)]
    cloud, asked = await serve(lines[3:], lines)
    since = lines[2]["log"].partition(" ")[0]

    assert await read(cloud.services.logs("x", since=since)) == ["2", "3", "4"]
    assert asked[0] == {"follow": "true", "since": since}
    assert asked[1] == {"follow": "true", "tail": "10000"}


async def test_since_is_applied_after_a_cut_before_the_first_line(serve: Any) -> None:
    lines = [line(number) for number in range(5)]
    cloud, asked = await serve(lines[3:], ["cut"], lines)
    since = lines[2]["log"].partition(" ")[0]

    assert await read(cloud.services.logs("x", since=since)) == ["?", "2", "3", "4"]
    assert asked[2]["tail"] == "10000"


async def test_server_that_is_down_at_first_raises_at_once() -> None:
    async with DockerCloud("http://127.0.0.1:1", auth="x") as cloud:
        with pytest.raises(ConnectError):
            await anext(cloud.services.logs("x"))
