"""Our client sends what the official Python SDK sent, as a recording server saw it.

The SDK fetches an object before each operation; our client does not. Everything else is
equal: the method, the object of the path, the meaning of the query, the body.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from aiodockercloud import DockerCloud, wire
from tests.support.facts import SHARED

RECORDING = SHARED / "reference" / "python-sdk-wire.json"
if not RECORDING.exists():
    pytest.skip("the recording of the SDK is not here", allow_module_level=True)
OPERATIONS: dict[str, list[dict[str, Any]]] = {
    one["operation"]: one["requests"]
    for one in json.loads(RECORDING.read_text())["operations"]
}

Call = Callable[[DockerCloud, str, Any], Awaitable[Any]]


async def read(stream: Any) -> None:
    async with stream as frames:
        async for _ in frames:
            pass


# Operation → our call, given the object's URI (of triggers: the path) and the body.
# Operations that are not here are called by their own name with the object alone.
CALLS: dict[str, Call] = {
    "services.list filtered": lambda cloud, _, __: cloud.services.list(
        state="Running", name="web"
    ),
    "services.list namespaced": lambda cloud, _, __: cloud.services.list(),
    "services.inspect namespaced": lambda cloud, uri, _: cloud.services.inspect(
        uri.split("/")[-2]
    ),
    "services.redeploy reuse_volumes=False": lambda cloud, uri, _: (
        cloud.services.redeploy(uri, reuse_volumes=False)
    ),
    "services.logs": lambda cloud, uri, _: read(cloud.services.logs(uri, tail=300)),
    "services.logs tail=10 follow=False": lambda cloud, uri, _: read(
        cloud.services.logs(uri, tail=10, follow=False)
    ),
    "containers.logs": lambda cloud, uri, _: read(cloud.containers.logs(uri, tail=300)),
    "containers.exec": lambda cloud, uri, _: read(
        cloud.containers.exec(uri, ["ls", "-la"])
    ),
    "actions.logs": lambda cloud, uri, _: read(cloud.actions.logs(uri, tail=300)),
    "triggers.delete": lambda cloud, uri, _: cloud.triggers.delete(
        *uri.rstrip("/").split("//trigger/")
    ),
    "triggers.call": lambda cloud, uri, _: cloud.triggers.call(
        uri.split("//")[0], uri.split("/")[-3]
    ),
    "triggers.list": lambda cloud, uri, _: cloud.triggers.list(
        uri.removesuffix("/trigger/")
    ),
    "triggers.create": lambda cloud, uri, body: cloud.triggers.create(
        uri.removesuffix("/trigger/"), **body
    ),
    "containers.find by name.stack": lambda cloud, _, __: cloud.containers.find(
        "web.mystack"
    ),
    "containers.find by short uuid": lambda cloud, _, __: cloud.containers.find(
        "c1dd4e1e"
    ),
    "services.find by name.stack": lambda cloud, _, __: cloud.services.find(
        "web.mystack"
    ),
    "services.find by short uuid": lambda cloud, _, __: cloud.services.find("09cbcf8d"),
    "stacks.find by name": lambda cloud, _, __: cloud.stacks.find("mystack"),
    "nodes.find by short uuid": lambda cloud, _, __: cloud.nodes.find("fc1a5bb9"),
    "nodeclusters.find by name": lambda cloud, _, __: cloud.nodeclusters.find("prod"),
    "events.subscribe": lambda cloud, _, __: read(cloud.events.subscribe()),
}


async def by_name(cloud: DockerCloud, operation: str, uri: str, body: Any) -> None:
    api, _, method = operation.partition(".")
    call = getattr(getattr(cloud, api), method)
    if method == "list":
        await call()
    elif method == "create":
        await call(**body)
    elif method == "update":
        await call(uri, **body)
    else:
        await call(uri)


def meaning(
    method: str, path: str, query: dict[str, str], body: Any
) -> tuple[str, Any, dict[str, str], Any]:
    """The meaning of a request, independent of its spelling."""
    target = wire.split_path(path)
    assert target is not None, path
    words = {"True": "true", "False": "false"}
    return method, target[:4], {k: words.get(v, v) for k, v in query.items()}, body


class Recorder:
    """A server that accepts and records every request."""

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self.headers: list[Any] = []
        self.found = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.json() if request.can_read_body else None
        query = dict(request.query)
        if query.get("since") == "now":
            del query[
                "since"
            ]  # our client requests positions; old servers ignore the parameter
        self.seen.append(meaning(request.method, request.rel_url.raw_path, query, body))
        self.headers.append(request.headers)
        if "Upgrade" in request.headers:
            ws = web.WebSocketResponse()
            await ws.prepare(request)
            await ws.close()
            return ws
        meta = {"limit": 25, "offset": 0, "next": None}
        return web.json_response(
            {"meta": meta, "objects": [{"uuid": self.found}], "uuid": "x"}
        )


@pytest.fixture
async def recorder() -> AsyncIterator[tuple[Recorder, str]]:
    recorder = Recorder()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", recorder.answer)
    async with TestServer(app) as server:
        yield recorder, str(server.make_url(""))


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_operation_sends_what_the_sdk_sent(
    recorder: tuple[Recorder, str], operation: str
) -> None:
    server, url = recorder
    recorded = OPERATIONS[operation]
    if ".find" not in operation:
        recorded = recorded[-1:]  # what comes before is the SDK's fetching
    last = recorded[-1]
    target = wire.split_path(last["path"])
    assert target is not None
    server.found = target.pk
    # Return the path of the object, without the operation.
    uri = last["path"]
    for part in reversed(target.operation):
        if target.kind != "trigger":
            uri = uri.removesuffix(f"{part}/")
    namespace = "exampleorg" if operation.endswith(" namespaced") else None

    async with (
        DockerCloud(url, user="user", apikey="key", namespace=namespace) as cloud,
        asyncio.timeout(60),
    ):
        call = CALLS.get(operation)
        if call is not None:
            await call(cloud, uri, last.get("body"))
        else:
            await by_name(cloud, operation, uri, last.get("body"))

    assert server.seen == [
        meaning(
            request["method"],
            request["path"],
            request.get("query", {}),
            request.get("body"),
        )
        for request in recorded
    ]
    for headers in server.headers:
        assert headers["Authorization"] == wire.basic_auth("user", "key")
        assert headers["Content-Type"] == "application/json"


def test_every_call_of_ours_is_in_the_recording() -> None:
    assert set(CALLS) <= set(OPERATIONS)
