"""Lists that lose objects while a client reads them and acts on each object."""

from __future__ import annotations

from typing import Any

import pytest

from aiodockercloud import DockerCloud, batch
from aiodockercloud.types import BindingFields
from tests.support.facts import IDLE
from tests.support.flows import Raw

SERVICES = "/api/app/v1/service/"
COUNT = 20


@pytest.fixture
async def twenty(live: DockerCloud) -> list[str]:
    """The uuids of 20 services, newest first."""
    created = [
        await live.services.create(image=IDLE, name=f"web-{i}") for i in range(COUNT)
    ]
    return [one["uuid"] for one in reversed(created)]


@pytest.mark.parametrize("limit", [None, 3])
async def test_iterate_by_state_while_acting_does_all(
    live: DockerCloud, twenty: list[str], limit: int | None
) -> None:
    started, deleted = [], []
    async for one in live.services.iterate(state="Not running", limit=limit):
        await live.services.start(one)
        started.append(one["uuid"])
    for uuid in started:
        await live.services.wait(uuid, "Running")
    async for one in live.services.iterate(state="Running", limit=limit):
        await live.services.delete(one)
        deleted.append(one["uuid"])

    assert started == twenty
    assert deleted == twenty


async def test_batch_over_iterate_by_state_does_all(
    live: DockerCloud, twenty: list[str]
) -> None:
    chosen = live.services.iterate(state="Not running", limit=3)

    outcomes = await batch.each(chosen, live.services.start, limit=4)

    assert [outcome.item["uuid"] for outcome in outcomes] == twenty
    assert all(outcome.ok for outcome in outcomes)


async def follow(raw: Raw, link: str, act: Any) -> list[dict[str, Any]]:
    """Follow the links of a list as they are, and act on each object of each page."""
    found: list[dict[str, Any]] = []
    while link:
        page = (await raw("GET", link)).json()
        for one in page["objects"]:
            found.append(one)
            await act(one)
        link = page["meta"]["next"]
    return found


@pytest.mark.parametrize("prefix", ["/api/app/v1/", "/api/v1/"])
async def test_client_that_follows_next_while_deleting_deletes_all(
    raw: Raw, twenty: list[str], prefix: str
) -> None:
    """The Go client follows ``next`` without a look at its parameters."""

    async def delete(one: dict[str, Any]) -> None:
        assert (await raw("DELETE", one["resource_uri"])).status == 202

    link = f"{prefix}service/?state=Not+running&limit=6"
    found = await follow(raw, link, delete)

    assert [one["uuid"] for one in found] == twenty


async def test_triggers_repositories_and_registries_are_all_deleted_by_links(
    live: DockerCloud, raw: Raw
) -> None:
    service = await live.services.create(image=IDLE, name="web")
    for number in range(7):
        await live.triggers.create(service, name=f"t{number}")
        await live.repositories.create(name=f"r{number}.example.com/acme/web")

    async def delete(one: dict[str, Any]) -> None:
        assert (await raw("DELETE", one["resource_uri"])).status in (200, 204)

    triggers = f"{service['resource_uri']}trigger/?limit=3"
    assert [one["name"] for one in await follow(raw, triggers, delete)] == [
        f"t{number}" for number in range(7)
    ]

    async def forget(one: dict[str, Any]) -> None:
        if one["host"].endswith(".example.com"):
            await live.repositories.delete(f"{one['host']}/acme/web")

    found = await follow(raw, "/api/repo/v1/registry/?limit=3", forget)
    hosts = [one["host"] for one in found]
    assert len(hosts) == 8
    assert await live.repositories.list() == []


@pytest.mark.parametrize("kind", ["provider", "region", "az", "nodetype"])
async def test_catalogue_followed_by_links_is_whole(raw: Raw, kind: str) -> None:
    async def look(one: dict[str, Any]) -> None:
        pass

    whole = (await raw("GET", f"/api/infra/v1/{kind}/?limit=1000")).json()["objects"]

    assert await follow(raw, f"/api/infra/v1/{kind}/?limit=2", look) == whole


@pytest.mark.parametrize("kind", ["volume", "volumegroup"])
async def test_volumes_of_tutum_followed_by_links_are_whole(
    live: DockerCloud, raw: Raw, kind: str
) -> None:
    bindings: list[BindingFields] = [
        {"container_path": path} for path in ("/a", "/b", "/c")
    ]
    for name in ("web", "db"):
        service = await live.services.create(
            image=IDLE, name=name, bindings=bindings, target_num_containers=2
        )
        await live.services.start(service)
        await live.services.wait(service, "Running")
    # A redeploy keeps the volumes, and with them their places.
    await live.actions.wait(await live.services.redeploy(service))

    async def look(one: dict[str, Any]) -> None:
        pass

    whole = (await raw("GET", f"/api/v1/{kind}/?limit=1000")).json()["objects"]

    assert len(whole) == (12 if kind == "volume" else 2)
    assert await follow(raw, f"/api/v1/{kind}/?limit=2", look) == whole


async def test_cursor_of_another_list_is_400(raw: Raw, twenty: list[str]) -> None:
    answer = await raw("GET", f"{SERVICES}?after=web")

    assert answer.status == 400
    assert "after" in answer.error
