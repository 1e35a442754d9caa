"""The client: its cost beside bare aiohttp, aiodocker and requests.

All read the same bytes from a bare server in another process. The cost is the CPU time
of this process.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import aiodocker
import aiohttp
import orjson
import requests

from aiodockercloud import DockerCloud

from .harness import AUTH, KEY, USER, Row, child, paired, row

IN_FLIGHT = 50
REQUESTS = 400

UUID = "09cbcf8d-a727-40d9-b420-c8e18b7fa55b"
ONE = f"/api/app/v1/service/{UUID}/"
LIST = "/api/app/v1/service/"
DOCKER = f"/v1.43/containers/{UUID}/json"

SERVICE: dict[str, Any] = {
    "uuid": UUID,
    "resource_uri": ONE,
    "name": "web",
    "state": "Running",
    "image_name": "dockercloud/hello-world:latest",
    "container_envvars": [{"key": f"KEY_{i}", "value": "x" * 20} for i in range(20)],
    "container_ports": [{"inner_port": 80, "outer_port": 8080, "protocol": "tcp"}],
    "link_variables": {f"WEB_1_ENV_{i}": "x" * 20 for i in range(20)},
    "labels": {},
}
META = {"limit": 25, "next": None, "offset": 0, "previous": None, "total_count": 25}


def bodies() -> dict[str, str]:
    """Return the answers of the bare server by path."""
    objects = [
        {**SERVICE, "resource_uri": f"/api/app/v1/service/{number:036}/"}
        for number in range(25)
    ]
    one = json.dumps(SERVICE)
    return {
        ONE: one,
        DOCKER: one,
        LIST: json.dumps({"meta": META, "objects": objects}),
    }


async def _in_flight(call: Callable[[], Awaitable[object]]) -> float:
    """Return the CPU time of one call, with many in flight."""
    numbers = iter(range(REQUESTS))

    async def work() -> None:
        for _ in numbers:
            await call()

    begin = time.process_time()
    await asyncio.gather(*(work() for _ in range(IN_FLIGHT)))
    return (time.process_time() - begin) / REQUESTS


async def rows() -> AsyncIterator[Row]:
    """Yield the rows of the client."""
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(child("bare"))
        await server.ask(f"bodies {json.dumps(bodies())}")
        cloud = await stack.enter_async_context(
            DockerCloud(server.url, user=USER, apikey=KEY)
        )
        session = await stack.enter_async_context(
            aiohttp.ClientSession(headers={"Authorization": AUTH})
        )
        docker = await stack.enter_async_context(
            aiodocker.Docker(server.url, session=session, api_version="v1.43")
        )
        _with_orjson(docker)

        def bare(method: str, path: str) -> Callable[[], Awaitable[object]]:
            address, body = f"{server.url}{path}", orjson.dumps({"nickname": "n"})
            data = body if method == "PATCH" else None

            async def call() -> object:
                async with session.request(method, address, data=data) as response:
                    return orjson.loads(await response.read())

            return call

        for what, peer, goal, ours, other in (
            (
                "client, one object, 50 in flight",
                "aiohttp + orjson",
                0.97,
                lambda: cloud.services.inspect(UUID),
                bare("GET", ONE),
            ),
            (
                "client, one object, 50 in flight",
                "aiodocker + orjson",
                1.0,
                lambda: cloud.services.inspect(UUID),
                lambda: docker.containers.container(UUID).show(),
            ),
            (
                "client, list page of 25",
                "aiohttp + orjson",
                0.97,
                cloud.services.list,
                bare("GET", LIST),
            ),
            (
                "client, PATCH",
                "aiohttp + orjson",
                0.95,
                lambda: cloud.services.update(UUID, nickname="n"),
                bare("PATCH", ONE),
            ),
        ):
            pairs = await paired(partial(_in_flight, ours), partial(_in_flight, other))
            yield row(what, peer, goal, pairs)
        pairs = await paired(
            lambda: _in_flight(lambda: cloud.services.inspect(UUID)),
            lambda: asyncio.to_thread(_requests, f"{server.url}{ONE}"),
        )
        yield row("client, one object", "requests, one at a time", None, pairs)


def _with_orjson(docker: aiodocker.Docker) -> None:
    """Let aiodocker decode with orjson: the row compares clients, not decoders."""

    async def decoded(response: aiohttp.ClientResponse, **_: object) -> Any:
        return orjson.loads(await response.read())

    aiohttp.ClientResponse.json = decoded  # type: ignore[method-assign, assignment]


def _requests(address: str) -> float:
    begin = time.process_time()
    with requests.Session() as session:
        session.auth = (USER, KEY)
        for _ in range(REQUESTS):
            session.get(address).json()
    return (time.process_time() - begin) / REQUESTS
