"""Lists: the selection of filters."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import MultiDict

from aiodockercloud import BadRequest
from aiodockercloud.server.api import filters
from aiodockercloud.server.state.records import Stack

UUID = "7eaf7fff-882c-4f3d-9a8f-a22317ac00ce"
OTHER = "09cbcf8d-a727-40d9-b420-c8e18b7fa55b"
URI = f"/api/app/v1/stack/{UUID}/"

#: The rendered fields of an object, apart from its name.
BLANK: dict[str, Any] = {
    "count": 0,
    "synchronized": True,
    "exit_code": None,
    "stack": None,
    "containers": [],
    "tags": [],
    "variables": {},
    "links": [],
}
OBJECTS: dict[str, dict[str, Any]] = {
    "web": {
        "state": "Running",
        "count": 5,
        "stack": URI,
        "containers": [URI],
        "tags": [{"name": "prod"}, {"name": "eu"}],
        "variables": {"DB_PORT": "tcp://10.7.0.2:5432"},
        "links": [{"to_service": URI}],
    },
    "Web-2": {"state": "Partly running", "count": 15, "exit_code": 0},
    "db": {"state": "Stopped", "synchronized": False, "exit_code": 137},
}
DEPLOYED = {
    "web": datetime(2016, 3, 1, 3, 52, 18, tzinfo=UTC),
    "Web-2": datetime(2016, 3, 2, tzinfo=UTC),
    "db": None,
}
RECORDS = [Stack(namespace="alice", name=name, nickname="") for name in OBJECTS]


def rendered(record: Stack) -> dict[str, Any]:
    return {"name": record.name, **BLANK, **OBJECTS[record.name]}


def selected(query: Mapping[str, str], **options: Any) -> list[str]:
    matches = filters.matcher(
        query,
        getters={
            "name": lambda r: r.name,
            "state": lambda r: OBJECTS[r.name]["state"],
            "stack__name": lambda r: "shop" if r.name == "web" else None,
            "deployed_datetime": lambda r: DEPLOYED[r.name],
        },
        render=rendered,
        known=["name", "state", *BLANK],
        **options,
    )
    return [one.name for one in RECORDS if matches is None or matches(one)]


# --- filters ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["web", "Web-2", "db"]),
        ("name=web", ["web"]),
        ("name__exact=web", ["web"]),
        ("name__iexact=WEB", ["web"]),
        ("name__contains=eb", ["web", "Web-2"]),
        ("name__icontains=WEB", ["web", "Web-2"]),
        ("name__startswith=We", ["Web-2"]),
        ("name__istartswith=we", ["web", "Web-2"]),
        ("name__endswith=b", ["web", "db"]),
        ("name__iendswith=B", ["web", "db"]),
        ("name__in=web,db", ["web", "db"]),
        ("name__gt=db", ["web"]),
        ("name__startswith=web&state=Running", ["web"]),
        ("name__startswith=web&state=Stopped", []),
        # States in any case: the CLI and the docs disagree about the case.
        ("state=Partly running", ["Web-2"]),
        ("state=PARTLY RUNNING", ["Web-2"]),
        ("state__exact=stopped", ["db"]),
        ("state__in=running,STOPPED", ["web", "db"]),
        ("state=Init", []),
        # Across relations.
        ("stack__name=shop", ["web"]),
        ("stack__name__startswith=sh", ["web"]),
        ("stack__name=", ["Web-2", "db"]),
        # Numbers, compared as numbers; as texts by the lookups of texts.
        ("count=5", ["web"]),
        ("count__gt=5", ["Web-2"]),
        ("count__gte=5", ["web", "Web-2"]),
        ("count__lt=5", ["db"]),
        ("count__lte=5", ["web", "db"]),
        ("count__contains=5", ["web", "Web-2"]),
        ("count__startswith=1", ["Web-2"]),
        ("count__in=0,15", ["Web-2", "db"]),
        # Booleans as each client spells them.
        ("synchronized=True", ["web", "Web-2"]),
        ("synchronized=false", ["db"]),
        ("synchronized=0", ["db"]),
        # Fields without a value.
        ("exit_code__isnull=true", ["web"]),
        ("exit_code__isnull=False", ["Web-2", "db"]),
        ("exit_code=0", ["Web-2"]),
        ("exit_code=", ["web"]),
        ("exit_code__gt=0", ["db"]),
        ("exit_code__contains=N", []),
        ("stack=null", ["Web-2", "db"]),
        # Dates in both forms; objects without a date do not pass.
        ("deployed_datetime=Tue, 1 Mar 2016 03:52:18 %2B0000", ["web"]),
        ("deployed_datetime__gte=Wed, 2 Mar 2016 00:00:00 %2B0000", ["Web-2"]),
        ("deployed_datetime__lt=2016-03-02", ["web"]),
        ("deployed_datetime__lte=2016-03-02T00:00:00Z", ["web", "Web-2"]),
        ("deployed_datetime__gt=2016-03-02T01:30:00%2B02:00", ["Web-2"]),
        ("deployed_datetime__isnull=true", ["db"]),
        # A list passes if one of its elements passes.
        ("tags=prod", ["web"]),
        ("tags__startswith=e", ["web"]),
        ("tags__in=staging,eu", ["web"]),
        ("tags=staging", []),
        # Nested objects have only the lookups of texts.
        ("variables__contains=DB_PORT", ["web"]),
        ("variables=DB_PORT", ["web"]),
        ("variables=DB_PORT=tcp://10.7.0.2:5432", ["web"]),
        ("variables=", ["Web-2", "db"]),
        ("variables__gt=1", []),
        ("links__gte=1", []),
        # An unknown field without a value, which one real client sends.
        ("udid=", ["web", "Web-2", "db"]),
        ("limit=1&offset=1", ["web", "Web-2", "db"]),
    ],
)
def test_select_with_filters_finds(query: str, expected: list[str]) -> None:
    assert selected(dict(parse_qsl(query, keep_blank_values=True))) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("state=Running&state=Stopped", ["web", "db"]),
        ("state=Running&state=Running", ["web"]),
        ("state=Init&state=stopped", ["db"]),
        ("name__startswith=w&name__startswith=d", ["web", "db"]),
        ("count=0&count=15&state=Stopped", ["db"]),
        ("exit_code=&exit_code=137", ["web", "db"]),
        ("tags=staging&tags=eu", ["web"]),
        ("udid=&udid=", ["web", "Web-2", "db"]),
    ],
)
def test_select_with_a_repeated_filter_finds_any(
    query: str, expected: list[str]
) -> None:
    pairs = MultiDict(parse_qsl(query, keep_blank_values=True))

    assert selected(pairs) == expected


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("tier=front", True),
        ("tier", True),
        ("empty=", True),
        ("tier=back", False),
        ("front", False),
        ("query=a=b,c", True),
        ('{"tier": "front"}', True),
        ('{"tier": "front", "query": "a=b,c"}', True),
        ('{"tier": "front", "query": "x"}', False),
        ("{}", True),
    ],
)
def test_select_by_pairs_finds_what_contains_all(text: str, found: bool) -> None:
    labels = {"tier": "front", "empty": "", "query": "a=b,c"}

    def matching(given: dict[str, Any]) -> bool:
        matches = filters.matcher(
            {"labels": text},
            getters={},
            render=lambda _: {"labels": given},
            known=["labels"],
        )
        assert matches is not None
        return matches(RECORDS[0])

    assert matching(labels) == found
    assert matching({}) == (text == "{}")


@pytest.mark.parametrize("field", ["stack", "containers"])
@pytest.mark.parametrize(
    "spelling",
    [
        URI,
        URI.rstrip("/"),
        f"/api//app/v1//stack/{UUID}/",
        f"/api/app/v1/acme/stack/{UUID}/",
        f"/app/v1/stack/{UUID}/",
        f"/api/v1/stack/{UUID}/",
        UUID,
    ],
)
def test_select_by_uri_in_any_spelling_finds_the_object(
    field: str, spelling: str
) -> None:
    assert selected({field: spelling}) == ["web"]


@pytest.mark.parametrize(
    "uri",
    [
        f"/api/app/v1/stack/{OTHER}/",
        f"/api/app/v1/service/{UUID}/",
        f"/api/app/v1/stack/{UUID}/start/",
        f"/api/app/v1/service/{UUID}/trigger/",
        "/api/app/v1/stack/",
        "/api/app/v1/stack/../",
        "/api/app/v1/stack/%2e/",
        "/api/app/v1/stack/%00/",
        "/auth/",
        "/api/",
        "//",
        "v1/x",
        UUID[:8],
    ],
)
def test_select_by_another_or_a_hostile_uri_finds_nothing(uri: str) -> None:
    assert selected({"stack": uri}) == []


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"nmae": "web"}, r"nmae: there is no such filter; fields are .*name"),
        ({"name__regex": "."}, "name__regex: there is no such filter"),
        ({"__class__": "x"}, "__class__: there is no such filter"),
        ({"variables": "{x"}, "variables: must be name=value, a name, or a JSON"),
        ({"count": "many"}, "count: 'many' is not a int"),
        ({"synchronized": "maybe"}, "synchronized: 'maybe' is not a bool"),
        ({"exit_code__isnull": "maybe"}, "exit_code__isnull: 'maybe' is not a bool"),
        ({"deployed_datetime__gte": "soon"}, "deployed_datetime__gte: 'soon' is not"),
        (
            {"deployed_datetime__gte": f"Tue, 1 Mar {'9' * 30} 03:52:18 +0000"},
            "deployed_datetime__gte: .* is not a datetime",
        ),
    ],
)
def test_select_with_a_bad_filter_is_refused(
    query: dict[str, str], message: str
) -> None:
    with pytest.raises(BadRequest, match=message):
        selected(query)


def test_select_with_reserved_parameters_ignores_them() -> None:
    with pytest.raises(BadRequest, match="token"):
        selected({"token": "secret"})
    assert selected({"token": "secret", "name": "db"}, reserved=["token"]) == ["db"]


LOOKUPS = sorted([*filters._LOOKUPS, "in", "isnull"])
FIELDS = ["name", "state", "stack__name", "deployed_datetime", *BLANK]


@given(
    st.sampled_from(FIELDS),
    st.sampled_from(LOOKUPS),
    st.text()
    | st.sampled_from(["1", "true", "Tue, 1 Mar 2016", "nan", "-inf", "1e999"]),
)
def test_select_with_any_lookup_and_text_selects_or_refuses(
    field: str, lookup: str, text: str
) -> None:
    try:
        found = selected({f"{field}__{lookup}": text})
    except BadRequest as error:
        assert error.message.startswith(f"{field}__{lookup}: ")  # noqa: PT017 - either way
    else:
        assert set(found) <= set(OBJECTS)


# --- values that exclude --------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("state__ne=Running", ["Web-2", "db"]),
        ("state__ne=RUNNING", ["Web-2", "db"]),
        # An object passes when the field equals none of the values.
        ("state__ne=Running&state__ne=Stopped", ["Web-2"]),
        ("state__ne=Running,Stopped", ["Web-2"]),
        ("state__ne=Init", ["web", "Web-2", "db"]),
        ("name__ne=web", ["Web-2", "db"]),
        ("name__ne=web,db", ["web", "Web-2", "db"]),
        ("count__ne=5", ["Web-2", "db"]),
        ("exit_code__ne=0", ["web", "db"]),
        ("exit_code__ne=", ["Web-2", "db"]),
        ("synchronized__ne=true", ["db"]),
        ("tags__ne=prod", ["Web-2", "db"]),
        ("stack__name__ne=shop", ["Web-2", "db"]),
        ("variables__ne=DB_PORT", ["Web-2", "db"]),
        # No state contains a comma.
        ("state=Running,Stopped", ["web", "db"]),
        ("state__in=Running&state__in=Stopped", ["web", "db"]),
    ],
)
def test_select_with_ne_or_several_states_finds(
    query: str, expected: list[str]
) -> None:
    pairs = MultiDict(parse_qsl(query, keep_blank_values=True))

    assert selected(pairs) == expected
