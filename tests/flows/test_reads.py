"""Reads answer bytes that are kept, and are right after every change."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from aiodockercloud import DockerCloud, DockerCloudError, wire
from aiodockercloud.server import Embedded, Server, Settings, running
from aiodockercloud.server.api import (
    containers,
    filters,
    nodeclusters,
    nodes,
    pieces,
    services,
    stacks,
)
from aiodockercloud.server.api.pieces import Pieces
from aiodockercloud.server.settings import Timings
from tests.support.facts import IDLE
from tests.support.flows import Raw, client_of, run

RENDERS: dict[str, pieces.Render] = {
    "service": services.render,
    "container": containers.render,
    "stack": stacks.render,
    "node": nodes.render,
    "nodecluster": nodeclusters.render,
}


class Comparison:
    """Compares the kept JSON of all objects with a new rendering, in each loop turn."""

    def __init__(self, server: Server) -> None:
        self.cloud = server.cloud
        self.pieces = Pieces(server.cloud)
        self.turns = 0

    def compare(self) -> None:
        for kind, rendered in RENDERS.items():
            for namespace in ("alice", ""):
                for record in self.cloud.all(kind, namespace):
                    kept = wire.loads(self.pieces.of(record, rendered))
                    new = wire.loads(wire.dumps(rendered(self.cloud, record)))
                    assert kept == new, (record, self.turns)

    async def run(self) -> None:
        while True:
            self.compare()
            self.turns += 1
            await asyncio.sleep(0)


Step = Callable[[DockerCloud, random.Random], Awaitable[Any]]


async def _any(chance: random.Random, found: list[Any]) -> Any:
    living = [one for one in found if one["state"] != "Terminated"]
    return chance.choice(living) if living else None


async def _create(cloud: DockerCloud, chance: random.Random) -> None:
    fields: dict[str, Any] = {"target_num_containers": chance.randint(1, 3)}
    other = await _any(chance, await cloud.services.list())
    if other is not None and chance.random() < 0.4:
        fields["linked_to_service"] = [
            {"to_service": other["resource_uri"], "name": "other"}
        ]
    elif other is not None and chance.random() < 0.4:
        fields["bindings"] = [{"volumes_from": other["resource_uri"]}]
    elif chance.random() < 0.3:
        fields["bindings"] = [{"container_path": "/data"}]
    created = await cloud.services.create(image=IDLE, **fields)
    await cloud.services.start(created)


def _on_service(operation: str) -> Step:
    async def step(cloud: DockerCloud, chance: random.Random) -> None:
        if (one := await _any(chance, await cloud.services.list())) is not None:
            await getattr(cloud.services, operation)(one)

    return step


async def _scale(cloud: DockerCloud, chance: random.Random) -> None:
    if (one := await _any(chance, await cloud.services.list())) is not None:
        await cloud.services.scale(one, chance.randint(1, 4))


async def _update(cloud: DockerCloud, chance: random.Random) -> None:
    if (one := await _any(chance, await cloud.services.list())) is None:
        return
    changes: dict[str, Any] = chance.choice(
        [
            {"nickname": f"n{chance.random()}"},
            {"linked_to_service": []},
            {"container_envvars": {"A": str(chance.random())}},
            {"container_ports": ["80"], "tags": ["a"], "pin_images": True},
        ]
    )
    await cloud.services.update(one, **changes)


async def _stack(cloud: DockerCloud, chance: random.Random) -> None:
    created = await cloud.stacks.create(
        name=f"s{chance.randint(0, 10**9)}",
        services=[
            {"name": "db", "image": IDLE},
            {
                "name": "web",
                "image": IDLE,
                "linked_to_service": [{"to_service": "db", "name": "db"}],
            },
        ],
    )
    await cloud.stacks.start(created)


async def _delete_stack(cloud: DockerCloud, chance: random.Random) -> None:
    if (one := await _any(chance, await cloud.stacks.list())) is not None:
        await cloud.stacks.delete(one)


async def _tag(cloud: DockerCloud, chance: random.Random) -> None:
    node = chance.choice(await cloud.nodes.list())
    await cloud.nodes.update(node, nickname=f"n{chance.random()}")


async def _stop_container(cloud: DockerCloud, chance: random.Random) -> None:
    if (one := await _any(chance, await cloud.containers.list())) is not None:
        await cloud.containers.stop(one)


STEPS: list[Step] = [
    *(_create, _create, _create, _scale, _update, _update, _stack, _delete_stack),
    *(_on_service("stop"), _on_service("redeploy"), _on_service("delete")),
    *(_tag, _stop_container),
]


@pytest.mark.parametrize("seed", range(3))
async def test_kept_json_equals_a_new_rendering_after_any_changes(seed: int) -> None:
    chance = random.Random(seed)
    async with running(Embedded(nodes=2), user="alice", apikey="key") as server:
        comparison = Comparison(server)
        comparing = asyncio.create_task(comparison.run())
        async with client_of(server) as cloud:
            for _ in range(20):
                step = chance.choice(STEPS)
                try:
                    await step(cloud, chance)
                except DockerCloudError:
                    continue  # an operation that the state forbids changes nothing
                finally:
                    if comparing.done():
                        comparing.result()
        comparison.compare()
        assert comparison.turns > 20
        comparing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await comparing


async def test_kept_json_is_not_rendered_again(
    server: Server, live: DockerCloud, raw: Raw
) -> None:
    one = await run(live, image=IDLE)
    first = (await raw("GET", one["resource_uri"])).body

    def fail(*_: Any) -> dict[str, Any]:
        pytest.fail("rendered again")

    kept = Pieces(server.cloud)
    record = server.cloud.services[one["uuid"]]

    assert kept.of(record, services.render) == first
    assert kept.of(record, fail) == first


async def test_change_of_a_service_alone_keeps_the_half_of_its_containers(
    server: Server, live: DockerCloud
) -> None:
    one = await run(live, image=IDLE, container_envvars={"A": "1"})
    record = server.cloud.services[one["uuid"]]
    rendered = services.render
    made = 0

    def count(*given: Any) -> Any:
        nonlocal made
        made += 1
        return rendered.parts(*given)

    counted = replace(rendered, parts=count)
    kept = Pieces(server.cloud)

    async def changed(**fields: Any) -> Any:
        if fields:
            await live.services.update(one, **fields)
        text = kept.of(record, counted)
        assert text == wire.dumps(rendered(server.cloud, record))
        return wire.loads(text)

    await changed()
    assert (await changed(nickname="a"))["nickname"] == "a"
    assert (await changed(nickname="longer"))["nickname"] == "longer"
    assert made == 1
    assert (await changed(container_envvars={"A": "2"}))["calculated_envvars"][0] == {
        "key": "A",
        "value": "2",
        "origin": "user",
    }
    assert made == 2
    await live.services.stop(one)
    await live.services.wait(one, state="Stopped")
    assert (await changed())["stopped_num_containers"] == 1
    assert made == 3


async def test_pieces_are_bounded(server: Server, live: DockerCloud) -> None:
    for name in ("a", "b", "c"):
        await live.services.create(image=IDLE, name=name)
    records = server.cloud.all("service", server.user)
    size = len(wire.dumps(services.render(server.cloud, records[0])))
    kept = Pieces(server.cloud, largest=2 * (size + 36) + 2)

    for _ in range(2):
        for record in records:
            kept.of(record, services.render)

    assert len(kept._kept) == 2
    assert kept._size == sum(
        len(key) + len(piece.text) for key, piece in kept._kept.items()
    )


async def test_page_is_kept_until_a_record_changes(
    server: Server, live: DockerCloud, raw: Raw
) -> None:
    """Pages of other addresses, namespaces and kinds are other pages."""
    one = await live.services.create(image=IDLE, name="one")
    path = "/api/app/v1/service/"
    first = (await raw("GET", f"{path}?limit=5")).body
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(filters, "page", lambda *_: pytest.fail("made again"))
        assert (await raw("GET", f"{path}?limit=5")).body == first
    assert (await raw("GET", f"{path}?limit=6")).body != first
    assert b'"objects":[]' in (await raw("GET", "/api/app/v1/stack/?limit=5")).body

    await live.services.update(one, nickname="other")

    assert b'"nickname":"other"' in (await raw("GET", f"{path}?limit=5")).body
    other = await live.services.create(image=IDLE, name="two")
    assert other["uuid"].encode() in (await raw("GET", f"{path}?limit=5")).body
    await live.services.delete(other)
    server.cloud.remove(server.cloud.services[other["uuid"]])
    assert other["uuid"].encode() not in (await raw("GET", f"{path}?limit=5")).body


@pytest.mark.parametrize("settings", [Settings(timings=Timings(read_turn=-1.0))])
class TestWithoutTime:
    """Without time for a turn, a list pauses before each object."""

    async def test_long_list_lets_other_requests_run(self, live: DockerCloud) -> None:
        for _ in range(5):
            await live.services.create(image=IDLE)
        turns = 0
        listing = asyncio.create_task(live.services.list(state="Not running"))
        while not listing.done():
            turns += 1
            await asyncio.sleep(0)

        assert len(await listing) == 5
        assert turns > 5

    async def test_object_removed_during_a_list_is_left_out(
        self, server: Server, live: DockerCloud, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        created = [await live.services.create(image=IDLE) for _ in range(5)]
        pause = asyncio.sleep
        gone = server.cloud.services[created[0]["uuid"]]

        async def remove_first(seconds: float) -> None:
            if gone.uuid in server.cloud.services:
                server.cloud.remove(gone)
            await pause(seconds)

        monkeypatch.setattr(asyncio, "sleep", remove_first)
        found = await live.services.list()

        assert {one["uuid"] for one in found} == {one["uuid"] for one in created[1:]}
