"""Events: their content, their order and their readers."""

from __future__ import annotations

import asyncio
import json
import uuid
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from aiohttp import WSMsgType

from aiodockercloud import DockerCloud, StreamClosed
from aiodockercloud.server import Embedded, Server, running
from aiodockercloud.types import ObjectEvent, Stack
from tests.support.facts import IDLE, PATIENCE, UUID, ended_except, tasks
from tests.support.flows import Raw, change, client_of, collect, containers, done, run

EVENTS = "/api/audit/v1/events/"
KEYS = {
    *("type", "action", "parents", "resource_uri", "state", "uuid", "datetime"),
    *("id", "health"),
}


def brief(events: list[ObjectEvent], kind: str) -> list[tuple[str, str]]:
    """Return (action, state) of the events of one type."""
    return [(e["action"], e["state"]) for e in events if e["type"] == kind]


async def test_start_sends_events_from_the_start_of_its_action_to_the_end(
    live: DockerCloud,
) -> None:
    service = await live.services.create(image=IDLE)

    async with live.events.subscribe() as events:
        started = await live.services.start(service)
        uri = started["dockercloud_action_uri"]
        seen = await collect(events, uri, "Success", "Failed")

    first, last = seen[0], seen[-1]
    assert (first["type"], first["action"], first["state"]) == (
        *("action", "create", "In progress"),
    )
    assert (last["type"], last["action"], last["state"]) == (
        *("action", "update", "Success"),
    )
    assert first["resource_uri"] == last["resource_uri"] == uri
    assert brief(seen, "service") == [("update", "Starting"), ("update", "Running")]
    assert brief(seen, "container") == [("create", "Starting"), ("update", "Running")]


async def test_every_frame_has_every_key(raw: Raw, live: DockerCloud) -> None:
    """For a missing key, the Go client keeps the value of the previous frame."""
    async with (
        asyncio.timeout(PATIENCE),
        await raw.upgrade("/api/audit/v1/events") as ws,
    ):
        service = await run(live)
        await done(live, await live.services.delete(service))
        frames = []
        while True:
            frame = json.loads((await ws.receive()).data)
            frames.append(frame)
            if (frame["type"], frame["state"]) == ("service", "Terminated"):
                break

    for frame in frames:
        assert set(frame) == KEYS
        assert uuid.UUID(frame["uuid"])
        moment = datetime.strptime(frame["datetime"], "%Y-%m-%dT%H:%M:%SZ")
        assert datetime.now(UTC) - moment.replace(tzinfo=UTC) < timedelta(seconds=60)
    assert len({frame["uuid"] for frame in frames}) == len(frames)


@pytest.fixture
async def shop(live: DockerCloud) -> Stack:
    return await live.stacks.create(
        name="shop", services=[{"name": "web", "image": IDLE}]
    )


async def test_parents_are_the_objects_that_an_object_belongs_to(
    live: DockerCloud, shop: Stack
) -> None:
    async with live.events.subscribe() as events:
        started = await live.stacks.start(shop)
        uri = started["dockercloud_action_uri"]
        seen = await collect(events, uri, "Success", "Failed")

    (service_uri,) = (await live.stacks.inspect(shop))["services"]
    service = await live.services.inspect(service_uri)
    (container,) = await containers(live, service)
    parents = {e["resource_uri"]: e["parents"] for e in seen}
    assert parents[shop["resource_uri"]] == []
    assert parents[service_uri] == [shop["resource_uri"]]
    assert parents[container["resource_uri"]] == [
        *(service_uri, shop["resource_uri"], container["node"])
    ]
    assert parents[uri] == [shop["resource_uri"]]
    of_service = [e for e in seen if e["type"] == "action" and e["resource_uri"] != uri]
    assert {tuple(e["parents"]) for e in of_service} == {(service_uri,)}


async def test_terminate_sends_events_of_container_service_and_stack(
    live: DockerCloud, shop: Stack
) -> None:
    await done(live, await live.stacks.start(shop))

    async with live.events.subscribe() as events:
        deleting = await live.stacks.delete(shop)
        uri = deleting["dockercloud_action_uri"]
        seen = await collect(events, uri, "Success", "Failed")

    for kind in ("container", "service", "stack"):
        assert brief(seen, kind) == [
            ("update", "Terminating"),
            ("delete", "Terminated"),
        ]


async def test_links_are_up_to_date_at_the_event_success(live: DockerCloud) -> None:
    """A load balancer reads its links again after this event."""
    db = await run(live, name="db")
    web = await run(live, name="web", linked_to_service=[{"to_service": "db"}])
    (client,) = await containers(live, web)

    async with live.events.subscribe(type="action") as events:
        scaled = await live.services.scale(db, 3)
        await collect(events, scaled["dockercloud_action_uri"], "Success")
        linked = (await live.containers.inspect(client))["linked_to_container"]

    assert len(linked) == 3


async def test_update_sends_an_event_without_a_change_of_state(
    live: DockerCloud,
) -> None:
    service = await run(live)

    async with live.events.subscribe() as events:
        updated = await live.services.update(service, nickname="front")
        seen = await collect(events, updated["dockercloud_action_uri"], "Success")

    assert brief(seen, "service") == [("update", "Running")]
    assert brief(seen, "action") == [("create", "Success")]


