"""Lists that change while they are read, from servers with and without cursors."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from aiodockercloud import InvalidResponse, Limits, batch
from aiodockercloud.resources.paging import Pages
from tests.support.facts import PATIENCE
from tests.support.scripted import client_for

SERVICES = "/api/app/v1/service/"
UUID = "7eaf7fff-882c-4f3d-9a8f-a22317ac00ce"
TRIGGERS = f"{SERVICES}{UUID}/trigger/"


def named(number: int) -> dict[str, Any]:
    return {"resource_uri": f"{SERVICES}{number}/", "name": str(number)}


class Offsets:
    """A server that knows offsets only, such as the hosted service.

    Attributes:
        members: The objects of the list, newest first.
        total: Whether a page contains the number of all objects.
        links: Whether ``next`` is a link, and not only a text that is true.
        largest: The largest number of objects on a page.
        requests: The number of requests.
    """

    def __init__(
        self, count: int, *, total: bool = True, links: bool = True, largest: int = 1000
    ) -> None:
        self.members = [named(number) for number in range(count)]
        self.total, self.links, self.largest = total, links, largest
        self.requests = 0

    async def page(self, params: Mapping[str, Any]) -> dict[str, Any]:
        self.requests += 1
        offset = int(params.get("offset", 0))
        limit = min(int(params.get("limit", 25)), self.largest)
        end = offset + limit
        link = f"{SERVICES}?limit={limit}&offset={end}" if self.links else "more"
        meta: dict[str, Any] = {
            "limit": limit,
            "offset": offset,
            "next": link if end < len(self.members) else None,
        }
        if self.total:
            meta["total_count"] = len(self.members)
        return {"meta": meta, "objects": self.members[offset:end]}

    async def handle(self, request: web.Request) -> web.Response:
        return web.json_response(await self.page(request.query))

    def remove(self, one: Mapping[str, Any]) -> None:
        self.members.remove(dict(one))


async def read(
    server: Offsets,
    params: Mapping[str, Any],
    between: Callable[[dict[str, Any]], None],
) -> list[str]:
    """Return the names of a list; *between* is called after each object."""
    found = []
    pages = Pages[dict[str, Any]](server.page, params, most_repeated=100)
    while not pages.ended:
        for one in await pages.next():
            found.append(one["name"])
            between(one)
    return found


def names(count: int) -> list[str]:
    return [str(number) for number in range(count)]


@pytest.mark.parametrize("total", [True, False])
@pytest.mark.parametrize("limit", [1, 2, 3, 25, 60, 100])
async def test_objects_that_leave_after_their_turn_are_all_yielded(
    limit: int, total: bool
) -> None:
    server = Offsets(60, total=total)

    assert await read(server, {"limit": limit}, server.remove) == names(60)
    assert server.members == []


async def test_server_that_only_counts_its_objects_is_read_whole() -> None:
    server = Offsets(60, links=False)

    assert await read(server, {}, server.remove) == names(60)


async def test_list_that_does_not_change_needs_one_request_for_each_page() -> None:
    server = Offsets(60)

    assert await read(server, {"limit": 25}, lambda _: None) == names(60)
    assert server.requests == 3


async def test_most_of_a_long_list_leaving_needs_few_further_requests() -> None:
    """Each step back is twice as far as the one before."""
    server = Offsets(2000)

    def between(one: dict[str, Any]) -> None:
        if one["name"] == "999":
            del server.members[10:990]

    assert await read(server, {"limit": 25}, between) == names(2000)
    assert server.requests < 150


async def test_offset_of_the_caller_is_the_lowest_one() -> None:
    server = Offsets(60)

    found = await read(server, {"offset": 20, "limit": 10}, lambda _: None)

    assert found == names(60)[20:]


@given(
    count=st.integers(0, 40),
    limit=st.integers(1, 9),
    seed=st.integers(0, 2**32),
    leaving=st.floats(0, 1),
    joining=st.floats(0, 0.5),
)
async def test_objects_that_stay_are_yielded_once_whatever_leaves_and_joins(
    count: int, limit: int, seed: int, leaving: float, joining: float
) -> None:
    server = Offsets(count)
    chance = random.Random(seed)
    added = 0

    def between(one: dict[str, Any]) -> None:
        nonlocal added
        if chance.random() < leaving:
            server.members.remove(chance.choice(server.members))
        if chance.random() < joining:
            added += 1
            server.members.insert(0, named(-added))

    found = await read(server, {"limit": limit}, between)

    stayed = [one["name"] for one in server.members if int(one["name"]) >= 0]
    assert [name for name in found if name in stayed] == stayed
    assert len(found) == len(set(found))


# --- the client -----------------------------------------------------------------------


async def test_iterate_while_acting_on_each_object_acts_on_all() -> None:
    server = Offsets(60)
    async with client_for({SERVICES: server.handle}) as cloud:
        async for one in cloud.services.iterate(state="Not running"):
            server.remove(one)

    assert server.members == []


async def test_batch_over_iterate_acts_on_all() -> None:
    server = Offsets(60)

    async def act(one: Mapping[str, Any]) -> None:
        server.remove(one)

    async with client_for({SERVICES: server.handle}) as cloud:
        outcomes = await batch.each(cloud.services.iterate(), act, limit=3)

    assert len(outcomes) == 60
    assert server.members == []


async def test_triggers_of_several_pages_are_one_list() -> None:
    server = Offsets(60)

    async with client_for({TRIGGERS: server.handle}) as cloud:
        found = await cloud.triggers.list(UUID)

    assert [one["name"] for one in found] == names(60)


# --- answers of other programs --------------------------------------------------------


META: dict[str, Any] = {"limit": 2, "offset": 0, "previous": None, "total_count": 1000}
PAIR = [named(1), named(2)]


#: Objects of which some are equal, and some have no URI or an odd one.
ODD = st.fixed_dictionaries(
    {}, optional={"resource_uri": st.sampled_from(["/a/", "/b/", "/c/", "", None, 7])}
) | st.fixed_dictionaries({"uuid": st.sampled_from(["/a/", "x", "y"])})


@given(st.lists(st.lists(ODD, max_size=6), min_size=1, max_size=4))
async def test_pages_yield_what_a_look_at_each_object_finds_new(
    scripted: list[list[dict[str, Any]]],
) -> None:
    bodies: list[dict[str, Any]] = [
        {
            "meta": {"limit": 6, "offset": 0, "next": f"?after={number}"},
            "objects": [{**one, "page": number} for one in objects],
        }
        for number, objects in enumerate(scripted)
    ]
    bodies[-1]["meta"] = {"next": None}

    async def request(_: Mapping[str, Any]) -> dict[str, Any]:
        return bodies[len(returned)]

    pages = Pages[dict[str, Any]](request, {}, most_repeated=1000)
    returned: list[list[dict[str, Any]]] = []
    while not pages.ended:
        returned.append(await pages.next())

    known: set[str] = set()
    for body, page in zip(bodies, returned, strict=True):
        expected = []
        for one in body["objects"]:
            uri = one.get("resource_uri") or one.get("uuid")
            name = uri if isinstance(uri, str) else repr(sorted(one.items()))
            if name not in known:
                known.add(name)
                expected.append(one)
        assert page == expected


def answering(next: Callable[[int], Any], objects: Callable[[int], Any]) -> Any:
    """Return a handler whose n-th page has this ``next`` and these objects."""
    count = 0

    async def handle(request: web.Request) -> web.Response:
        nonlocal count
        count += 1
        meta = {**META, "next": next(count)}
        return web.json_response({"meta": meta, "objects": objects(count)})

    return handle


@pytest.mark.parametrize(
    ("next", "objects"),
    [
        (lambda n: f"{SERVICES}?limit=2&offset=2", lambda n: PAIR),
        (lambda n: f"{SERVICES}?limit=2&offset={2 * n}", lambda n: PAIR),
        (lambda n: f"{SERVICES}?limit=2&offset=2", lambda n: [named(n)]),
        (lambda n: f"{SERVICES}?after=7", lambda n: PAIR),
        (lambda n: f"{SERVICES}?after=7", lambda n: [named(n)]),
        (lambda n: f"{SERVICES}?after={n % 3}", lambda n: [named(n)]),
        (lambda n: f"{SERVICES}?after={n}", lambda n: PAIR),
        (lambda n: f"{SERVICES}?after={n}", lambda n: []),
        (lambda n: "more", lambda n: PAIR),
    ],
    ids=[
        *("link", "growing", "new", "cursor", "new-cursor", "cycle", "same", "empty"),
        "flag",
    ],
)
async def test_list_whose_pages_never_end_raises(next: Any, objects: Any) -> None:
    handlers = {SERVICES: answering(next, objects)}

    async with (
        client_for(handlers, limits=Limits(repeated_objects=20)) as cloud,
        asyncio.timeout(PATIENCE),
    ):
        with pytest.raises(InvalidResponse, match=r"pages? of the list"):
            await cloud.services.list()


BODIES: list[dict[str, Any]] = [
    {},
    {"objects": []},
    {"meta": META},
    {"meta": [], "objects": []},
    {"meta": META, "objects": None},
    {"meta": META, "objects": {"1": {}}},
    {"meta": META, "objects": ["x", None]},
    {"meta": {"next": "/api/"}, "objects": PAIR},
    {"meta": {**META, "next": "/api/", "limit": "2"}, "objects": PAIR},
    {"meta": {**META, "next": "/api/", "offset": None}, "objects": PAIR},
    {"meta": {**META, "next": "/api/", "limit": True}, "objects": PAIR},
    {"meta": {**META, "next": 7, "limit": 0}, "objects": PAIR},
    {"meta": {**META, "next": "http://[", "limit": -5}, "objects": PAIR},
]


@pytest.mark.parametrize("body", BODIES)
async def test_list_of_a_body_that_is_no_page_raises(body: Any) -> None:
    async def handle(request: web.Request) -> web.Response:
        return web.json_response(body)

    async with client_for({SERVICES: handle, TRIGGERS: handle}) as cloud:
        with pytest.raises(InvalidResponse):
            await cloud.services.list()
        with pytest.raises(InvalidResponse):
            await cloud.triggers.list(UUID)


async def test_list_with_far_more_objects_than_its_total_count_raises() -> None:
    async def request(params: Mapping[str, Any]) -> dict[str, Any]:
        offset = int(params.get("offset", 0))
        meta = {"limit": 25, "offset": offset, "next": "more", "total_count": 1}
        objects = [named(offset + number) for number in range(25)]
        return {"meta": meta, "objects": objects}

    async def read_all() -> None:
        pages = Pages[Any](request, {}, most_repeated=100)
        while not pages.ended:
            await pages.next()

    with pytest.raises(InvalidResponse, match="more objects than its total_count"):
        await read_all()
