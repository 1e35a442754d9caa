"""``/healthz``, ``/readyz`` and ``/metrics``, and the methods HEAD and OPTIONS."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from aiodockercloud import DockerCloud
from aiodockercloud.server import Embedded, Server, Settings, running
from aiodockercloud.server.engines import EngineUnavailable
from tests.support.facts import IDLE, PATIENCE
from tests.support.flows import Raw, run
from tests.support.rights import routes

SERVICES = "/api/app/v1/service/"


class Unreachable(Embedded):
    """An engine that answers only while ``up`` is true."""

    def __init__(self) -> None:
        super().__init__()
        self.up = True
        self.pings = 0

    async def ping(self) -> None:
        self.pings += 1
        if not self.up:
            raise EngineUnavailable("c4nary: Docker cannot be reached")


class Hanging(Embedded):
    """An engine that does not answer."""

    async def ping(self) -> None:
        await asyncio.Event().wait()


async def full(*_: object) -> None:
    """Fail as the writer of a store on a full disk."""
    raise OSError("c4nary: the disk is full")


def numbers(text: str) -> dict[tuple[str, ...], float]:
    """Return the samples by name and values of labels."""
    return {
        (
            sample.name,
            *(value for _, value in sorted(sample.labels.items())),
        ): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


# --- health ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/healthz", "/healthz/"])
async def test_health_needs_no_key(raw: Raw, path: str) -> None:
    answer = await raw("GET", path, auth=None)

    assert (answer.status, answer.json()) == (200, {"healthy": True})
    assert (await raw("GET", path, auth="Basic x")).status == 200


async def test_readiness_names_the_part_that_fails_and_returns() -> None:
    engine = Unreachable()
    default = Settings()
    settings = replace(default, timings=replace(default.timings, ready=1e-9))
    async with running(engine, settings=settings) as server:
        async with aiohttp.ClientSession() as session:
            raw = Raw(server, session)

            ready = await raw("GET", "/readyz", auth=None)
            engine.up = False
            unready = await raw("GET", "/readyz", auth=None)
            healthy = await raw("GET", "/healthz", auth=None)
            engine.up = True
            again = await raw("GET", "/readyz", auth=None)

    assert (ready.status, ready.json()) == (
        200,
        {"ready": True, "engine": True, "store": True},
    )
    assert (unready.status, unready.json()) == (
        503,
        {"ready": False, "engine": False, "store": True},
    )
    assert (healthy.status, again.status) == (200, 200)


async def test_readiness_of_a_silent_engine_is_answered_in_time() -> None:
    default = Settings()
    settings = replace(default, timings=replace(default.timings, ready=0.05))
    async with running(Hanging(), settings=settings) as server:
        async with aiohttp.ClientSession() as session:
            answer = await Raw(server, session)("GET", "/readyz", auth=None)

    assert (answer.status, answer.json()["engine"]) == (503, False)


async def test_many_questions_without_a_key_ask_the_engine_once() -> None:
    engine = Unreachable()
    default = Settings()
    settings = replace(default, timings=replace(default.timings, ready=PATIENCE))
    async with running(engine, settings=settings) as server:
        async with aiohttp.ClientSession() as session:
            raw = Raw(server, session)
            answers = await asyncio.gather(
                *(raw("GET", "/readyz", auth=None) for _ in range(20))
            )

    assert {answer.status for answer in answers} == {200}
    assert engine.pings == 1


async def test_server_whose_store_fails_is_not_ready_and_serves_reads(
    tmp_path: Path,
) -> None:
    async with running(data_dir=tmp_path) as server:
        async with aiohttp.ClientSession() as session:
            raw = Raw(server, session)
            store = server.cloud.store
            write, store.write = store.write, full
            refused = await raw("POST", SERVICES, f'{{"image": "{IDLE}"}}')

            answer = await raw("GET", "/readyz", auth=None)
            reading = await raw("GET", SERVICES)
            metrics = await raw("GET", "/metrics")
            store.write = write
            again = [await raw("POST", SERVICES, f'{{"image": "{IDLE}"}}')]
            again.append(await raw("GET", "/readyz", auth=None))

    assert refused.status == 503
    assert [one.status for one in again] == [201, 200]
    assert (answer.status, answer.json()) == (
        503,
        {"ready": False, "engine": True, "store": False},
    )
    assert reading.status == 200
    assert numbers(metrics.body.decode())["aiodockercloud_store_failing",] == 1
    assert b"c4nary" not in answer.body + metrics.body


# --- metrics --------------------------------------------------------------------------


async def test_metrics_count_requests_objects_and_actions(
    live: DockerCloud, raw: Raw
) -> None:
    service = await run(live, name="c4nary", target_num_containers=2)
    await raw("GET", f"{SERVICES}{service['uuid']}/")
    await raw("GET", "/c4nary/")
    await raw("PROPFIND", SERVICES)
    await raw("GET", SERVICES, auth="Basic YTpi")
    async with await raw.upgrade("/api/audit/v1/events/"):
        answer = await raw("GET", "/metrics")

    text = answer.body.decode()
    found = numbers(text)
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    name = "aiodockercloud_requests_total"
    assert found[name, "service", "POST", "201"] == 1
    assert found[name, "other", "GET", "404"] == 1
    assert found[name, "service", "other", "405"] == 1
    assert found[name, "service", "GET", "401"] == 1
    assert found["aiodockercloud_request_seconds_count", "service", "POST"] == 2
    assert found["aiodockercloud_failed_logins_total", "refused"] == 1
    assert found["aiodockercloud_open_streams",] == 1
    assert found["aiodockercloud_containers", "Running"] == 2
    assert found["aiodockercloud_services", "Running"] == 1
    assert found["aiodockercloud_nodes", "Deployed"] == 3
    assert found["aiodockercloud_actions", "Service Start", "Success"] == 1
    assert found["aiodockercloud_store_queue",] == 0
    assert "c4nary" not in text.lower()
    assert service["uuid"] not in text


async def test_metrics_measure_the_delay_of_the_event_loop() -> None:
    default = Settings()
    settings = replace(default, timings=replace(default.timings, loop_lag=0.001))
    async with running(settings=settings) as server:
        async with aiohttp.ClientSession() as session, asyncio.timeout(PATIENCE):
            raw = Raw(server, session)
            while True:
                found = numbers((await raw("GET", "/metrics")).body.decode())
                if found["aiodockercloud_loop_lag_seconds_count",] > 0:
                    break


async def test_two_servers_in_one_process_count_apart(raw: Raw, server: Server) -> None:
    await raw("GET", SERVICES)
    async with running() as other, aiohttp.ClientSession() as session:
        text = (await Raw(other, session)("GET", "/metrics")).body.decode()

    assert not [name for name in numbers(text) if "service" in name]


async def test_metrics_need_an_operators_key_unless_they_are_public(raw: Raw) -> None:
    assert (await raw("GET", "/metrics", auth=None)).status == 401
    async with running(settings=Settings(metrics_public=True)) as server:
        async with aiohttp.ClientSession() as session:
            public = Raw(server, session)
            assert (await public("GET", "/metrics", auth=None)).status == 200
            assert (await public("GET", SERVICES, auth=None)).status == 401


# --- methods --------------------------------------------------------------------------


async def test_head_of_each_object_answers_as_get_without_a_body(
    live: DockerCloud, raw: Raw
) -> None:
    service = await live.services.create(image=IDLE)
    node = (await live.nodes.list())[0]
    paths = [
        SERVICES,
        service["resource_uri"],
        node["resource_uri"],
        "/readyz",
        "/nope",
    ]
    for path in (*paths, "/api/audit/v1/events/"):
        get, head = await raw("GET", path), await raw("HEAD", path)

        assert head.status == get.status
        assert head.body == b""
        assert head.headers["Content-Length"] == get.headers["Content-Length"]
    assert (await raw("HEAD", f"{service['resource_uri']}start/")).status == 405
    assert (await raw("HEAD", SERVICES, auth=None)).status == 401


async def test_head_with_an_upgrade_opens_no_stream(raw: Raw) -> None:
    answer = await raw(
        "HEAD",
        "/api/audit/v1/events/",
        Connection="Upgrade",
        Upgrade="websocket",
        Sec_WebSocket_Version="13",
        Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZQ==",
    )

    assert answer.status == 400


async def test_options_names_the_methods_and_changes_nothing(
    live: DockerCloud, raw: Raw
) -> None:
    service = await run(live)
    for path, allowed in [
        (SERVICES, {"GET", "HEAD", "POST", "OPTIONS"}),
        (f"{service['resource_uri']}stop/", {"POST", "OPTIONS"}),
        ("/healthz", {"GET", "HEAD", "OPTIONS"}),
    ]:
        answer = await raw("OPTIONS", path)
        assert (answer.status, answer.body) == (204, b"")
        assert set(answer.headers["Allow"].split(", ")) == allowed
    assert (await live.services.inspect(service))["state"] == "Running"
    assert (await raw("OPTIONS", SERVICES, auth=None)).status == 401
    assert (await raw("OPTIONS", "/nope")).status == 404


def test_paths_of_health_and_metrics_are_in_the_table_of_routes() -> None:
    assert {r.kind for r in routes()} >= {"healthz", "readyz", "metrics"}
