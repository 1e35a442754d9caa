"""The cost of the client, as a ratio to bare aiohttp with orjson in the same run.

    python benchmarks/client.py [ROUNDS]

Both clients read a list page of 25 services and a log stream from one small server in
another process. The clients take turns, so that noise of the machine affects both. The
result is the median of the ratios of all rounds; 1.00 means no cost.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection

import aiohttp
import orjson
from aiohttp import web

from aiodockercloud import DockerCloud

REQUESTS = 300
LINES = 20_000

_SERVICE = {
    "uuid": "09cbcf8d-a727-40d9-b420-c8e18b7fa55b",
    "resource_uri": "/api/app/v1/service/09cbcf8d-a727-40d9-b420-c8e18b7fa55b/",
    "name": "web",
    "state": "Running",
    "image_name": "dockercloud/hello-world:latest",
    "container_envvars": [{"key": f"KEY_{i}", "value": "x" * 20} for i in range(20)],
    "container_ports": [{"inner_port": 80, "outer_port": 8080, "protocol": "tcp"}],
    "link_variables": {f"WEB_1_ENV_{i}": "x" * 20 for i in range(20)},
    "labels": {},
}
_META = {"limit": 25, "next": None, "offset": 0, "previous": None, "total_count": 25}
_PAGE = orjson.dumps(
    {
        "meta": _META,
        "objects": [
            {**_SERVICE, "resource_uri": f"/api/app/v1/service/{number:036}/"}
            for number in range(25)
        ],
    }
)
_LINE = orjson.dumps(
    {
        "type": "log",
        "source": "web-1",
        "log": "2016-05-04T12:00:00.123456789Z a line of usual length, not too long\n",
        "streamType": "stdout",
        "timestamp": 1433779324,
    }
).decode()


async def _page(_: web.Request) -> web.Response:
    return web.Response(body=_PAGE, content_type="application/json")


async def _log(request: web.Request) -> web.WebSocketResponse:
    ws = web.WebSocketResponse(compress=False)
    await ws.prepare(request)
    for _ in range(LINES):
        await ws.send_str(_LINE)
    await ws.close()
    return ws


def _serve(ready: Connection) -> None:
    # The server knows no window, and aiohttp would log a warning for each stream.
    logging.getLogger("aiohttp.websocket").setLevel(logging.ERROR)

    async def main() -> None:
        app = web.Application()
        app.router.add_get("/api/app/v1/service/", _page)
        app.router.add_get("/api/app/v1/service/{uuid}/logs/", _log)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        ready.send(runner.addresses[0][1])
        await asyncio.Event().wait()

    asyncio.run(main())


async def _timed(work: Callable[[], Awaitable[None]]) -> float:
    start = time.process_time()
    await work()
    return time.process_time() - start


async def measure(port: int, rounds: int) -> None:
    url = f"http://127.0.0.1:{port}"
    page = f"{url}/api/app/v1/service/"
    log = f"{page}{_SERVICE['uuid']}/logs/"
    async with (
        DockerCloud(url, user="me", apikey="key") as cloud,
        aiohttp.ClientSession(headers={"Authorization": "Basic x"}) as session,
    ):

        async def bare_requests() -> None:
            for _ in range(REQUESTS):
                async with session.get(page) as response:
                    found = orjson.loads(await response.read())["objects"]
                assert len(found) == 25

        async def our_requests() -> None:
            for _ in range(REQUESTS):
                assert len(await cloud.services.list()) == 25

        async def bare_lines() -> None:
            count = 0
            async with session.ws_connect(log) as ws:
                async for message in ws:
                    count += bool(orjson.loads(message.data)["log"])
            assert count == LINES

        async def our_lines() -> None:
            count = 0
            async with cloud.services.logs(str(_SERVICE["uuid"])) as lines:
                async for line in lines:
                    count += bool(line["log"])
            assert count == LINES

        for name, bare, ours, each in (
            ("a list page of 25", bare_requests, our_requests, REQUESTS),
            ("a log line", bare_lines, our_lines, LINES),
        ):
            await bare()
            await ours()
            pairs = [(await _timed(bare), await _timed(ours)) for _ in range(rounds)]
            ratio = statistics.median(mine / theirs for theirs, mine in pairs)
            cost = statistics.median(mine for _, mine in pairs) / each * 1e6
            print(f"{name:20} {ratio:.2f} of bare aiohttp + orjson ({cost:.1f} µs CPU)")


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.Process(target=_serve, args=(theirs,), daemon=True)
    server.start()
    try:
        asyncio.run(measure(ours.recv(), rounds))
    finally:
        server.terminate()
        server.join()


if __name__ == "__main__":
    main()
