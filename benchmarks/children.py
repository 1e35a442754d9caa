"""The servers that benchmarks measure, each in a process of its own.

    python -m benchmarks.children ours [DIRECTORY]
    python -m benchmarks.children bare [DIRECTORY]

The first line of output has the address. Commands arrive on standard input. ``lines N``
lets the containers of the image ``live`` write lines, any command reports the states of
the containers. On the bare server, ``bodies JSON`` sets the answers by path, and ``send
JSON`` sends frames to all websockets.
"""

from __future__ import annotations

import asyncio
import base64
import gc
import hmac
import json
import logging
import resource
import secrets
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from aiodockercloud.server import Embedded, running
from aiodockercloud.server.engines.embedded import Container
from aiodockercloud.server.garbage import collected_seldom

from .harness import KEY, USER

Answer = Callable[[str], Awaitable[Any]]

#: A line of a log, as long as lines of web servers are.
LINE = "x" * 120


async def _commands(url: str, answer: Answer) -> None:
    """Report the address, and answer the commands on standard input."""
    print(json.dumps({"url": url}), flush=True)
    reader = asyncio.StreamReader(limit=2**26)
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    while line := (await reader.readline()).decode().strip():
        print(json.dumps(await answer(line)), flush=True)


async def ours(directory: str | None) -> None:
    """Serve the API, with images that write lines: at once, or on a command."""
    engine = Embedded(nodes=3)
    live: list[Container] = []

    @engine.image("talk")
    async def talk(container: Container) -> None:
        await _write(container, int(container.environment.get("LINES", "20")))

    @engine.image("live")
    async def wait(container: Container) -> None:
        live.append(container)
        await container.wait_stopped()

    async with running(engine, data_dir=directory, user=USER, apikey=KEY) as server:

        async def answer(command: str) -> Any:
            word, _, number = command.partition(" ")
            if word == "lines":
                await asyncio.gather(*(_write(one, int(number)) for one in live))
            gc.collect()
            states = Counter(one.state for one in server.cloud.containers.values())
            return dict(states)

        await _commands(server.url, answer)


async def _write(container: Container, number: int) -> None:
    for each in range(number):
        container.print(f"{each} {LINE}")
        if each % 500 == 499:
            await asyncio.sleep(0)


class Bare:
    """An aiohttp server without a framework: the same bytes after the same check."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}
        self.sockets: set[web.WebSocketResponse] = set()
        self._secret = secrets.token_bytes(32)
        self._known = {self._digest(USER, KEY)}
        self._rows: list[tuple[str, bytes, asyncio.Future[None]]] = []
        self._wake = asyncio.Event()

    def _digest(self, user: str, key: str) -> bytes:
        return hmac.digest(self._secret, f"{user}\0{key}".encode(), "sha256")

    def check(self, request: web.Request) -> None:
        header = request.headers.get("Authorization", "")
        text = base64.b64decode(header.partition(" ")[2], validate=True).decode()
        user, _, key = text.partition(":")
        if self._digest(user, key) not in self._known:
            raise web.HTTPUnauthorized

    async def get(self, request: web.Request) -> web.Response:
        self.check(request)
        body = self.bodies[request.path_qs]
        return web.Response(body=body, content_type="application/json")

    async def follow(self, request: web.Request) -> web.WebSocketResponse:
        self.check(request)
        ws = web.WebSocketResponse(heartbeat=30, compress=False)
        await ws.prepare(request)
        self.sockets.add(ws)
        try:
            async for _ in ws:
                pass
        finally:
            self.sockets.discard(ws)
        return ws

    async def insert(self, request: web.Request) -> web.Response:
        """Answer when SQLite has the body: one transaction for all that wait."""
        self.check(request)
        done = asyncio.get_running_loop().create_future()
        self._rows.append((secrets.token_hex(16), await request.read(), done))
        self._wake.set()
        await done
        return web.Response(body=b"{}", content_type="application/json")

    async def relay(self, request: web.Request) -> web.Response:
        """Send one frame to all websockets: the least that a change can cost."""
        self.check(request)
        await request.read()
        for ws in list(self.sockets):
            await ws.send_str('{"type":"service","action":"update","state":"x"}')
        return web.Response(body=b"{}", content_type="application/json")

    async def send(self, frames: list[str]) -> None:
        async def one(ws: web.WebSocketResponse) -> None:
            for frame in frames:
                await ws.send_str(frame)

        await asyncio.gather(*(one(ws) for ws in list(self.sockets)))

    async def write(self, directory: str) -> None:
        import aiosqlite  # noqa: PLC0415 - only the durable server needs SQLite

        async with aiosqlite.connect(Path(directory, "bare.sqlite3")) as database:
            await database.execute("PRAGMA journal_mode=WAL")
            await database.execute("PRAGMA synchronous=NORMAL")
            await database.execute(
                "CREATE TABLE rows (key TEXT PRIMARY KEY, body BLOB)"
            )
            while True:
                await self._wake.wait()
                self._wake.clear()
                rows, self._rows = self._rows, []
                pairs = [(key, body) for key, body, _ in rows]
                await database.executemany("INSERT INTO rows VALUES (?, ?)", pairs)
                await database.commit()
                for *_, done in rows:
                    done.set_result(None)


async def bare(directory: str | None) -> None:
    """Serve bodies, a websocket that repeats what ``send`` says, and inserts."""
    server = Bare()
    app = web.Application()
    app.router.add_get("/ws", server.follow)
    app.router.add_get("/api/app/v1/container/{uuid}/logs/", server.follow)
    app.router.add_post("/relay", server.relay)
    app.router.add_post("/insert", server.insert)
    app.router.add_get("/{path:.*}", server.get)
    app.router.add_patch("/{path:.*}", server.get)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    writing = asyncio.create_task(server.write(directory)) if directory else None

    async def answer(command: str) -> Any:
        word, _, rest = command.partition(" ")
        if word == "bodies":
            server.bodies = {k: v.encode() for k, v in json.loads(rest).items()}
        elif word == "send":
            frames = json.loads(rest)
            await server.send(frames)
        return len(server.sockets)

    await _commands(f"http://127.0.0.1:{runner.addresses[0][1]}", answer)
    if writing is not None:
        writing.cancel()


def main() -> None:
    """Serve until standard input ends."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    logging.disable(logging.WARNING)  # the bare server knows no protocol of ours
    serve = {"ours": ours, "bare": bare}[sys.argv[1]]
    with collected_seldom():  # as in the process of ``aiodockercloud serve``
        asyncio.run(serve(sys.argv[2] if len(sys.argv) > 2 else None))


if __name__ == "__main__":
    main()
