"""Events over lost connections: each event once, and every gap reported."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from typing import Any

import pytest

from aiodockercloud import DockerCloud, wire
from aiodockercloud.server import Embedded, Faults, Server, running
from aiodockercloud.server.journal import Missed
from aiodockercloud.server.settings import Limits, Settings
from aiodockercloud.server.state.hub import Hub
from aiodockercloud.transport.event_stream import EventStream
from aiodockercloud.types import (
    Event,
    ObjectEvent,
    SnapshotEvent,
    SnapshotGapEvent,
)
from tests.support.facts import IDLE, PATIENCE
from tests.support.flows import client_of, containers
from tests.support.scripted import SHORT_PAUSES

EVENTS = "*/events*"
HISTORY = Limits().event_history
KEY = "s3cret"


class OldHub(Hub):
    """Events without the extensions of the old API: ``since`` and ids."""

    def subscribe(
        self, namespace: str, *, since: str | None = None, **selection: Any
    ) -> AsyncGenerator[str | Missed, None]:
        subscription = super().subscribe(namespace, **selection)

        async def frames() -> AsyncGenerator[str | Missed, None]:
            async with aclosing(subscription):
                async for frame in subscription:
                    assert isinstance(frame, str)
                    event = wire.loads(frame)
                    del event["id"]
                    yield wire.dumps(event).decode()

        return frames()


@asynccontextmanager
async def serving(
    port: int = 0, *, history: int = HISTORY, old: bool = False
) -> AsyncIterator[tuple[Server, DockerCloud]]:
    """Yield a server and its client; with *old*, a server of the old API."""
    engine, faults = Embedded(nodes=2), Faults(seed=5)
    settings = Settings(limits=Limits(event_history=history))
    async with (
        running(
            engine, port=port, apikey=KEY, faults=faults, settings=settings
        ) as server,
        client_of(server, timings=SHORT_PAUSES) as cloud,
    ):
        if old:
            server.cloud.hub = OldHub(history=history)
        yield server, cloud


def publish(server: Server, *numbers: int, kind: str = "nodes") -> None:
    """Publish events with a number as their parent."""
    record = next(iter(getattr(server.cloud, kind).values()))
    for number in numbers:
        server.cloud.hub.publish(record, "update", [str(number)])


def number_of(event: Event) -> int | str:
    """Return the number of an event, or the type of an event without a number."""
    parents = [] if event["type"] == "gap" else event["parents"]
    (number,) = [int(one) for one in parents if one.isdigit()] or [-1]
    return event["type"] if number < 0 else number


async def read(events: EventStream[Event], count: int) -> list[int | str]:
    """Return the numbers of the next *count* items; for a gap, its type."""
    async with asyncio.timeout(PATIENCE):
        return [number_of(await anext(events)) for _ in range(count)]


@asynccontextmanager
async def following(
    *, reconnect: bool = True, history: int = HISTORY, old: bool = False
) -> AsyncIterator[tuple[Server, EventStream[Event]]]:
    """Yield a server, and a stream of its events that has received event 0."""
    async with (
        serving(history=history, old=old) as (server, cloud),
        cloud.events.subscribe(reconnect=reconnect) as events,
    ):
        publish(server, 0)
        assert await read(events, 1) == [0]
        yield server, events


async def test_ten_thousand_events_over_twenty_cuts_come_once_and_in_order() -> None:
    total, cuts = 10_000, 20
    async with serving() as (server, cloud), cloud.events.subscribe() as events:
        rule = server.faults.cut(path=EVENTS, after=range(0, 800), times=cuts)

        async def write() -> None:
            for number in range(total):
                publish(server, number)
                if number % 50 == 0:  # some events while no client is connected
                    await asyncio.sleep(0.001)

        writing = asyncio.create_task(write())
        seen = await read(events, total)
        await writing

        assert seen == list(range(total))
        assert rule.hits == cuts
        assert events.gaps == 0


@pytest.mark.parametrize("seed", range(3))
async def test_events_over_cuts_at_random_moments_come_once_and_in_order(
    seed: int,
) -> None:
    """The cuts happen at any moment, also while the client connects."""
    total = 3000
    chance = random.Random(seed)
    places = set(chance.sample(range(1, total), 20))
    async with following() as (server, events):

        async def write() -> None:
            for number in range(1, total):
                publish(server, number)
                if number in places:
                    await asyncio.sleep(chance.uniform(0, 0.005))
                    server.faults.cut_streams(EVENTS)

        writing = asyncio.create_task(write())
        assert await read(events, total - 1) == list(range(1, total))
        await writing
        assert events.gaps == 0


async def test_reader_canceled_many_times_loses_no_event_over_cuts() -> None:
    """As with a time limit for each step: the current step is canceled."""
    total = 1000
    chance = random.Random(11)
    async with following() as (server, events):
        server.faults.cut(path=EVENTS, after=range(0, 80), times=20)
        publish(server, *range(1, total))
        seen: list[int | str] = []

        async with asyncio.timeout(PATIENCE):
            while len(seen) < total - 1:
                step = asyncio.ensure_future(events.__anext__())
                for _ in range(chance.randint(0, 12)):
                    await asyncio.sleep(0)
                step.cancel()
                await asyncio.wait({step})
                if not step.cancelled():
                    seen.append(number_of(step.result()))

        assert seen == list(range(1, total))


async def test_events_missing_in_the_history_are_one_gap_with_their_number() -> None:
    async with following(history=50) as (server, events):
        last = 0
        for missed in (1, 70, 200):
            with server.faults.fail(503, path=EVENTS) as refusal:
                server.faults.cut_streams(EVENTS)
                reading = asyncio.create_task(events.__anext__())
                await refusal.met(2)
                publish(server, *range(last + 1, last + 51 + missed))
            async with asyncio.timeout(PATIENCE):
                gap = await reading
            kept = list(range(last + 1 + missed, last + 51 + missed))

            assert gap["type"] == "gap"
            assert gap["missed"] == missed
            assert gap["id"] == server.cloud.hub.id_at(server.cloud.hub.journal.start)
            assert await read(events, 50) == kept
            last = kept[-1]
        publish(server, last + 1)
        assert await read(events, 1) == [last + 1]
        assert events.gaps == 3


async def test_interruption_as_long_as_the_history_is_no_gap() -> None:
    async with following(history=50) as (server, events):
        server.faults.cut_streams(EVENTS)
        publish(server, *range(1, 51))

        assert await read(events, 50) == list(range(1, 51))


async def test_restart_of_the_server_is_one_gap_before_all_new_events() -> None:
    async with asyncio.timeout(PATIENCE), AsyncExitStack() as stack:
        async with serving() as (server, _):
            port = int(server.url.rpartition(":")[2])
            reader = await stack.enter_async_context(
                client_of(server, timings=SHORT_PAUSES)
            )
            stream = reader.events.subscribe()
            events = await stack.enter_async_context(stream)
            publish(server, 0)
            assert await read(events, 1) == [0]
        async with serving(port) as (server, _):
            publish(server, 1, 2)
            seen: list[int | str] = []
            while 2 not in seen:
                seen += await read(events, 1)

        assert [one for one in seen if one not in ("node", "nodecluster")] == [
            "gap",
            1,
            2,
        ]
        assert events.gaps == 1


async def test_slow_reader_receives_a_gap_and_stays_connected() -> None:
    async with following(reconnect=False) as (server, events):
        # Published in one step: the server cannot send events in between.
        publish(server, *range(1, HISTORY + 8))
        async with asyncio.timeout(PATIENCE):
            gap = await anext(events)

        assert gap["type"] == "gap"
        assert gap["missed"] == 7
        assert await read(events, HISTORY) == list(range(8, HISTORY + 8))


async def test_quiet_reader_of_few_events_continues_after_many_unselected_ones() -> (
    None
):
    """The reader's position must stay in the history while other events fill it."""
    async with serving(history=100) as (server, cloud):
        await cloud.services.create(image=IDLE)
        hub = server.cloud.hub
        async with cloud.events.subscribe(type="service") as events:
            reading = asyncio.create_task(events.__anext__())
            async with asyncio.timeout(PATIENCE):
                for _ in range(20):
                    publish(server, *range(50))
                    end = hub.journal.end
                    while (hub.position_of(events.position or "") or 0) < end - 10:  # noqa: ASYNC110 - the position has no asyncio event
                        await asyncio.sleep(0)
                server.faults.cut_streams(EVENTS)
                publish(server, *range(50))
                publish(server, 7, kind="services")

                assert number_of(await reading) == 7
            assert events.gaps == 0


