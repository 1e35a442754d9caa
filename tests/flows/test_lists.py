"""Lists over HTTP: pages, as each client follows the links between pages."""

from __future__ import annotations

import pytest

from aiodockercloud import DockerCloud
from tests.support.flows import Raw

SERVICES = "/api/app/v1/service/"


@pytest.fixture
async def sixty(live: DockerCloud) -> list[str]:
    """The uuids of 60 services, newest first."""
    uuids = []
    for i in range(60):
        service = await live.services.create(
            image="acme/web", name=f"web-{i}", nickname="odd" if i % 2 else "even"
        )
        uuids.append(service["uuid"])
    return uuids[::-1]


async def test_list_of_more_than_a_page_is_read_whole_by_our_client(
    live: DockerCloud, sixty: list[str]
) -> None:
    assert [one["uuid"] for one in await live.services.list()] == sixty
    assert [one["uuid"] for one in await live.services.list(limit=7)] == sixty
    odd = [one["uuid"] for one in await live.services.list(nickname="odd")]
    assert odd == sixty[::2]


async def test_list_by_the_rule_of_the_old_sdk_is_read_whole(
    raw: Raw, sixty: list[str]
) -> None:
    """The SDK adds ``limit`` to ``offset`` while ``next`` is set."""
    found, query, pages = [], "", 0
    while True:
        page = (await raw("GET", f"{SERVICES}?nickname__startswith={query}")).json()
        found += [one["uuid"] for one in page["objects"]]
        pages += 1
        meta = page["meta"]
        assert meta["total_count"] == 60
        if not meta["next"]:
            break
        query = f"&offset={meta['offset'] + meta['limit']}&limit={meta['limit']}"

    assert found == sixty
    assert pages == 3


async def test_next_is_a_path_from_api_that_keeps_the_filters(
    raw: Raw, sixty: list[str]
) -> None:
    """The Go client removes ``/api/`` from the path and follows the rest."""
    page = (await raw("GET", f"{SERVICES}?nickname=odd&limit=20")).json()
    assert page["meta"]["previous"] is None
    assert page["meta"]["next"].startswith("/api/app/v1/service/?")

    second = (await raw("GET", page["meta"]["next"])).json()

    uuids = [one["uuid"] for one in page["objects"] + second["objects"]]
    assert uuids == sixty[::2]
    assert second["meta"]["next"] is None
    assert second["meta"]["previous"].startswith("/api/")


async def test_next_of_a_doubled_slash_still_begins_with_api(
    raw: Raw, sixty: list[str]
) -> None:
    page = (await raw("GET", "//api/app/v1//service?limit=20")).json()

    assert page["meta"]["next"].startswith("/api/")
    assert (await raw("GET", page["meta"]["next"])).status == 200


@pytest.mark.parametrize(
    "query", ["limit=x", "limit=-1", "offset=-1", "offset=1.5", "limit=1e3"]
)
async def test_list_with_a_bad_page_is_400(raw: Raw, query: str) -> None:
    answer = await raw("GET", f"{SERVICES}?{query}")

    assert answer.status == 400
    assert query.partition("=")[0] in answer.error


async def test_list_beyond_the_end_is_empty(raw: Raw, sixty: list[str]) -> None:
    page = (await raw("GET", f"{SERVICES}?offset=100")).json()

    assert page["objects"] == []
    assert page["meta"]["next"] is None
    assert page["meta"]["total_count"] == 60


async def test_unknown_filter_is_400_unless_empty(raw: Raw) -> None:
    refused = await raw("GET", f"{SERVICES}?colour=red")

    assert refused.status == 400
    assert "colour" in refused.error
    # One public client sends an unknown parameter without a value.
    assert (await raw("GET", f"{SERVICES}?udid=")).status == 200
