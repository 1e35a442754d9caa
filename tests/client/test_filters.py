"""The filters of lists: names and types that the client refuses."""

from __future__ import annotations

import pickle
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import pytest
from aiohttp import web
from aioresponses import aioresponses

from aiodockercloud import TUTUM, BadRequest, DockerCloud, UnknownFilter
from tests.support.scripted import client_for

SERVICES = "/api/app/v1/service/"


class State(StrEnum):
    """The states of a caller."""

    RUNNING = "Running"


@pytest.fixture
async def unreachable() -> AsyncIterator[DockerCloud]:
    """A client whose every request fails with ``ConnectError``."""
    async with DockerCloud("http://127.0.0.1:9", auth="Basic x", retry=None) as cloud:
        yield cloud


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"state": 5}, "state: must be a text or a list of these, not int"),
        ({"state": {"a": "b"}}, "state: must be .*, not dict"),
        ({"state__in": [1, None]}, "state__in: .*, not list of NoneType and int"),
        ({"state__ne": b"Running"}, "state__ne: .*, not bytes"),
        ({"state": (one for one in "ab")}, "state: .*, not generator"),
        ({"name": 7}, "name: must be a text"),
        ({"name__startswith": ["a", 7]}, "name__startswith: .*, not list of int and"),
        (
            {"labels": 7},
            "labels: must be a text or a dict of texts or a list of these, not int",
        ),
        ({"labels": [["a"]]}, "labels: .*, not list of list"),
        ({"labels": {"a": 1}}, "labels: must be a text or a dict of texts"),
        ({"labels": {"a": ["b"]}}, "labels: must be a text or a dict of texts"),
        ({"stack": 7}, "stack: must be a text or a dict"),
        ({"terminated": "no"}, "terminated: must be a bool, not str"),
        ({"terminated": 0}, "terminated: must be a bool, not int"),
        ({"limit": "5"}, "limit: must be an int, not str"),
        ({"offset": True}, "offset: must be an int, not bool"),
        ({"deployed_datetime__gte": 5}, "deployed_datetime__gte: must be a datetime"),
        ({"run_command": object()}, "run_command: object is no type of a query"),
    ],
)
async def test_list_with_a_value_of_a_wrong_type_raises_before_the_request(
    unreachable: DockerCloud, filters: dict[str, Any], message: str
) -> None:
    with pytest.raises(TypeError, match=message):
        await unreachable.services.list(**filters)
    with pytest.raises(TypeError, match=message):
        async for _ in unreachable.services.iterate(**filters):
            pass


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nmae", "nmae: there is no such filter; did you mean name"),
        ("statein", "did you mean .*state__in"),
        ("name__regex", "name__regex: there is no such filter"),
        ("__class__", "__class__: there is no such filter$"),
        ("xyzzy", "xyzzy: there is no such filter$"),
    ],
)
async def test_list_with_an_unknown_name_raises_before_the_request(
    unreachable: DockerCloud, name: str, message: str
) -> None:
    filters: dict[str, Any] = {name: "web"}

    with pytest.raises(UnknownFilter, match=message) as caught:
        await unreachable.services.list(**filters)

    assert isinstance(caught.value, TypeError)
    assert isinstance(caught.value, BadRequest)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


VALUES: list[dict[str, Any]] = [
    {"state": "running"},
    {"state": State.RUNNING},
    {"state": ["Running", "Stopped"]},
    {"state__in": "Running,Stopped"},
    {"state__ne": ("Running", "Stopped")},
    {"state": None, "terminated": None, "limit": None},
    {"name__in": {"a", "b"}},
    {"name": {"a": 1}.keys()},
    {"uuid": UUID(int=7)},
    {"stack": {"resource_uri": "/api/app/v1/stack/x/"}},
    {"labels": {"a": "b"}},
    {"labels": ["a=b", {"c": "d"}]},
    {"terminated": False, "limit": 5, "offset": 3},
    {"deployed_datetime__gte": datetime(2016, 3, 1, tzinfo=UTC)},
    # Fields that the types of filters do not list, with and without a lookup.
    {"cpu_shares__gt": 5, "run_command__contains": "sh", "privileged": True},
    {"exit_code__isnull": True},
    {"tags": "ssd", "tags__name__in": ["a", "b"]},
]


@pytest.mark.parametrize("filters", VALUES)
async def test_list_with_a_value_of_an_allowed_type_is_requested(
    filters: dict[str, Any],
) -> None:
    asked = []

    async def handle(request: web.Request) -> web.Response:
        asked.append(request.query)
        meta = {"limit": 25, "offset": 0, "next": None}
        return web.json_response({"meta": meta, "objects": []})

    kind = "container" if "exit_code__isnull" in filters else "service"
    async with client_for({f"/api/app/v1/{kind}/": handle}) as cloud:
        found = await getattr(cloud, f"{kind}s").list(**filters)

    assert found == []
    assert set(asked[0]) == {
        name for name, value in filters.items() if value is not None
    }


async def test_filters_of_tutum_are_left_to_the_server() -> None:
    """Tutum's objects have further fields, such as ``unique_name``."""

    async def handle(request: web.Request) -> web.Response:
        meta = {"limit": 25, "offset": 0, "next": None}
        return web.json_response({"meta": meta, "objects": []})

    filters: dict[str, Any] = {"unique_name": "web"}
    async with client_for({"/api/v1/service/": handle}, dialect=TUTUM) as cloud:
        assert await cloud.services.list(**filters) == []


@pytest.mark.parametrize(("terminated", "names"), [(False, "ac"), (True, "b")])
async def test_terminated_is_right_with_servers_that_ignore_the_filter(
    terminated: bool, names: str
) -> None:
    states = {"a": "Running", "b": "Terminated", "c": "Stopped"}

    async def handle(request: web.Request) -> web.Response:
        meta = {"limit": 25, "offset": 0, "next": None}
        objects = [{"uuid": name, "state": state} for name, state in states.items()]
        return web.json_response({"meta": meta, "objects": objects})

    async with client_for({SERVICES: handle}) as cloud:
        found = await cloud.services.list(terminated=terminated)

    assert "".join(one["uuid"] for one in found) == names


async def test_ne_of_no_values_excludes_nothing(
    api: aioresponses, cloud: DockerCloud
) -> None:
    page = {"meta": {"next": None}, "objects": [{"uuid": "a"}]}
    api.get(f"https://cloud.example.com{SERVICES}", payload=page)

    found = await cloud.services.list(state__ne=[])

    assert [one["uuid"] for one in found] == ["a"]
