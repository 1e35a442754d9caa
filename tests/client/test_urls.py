"""The query of a request: how each type of value is sent, and the types that fail."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from aiodockercloud import DockerCloud
from aiodockercloud.transport.urls import RestAddress, url_text

ID = "7eaf7fff-882c-4f3d-9a8f-a22317ac00ce"
URI = f"/api/app/v1/stack/{ID}/"
STACK = {"resource_uri": URI, "name": "shop"}


class State(StrEnum):
    """The states of a caller."""

    RUNNING = "Running"


def query(params: dict[str, Any]) -> list[tuple[str, str]]:
    url = url_text("https://cloud.example.com", "/api/", params)
    return parse_qsl(urlsplit(url).query, keep_blank_values=True)


@pytest.mark.parametrize(
    ("params", "sent"),
    [
        ({"state": "Running", "name": None}, ["state=Running"]),
        ({"state": State.RUNNING}, ["state=Running"]),
        ({"name": ""}, ["name="]),
        ({"synchronized": True, "privileged": False}, None),
        ({"memory": 64, "offset": 0}, ["memory=64", "offset=0"]),
        ({"uuid": UUID(ID)}, [f"uuid={ID}"]),
        ({"stack": STACK}, [f"stack={URI}"]),
        (
            {"start_date__gte": datetime(2016, 3, 1, 4, tzinfo=UTC)},
            ["start_date__gte=2016-03-01T04:00:00+00:00"],
        ),
        ({"labels": "a=b"}, ["labels=a=b"]),
        ({"labels": {"a": "b", "c": "d"}}, ['labels={"a":"b","c":"d"}']),
        # The name of a label may be any text.
        ({"labels": {"resource_uri": "b"}}, ['labels={"resource_uri":"b"}']),
        ({"state": ["Running", "Stopped"]}, ["state=Running", "state=Stopped"]),
        ({"name": ("a,b", "c")}, ["name=a,b", "name=c"]),
        ({"memory": {64}}, ["memory=64"]),
        ({"memory": frozenset({64})}, ["memory=64"]),
        ({"stack": [STACK, URI]}, [f"stack={URI}", f"stack={URI}"]),
        ({"labels": [{"a": "b"}, "c"]}, ['labels={"a":"b"}', "labels=c"]),
    ],
)
def test_url_has_the_text_of_each_type_of_value(
    params: dict[str, Any], sent: list[str] | None
) -> None:
    expected = sent or ["synchronized=true", "privileged=false"]

    assert ["=".join(pair) for pair in query(params)] == expected


@pytest.mark.parametrize(
    "value",
    [b"Running", object(), 1j, [["Running"]], [None], lambda: 0, iter("a"), range(2)],
)
def test_url_with_another_type_of_value_names_the_parameter(value: Any) -> None:
    with pytest.raises(TypeError, match=r"^state: "):
        query({"state": value})


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"stack": {}}, "stack: the dict has no resource_uri"),
        ({"stack": {"uuid": ID}}, "stack: the dict has no resource_uri"),
        ({"stack": {"resource_uri": None}}, "stack: the dict has no resource_uri"),
        ({"stack": [STACK, {"a": "b"}]}, "stack: the dict has no resource_uri"),
        ({"start_date": datetime(2016, 3, 1)}, "start_date: a datetime needs a time"),
    ],
)
def test_url_with_an_incomplete_value_names_the_parameter(
    params: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        query(params)


@given(
    st.sampled_from(
        [
            "http://127.0.0.1:8008",
            "https://cloud.example.com:443/base",
            "http://[::1]:80",
            "http://cloud.example.com/a%20b#c",
        ]
    ),
    st.text() | st.text(st.sampled_from("/abc-._~%20:@?#[]\t ")),
)
def test_url_of_a_request_is_the_url_that_yarl_parses(address: str, path: str) -> None:
    text = f"{address}/{path}"

    found, expected = RestAddress(address).url(text), URL(text, encoded=True)

    assert (found, str(found)) == (expected, str(expected))
    assert found.raw_path_qs == expected.raw_path_qs


async def test_list_with_a_wrong_type_fails_before_the_request() -> None:
    async with DockerCloud("http://127.0.0.1:9", auth="Basic x") as cloud:
        with pytest.raises(TypeError, match="state"):
            await cloud.services.list(state=b"Running")  # type: ignore[arg-type]  # refused


async def test_list_of_any_of_no_values_is_empty() -> None:
    async with DockerCloud("http://127.0.0.1:9", auth="Basic x") as cloud:
        assert await cloud.services.list(uuid=[]) == []