async def test_another_client_continues_after_a_saved_event_id() -> None:
    async with serving() as (server, cloud):
        async with cloud.events.subscribe() as events:
            publish(server, 1, 2, 3)
            async with asyncio.timeout(PATIENCE):
                first = await anext(events)
        async with client_of(server, timings=SHORT_PAUSES) as other:
            async with other.events.subscribe(since=first["id"]) as events:
                assert await read(events, 2) == [2, 3]
            async with other.events.subscribe(since="of-another-server") as events:
                assert (await read(events, 1)) == ["gap"]


# --- the old protocol ---------------------------------------------------------------


async def test_old_server_is_one_gap_per_reconnect() -> None:
    async with following(old=True) as (server, events):
        for number in range(1, 6):
            server.faults.cut_streams(EVENTS)
            assert await read(events, 1) == ["gap"]
            publish(server, number)
            assert await read(events, 1) == [number]
        assert events.gaps == 5
        assert events.position is None


# --- snapshot -----------------------------------------------------------------------


class Picture:
    """The states of all objects, as a reader of a snapshot stream derives them."""

    def __init__(
        self, events: EventStream[ObjectEvent | SnapshotEvent | SnapshotGapEvent]
    ) -> None:
        self._events = events
        self.states: dict[str, str] = {}
        self.changed = asyncio.Event()
        self.lists = 0

    async def keep(self) -> None:
        """Apply all items of the stream."""
        async for event in self._events:
            if "objects" in event:
                self.lists += 1
                found = {one["resource_uri"]: one["state"] for one in event["objects"]}
                self.states = found
            elif event["action"] == "delete":
                self.states.pop(event["resource_uri"], None)
            else:
                self.states[event["resource_uri"]] = event["state"]
            self.changed.set()

    async def equals(self, expected: dict[str, str]) -> None:
        """Wait until the states are the expected ones."""
        async with asyncio.timeout(PATIENCE):
            while self.states != expected:
                self.changed.clear()
                await self.changed.wait()


