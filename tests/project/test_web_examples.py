"""The web applications of the examples, with a browser that is a session of aiohttp."""

from __future__ import annotations

import asyncio
import json
import runpy
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import uvicorn
from aiohttp.test_utils import TestClient, TestServer

from aiodockercloud import DockerCloud
from aiodockercloud.server import Server
from tests.support.facts import PATIENCE, ROOT, SHELL, until
from tests.support.flows import run

WEB = "dockercloud/hello-world"


def load(name: str) -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "examples" / name), run_name="example")


@pytest.fixture(autouse=True)
def _login(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKERCLOUD_REST_HOST", server.url)
    monkeypatch.setenv("DOCKERCLOUD_USER", server.user)
    monkeypatch.setenv("DOCKERCLOUD_APIKEY", str(server.apikey))


# --- FastAPI --------------------------------------------------------------------------


@pytest.fixture
async def fastapi() -> AsyncIterator[aiohttp.ClientSession]:
    app = load("web_fastapi.py")["app"]
    config = uvicorn.Config(app, port=0, ws="none", log_level="warning")
    serving = uvicorn.Server(config)
    task = asyncio.create_task(serving.serve())
    await until(lambda: serving.started or task.done())
    host, port = serving.servers[0].sockets[0].getsockname()
    try:
        async with aiohttp.ClientSession(f"http://{host}:{port}") as session:
            yield session
    finally:
        serving.should_exit = True
        async with asyncio.timeout(PATIENCE):
            await task


async def data(response: aiohttp.ClientResponse) -> AsyncIterator[Any]:
    """Yield the data of server-sent events."""
    assert response.content_type == "text/event-stream"
    async for line in response.content:
        if line.startswith(b"data: "):
            yield json.loads(line.removeprefix(b"data: "))


async def test_fastapi_lists_and_scales_services(
    fastapi: aiohttp.ClientSession, live: DockerCloud
) -> None:
    await run(live, image=WEB, name="web")
    async with fastapi.post("/services/web/scale?containers=2") as response:
        scaled = await response.json()
    async with fastapi.get("/services") as response:
        listed = await response.json()

    assert scaled == {"name": "web", "state": "Running", "containers": 2}
    assert listed == [scaled]


async def test_fastapi_answers_the_error_of_the_cloud(
    fastapi: aiohttp.ClientSession, live: DockerCloud
) -> None:
    async with fastapi.post("/services/web/scale?containers=2") as response:
        answer = await response.json()

    assert response.status == 404
    assert answer == {"error": "there is no service 'web'"}


async def test_fastapi_streams_events(
    fastapi: aiohttp.ClientSession, live: DockerCloud
) -> None:
    async with asyncio.timeout(PATIENCE), fastapi.get("/events") as response:
        assert await response.content.readline() == b": connected\n"
        web = await live.services.create(image=WEB, name="web")
        event = await anext(data(response))

    assert event["type"] == "service"
    assert event["resource_uri"] == web["resource_uri"]


async def test_fastapi_streams_logs(
    fastapi: aiohttp.ClientSession, live: DockerCloud
) -> None:
    command = "sh -c 'echo hello; sleep 1000'"
    await run(live, image=SHELL, name="web", run_command=command)
    async with asyncio.timeout(PATIENCE):
        async with fastapi.get("/services/web/logs") as response:
            line = await anext(data(response))

    assert line == {"source": "web-1", "text": "hello"}


# --- aiohttp --------------------------------------------------------------------------


@pytest.fixture
async def browser() -> AsyncIterator[TestClient[Any, Any]]:
    app = load("web_aiohttp.py")["make_app"]()
    async with TestClient(TestServer(app)) as client:
        yield client


async def test_aiohttp_shows_services_and_their_containers(
    browser: TestClient[Any, Any], live: DockerCloud
) -> None:
    await run(
        live, image=WEB, name="web", target_num_containers=2, container_ports=["80"]
    )
    async with browser.get("/") as response:
        index = (await response.text()).split()
    async with browser.get("/web") as response:
        status = (await response.text()).split()

    assert index == ["web", "Running"]
    assert status == ["web-1", "200", "web-2", "200"]


async def test_aiohttp_answers_the_error_of_the_cloud(
    browser: TestClient[Any, Any],
) -> None:
    async with browser.get("/missing") as response:
        assert response.status == 404
        assert await response.text() == "there is no service 'missing'\n"


async def test_aiohttp_streams_the_log(
    browser: TestClient[Any, Any], live: DockerCloud
) -> None:
    command = "sh -c 'echo hello; sleep 1000'"
    await run(live, image=SHELL, name="web", run_command=command)
    async with asyncio.timeout(PATIENCE), browser.get("/web/log") as response:
        line = await response.content.readline()

    assert line == b"web-1 | hello\n"
