"""A server whose objects change when they are looked at, for the tests of waiting."""

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
#: A poll for those who look by the clock.
SOON = 0.001


def page(*objects: Any) -> Any:
    return {"meta": {"limit": 25, "offset": 0, "next": None}, "objects": objects}


class Fake:
    """Objects by path, each with the states it shows one after the other."""

    def __init__(self) -> None:
        self.objects: dict[str, list[dict[str, Any]]] = {}
        self.writes: list[tuple[str, str]] = []
        self.looks: list[str] = []
        self.look = asyncio.Event()
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
            self.looks.append(request.path)
            self.look.set()
            self.look.clear()
        else:
            self.writes.append((request.method, request.path))
        try:
            states = self.objects[request.path]
        except KeyError:
            return web.json_response({"error": "not there"}, status=404)
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
        finally:  # a reader that breaks off in the handshake cancels this handler
            self.left.set()
        return ws

    async def logs(self, request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        for line in self.log:
            await ws.send_json({"type": "log", "log": line})
        await ws.close()
        return ws

    async def looked(self, count: int) -> None:
        while len(self.looks) < count:
            await self.look.wait()

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