async def listed(cloud: DockerCloud) -> dict[str, str]:
    """Return the states of all objects, as in the lists of the server."""
    found: list[Any] = [
        *(await cloud.services.list()),
        *(await cloud.containers.list()),
        *(await cloud.nodes.list()),
        *(await cloud.nodeclusters.list()),
    ]
    return {
        one["resource_uri"]: one["state"]
        for one in found
        if one["state"] != "Terminated"
    }


async def change_at_random(cloud: DockerCloud, chance: random.Random) -> None:
    """Run random operations on services, one after the other."""
    services = [
        await cloud.services.create(image=IDLE, target_num_containers=2)
        for _ in range(4)
    ]
    for _ in range(25):
        service = await cloud.services.inspect(chance.choice(services))
        operations: dict[str, list[Any]] = {
            "Not running": [cloud.services.start],
            "Stopped": [cloud.services.start, cloud.services.redeploy],
            "Running": [
                cloud.services.stop,
                cloud.services.redeploy,
                lambda s: cloud.services.scale(s, chance.randint(1, 4)),
            ],
            "Partly running": [cloud.services.start],
        }
        operation = chance.choice(operations[service["state"]])
        await cloud.actions.wait(await operation(service), timeout=PATIENCE)
        if service["state"] == "Running" and chance.random() < 0.3:
            for container in (await containers(cloud, service))[:1]:
                if container["state"] == "Running":
                    await cloud.actions.wait(await cloud.containers.stop(container))
    await cloud.actions.wait(await cloud.services.delete(services[0]))


@pytest.mark.parametrize("history", [10_000, 5])
@pytest.mark.parametrize("seed", [1, 2])
async def test_states_from_a_snapshot_stream_are_correct_after_random_cuts(
    history: int, seed: int
) -> None:
    async with (
        serving(history=history) as (server, cloud),
        client_of(server, timings=SHORT_PAUSES) as reader,
    ):
        rule = server.faults.cut(path=EVENTS, after=range(0, 12), times=15)
        async with reader.events.snapshot() as events:
            picture = Picture(events)
            keeping = asyncio.create_task(picture.keep())
            await change_at_random(cloud, random.Random(seed))
            rule.remove()

            await picture.equals(await listed(cloud))

            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
        assert rule.hits > 5
        assert picture.lists == 1 + events.gaps
        assert (events.gaps > 0) is (history == 5)


async def test_states_from_a_snapshot_stream_of_an_old_server_are_correct() -> None:
    async with (
        serving(old=True) as (server, cloud),
        client_of(server, timings=SHORT_PAUSES) as reader,
    ):
        async with reader.events.snapshot() as events:
            picture = Picture(events)
            keeping = asyncio.create_task(picture.keep())
            await picture.equals(await listed(cloud))
            rule = server.faults.cut(path=EVENTS, after=range(1, 12), times=8)
            await change_at_random(cloud, random.Random(3))
            rule.remove()

            await picture.equals(await listed(cloud))

            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
        assert picture.lists == 1 + events.gaps > 4
