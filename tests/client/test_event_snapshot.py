"""Snapshots: the objects at the start, and again after each gap of the events."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from aiodockercloud import DockerCloud, Limits, ObjectNotFound
from tests.support import scriptedevents
from tests.support.facts import PATIENCE, until
from tests.support.scriptedevents import (
    GAP,
    SERVICES,
    SHORT_TIMES,
    Scripted,
    all_of,
    event,
    position,
    sends,
    stays,
)

#: A timeout in the fixture would not cover the tests.
pytestmark = pytest.mark.timeout(PATIENCE)

server = scriptedevents.server
timings = scriptedevents.timings
limits = scriptedevents.limits


@pytest.mark.parametrize("limits", [Limits(snapshot_page=2)])
async def test_snapshot_is_listed_when_subscribed_and_again_after_a_gap(
    server: tuple[Scripted, DockerCloud],
) -> None:
    scripted, cloud = server
    scripted.objects = [
        {"resource_uri": f"{SERVICES}{n}/", "state": "Running"} for n in range(3)
    ]
    terminated = {"resource_uri": f"{SERVICES}9/", "state": "Terminated"}
    scripted.objects.append(terminated)
    gap = {"type": "gap", "id": "run-5", "missed": 4}
    scripted.scripts = [
        sends(position("run-0"), event(1), gap, close=1012),
        sends(position("run-5"), close=1000),
    ]

    async with cloud.events.snapshot(type="service") as events:
        assert scripted.listed == 0  # no request before the first step
        seen = await all_of(events)

    existing = scripted.objects[:3]
    assert seen == [
        {"type": "snapshot", "id": "run-0", "objects": existing},
        event(1),
        {**gap, "objects": existing},
    ]
    assert scripted.asked[0] == {"type": "service", "since": "now"}
    assert scripted.asked[1]["since"] == "run-5"
    assert scripted.listed == 4  # pages


async def test_snapshot_of_an_old_server_lists_again_at_each_reconnect(
    server: tuple[Scripted, DockerCloud],
) -> None:
    scripted, cloud = server
    scripted.objects = [{"resource_uri": f"{SERVICES}1/", "state": "Running"}]
    scripted.scripts = [
        sends(event(1, old=True), close=1012),
        sends(close=1000),
    ]

    async with cloud.events.snapshot(type="service") as events:
        seen = await all_of(events)

    assert seen == [
        {"type": "snapshot", "id": None, "objects": scripted.objects},
        event(1, old=True),
        {**GAP, "objects": scripted.objects},
    ]


async def test_snapshot_whose_list_fails_temporarily_lists_again(
    server: tuple[Scripted, DockerCloud],
) -> None:
    scripted, cloud = server
    scripted.refuse_list = 2
    scripted.scripts = [sends(position("run-0"), close=1000)]

    async with cloud.events.snapshot(type="service") as events:
        seen = await all_of(events)

    assert [item["type"] for item in seen] == ["snapshot"]


# The jitter leaves at least half of the pause.
@pytest.mark.parametrize("timings", [replace(SHORT_TIMES, first_pause=0.4)])
async def test_snapshot_whose_list_fails_pauses_before_it_lists_again(
    server: tuple[Scripted, DockerCloud],
) -> None:
    scripted, cloud = server
    scripted.refuse_list = 1
    scripted.scripts = [sends(position("run-0"), close=1000)]
    loop = asyncio.get_running_loop()

    async with cloud.events.snapshot(type="service") as events:
        before = loop.time()
        await anext(events)

    assert loop.time() - before >= 0.2


@pytest.mark.parametrize("timings", [replace(SHORT_TIMES, first_pause=1000.0)])
async def test_close_while_a_list_pauses_ends_a_waiting_reader(
    server: tuple[Scripted, DockerCloud],
) -> None:
    scripted, cloud = server
    scripted.refuse_list = 1
    scripted.scripts = [stays(position("run-0"))]

    async with cloud.events.snapshot(type="service") as events:
        reading = asyncio.create_task(anext(events, None))
        await until(lambda: events._again_at > 0)
        await events.close()

        assert await reading is None


async def test_snapshot_cut_off_before_it_is_yielded_is_no_gap(
    server: tuple[Scripted, DockerCloud],
) -> None:
    scripted, cloud = server
    scripted.scripts = [sends(), sends(close=1000)]

    async with cloud.events.snapshot(type="service") as events:
        seen = await all_of(events)

    assert seen == [{"type": "snapshot", "id": None, "objects": []}]
    assert len(scripted.asked) == 2


async def test_snapshot_whose_list_is_refused_raises(
    server: tuple[Scripted, DockerCloud],
) -> None:
    scripted, cloud = server
    scripted.scripts = [stays(position("run-0"))]

    async with cloud.events.snapshot(type="stack") as events:
        with pytest.raises(ObjectNotFound):
            await anext(events)


async def test_snapshot_of_an_unknown_type_is_refused(cloud: DockerCloud) -> None:
    with pytest.raises(ValueError, match="no events of type pod"):
        cloud.events.snapshot(type=["service", "pod"])  # type: ignore[list-item]  # refused
