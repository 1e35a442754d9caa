"""Waiting and deploying, with a server whose objects change when they are looked at."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from aiodockercloud import DockerCloud, WaitFailed

UUID = "7eaf7fff-882c-4f3d-9a8f-a22317ac00ce"
OTHER = "09cbcf8d-a727-40d9-b420-c8e18b7fa55b"
APP = "/api/app/v1/"
SERVICE = f"{APP}service/{UUID}/"
ACTION = f"/api/audit/v1/action/{OTHER}/"


def page(*objects: Any) -> Any:
    return {"meta": {"limit": 25, "offset": 0, "next": None}, "objects": objects}


class Fake:
    """Objects by path, each with the states it shows one after the other."""

    def __init__(self) -> None:
        self.objects: dict[str, list[dict[str, Any]]] = {}
        self.writes: list[tuple[str, str]] = []
        self.looks: list[str] = []
        self.log: list[str] = []
        self.readers: list[web.WebSocketResponse] = []
        self.subscribed = asyncio.Event()
        self.refuse_events = False
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

    async def event(self) -> None:
        await self.subscribed.wait()
        await self.readers[-1].send_json({"type": "service", "resource_uri": SERVICE})


def service(state: str, **more: Any) -> dict[str, Any]:
    return {"uuid": UUID, "resource_uri": SERVICE, "state": state, **more}


def action(state: str) -> dict[str, Any]:
    name = "Service Start"
    return {"uuid": OTHER, "resource_uri": ACTION, "state": state, "action": name}


@pytest.fixture
async def fake() -> AsyncIterator[tuple[Fake, DockerCloud]]:
    fake = Fake()
    async with TestServer(fake.app()) as server, asyncio.timeout(10):
        async with DockerCloud(str(server.make_url("")), auth="x") as cloud:
            yield fake, cloud


LONG = 60.0  # no test reaches this poll: it must get by on events
SOON = 0.001


async def test_wait_for_a_state_that_is_there_subscribes_to_nothing(
    fake: tuple[Fake, DockerCloud],
) -> None:
    server, cloud = fake
    server.objects[SERVICE] = [service("Running")]

    found = await cloud.services.wait(UUID, state="Running")

    assert found["state"] == "Running"
    assert server.readers == []


async def test_wait_looks_again_once_subscribed(
    fake: tuple[Fake, DockerCloud],
) -> None:
    """What happens between the first look and the subscription is not lost."""
    server, cloud = fake
    server.objects[SERVICE] = [service("Starting"), service("Running")]

    found = await cloud.services.wait(UUID, "Running", poll=LONG)

    assert found["state"] == "Running"


async def test_wait_looks_at_each_event_and_closes_its_stream(
    fake: tuple[Fake, DockerCloud],
) -> None:
    server, cloud = fake
    starting = service("Starting")
    server.objects[SERVICE] = [starting, starting, service("Partly running")]
    waiting = asyncio.create_task(
        cloud.services.wait(UUID, ["Running", "Partly running"], poll=LONG)
    )

    await server.event()

    assert (await waiting)["state"] == "Partly running"
    await server.left.wait()


async def test_wait_without_events_looks_by_the_clock(
    fake: tuple[Fake, DockerCloud],
) -> None:
    server, cloud = fake
    server.refuse_events = True
    server.objects[SERVICE] = [*[service("Starting")] * 3, service("Running")]

    assert (await cloud.services.wait(UUID, "Running", poll=SOON))["state"] == "Running"


async def test_wait_with_a_lost_event_looks_by_the_clock(
    fake: tuple[Fake, DockerCloud],
) -> None:
    server, cloud = fake
    server.objects[SERVICE] = [*[service("Starting")] * 3, service("Running")]

    assert (await cloud.services.wait(UUID, "Running", poll=SOON))["state"] == "Running"


async def test_wait_for_what_was_terminated_fails(
    fake: tuple[Fake, DockerCloud],
) -> None:
    server, cloud = fake
    server.objects[SERVICE] = [service("Starting"), service("Terminated")]

    with pytest.raises(WaitFailed, match="Terminated and will not become Running"):
        await cloud.services.wait(UUID, "Running", poll=LONG)
    assert (await cloud.services.wait(UUID, "Terminated"))["state"] == "Terminated"


@pytest.mark.parametrize("state", ["Failed", "Canceled"])
async def test_wait_whose_action_fails_says_why(
    fake: tuple[Fake, DockerCloud], state: str
) -> None:
    server, cloud = fake
    server.objects[f"{SERVICE}start/"] = [service("Starting")]
    server.objects[SERVICE] = [service("Starting")]
    server.objects[ACTION] = [action("In progress"), action(state)]
    server.log = ["pulling", "no such image"]

    started = await cloud.services.start(UUID)
    with pytest.raises(WaitFailed, match=f"Service Start {OTHER} is {state}") as caught:
        await cloud.services.wait(started, "Running", poll=LONG)
    assert "no such image" in str(caught.value)


async def test_wait_that_takes_too_long_names_the_state(
    fake: tuple[Fake, DockerCloud],
) -> None:
    server, cloud = fake
    server.objects[SERVICE] = [service("Starting")]

    with pytest.raises(TimeoutError, match=f"service {UUID} was still 'Starting'"):
        await cloud.services.wait(UUID, "Running", timeout=0.05)


async def test_wait_cancelled_leaves_no_stream(
    fake: tuple[Fake, DockerCloud],
) -> None:
    server, cloud = fake
    server.objects[SERVICE] = [service("Starting")]
    before = asyncio.all_tasks()
    waiting = asyncio.create_task(cloud.services.wait(UUID, "Running", poll=LONG))
    await server.subscribed.wait()

    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    await server.left.wait()
    ours = {t for t in asyncio.all_tasks() - before if "Stream" in repr(t.get_coro())}
    assert ours == set()


@pytest.mark.parametrize("form", ["changed", "dict", "uri", "uuid"])
async def test_actions_wait_takes_each_form_of_an_action(
    fake: tuple[Fake, DockerCloud], form: str
) -> None:
    server, cloud = fake
    server.objects[ACTION] = [action("In progress"), action("Success")]
    things: dict[str, Any] = {
        "changed": {**service("Starting"), "dockercloud_action_uri": ACTION},
        "dict": action("Pending"),
        "uri": ACTION,
        "uuid": OTHER,
    }

    found = await cloud.actions.wait(things[form], poll=LONG)

    assert found["state"] == "Success"


async def test_actions_wait_for_a_failure_whose_log_is_gone_still_fails(
    fake: tuple[Fake, DockerCloud],
) -> None:
    server, cloud = fake
    server.objects[ACTION] = [action("Failed")]

    with pytest.raises(WaitFailed, match=f"Service Start {OTHER} is Failed$"):
        await cloud.actions.wait(OTHER)


async def test_actions_wait_for_a_thing_without_action_is_refused(
    cloud: DockerCloud,
) -> None:
    with pytest.raises(ValueError, match="not the URI of a action"):
        await cloud.actions.wait(service("Running"))


# --- deploy -------------------------------------------------------------------------

STACK = f"{APP}stack/{UUID}/"
CONTAINER = f"{APP}container/{UUID}/"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "shop" / "docker-cloud.yml"
    path.parent.mkdir()
    path.write_text("web:\n  image: dockercloud/hello-world\n")
    return path


def stack(state: str) -> dict[str, Any]:
    return {
        **{"uuid": UUID, "resource_uri": STACK, "name": "shop"},
        **{"state": state, "services": [SERVICE]},
    }


async def test_deploy_of_a_new_stack_creates_and_starts_it(
    fake: tuple[Fake, DockerCloud], file: Path
) -> None:
    server, cloud = fake
    gone = {**stack("Terminated"), "uuid": OTHER}
    server.objects[f"{APP}stack/"] = [page(gone), stack("Not running")]
    server.objects[f"{STACK}start/"] = [stack("Starting")]
    server.objects[ACTION] = [action("Success")]
    server.objects[STACK] = [stack("Starting"), stack("Running")]

    found = await cloud.stacks.deploy(file, poll=LONG)

    assert found["state"] == "Running"
    assert server.writes == [("POST", f"{APP}stack/"), ("POST", f"{STACK}start/")]


async def test_deploy_of_a_known_stack_updates_and_redeploys_it(
    fake: tuple[Fake, DockerCloud], file: Path
) -> None:
    server, cloud = fake
    server.objects[f"{APP}stack/"] = [page(stack("Running"))]
    server.objects[f"{STACK}redeploy/"] = [stack("Redeploying")]
    server.objects[ACTION] = [action("Success")]
    server.objects[STACK] = [stack("Running")]

    await cloud.stacks.deploy(file, poll=LONG)

    assert server.writes == [("PATCH", STACK), ("POST", f"{STACK}redeploy/")]


@pytest.mark.parametrize(("exit_code", "settled"), [(0, True), (3, False)])
async def test_deploy_of_a_job_depends_on_its_exit_code(
    fake: tuple[Fake, DockerCloud], file: Path, exit_code: int, settled: bool
) -> None:
    server, cloud = fake
    server.objects[f"{APP}stack/"] = [page(), stack("Not running")]
    server.objects[f"{STACK}start/"] = [stack("Starting")]
    server.objects[ACTION] = [action("Success")]
    server.objects[STACK] = [stack("Stopped")]
    server.objects[SERVICE] = [service("Stopped", name="web", containers=[CONTAINER])]
    ended = {"name": "web-1", "state": "Stopped", "exit_code": exit_code}
    server.objects[CONTAINER] = [ended]

    if settled:
        assert (await cloud.stacks.deploy(file))["state"] == "Stopped"
    else:
        with pytest.raises(WaitFailed, match=r"service web .* web-1 .*exit code 3"):
            await cloud.stacks.deploy(file)


async def test_deploy_that_takes_too_long_names_the_stack(
    fake: tuple[Fake, DockerCloud], file: Path
) -> None:
    server, cloud = fake
    server.objects[f"{APP}stack/"] = [page(stack("Running"))]
    server.objects[f"{STACK}redeploy/"] = [stack("Redeploying")]
    server.objects[ACTION] = [action("In progress")]
    server.objects[STACK] = [stack("Redeploying")]

    with pytest.raises(TimeoutError, match="stack shop was not up"):
        await cloud.stacks.deploy(file, timeout=0.05)
