"""What a user waits for before anything happens: imports, a server, a fixture."""

from __future__ import annotations

import asyncio
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from functools import partial

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from aiodockercloud import DockerCloud
from aiodockercloud.server import running

from .harness import KEY, USER, Row, paired, row

_MEASURED = """
import resource
before = resource.getrusage(resource.RUSAGE_SELF)
{statement}
after = resource.getrusage(resource.RUSAGE_SELF)
print(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
"""
#: The package alone loads nothing; its first name loads the client.
_CLIENT = "from aiodockercloud import DockerCloud"
_SOCKET = "import aiohttp.web, socket; socket.create_server(('127.0.0.1', 0))"


async def rows() -> AsyncIterator[Row]:
    """Yield the rows of imports and starts."""
    pairs = await paired(
        lambda: _import(_CLIENT), lambda: _import("import aiohttp"), rounds=11
    )
    yield row(
        _CLIENT,
        "import aiohttp",
        1.10,
        pairs,
        at_least=False,
        unit="ms",
        scale=1e3,
    )
    yield row(
        "server, start to the first answer",
        "import of aiohttp + a socket",
        1.4,
        await paired(_served, _imported, rounds=7),
        at_least=False,
        unit="ms",
        scale=1e3,
    )
    pairs = await paired(_fixture, _bare_fixture, rounds=21)
    milliseconds = [ours * 1e3 for ours, _ in pairs]
    peer = statistics.median(bare for _, bare in pairs) * 1e3
    yield Row(
        "pytest fixture: a server, a client, one request (ms)",
        "",
        15,
        False,
        milliseconds,
        f"ms; a bare server and session: {peer:.1f} ms",
    )


async def _import(statement: str) -> float:
    program = [sys.executable, "-c", _MEASURED.format(statement=statement)]
    output = partial(subprocess.check_output, program, env=_environment())
    return float(await asyncio.to_thread(output))


def _environment() -> dict[str, str]:
    """Return the environment of programs, which may keep their compiled modules."""
    env = {**os.environ, "DOCKERCLOUD_USER": USER, "DOCKERCLOUD_APIKEY": KEY}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    return env


def _until_answer(program: list[str], port: int | None) -> float:
    """Return the CPU time of a program until it answers, or until it ends."""
    process = subprocess.Popen(
        program,
        env=_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while port is not None:
        try:
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
                if connection.recv(10):
                    process.kill()
                    break
        except OSError:
            time.sleep(0.005)
    _, _, used = os.wait4(process.pid, 0)
    process.returncode = 0
    return used.ru_utime + used.ru_stime


async def _served() -> float:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = [sys.executable, "-m", "aiodockercloud", "serve", "--port", str(port)]
    return await asyncio.to_thread(_until_answer, program, port)


async def _imported() -> float:
    program = [sys.executable, "-c", _SOCKET]
    return await asyncio.to_thread(_until_answer, program, None)


async def _fixture() -> float:
    begin = time.process_time()
    async with (
        running() as server,
        DockerCloud(server.url, user=server.user, apikey=server.apikey) as cloud,
    ):
        await cloud.services.list()
    return time.process_time() - begin


async def _bare_fixture() -> float:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"meta": {}, "objects": []})

    begin = time.process_time()
    app = web.Application()
    app.router.add_get("/", answer)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        async with session.get(server.make_url("/")) as response:
            await response.json()
    return time.process_time() - begin
