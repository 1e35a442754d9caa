"""Waiting and deploying, with a server whose objects change when they are looked at."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from aiodockercloud import DockerCloud, ObjectNotFound, WaitFailed
from flows import PATIENCE

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


#: No test reaches this poll: before that its time is up.
LONG = 3 * PATIENCE
SOON = 0.001


async def test_wait_for_a_state_that_is_there_looks_once(
    fake: tuple[Fake, DockerCloud],
) -> None:
    server, cloud = fake
    server.objects[SERVICE] = [service("Running")]

    found = await cloud.services.wait(
        UUID, state="Running", poll=LONG, timeout=PATIENCE
    )

    assert found["state"] == "Running"
    assert server.looks == [SERVICE]
    await server.left.wait()


async def test_wait_does_not_look_before_it_is_subscribed(
    fake: tuple[Fake, DockerCloud],
) -> None:
    """What happens between a look and a subscription would be lost."""
    server, cloud = fake
    server.admit.clear()
    server.objects[SERVICE] = [service("Running")]
    waiting = asyncio.create_task(
        cloud.services.wait(UUID, "Running", poll=LONG, timeout=PATIENCE)
    )
    await server.knocked.wait()

    assert server.looks == []
    server.admit.set()

    assert (await waiting)["state"] == "Running"


async def test_wait_looks_by_the_clock_while_no_answer_about_events_comes(
    fake: tuple[Fake, DockerCloud],
) -> None:
    server, cloud = fake
    server.admit.clear()
    server.objects[SERVICE] = [service("Starting"), service("Running")]

    assert (await cloud.services.wait(UUID, "Running", poll=SOON))["state"] == "Running"
    server.admit.set()


async def test_wait_looks_at_each_event_and_closes_its_stream(
    fake: tuple[Fake, DockerCloud],
) -> None:
    server, cloud = fake
    server.objects[SERVICE] = [service("Starting"), service("Partly running")]
    waiting = asyncio.create_task(
        cloud.services.wait(
            UUID, ["Running", "Partly running"], poll=LONG, timeout=PATIENCE
        )
    )

    await server.looked(1)
    await server.event()

    assert (await waiting)["state"] == "Partly running"
    await server.left.wait()


async def test_wait_looks_at_events_of_what_belongs_to_the_object(
    fake: tuple[Fake, DockerCloud],
) -> None:
    server, cloud = fake
    server.objects[SERVICE] = [service("Starting"), service("Running")]
    waiting = asyncio.create_task(
        cloud.services.wait(UUID, "Running", poll=LONG, timeout=PATIENCE)
    )
    await server.looked(1)

    await server.event(f"{APP}container/{OTHER}/", SERVICE)

    assert (await waiting)["state"] == "Running"


async def test_wait_beside_another_looks_at_once(
    fake: tuple[Fake, DockerCloud],
) -> None:
    server, cloud = fake
    server.objects[SERVICE] = [service("Starting")]
    waiting = asyncio.create_task(
        cloud.services.wait(UUID, "Running", poll=LONG, timeout=PATIENCE)
    )
    await server.looked(1)

    await cloud.services.wait(UUID, "Starting", poll=LONG, timeout=PATIENCE)

    assert len(server.readers) == 1
    server.objects[SERVICE] = [service("Running")]
    await server.event()
    await waiting


@pytest.mark.parametrize("name", ["Service Create", "Service Update"])
async def test_wait_with_an_action_that_begins_nothing_is_for_somebody_to_start_it(
    fake: tuple[Fake, DockerCloud], name: str
) -> None:
    server, cloud = fake
    server.objects[SERVICE] = [service("Not running")]
    server.objects[ACTION] = [{**action("Success"), "action": name}]
    thing = service("Not running", dockercloud_action_uri=ACTION)

    with pytest.raises(TimeoutError):
        await cloud.services.wait(thing, "Running", timeout=0.3, poll=SOON)


async def test_wait_for_what_was_terminated_waits_for_its_action_to_say_why(
    fake: tuple[Fake, DockerCloud],
) -> None:
    server, cloud = fake
    server.objects[SERVICE] = [service("Terminated")]
    server.objects[ACTION] = [action("In progress"), action("Failed")]
    server.log = ["no machines"]
    thing = service("Starting", dockercloud_action_uri=ACTION)

    with pytest.raises(WaitFailed, match="is Failed: no machines"):
        await cloud.services.wait(thing, "Running", poll=SOON)


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
        await cloud.services.wait(UUID, "Running", poll=SOON)
    assert (await cloud.services.wait(UUID, "Terminated"))["state"] == "Terminated"


@pytest.mark.parametrize("state", ["Failed", "Canceled"])
async def test_wait_whose_action_fails_says_why(
    fake: tuple[Fake, DockerCloud], state: str
) -> None:
    server, cloud = fake
    server.objects[f"{SERVICE}start/"] = [service("Starting")]
    server.objects[SERVICE] = [service("Starting")]
    server.objects[ACTION] = [action(state)]
    server.log = ["pulling", "no such image"]

    started = await cloud.services.start(UUID)
    with pytest.raises(WaitFailed, match=f"Service Start {OTHER} is {state}") as caught:
        await cloud.services.wait(started, "Running", poll=LONG, timeout=PATIENCE)
    assert "no such image" in str(caught.value)


async def test_wait_looks_once_more_before_it_gives_up(
    fake: tuple[Fake, DockerCloud],
) -> None:
    """Between the look at the service and the one at its containers it has come up."""
    server, cloud = fake
    server.objects[f"{SERVICE}start/"] = [service("Starting")]
    server.objects[SERVICE] = [service("Partly running"), service("Running")]
    server.objects[ACTION] = [action("Success")]
    server.objects[f"{APP}container/"] = [page({"name": "web-1", "state": "Running"})]

    started = await cloud.services.start(UUID)

    found = await cloud.services.wait(started, "Running", poll=LONG, timeout=PATIENCE)

    assert found["state"] == "Running"


async def test_wait_whose_action_is_forgotten_goes_by_the_state(
    fake: tuple[Fake, DockerCloud],
) -> None:
    server, cloud = fake
    server.objects[f"{SERVICE}start/"] = [service("Starting")]
    server.objects[SERVICE] = [service("Stopped")]
    ended = {"name": "web-1", "state": "Stopped", "exit_code": 2}
    server.objects[f"{APP}container/"] = [page(ended)]

    started = await cloud.services.start(UUID)

    with pytest.raises(WaitFailed, match=r"web-1 is Stopped \(exit code 2\)"):
        await cloud.services.wait(started, "Running", poll=LONG, timeout=PATIENCE)


async def test_wait_first_look_that_fails_is_raised(
    fake: tuple[Fake, DockerCloud],
) -> None:
    _, cloud = fake

    with pytest.raises(ObjectNotFound):
        await cloud.services.wait(UUID, "Running", poll=LONG, timeout=PATIENCE)


async def test_wait_that_takes_too_long_names_the_state(
    fake: tuple[Fake, DockerCloud],
) -> None:
    server, cloud = fake
    server.objects[SERVICE] = [service("Starting")]

    with pytest.raises(TimeoutError, match=f"service {UUID} was still 'Starting'"):
        await cloud.services.wait(UUID, "Running", timeout=0.5)


async def test_wait_cancelled_leaves_no_stream(
    fake: tuple[Fake, DockerCloud],
) -> None:
    server, cloud = fake
    server.objects[SERVICE] = [service("Starting")]
    before = asyncio.all_tasks()
    waiting = asyncio.create_task(
        cloud.services.wait(UUID, "Running", poll=LONG, timeout=PATIENCE)
    )
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

    found = await cloud.actions.wait(things[form], poll=SOON)

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

    found = await cloud.stacks.deploy(file, poll=SOON)

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

    await cloud.stacks.deploy(file, poll=LONG, timeout=PATIENCE)

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
