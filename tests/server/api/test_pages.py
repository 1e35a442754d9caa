"""Lists: the pages, their ``meta`` and the links between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import MultiDict

from aiodockercloud import BadRequest
from aiodockercloud.server.api import filters
from aiodockercloud.server.settings import Limits
from aiodockercloud.server.state.records import Stack

PATH = "/api/app/v1/stack/"


def records(count: int) -> list[Stack]:
    return [
        Stack(namespace="alice", name=f"s{n}", nickname="", number=count - n - 1)
        for n in range(count)
    ]


def paged(
    total: int, query: Mapping[str, str] | None = None, path: str = PATH
) -> tuple[dict[str, Any], list[str]]:
    page = filters.page(
        records(total), query or {}, path, lambda r: {"name": r.name}, Limits()
    )
    assert set(page) == {"meta", "objects"}
    return page["meta"], [one["name"] for one in page["objects"]]


def test_page_of_few_objects_is_the_only_one() -> None:
    meta, names = paged(2)

    assert meta == {
        "limit": 25,
        "next": None,
        "offset": 0,
        "previous": None,
        "total_count": 2,
    }
    assert names == ["s0", "s1"]


def test_page_of_many_objects_has_25_and_the_path_of_the_next() -> None:
    meta, names = paged(60)

    assert len(names) == 25
    assert meta["next"] == f"{PATH}?limit=25&offset=25&after=-35"
    assert meta["previous"] is None


@pytest.mark.parametrize(
    ("total", "has_next"), [(24, False), (25, False), (26, True), (0, False)]
)
def test_page_at_the_boundary_has_a_next_only_before_more_objects(
    total: int, has_next: bool
) -> None:
    meta, _ = paged(total)

    assert (meta["next"] is not None) == has_next


def test_page_next_keeps_repeated_filters() -> None:
    query = MultiDict([("state", "Running"), ("state", "Stopped"), ("limit", "10")])

    meta, _ = paged(60, query)

    sent = parse_qsl(urlsplit(meta["next"]).query)
    assert sent[:2] == [("state", "Running"), ("state", "Stopped")]


def test_page_next_keeps_the_filters_quoted() -> None:
    query = {"state": "Partly running", "name": "a&b=c", "limit": "10", "offset": "5"}

    meta, _ = paged(60, query)

    for link, position in (
        (meta["next"], {"offset": "15", "after": "-45"}),
        (meta["previous"], {"offset": "0"}),
    ):
        parts = urlsplit(link)
        assert (parts.scheme, parts.netloc, parts.path) == ("", "", PATH)
        assert dict(parse_qsl(parts.query)) == {
            "state": "Partly running",
            "name": "a&b=c",
            "limit": "10",
            **position,
        }


@pytest.mark.parametrize(
    ("query", "limit", "offset"),
    [
        ({"limit": "1000"}, 1000, 0),
        ({"limit": "100000"}, 1000, 0),
        ({"limit": "0"}, 1000, 0),
        ({"limit": ""}, 25, 0),
        ({"offset": "50"}, 25, 50),
        ({"limit": "7", "offset": "3"}, 7, 3),
        ({"offset": "5000"}, 25, 5000),
    ],
)
def test_page_with_limit_and_offset_reports_the_effective_ones(
    query: dict[str, str], limit: int, offset: int
) -> None:
    meta, names = paged(1100, query)

    assert (meta["limit"], meta["offset"]) == (limit, offset)
    assert names == [f"s{n}" for n in range(1100)][offset : offset + limit]


@pytest.mark.parametrize("value", ["-1", "x", "1.5", "9" * 40, "0x10", "\u0661"])
@pytest.mark.parametrize("name", ["limit", "offset"])
def test_page_with_a_bad_number_is_refused(name: str, value: str) -> None:
    with pytest.raises(BadRequest, match=f"{name}: must be a whole number from 0"):
        paged(3, {name: value})


@given(total=st.integers(0, 70), limit=st.integers(1, 30))
def test_pages_followed_by_next_contain_each_object_once(
    total: int, limit: int
) -> None:
    query = {"limit": str(limit), "state": "Running"}
    seen: list[str] = []
    while True:
        meta, names = paged(total, query)
        seen += names
        # The old SDK only tests whether next is set.
        if not meta["next"]:
            break
        assert meta["next"].startswith("/api/")
        query = dict(parse_qsl(urlsplit(meta["next"]).query))
        assert query["offset"] == str(meta["offset"] + meta["limit"])
        assert query["state"] == "Running"
    assert seen == [f"s{n}" for n in range(total)]


@given(total=st.integers(0, 40), limit=st.integers(1, 9), offset=st.integers(0, 50))
def test_page_renders_only_its_own_objects(total: int, limit: int, offset: int) -> None:
    rendered: list[str] = []

    def render(record: Stack) -> dict[str, Any]:
        rendered.append(record.name)
        return {}

    filters.page(
        records(total),
        {"limit": str(limit), "offset": str(offset)},
        PATH,
        render,
        Limits(),
    )

    assert rendered == [f"s{n}" for n in range(total)][offset : offset + limit]


# --- cursors ------------------------------------------------------------------------


def following(selected: list[Stack], link: str | None) -> tuple[Any, list[str]]:
    """Return the page of a link over the stacks that are selected now."""
    query = dict(parse_qsl(urlsplit(link or "").query))
    page = filters.page(selected, query, PATH, lambda r: {"name": r.name}, Limits())
    return page["meta"], [one["name"] for one in page["objects"]]


def test_next_after_all_of_a_page_left_begins_with_the_first_that_stayed() -> None:
    stacks = records(60)
    meta, names = following(stacks, None)

    later, rest = following(stacks[25:], meta["next"])

    assert names + rest == [f"s{n}" for n in range(50)]
    assert (later["offset"], later["total_count"], later["previous"]) == (0, 35, None)


def test_next_after_newer_objects_joined_repeats_none() -> None:
    meta, _ = following(records(60), None)
    newer = [
        Stack(namespace="alice", name="new", nickname="", number=number)
        for number in (101, 100)
    ]

    later, names = following([*newer, *records(60)], meta["next"])

    assert names == [f"s{n}" for n in range(25, 50)]
    assert later["offset"] == 27
    assert later["previous"] == f"{PATH}?limit=25&offset=2"


@given(
    total=st.integers(0, 60),
    limit=st.integers(1, 20),
    leave=st.sets(st.integers(0, 59)),
)
def test_pages_of_objects_that_leave_contain_each_that_stays_once(
    total: int, limit: int, leave: set[int]
) -> None:
    """After each page, those of its objects leave that are to leave, and others."""
    stacks = records(total)
    stay = [one.name for n, one in enumerate(stacks) if n not in leave]
    seen: list[str] = []
    link = f"{PATH}?limit={limit}"
    while link:
        meta, names = following(stacks, link)
        seen += names
        link = meta["next"]
        gone = {f"s{n}" for n in leave}
        stacks = [one for one in stacks if one.name not in gone]

    assert [name for name in seen if name in stay] == stay
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize("cursor", ["x", "1.5", "s7", "9" * 5000, "\u2460"])
def test_page_with_a_bad_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(BadRequest, match=r"after: .* is no cursor; follow meta.next"):
        paged(3, {"after": cursor})


def test_page_of_an_empty_list_accepts_any_cursor() -> None:
    meta, names = paged(0, {"after": "-7"})

    assert (meta["next"], meta["offset"], names) == (None, 0, [])
