"""Frames of servers that do not keep to the API: items, or an error of the library."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from aiohttp import web

from aiodockercloud import DockerCloud, DockerCloudError, Limits, Timings
from aiodockercloud.transport.stream import Stream
from aiodockercloud.wire.window import WINDOW_PROTOCOL
from tests.support.facts import PATIENCE
from tests.support.scripted import Player, client_for

LOGS = "/api/app/v1/service/{uuid}/logs/"
EVENTS = "/api/audit/v1/events/"
STAMP = "2016-03-01T00:00:00.000000001Z"
AT_ONCE = Timings(first_pause=0, longest_pause=0, event_confirmation=0)

pytestmark = pytest.mark.timeout(PATIENCE)


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "log"},
        {"type": "log", "log": None, "source": "a-1"},
        {"type": "log", "log": 5, "source": 5},
        {"type": "log", "log": f"{STAMP} x\n", "source": 5},
        {"type": "log", "log": f"{STAMP} x\n", "source": ["a-1"]},
        {"type": "log", "log": f"{STAMP} x\n", "source": {}},
        {"type": "log", "log": "9999-99-99T99:99:99Z x", "timestamp": []},
        {"type": "log", "log": f"{STAMP} x\n", "missed": {}},
        {"type": "position"},
        {"type": "position", "at": {}, "id": {}},
        {"type": "position", "at": [5], "id": [5]},
        {"type": "service", "id": {"a": 1}},
        {"type": "gap", "id": 5, "missed": "many"},
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "open_stream",
    [
        lambda cloud: cloud.services.logs("x"),
        lambda cloud: cloud.services.logs("x", since=5),
        lambda cloud: cloud.events.subscribe(),
        lambda cloud: cloud.events.subscribe(since="run-1"),
    ],
    ids=["log", "log since", "events", "events since"],
)
@pytest.mark.parametrize("protocols", [(), (WINDOW_PROTOCOL,)], ids=["old", "window"])
async def test_odd_frame_is_an_item_or_raises_an_error_of_the_library(
    frame: dict[str, Any],
    open_stream: Callable[[DockerCloud], Stream[Any]],
    protocols: tuple[str, ...],
) -> None:
    line = {"type": "log", "log": f"{STAMP} first\n", "source": "a-1"}

    async def script(ws: web.WebSocketResponse, _: web.Request) -> None:
        for one in (line, frame, frame):
            await ws.send_json(one)
        await ws.close(code=1011)

    player = Player(*[script] * 9, protocols=protocols)
    async with client_for(
        {LOGS: player.play, EVENTS: player.play},
        timings=AT_ONCE,
        limits=Limits(fruitless_connections=2),
    ) as cloud:
        async with open_stream(cloud) as stream:
            with suppress(DockerCloudError):
                async for _item in stream:
                    if len(player.asked) == 9:  # events make progress each time
                        break
