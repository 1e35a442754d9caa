"""Servers with a script for each connection, for behaviour that our server lacks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from aiodockercloud import DockerCloud, Timings

#: Pauses of clients that reconnect often in a test.
SHORT_PAUSES = Timings(first_pause=0.002, longest_pause=0.01)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

#: Handles a connection; or the answer that refuses the connection.
Script = (
    Callable[[web.WebSocketResponse, web.Request], Awaitable[object]]
    | type[web.HTTPException]
    | web.Response
)


class Player:
    """A websocket that plays one script per connection.

    Attributes:
        scripts: The scripts of further connections.
        protocols: The subprotocols that the server accepts.
        asked: The query of each connection so far.
    """

    def __init__(self, *scripts: Script, protocols: Sequence[str] = ()) -> None:
        self.scripts = list(scripts)
        self.protocols = protocols
        self.asked: list[dict[str, str]] = []

    async def play(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(dict(request.query))
        script = self.scripts.pop(0)
        if isinstance(script, type):
            raise script(text='{"error": "not that one"}')
        if isinstance(script, web.Response):
            return script
        ws = web.WebSocketResponse(protocols=self.protocols)
        await ws.prepare(request)
        await script(ws, request)
        return ws


async def cuts(_: web.WebSocketResponse, request: web.Request) -> None:
    """Break the connection without a close frame."""
    assert request.transport is not None
    request.transport.abort()


@asynccontextmanager
async def client_for(
    handlers: Mapping[str, Handler], **options: Any
) -> AsyncIterator[DockerCloud]:
    """Start a server with these handlers of ``GET``, and a client."""
    app = web.Application()
    for path, handler in handlers.items():
        app.router.add_get(path, handler)
    async with (
        TestServer(app) as server,
        DockerCloud(str(server.make_url("")), auth="Basic x", **options) as cloud,
    ):
        yield cloud
