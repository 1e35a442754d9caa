"""The server: its cost beside a bare handler that answers the same bytes.

The bare handler makes the same check of the key. The cost is the CPU time of the
server's process.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

from aiodockercloud import DockerCloud

from .harness import KEY, USER, Child, Raw, Request, Row, Work, child, paired, row

CONNECTIONS = 20
REQUESTS = 300
PATCHES = 200


def _cost(server: Child, raw: Raw, number: int, make: Callable[[int], Request]) -> Work:
    async def work() -> float:
        begin = server.cpu()
        await raw.many(number, make)
        return (server.cpu() - begin) / number

    return work


async def _services(url: str, number: int) -> list[str]:
    """Return the URIs of running services with 3 containers each."""
    async with DockerCloud(url, user=USER, apikey=KEY) as cloud:
        found = []
        for each in range(number):
            service = await cloud.services.run(
                image="idle:1",
                name=f"web{each}",
                target_num_containers=3,
                container_envvars={f"KEY_{i}": "x" * 20 for i in range(20)},
                container_ports=["80"],
            )
            found.append(service["resource_uri"])
        return found


def _get(path: str) -> Callable[[int], Request]:
    return lambda _: ("GET", path, b"", "")


async def rows() -> AsyncIterator[Row]:
    """Yield the rows of the server."""
    async for one in _reads():
        yield one
    async for one in _writes():
        yield one


async def _reads() -> AsyncIterator[Row]:
    async with AsyncExitStack() as stack:
        ours = await stack.enter_async_context(child("ours"))
        bare = await stack.enter_async_context(child("bare"))
        services = await _services(ours.url, 30)
        raw = await stack.enter_async_context(Raw(ours.url, CONNECTIONS))
        bare_raw = await stack.enter_async_context(Raw(bare.url, CONNECTIONS))
        paths = {
            "server, GET of one object": (services[0], 0.80),
            "server, list of 25 services": ("/api/app/v1/service/", 0.75),
            "server, list of 25 containers": ("/api/app/v1/container/", 0.75),
        }
        answers = {
            path: (await raw.one("GET", path)).decode() for path, _ in paths.values()
        }
        await bare.ask(f"bodies {json.dumps(answers)}")
        for what, (path, goal) in paths.items():
            pairs = await paired(
                _cost(ours, raw, REQUESTS, _get(path)),
                _cost(bare, bare_raw, REQUESTS, _get(path)),
            )
            yield row(what, "bare handler, same bytes", goal, pairs)


async def _writes() -> AsyncIterator[Row]:
    async with AsyncExitStack() as stack:
        directories = [
            stack.enter_context(tempfile.TemporaryDirectory()) for _ in range(2)
        ]
        ours = await stack.enter_async_context(child("ours", directories[0]))
        bare = await stack.enter_async_context(child("bare", directories[1]))
        services = await _services(ours.url, CONNECTIONS)
        raw = await stack.enter_async_context(Raw(ours.url, CONNECTIONS))
        bare_raw = await stack.enter_async_context(Raw(bare.url, CONNECTIONS))
        body = os.urandom(1500).hex().encode()

        def patch(number: int) -> Request:
            path = services[number % len(services)]
            return "PATCH", path, b'{"nickname":"%d"}' % number, ""

        def patch_with_key(number: int) -> Request:
            key = f"Idempotency-Key: {os.urandom(16).hex()}\r\n"
            return (*patch(number)[:3], key)

        insert = _cost(bare, bare_raw, PATCHES, lambda _: ("POST", "/insert", body, ""))
        for what, goal, make in (
            ("server, durable PATCH", 0.60, patch),
            ("server, durable PATCH with an idempotency key", 0.50, patch_with_key),
        ):
            pairs = await paired(_cost(ours, raw, PATCHES, make), insert)
            yield row(what, "bare handler + SQLite WAL", goal, pairs)
