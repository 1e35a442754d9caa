"""A server whose objects change at each inspection, for the tests of waiting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from aiodockercloud import DockerCloud

UUID = "7eaf7fff-882c-4f3d-9a8f-a22317ac00ce"
OTHER = "09cbcf8d-a727-40d9-b420-c8e18b7fa55b"
APP = "/api/app/v1/"
SERVICE = f"{APP}service/{UUID}/"
ACTION = f"/api/audit/v1/action/{OTHER}/"
#: Seconds of a poll for waits that go by the clock.
SOON = 0.001


def page(*objects: Any) -> Any:
    return {"meta": {"limit": 25, "offset": 0, "next": None}, "objects": objects}


class Fake:
    """Objects by path, each with the dicts that its inspections return in order.

    Attributes:
        objects: Path → the dicts; the last one is returned from then on.
        writes: The method and the path of each changing request.
        inspections: The path of each request with GET.
        log: The lines of the action's log.
        refuse_events: Whether the event stream is refused.
        knocked: Set when a client has requested the event stream.
        admit: While not set, the request for the event stream is not answered.
        left: Set when a client has left the event stream.
    """

    def __init__(self) -> None:
        self.objects: dict[str, list[dict[str, Any]]] = {}
        self.writes: list[tuple[str, str]] = []
        self.inspections: list[str] = []
        self.inspection = asyncio.Event()
        self.log: list[str] = []
        self.readers: list[web.WebSocketResponse] = []
        self.subscribed = asyncio.Event()
        self.refuse_events = False
        self.knocked = asyncio.Event()
        self.admit = asyncio.Event()
        self.admit.set()
        self.left = asyncio.Event()

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/api/audit/v1/events/", self.events)
        app.router.add_get(f"{ACTION}logs/", self.logs)
        app.router.add_route("*", "/{path:.*}", self.answer)
        return app

    async def answer(self, request: web.Request) -> web.Response:
        if request.method == "GET":
            self.inspections.append(request.path)
            self.inspection.set()
            self.inspection.clear()
        else:
            self.writes.append((request.method, request.path))
        try:
            states = self.objects[request.path]
        except KeyError:
            return web.json_response({"error": "not found"}, status=404)
        now = states.pop(0) if len(states) > 1 else states[0]
        action = {"X-DockerCloud-Action-URI": ACTION}
        headers = {} if request.method == "GET" else action
        return web.json_response(now, headers=headers)

    async def events(self, request: web.Request) -> web.WebSocketResponse:
        self.knocked.set()
        await self.admit.wait()
        if self.refuse_events:
            raise web.HTTPNotFound
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        self.readers.append(ws)
        self.subscribed.set()
        try:
            async for _ in ws:
                pass
        finally:  # a client that leaves during the handshake cancels this handler
            self.left.set()
        return ws

    async def logs(self, request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        for line in self.log:
            await ws.send_json({"type": "log", "log": line})
        await ws.close()
        return ws

    async def inspected(self, count: int) -> None:
        while len(self.inspections) < count:
            await self.inspection.wait()

    async def event(self, uri: str = SERVICE, *parents: str) -> None:
        await self.subscribed.wait()
        await self.readers[-1].send_json(
            {"type": "service", "resource_uri": uri, "parents": parents}
        )


def service(state: str, **more: Any) -> dict[str, Any]:
    return {"uuid": UUID, "resource_uri": SERVICE, "state": state, **more}


def action(state: str) -> dict[str, Any]:
    name = "Service Start"
    return {"uuid": OTHER, "resource_uri": ACTION, "state": state, "action": name}


@pytest.fixture
async def fake() -> AsyncIterator[tuple[Fake, DockerCloud]]:
    fake = Fake()
    async with TestServer(fake.app()) as server:
        async with DockerCloud(str(server.make_url("")), auth="x") as cloud:
            yield fake, cloud
