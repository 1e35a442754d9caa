"""The sub-APIs: paging, finding, operations."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from aioresponses import aioresponses
from yarl import URL

from aiodockercloud import (
    TUTUM,
    ApiError,
    DockerCloud,
    NonUniqueIdentifier,
    ObjectNotFound,
)

BASE = "https://cloud.example.com"
UUID = "7eaf7fff-882c-4f3d-9a8f-a22317ac00ce"
OTHER = "09cbcf8d-a727-40d9-b420-c8e18b7fa55b"
APP = "/api/app/v1/"
SERVICE = f"{APP}service/{UUID}/"


def page(*objects: Any, offset: int = 0, limit: int = 2, more: bool = False) -> Any:
    meta = {"limit": limit, "offset": offset, "next": "/api/…" if more else None}
    return {"meta": meta, "objects": list(objects)}


def sent(api: aioresponses) -> list[tuple[str, str, Any]]:
    """Return the method, the path with the query, and the body of each request."""
    return [
        (method, url.raw_path_qs, json.loads(call.kwargs["data"] or "null"))
        for (method, url), calls in api.requests.items()
        for call in calls
    ]


# --- lists --------------------------------------------------------------------------


async def test_list_of_several_pages_is_one_list_with_the_filters(
    api: aioresponses, cloud: DockerCloud
) -> None:
    url = f"{BASE}{APP}service/?state=Running"
    api.get(url, payload=page({"uuid": "a"}, {"uuid": "b"}, more=True))
    api.get(f"{url}&offset=2&limit=2", payload=page({"uuid": "c"}, offset=2))

    found = await cloud.services.list(state="Running", name=None)

    assert [dict(one) for one in found] == [{"uuid": "a"}, {"uuid": "b"}, {"uuid": "c"}]


async def test_list_has_an_object_that_moved_to_the_next_page_once(
    api: aioresponses, cloud: DockerCloud
) -> None:
    url = f"{BASE}{APP}service/"
    first, second, third = ({"resource_uri": f"{APP}service/{n}/"} for n in "abc")
    api.get(url, payload=page(first, second, more=True))
    api.get(f"{url}?offset=2&limit=2", payload=page(second, third, offset=2))

    found = await cloud.services.list()
    assert [dict(one) for one in found] == [first, second, third]


async def test_iterate_left_early_requests_no_further_page(
    api: aioresponses, cloud: DockerCloud
) -> None:
    api.get(f"{BASE}{APP}service/", payload=page({"uuid": "a"}, more=True))

    async for service in cloud.services.iterate():
        assert service["uuid"] == "a"
        break

    assert len(sent(api)) == 1


async def test_list_of_a_server_with_endless_pages_ends(
    api: aioresponses, cloud: DockerCloud
) -> None:
    api.get(re.compile(".*"), payload=page(more=True), repeat=True)

    async with asyncio.timeout(60):
        assert await cloud.services.list() == []


async def test_list_by_an_object_sends_its_uri(
    api: aioresponses, cloud: DockerCloud
) -> None:
    api.get(f"{BASE}{APP}container/?service={SERVICE}", payload=page())

    assert await cloud.containers.list(service={"resource_uri": SERVICE}) == []


# --- operations -----------------------------------------------------------------------

Case = tuple[Callable[[DockerCloud], Any], str, str, Any]
OPERATIONS: dict[str, Case] = {
    "services.rollback": (
        lambda cloud: cloud.services.rollback(UUID),
        *("POST", f"{SERVICE}rollback/", None),
    ),
    "nodes.deploy": (
        lambda cloud: cloud.nodes.deploy(UUID),
        *("POST", f"/api/infra/v1/node/{UUID}/deploy/", None),
    ),
    "nodes.health_check": (
        lambda cloud: cloud.nodes.health_check(UUID),
        *("POST", f"/api/infra/v1/node/{UUID}/health-check/", None),
    ),
    "triggers.inspect": (
        lambda cloud: cloud.triggers.inspect(
            UUID, {"resource_uri": f"{SERVICE}trigger/{OTHER}/"}
        ),
        *("GET", f"{SERVICE}trigger/{OTHER}/", None),
    ),
    "triggers.call": (
        lambda cloud: cloud.triggers.call(UUID, OTHER, 3, body={"a": 1}),
        *("POST", f"{SERVICE}trigger/{OTHER}/call/3/", {"a": 1}),
    ),
    "registries.inspect": (
        lambda cloud: cloud.registries.inspect({"host": "r.example.com"}),
        *("GET", "/api/repo/v1/registry/r.example.com/", None),
    ),
    "repositories.update": (
        lambda cloud: cloud.repositories.update("r.example.com/u/i", username="n"),
        *("PATCH", "/api/repo/v1/repository/r.example.com/u/i/", {"username": "n"}),
    ),
    "services.update namespaced": (
        lambda cloud: cloud.services.update(
            {"resource_uri": f"{APP}acme/service/{UUID}/"}, entrypoint=None
        ),
        *("PATCH", f"{APP}acme/service/{UUID}/", {"entrypoint": None}),
    ),
}


@pytest.mark.parametrize("name", OPERATIONS)
async def test_operation_sends_one_request(
    api: aioresponses, cloud: DockerCloud, name: str
) -> None:
    operation, method, path, body = OPERATIONS[name]
    api.add(BASE + path, method, payload={"uuid": "x"})

    assert await operation(cloud) == {"uuid": "x"}
    assert sent(api) == [(method, path, body)]


async def test_scale_with_a_number_stores_it_first(
    api: aioresponses, cloud: DockerCloud
) -> None:
    api.patch(BASE + SERVICE, payload={})
    api.post(f"{BASE}{SERVICE}scale/", payload={"state": "Scaling"})

    assert dict(await cloud.services.scale(UUID, 3)) == {"state": "Scaling"}

    assert sent(api) == [
        ("PATCH", SERVICE, {"target_num_containers": 3}),
        ("POST", f"{SERVICE}scale/", None),
    ]


async def test_scale_to_nothing_stores_the_zero(
    api: aioresponses, cloud: DockerCloud
) -> None:
    api.patch(BASE + SERVICE, payload={})
    api.post(f"{BASE}{SERVICE}scale/", payload={})

    await cloud.services.scale(UUID, 0)

    assert sent(api)[0] == ("PATCH", SERVICE, {"target_num_containers": 0})


async def test_create_does_not_change_the_callers_values(
    api: aioresponses, cloud: DockerCloud
) -> None:
    api.post(f"{BASE}{APP}service/", payload={"uuid": "x"}, repeat=True)
    fields: Any = {"image": "a", "tags": ["b"], "container_envvars": [{"key": "A"}]}

    await cloud.services.create(**fields)
    await cloud.services.create(**fields)

    assert fields == {"image": "a", "tags": ["b"], "container_envvars": [{"key": "A"}]}


async def test_tutum_dialect_speaks_version_1(api: aioresponses) -> None:
    header = {"X-Tutum-Action-URI": "/api/v1/action/1/"}
    api.post(f"{BASE}/api/v1/service/{UUID}/start/", payload={}, headers=header)

    async with DockerCloud(BASE, namespace="acme", dialect=TUTUM) as cloud:
        assert dict(await cloud.services.start(UUID)) == {
            "dockercloud_action_uri": "/api/v1/action/1/"
        }


async def test_uri_of_another_kind_is_refused_before_a_request(
    api: aioresponses, cloud: DockerCloud
) -> None:
    with pytest.raises(ValueError, match="not the URI of a stack"):
        await cloud.stacks.start(SERVICE)
    with pytest.raises(ValueError, match="not the URI of a container"):
        cloud.containers.logs(SERVICE)
    assert sent(api) == []


@pytest.mark.parametrize("nothing", [None, 7, ["x"], ""])
async def test_reference_to_no_object_is_refused_before_a_request(
    api: aioresponses, cloud: DockerCloud, nothing: Any
) -> None:
    """The path without a key would be that of the list."""
    calls: list[Callable[[], Any]] = [
        lambda: cloud.services.inspect(nothing),
        lambda: cloud.services.update(nothing, run_command="true"),
        lambda: cloud.services.delete(nothing),
        lambda: cloud.stacks.find(nothing),
        lambda: cloud.keys.delete(nothing),
        lambda: cloud.repositories.inspect(nothing),
        lambda: cloud.triggers.list(nothing),
        lambda: cloud.triggers.inspect(UUID, nothing),
        lambda: cloud.triggers.delete(UUID, nothing),
    ]

    for call in calls:
        with pytest.raises((TypeError, ValueError), match=r"is given as|names no"):
            await call()
    with pytest.raises((TypeError, ValueError), match=r"is given as|names no"):
        cloud.services.logs(nothing)
    assert sent(api) == []


# --- find ---------------------------------------------------------------------------


async def test_find_by_uuid_inspects_the_object(
    api: aioresponses, cloud: DockerCloud
) -> None:
    api.get(BASE + SERVICE, payload={"uuid": UUID})

    assert dict(await cloud.services.find(UUID)) == {"uuid": UUID}


async def test_find_by_uri_inspects_the_object(
    api: aioresponses, cloud: DockerCloud
) -> None:
    api.get(BASE + SERVICE, payload={"uuid": UUID})

    assert dict(await cloud.services.find(SERVICE)) == {"uuid": UUID}


async def test_find_by_name_ignores_the_terminated(
    api: aioresponses, cloud: DockerCloud
) -> None:
    api.get(f"{BASE}{APP}service/?uuid__startswith=web", payload=page())
    terminated = {"uuid": OTHER, "state": "Terminated"}
    api.get(
        f"{BASE}{APP}service/?name=web",
        payload=page(terminated, {"uuid": UUID, "state": ""}),
    )
    api.get(BASE + SERVICE, payload={"uuid": UUID, "name": "web"})

    assert dict(await cloud.services.find("web")) == {"uuid": UUID, "name": "web"}


async def test_find_of_a_terminated_object_alone_finds_it(
    api: aioresponses, cloud: DockerCloud
) -> None:
    terminated = {"uuid": UUID, "state": "Terminated"}
    api.get(f"{BASE}{APP}service/?uuid__startswith=7eaf", payload=page(terminated))
    api.get(BASE + SERVICE, payload=terminated)

    assert dict(await cloud.services.find("7eaf")) == terminated


async def test_find_of_two_matches_raises_and_names_both(
    api: aioresponses, cloud: DockerCloud
) -> None:
    api.get(f"{BASE}{APP}stack/?uuid__startswith=a", payload=page())
    both = page({"uuid": UUID}, {"uuid": OTHER})
    api.get(f"{BASE}{APP}stack/?name=a", payload=both)

    with pytest.raises(NonUniqueIdentifier, match=f"2 stacks .* {UUID}, {OTHER}"):
        await cloud.stacks.find("a")


async def test_find_without_a_match_raises(
    api: aioresponses, cloud: DockerCloud
) -> None:
    api.get(re.compile(".*"), payload=page(), repeat=True)

    with pytest.raises(ObjectNotFound, match="there is no service 'web'"):
        await cloud.services.find("web")
    with pytest.raises(ValueError, match="empty"):
        await cloud.services.find("")


async def test_find_of_a_node_does_not_search_by_name(
    api: aioresponses, cloud: DockerCloud
) -> None:
    api.get(f"{BASE}/api/infra/v1/node/?uuid__startswith=abc", payload=page())

    with pytest.raises(ObjectNotFound):
        await cloud.nodes.find("abc")
    assert len(sent(api)) == 1


async def test_delete_that_the_state_does_not_allow_raises(
    api: aioresponses, cloud: DockerCloud
) -> None:
    api.delete(URL(BASE + SERVICE), status=422, payload={"error": "no actions now"})

    with pytest.raises(ApiError, match="no actions now"):
        await cloud.services.delete(UUID)
