"""Tests of the event stream: a scripted server and its frames."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from aiodockercloud import DockerCloud, Limits, Timings
from tests.support.scripted import Player, Script, client_for

EVENTS = "/api/audit/v1/events/"
SERVICES = "/api/app/v1/service/"
GAP = {"type": "gap", "id": None, "missed": None}


def event(number: int, *, old: bool = False) -> dict[str, Any]:
    """Return the n-th event; events of old servers have no id."""
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


#: Short times, for tests with many lost connections.
SHORT_TIMES = Timings(first_pause=0.001, longest_pause=0.01, event_confirmation=0.5)


@pytest.fixture
def timings() -> Timings:
    """The timings of the client; a test may replace the fixture."""
    return SHORT_TIMES


@pytest.fixture
def limits() -> Limits:
    """The limits of the client; a test may replace the fixture."""
    return Limits()


@pytest.fixture
async def server(
    timings: Timings, limits: Limits
) -> AsyncIterator[tuple[Scripted, DockerCloud]]:
    scripted = Scripted()
    handlers = {EVENTS: scripted.play, SERVICES: scripted.index}
    async with client_for(
        handlers, retry=None, timings=timings, limits=limits
    ) as cloud:
        yield scripted, cloud


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
