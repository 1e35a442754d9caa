"""Heartbeats: one timer beats for all streams, and a pulse finds a silent peer."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType, web

from aiodockercloud import StreamClosed, Timings
from aiodockercloud.transport.heartbeats import Heartbeats, Pulse
from tests.support.facts import PATIENCE, until
from tests.support.scripted import client_for

LOGS = "/api/app/v1/service/{uuid}/logs/"

pytestmark = pytest.mark.timeout(PATIENCE)


class Beaten:
    """A stream that counts its beats."""

    def __init__(self) -> None:
        self.beats = 0
        self.is_open = True

    def beat(self) -> bool:
        self.beats += 1
        return self.is_open


class Pinged:
    """A websocket that counts its pings."""

    def __init__(self) -> None:
        self.pings = 0

    async def ping(self) -> None:
        self.pings += 1


def pulse_of(ws: Pinged) -> Pulse:
    return Pulse(cast("ClientWebSocketResponse[Any]", ws))


# --- one timer ----------------------------------------------------------------------


async def test_every_open_stream_beats_until_all_streams_are_closed() -> None:
    streams = [Beaten() for _ in range(250)]
    hearts = Heartbeats(streams, heartbeat=0.04)
    hearts.start()
    hearts.start()  # no second timer
    await until(lambda: all(stream.beats >= 3 for stream in streams))
    assert max(stream.beats for stream in streams) - 1 <= streams[-1].beats

    for stream in streams:
        stream.is_open = False
    await until(lambda: hearts._timer is None)
    counts = [stream.beats for stream in streams]
    await asyncio.sleep(0.02)

    assert counts == [stream.beats for stream in streams]


async def test_stream_that_opens_during_a_beat_beats_next_time() -> None:
    streams: list[Beaten] = []
    hearts = Heartbeats(streams, heartbeat=0.04)

    class Opener(Beaten):
        def beat(self) -> bool:
            if len(streams) == 1:
                streams.append(Beaten())
                hearts.start()
            return False

    streams.append(Opener())
    hearts.start()

    await until(lambda: len(streams) == 2 and streams[1].beats > 1)
    streams[1].is_open = False
    await until(lambda: hearts._timer is None)


# --- one pulse ----------------------------------------------------------------------


async def test_silent_peer_is_pinged_and_fails_half_a_heartbeat_later() -> None:
    ws = Pinged()
    pulse = pulse_of(ws)
    answers = []
    for beat in range(1, 14):
        answers.append(pulse.beat(receiving=True))
        await asyncio.sleep(0)
        assert ws.pings == (beat >= 9)

    assert answers == [True] * 12 + [False]


async def test_peer_that_answers_is_pinged_once_in_a_heartbeat() -> None:
    ws = Pinged()
    pulse = pulse_of(ws)
    for _ in range(90):
        assert pulse.beat(receiving=True)
        await asyncio.sleep(0)
        if ws.pings and pulse.quiet == 9:
            pulse.quiet = 0  # the answer

    assert ws.pings == 10


async def test_peer_whose_answers_the_reader_leaves_does_not_fail() -> None:
    ws = Pinged()
    pulse = pulse_of(ws)
    for _ in range(100):
        assert pulse.beat(receiving=False)
        await asyncio.sleep(0)

    assert ws.pings == 10


# --- a stream -----------------------------------------------------------------------


async def test_stream_pings_a_silent_server_and_stays_when_it_answers() -> None:
    pings = 0

    async def handler(request: web.Request) -> web.StreamResponse:
        nonlocal pings
        ws = web.WebSocketResponse(autoping=False)
        await ws.prepare(request)
        while pings < 3:
            message = await ws.receive()
            assert message.type is WSMsgType.PING
            pings += 1
            await ws.pong(message.data)
        await ws.close()
        return ws

    timings = Timings(heartbeat=1.0)
    async with client_for({LOGS: handler}, timings=timings) as cloud:
        assert [line async for line in cloud.services.logs("x")] == []

    assert pings == 3


async def test_stream_of_a_server_without_answers_is_lost() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        ws = web.WebSocketResponse(autoping=False)
        await ws.prepare(request)
        while (await ws.receive()).type is WSMsgType.PING:
            pass
        return ws

    timings = Timings(heartbeat=0.2)
    async with client_for({LOGS: handler}, timings=timings) as cloud:
        with pytest.raises(StreamClosed, match=r"1006.*No PONG received after 0\.1"):
            await anext(cloud.services.logs("x", reconnect=False))
