"""Events for many readers."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any
from uuid import UUID

import pytest

from aiodockercloud.server.journal import Missed
from aiodockercloud.server.state.hub import Hub
from aiodockercloud.server.state.records import (
    SHARED,
    Action,
    Node,
    Record,
    Service,
    Stack,
)

STACK = Stack(namespace="alice", name="shop", nickname="")
WEB = Service(namespace="alice", name="web", stack=STACK.uuid, definition={})
DB = Service(namespace="alice", name="db", definition={})
BOBS = Service(namespace="bob", name="web", definition={})
NODE = Node(namespace=SHARED, engine_id="n", hostname="h", nickname="")


async def until_closed(
    hub: Hub, frames: AsyncGenerator[str | Missed, None]
) -> list[dict[str, Any] | Missed]:
    hub.journal.close()
    async with asyncio.timeout(60), aclosing(frames):
        return [
            frame if isinstance(frame, Missed) else json.loads(frame)
            async for frame in frames
        ]


async def uris(hub: Hub, frames: AsyncGenerator[str | Missed, None]) -> list[str]:
    return [
        "missed" if isinstance(frame, Missed) else frame["resource_uri"]
        for frame in await until_closed(hub, frames)
    ]


def publish_all(hub: Hub) -> None:
    hub.publish(STACK, "update", [])
    hub.publish(WEB, "update", [STACK.uri])
    hub.publish(DB, "update", [])
    hub.publish(BOBS, "update", [])
    hub.publish(NODE, "update", [])


async def test_publish_creates_a_frame_with_every_key() -> None:
    hub = Hub(history=100)
    frames = hub.subscribe("alice")
    WEB.state = "Running"

    hub.publish(WEB, "update", [STACK.uri])

    (frame,) = await until_closed(hub, frames)
    assert isinstance(frame, dict)
    assert UUID(frame.pop("uuid")).version == 4
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", frame.pop("datetime"))
    assert frame == {
        "id": hub.id_at(1),
        "type": "service",
        "action": "update",
        "parents": [STACK.uri],
        "resource_uri": WEB.uri,
        "state": "Running",
        "health": None,
    }


async def test_publish_gives_each_event_its_own_uuid_and_state() -> None:
    hub = Hub(history=100)
    frames = hub.subscribe("alice")
    action = Action(namespace="alice", action="Service Start", object=WEB.uri)
    hub.publish(action, "create", [WEB.uri])
    action.state = "Success"
    hub.publish(action, "update", [WEB.uri])

    first, second = await until_closed(hub, frames)

    assert isinstance(first, dict)
    assert isinstance(second, dict)
    assert (first["state"], second["state"]) == ("In progress", "Success")
    assert first["uuid"] != second["uuid"]


async def test_subscribe_yields_events_after_the_call() -> None:
    """Events between the call and the first read are not lost."""
    hub = Hub(history=100)
    hub.publish(STACK, "create", [])
    frames = hub.subscribe("alice")
    hub.publish(WEB, "create", [])

    assert await uris(hub, frames) == [WEB.uri]


@pytest.mark.parametrize(
    ("namespace", "expected"),
    [
        ("alice", [STACK, WEB, DB, NODE]),
        ("bob", [BOBS, NODE]),
        ("carol", [NODE]),
    ],
)
async def test_subscribe_yields_events_of_its_namespace_and_shared_ones(
    namespace: str, expected: list[Record]
) -> None:
    hub = Hub(history=100)
    frames = hub.subscribe(namespace)

    publish_all(hub)

    assert await uris(hub, frames) == [record.uri for record in expected]


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ({"types": ["service"]}, [WEB, DB]),
        ({"types": ["service", "stack"]}, [STACK, WEB, DB]),
        ({"types": ["container"]}, []),
        ({"objects": [DB.uri]}, [DB]),
        ({"parents": [STACK.uri]}, [WEB]),
        ({"types": ["service"], "parents": [STACK.uri]}, [WEB]),
        ({"types": ["node"], "parents": [STACK.uri]}, []),
        ({"objects": [BOBS.uri]}, []),
    ],
)
async def test_subscribe_with_a_selection_yields_events_that_pass_every_filter(
    selection: dict[str, Any], expected: list[Record]
) -> None:
    hub = Hub(history=100)
    frames = hub.subscribe("alice", **selection)

    publish_all(hub)

    assert await uris(hub, frames) == [record.uri for record in expected]


async def test_subscribe_by_a_slow_reader_yields_the_number_of_missed_events() -> None:
    hub = Hub(history=2)
    frames = hub.subscribe("alice")

    publish_all(hub)

    assert await until_closed(hub, frames) == [Missed(3), *node_frame(hub)]


def node_frame(hub: Hub) -> list[dict[str, Any]]:
    """Return the node's frame, the only kept one that alice may read."""
    journal = hub.journal
    kept = [journal[number] for number in range(journal.start, journal.end)]
    (event,) = (e for e in kept if e.type == "node")
    frame: dict[str, Any] = json.loads(event.text)
    return [frame]