async def test_subscription_selects_by_type_object_and_parent(
    live: DockerCloud,
) -> None:
    one = await live.services.create(image=IDLE, name="one")
    two = await live.services.create(image=IDLE, name="two")

    async with (
        live.events.subscribe(type=["service", "stack"]) as by_type,
        live.events.subscribe(object=two) as by_object,
        live.events.subscribe(parent=[two]) as by_parent,
    ):
        for service in (one, two):
            await done(live, await live.services.start(service))
        uri = two["resource_uri"]
        seen = await collect(by_type, uri, "Running")
        assert {e["type"] for e in seen} == {"service"}
        assert {e["resource_uri"] for e in seen} == {one["resource_uri"], uri}
        seen = await collect(by_object, uri, "Running")
        assert {e["resource_uri"] for e in seen} == {uri}
        async with asyncio.timeout(PATIENCE):
            seen = [change(await anext(by_parent)) for _ in range(4)]
        assert {e["type"] for e in seen} == {"container", "action"}
        assert all(uri in e["parents"] for e in seen)


async def test_filter_as_the_go_client_spells_it_selects(
    raw: Raw, live: DockerCloud
) -> None:
    service = await live.services.create(image=IDLE)
    uri = service["resource_uri"]

    async with (
        asyncio.timeout(PATIENCE),
        await raw.upgrade(f"/api/audit/v1/events?type=container&parents=x,{uri}") as ws,
    ):
        await live.services.start(service)
        frame = json.loads((await ws.receive()).data)

    assert frame["type"] == "container"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("type=servce", "type"),
        ("type=service,pod", "type"),
        ("type=service&type=Service", "type"),
        ("object=web", "object"),
        (f"object={UUID}", "object"),
        ("parent=web,db", "parent"),
        ("parents=/api/app/v1/service/", "parent"),
        ("types=service", "types"),
        ("state=Running", "state"),
    ],
)
@pytest.mark.parametrize("path", ["/api/audit/v1/events", "/v1/events"])
async def test_unknown_selection_is_400_before_the_upgrade(
    raw: Raw, path: str, query: str, field: str
) -> None:
    """Such a stream would contain nothing or everything."""
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await raw.upgrade(f"{path}?{query}")

    assert caught.value.status == 400
    answer = await raw("GET", f"/api/audit/v1/events?{query}")
    assert answer.error.startswith(f"{field}: ")


async def test_empty_unknown_parameter_of_the_events_passes(raw: Raw) -> None:
    async with await raw.upgrade("/api/audit/v1/events?type=&object=&udid=") as ws:
        assert not ws.closed


async def test_other_namespace_receives_no_events(
    server: Server, live: DockerCloud
) -> None:
    async with (
        DockerCloud(
            server.url, user=server.user, apikey=server.apikey, namespace="acme"
        ) as other,
        other.events.subscribe() as events,
    ):
        await run(live)
        mine = await other.services.create(image=IDLE)
        async with asyncio.timeout(PATIENCE):
            first = change(await anext(events))

    assert first["resource_uri"] == mine["resource_uri"]


async def test_every_one_of_many_readers_receives_all_events(live: DockerCloud) -> None:
    service = await live.services.create(image=IDLE, target_num_containers=5)

    async with asyncio.timeout(PATIENCE):
        streams = [live.events.subscribe() for _ in range(20)]
        await asyncio.gather(*(stream.__aenter__() for stream in streams))
        started = await live.services.start(service)
        uri = started["dockercloud_action_uri"]
        seen = await asyncio.gather(*(collect(s, uri, "Success") for s in streams))
        await asyncio.gather(*(stream.close() for stream in streams))

    assert all(events == seen[0] for events in seen)


async def test_reader_that_disconnects_without_events_leaves_no_task(
    live: DockerCloud,
) -> None:
    await live.services.list()
    before = tasks()

    for _ in range(3):
        async with live.events.subscribe():
            pass

    await ended_except(before)


async def test_end_of_the_server_ends_the_stream() -> None:
    async with running(Embedded()) as server, client_of(server) as cloud:
        stream = cloud.events.subscribe(reconnect=False)
        await stream.__aenter__()
        waiting = asyncio.ensure_future(stream.__anext__())
    async with asyncio.timeout(PATIENCE):
        with pytest.raises((StreamClosed, StopAsyncIteration)):
            await waiting
    await stream.close()


async def test_old_reader_that_misses_events_is_closed_with_their_number(
    raw: Raw, server: Server
) -> None:
    """An old client does not know gaps: the close reports the missed events."""
    node = next(iter(server.cloud.nodes.values()))
    async with asyncio.timeout(PATIENCE), await raw.upgrade(EVENTS) as ws:
        # Published in one step: the server cannot send events in between.
        for _ in range(server.cloud.settings.limits.event_history + 1):
            server.cloud.hub.publish(node, "update", [])

        message = await ws.receive()

    assert (message.type, message.data) == (WSMsgType.CLOSE, 1013)
    assert message.extra == "1 events were missed"
