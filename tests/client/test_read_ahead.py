"""Frames that arrive together: all, in order, with pings and credits in between."""

from __future__ import annotations

import json
import random
from collections import deque

import pytest
from aiohttp import WSMsgType, web

from aiodockercloud import Limits
from aiodockercloud.transport import stream as streams
from aiodockercloud.wire.window import BATCH, WINDOW_PROTOCOL, frame_cost
from tests.support.facts import PATIENCE, until
from tests.support.scripted import client_for

LOGS = "/api/app/v1/service/{uuid}/logs/"

pytestmark = pytest.mark.timeout(PATIENCE)


@pytest.fixture(params=[True, False], ids=["ahead", "one by one"])
def ahead(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """With the messages that aiohttp has parsed already, and without that access."""
    if not request.param:
        monkeypatch.setattr(streams, "received_ahead", lambda ws: (deque(), ws.receive))
    return bool(request.param)


def text(number: int, width: int) -> str:
    return f'{{"log": "{number}", "padding": "{"x" * width}"}}'


@pytest.mark.parametrize("windowed", [True, False])
@pytest.mark.parametrize("seed", range(4))
async def test_frames_and_pings_in_any_mix_are_read_and_answered_in_order(
    ahead: bool, windowed: bool, seed: int
) -> None:
    rng = random.Random(seed)
    count = 700
    pings = {n for n in range(count) if rng.random() < 0.02}
    widths = [rng.choice((0, 50, 1500, 5000)) for _ in range(count)]
    ponged: list[bytes] = []
    granted = 0

    async def handler(request: web.Request) -> web.StreamResponse:
        nonlocal granted
        protocols = [WINDOW_PROTOCOL] if windowed else []
        ws = web.WebSocketResponse(protocols=protocols, autoping=False)
        await ws.prepare(request)
        for number, width in enumerate(widths):
            if number in pings:
                await ws.ping(b"%d" % number)
            await ws.send_str(text(number, width))
        await ws.ping(b"last")
        while ponged[-1:] != [b"last"] or (windowed and granted == 0):
            message = await ws.receive()
            if message.type is WSMsgType.PONG:
                ponged.append(bytes(message.data))
            elif message.type is WSMsgType.BINARY:
                granted += int(message.data)
        await ws.close()
        return ws

    async with client_for({LOGS: handler}) as cloud:
        async with cloud.services.logs("x", reconnect=False) as lines:
            found = [dict(line) async for line in lines]

    assert found == [json.loads(text(n, width)) for n, width in enumerate(widths)]
    assert ponged == [*(b"%d" % n for n in sorted(pings)), b"last"]
    cost = sum(frame_cost(text(n, width)) for n, width in enumerate(widths))
    # The client grants what was read, in batches.
    assert (BATCH <= granted <= cost) if windowed else granted == 0


@pytest.mark.parametrize("buffer", [1, 2, 7])
async def test_full_buffer_loses_no_frame_of_a_batch(ahead: bool, buffer: int) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        for number in range(100):
            await ws.send_str(text(number, 10))
        await ws.close()
        return ws

    async with client_for({LOGS: handler}, limits=Limits(buffer=buffer)) as cloud:
        async with cloud.services.logs("x", reconnect=False) as lines:
            await until(lambda: lines._stalled)
            assert len(lines._frames) == buffer
            found = [line["log"] async for line in lines]

    assert found == [str(number) for number in range(100)]


async def test_close_frame_right_behind_the_data_ends_the_stream(ahead: bool) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        for number in range(10):
            await ws.send_str(text(number, 0))
        await ws.close()
        return ws

    async with client_for({LOGS: handler}) as cloud:
        assert len([line async for line in cloud.services.logs("x")]) == 10