# --- readers that continue after an id ----------------------------------------------


async def brief(hub: Hub, **selection: Any) -> list[tuple[str, Any]]:
    """Return the type and the position of each frame; of a gap, the number missed."""
    found: list[tuple[str, Any]] = []
    for frame in await until_closed(hub, hub.subscribe("alice", **selection)):
        assert isinstance(frame, dict)
        number = hub.position_of(frame["id"])
        if frame["type"] == "gap":
            found.append(("gap", frame["missed"]))
        else:
            found.append((frame["type"], number))
    return found


async def test_subscribe_since_now_yields_the_position_first() -> None:
    hub = Hub(history=100)
    publish_all(hub)

    assert await brief(hub, since="now") == [("position", 5)]


async def test_subscribe_since_an_event_continues_with_the_next_event() -> None:
    hub = Hub(history=100)
    publish_all(hub)

    assert await brief(hub, since=hub.id_at(2)) == [
        *(("position", 2), ("service", 3), ("node", 5))
    ]


@pytest.mark.parametrize(
    "since",
    ["", "1", "0-1", "other-1", "{run}-6", "{run}-x", f"{{run}}-{'9' * 5000}"],
)
async def test_subscribe_since_an_unknown_id_yields_a_gap_and_all_kept_events(
    since: str,
) -> None:
    hub = Hub(history=100)
    publish_all(hub)
    run = hub.id_at(0).partition("-")[0]

    frames = await brief(hub, since=since.format(run=run))

    # No position before the gap: a reader that disconnects receives the gap again.
    assert frames[:2] == [("position", None), ("gap", None)]
    assert [number for _, number in frames[2:]] == [1, 2, 3, 5]


@pytest.mark.parametrize(
    ("selection", "missed"),
    [({}, 2), ({"types": ["node"]}, None), ({"parents": [STACK.uri]}, None)],
)
async def test_gap_has_the_number_of_missed_events_without_a_selection_only(
    selection: dict[str, Any], missed: int | None
) -> None:
    hub = Hub(history=2)
    for record in (STACK, WEB, DB, NODE):
        hub.publish(record, "update", [])

    frames = await brief(hub, since=hub.id_at(0), **selection)

    assert frames[:2] == [("position", 0), ("gap", missed)]


async def test_gap_does_not_reveal_the_number_of_events_in_other_namespaces() -> None:
    hub = Hub(history=2)
    publish_all(hub)  # including an event of bob

    frames = await brief(hub, since=hub.id_at(0))

    assert frames == [*(("position", 0), ("gap", None), ("position", 4), ("node", 5))]


async def test_position_is_sent_while_no_event_is_selected() -> None:
    hub = Hub(history=20)
    for record in (DB, DB, DB, WEB, DB, DB):
        hub.publish(record, "update", [])

    frames = await brief(hub, since=hub.id_at(0), objects=[WEB.uri])

    assert frames == [
        *(("position", 0), ("position", 2), ("service", 4), ("position", 6))
    ]
