"""Tutum v1: logs, as text and as streams, events and exec."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from aiodockercloud import TUTUM, DockerCloud, ObjectNotFound
from aiodockercloud.wire import loglines
from aiodockercloud.wire.window import WINDOW_PROTOCOL
from tests.support.facts import IDLE, PATIENCE, SHELL, UUID
from tests.support.flows import Raw, change, containers, done, run

STAMPED = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z "
#: Prints a line and keeps running.
TALKER = 'sh -c "echo hello; sleep 3600"'


async def test_logs_without_an_upgrade_are_one_text(
    tutum: DockerCloud, raw: Raw
) -> None:
    service = await run(tutum, name="web", image=SHELL, run_command=TALKER)
    [container] = await containers(tutum, service)
    async with asyncio.timeout(PATIENCE), tutum.services.logs(service) as lines:
        await anext(lines)

    of_service = await raw("GET", f"{service['resource_uri']}logs/")
    of_container = await raw("GET", f"{container['resource_uri']}logs/")
    redeployed = await raw("POST", f"{service['resource_uri']}redeploy/")
    action = redeployed.headers["X-Tutum-Action-URI"]
    await done(tutum, {"dockercloud_action_uri": action})
    of_action = await raw("GET", f"{action}logs/")

    assert re.fullmatch(rf"\[web-1\] {STAMPED}hello\n", of_service.json()["logs"])
    assert re.fullmatch(rf"{STAMPED}hello\n", of_container.json()["logs"])
    assert of_action.json()["logs"] == "replacing web-1\n"


async def test_logs_whose_upgrade_a_proxy_dropped_are_one_text(
    tutum: DockerCloud, raw: Raw
) -> None:
    """The client's subprotocol header reaches the server, its upgrade does not."""
    service = await run(tutum, name="web")

    answer = await raw(
        "GET",
        f"/v1/service/{service['uuid']}/logs/",
        Sec_WebSocket_Protocol=WINDOW_PROTOCOL,
    )

    assert answer.status == 200
    assert list(answer.json()) == ["logs"]


async def test_logs_of_docker_cloud_require_an_upgrade(
    live: DockerCloud, raw: Raw
) -> None:
    service = await run(live, name="web")

    assert (await raw("GET", f"{service['resource_uri']}logs/")).status == 400


@pytest.mark.parametrize("enter", [True, False])
async def test_client_reads_a_text_log_of_a_server_without_log_streams(
    enter: bool,
) -> None:
    stamp = "2014-10-13T11:01:43.000000000Z"
    requested = []

    async def logs(request: web.Request) -> web.Response:
        if request.path.startswith("/v1/"):
            raise web.HTTPNotFound
        requested.append(request.path_qs)
        return web.json_response({"logs": f"[web-1] {stamp} hi\n[web-2] {stamp} [x]\n"})

    app = web.Application()
    app.router.add_get("/{path:.*}", logs)
    async with TestServer(app) as old, asyncio.timeout(PATIENCE):
        url = str(old.make_url("/"))
        async with DockerCloud(url, user="u", apikey="k", dialect=TUTUM) as cloud:
            stream = cloud.services.logs(UUID, tail=5)
            if enter:
                async with stream:
                    lines = [line async for line in stream]
            else:
                lines = [line async for line in stream]

    assert requested == [f"/api/v1/service/{UUID}/logs/?tail=5"]
    common = {"type": "log", "streamType": "stdout", "timestamp": 1413198103}
    assert lines == [
        {**common, "source": "web-1", "log": f"{stamp} hi\n"},
        {**common, "source": "web-2", "log": f"{stamp} [x]\n"},
    ]


async def test_client_raises_for_the_log_of_an_unknown_service(
    tutum: DockerCloud,
) -> None:
    with pytest.raises(ObjectNotFound):
        async with tutum.services.logs(UUID):
            pass


def test_log_lines_without_a_stamp_are_not_split() -> None:
    assert list(loglines.log_lines("[a] b")) == [
        {"type": "log", "streamType": "stdout", "log": "[a] b\n"}
    ]


async def test_events_have_neither_uuid_nor_date(tutum: DockerCloud) -> None:
    async with tutum.events.subscribe() as events:
        service = await tutum.services.create(image=IDLE)
        async with asyncio.timeout(PATIENCE):
            event: dict[str, Any] = dict(await anext(events))
            action: dict[str, Any] = dict(await anext(events))

    assert event == {
        "type": "service",
        "action": "create",
        "parents": [],
        "resource_uri": service["resource_uri"],
        "state": "Not running",
    }
    assert action["parents"] == [service["resource_uri"]]
    assert re.fullmatch(r"/api/v1/action/[0-9a-f-]{36}/", action["resource_uri"])


async def test_events_are_filtered_by_uris_in_tutums_spelling(
    tutum: DockerCloud,
) -> None:
    web = await tutum.services.create(image=IDLE, name="web")
    db = await tutum.services.create(image=IDLE, name="db")

    async with tutum.events.subscribe(object=web) as events:
        await tutum.services.update(db, nickname="x")
        await tutum.services.update(web, nickname="x")
        async with asyncio.timeout(PATIENCE):
            event = change(await anext(events))

    assert event["resource_uri"] == web["resource_uri"]


async def test_exec_on_the_stream_host(tutum: DockerCloud) -> None:
    service = await run(tutum, name="web", image=SHELL, run_command="sleep 3600")

    result = await tutum.containers.run(
        (await containers(tutum, service))[0], "echo hi", timeout=PATIENCE
    )

    assert result == {"stdout": "hi\n", "stderr": "", "exit_code": 0}
