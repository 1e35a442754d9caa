"""Tables of fields: unknown, misspelt and read-only fields of a body."""

from __future__ import annotations

from typing import Any

import pytest

from aiodockercloud import BadRequest
from aiodockercloud.server.api import fields, service_values
from aiodockercloud.server.api.fields import Field, Parser
from aiodockercloud.server.api.readonly import ReadOnly

TABLE = {
    "name": Field(fields.name),
    "tags": Field(fields.listing(fields.tag), list),
    "tty": Field(fields.flag, False),
    "cgroup_parent": Field(fields.optional_text),
}


def test_read_returns_only_the_fields_of_the_body() -> None:
    assert fields.read({"tags": ["a"], "tty": "yes"}, TABLE) == {
        "tags": ["a"],
        "tty": True,
    }
    assert fields.read({}, TABLE) == {}


def test_read_of_an_unknown_field_names_that_field_and_the_known_ones() -> None:
    with pytest.raises(BadRequest, match="tyt: there is no such field; fields are nam"):
        fields.read({"tty": True, "tyt": True}, TABLE)


READ_ONLY = {
    **dict.fromkeys(("uuid", "resource_uri", "zone", "stack", "state"), ""),
    "full_name": "name",
    "hint": "write it elsewhere",
}
OBJECT = {
    **{"uuid": "1", "resource_uri": "/api/app/v1/service/1/", "zone": None},
    **{"stack": "/api/app/v1/stack/2/", "state": "Running", "full_name": "web"},
}


def read_of_object(**body: Any) -> dict[str, Any]:
    return fields.read(body, TABLE, read_only=ReadOnly(READ_ONLY, OBJECT))


@pytest.mark.parametrize(
    "body",
    [
        OBJECT,
        {"zone": ""},
        {"zone": []},
        {"stack": "/api/app/v1/acme/stack/2/"},
        {"stack": "/api/v1/stack/2"},
        {"name": "db", "full_name": "web"},
        {"name": "db", "full_name": "db"},
        {"uuid": "1", "state": "Starting"},
        {"resource_uri": "/api/v1/service/1/", "state": "Starting"},
        {"dockercloud_action_uri": "/api/audit/v1/action/9/"},
    ],
    ids=repr,
)
def test_read_only_field_with_the_value_of_the_object_is_dropped(
    body: dict[str, Any],
) -> None:
    read_only = ReadOnly({**READ_ONLY, "dockercloud_action_uri": ""}, OBJECT)

    found = fields.read(body, TABLE, read_only=read_only)

    assert found == {key: body[key] for key in body if key in TABLE}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"uuid": "2"}, "uuid: is read-only$"),
        ({"zone": "a"}, "zone: is read-only$"),
        ({"stack": None}, "stack: is read-only$"),
        ({"stack": "/api/app/v1/stack/3/"}, "stack: is read-only$"),
        ({"state": "Starting"}, "state: is read-only$"),
        ({"uuid": "2", "state": "Starting"}, "uuid: is read-only$"),
        ({"uuid": "1", "full_name": "db"}, "full_name: is read-only; write name$"),
        ({"full_name": "db"}, "full_name: is read-only; write name$"),
        ({"name": "a", "full_name": "b"}, "full_name: is read-only; write name$"),
        ({"full_name": ["no name"]}, "full_name: is read-only; write name$"),
        ({"hint": 1}, "hint: is read-only; write it elsewhere$"),
    ],
    ids=repr,
)
def test_read_only_field_with_a_new_value_is_refused(
    body: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadRequest, match=message):
        read_of_object(**body)


def test_read_only_fields_of_a_new_object_may_be_empty() -> None:
    read_only = ReadOnly(READ_ONLY, {"state": "Init"})
    body = {"uuid": "", "stack": None, "state": "Init", "zone": 0}

    assert fields.read(body, TABLE, read_only=read_only) == {}
    for new in ({"uuid": "1"}, {"state": "Running"}):
        with pytest.raises(BadRequest, match="is read-only"):
            fields.read(new, TABLE, read_only=read_only)


@pytest.mark.parametrize("empty", [None, "", [], {}], ids=repr)
@pytest.mark.parametrize(
    ("parse", "value"),
    [
        (service_values.envvar, {"key": "A", "value": "b"}),
        (service_values.port, {"inner_port": 80}),
        (service_values.link, {"to_service": "db"}),
        (service_values.binding, {"container_path": "/data"}),
    ],
)
def test_unknown_key_of_a_nested_object_passes_only_without_a_value(
    parse: Parser, value: dict[str, Any], empty: Any
) -> None:
    assert parse("p", {**value, "volume_from": empty}) == parse("p", value)
    with pytest.raises(BadRequest, match="volume_from"):
        parse("p", {**value, "volume_from": "db"})
    with pytest.raises(BadRequest, match="volume_from"):
        parse("p", {**value, "volume_from": False})


def test_read_of_a_synonym_returns_the_field_and_names_the_synonym_in_errors() -> None:
    synonyms = {"cgroup_name": "cgroup_parent"}

    assert fields.read({"cgroup_name": "x"}, TABLE, synonyms=synonyms) == {
        "cgroup_parent": "x"
    }
    with pytest.raises(BadRequest, match="cgroup_name: must be a text"):
        fields.read({"cgroup_name": 5}, TABLE, synonyms=synonyms)


@pytest.mark.parametrize("first", ["cgroup_name", "cgroup_parent"])
def test_read_of_both_spellings_uses_the_name_of_the_field(first: str) -> None:
    """A client that changes one key of a whole object sends the other key unchanged."""
    both = {"cgroup_parent": "new", "cgroup_name": None}
    body = {first: both[first], **both}

    found = fields.read(body, TABLE, synonyms={"cgroup_name": "cgroup_parent"})

    assert found == {"cgroup_parent": "new"}


def test_defaults_are_new_values_for_each_object() -> None:
    one, two = fields.defaults(TABLE), fields.defaults(TABLE)

    assert one == {"name": None, "tags": [], "tty": False, "cgroup_parent": None}
    one["tags"].append("x")
    assert two["tags"] == []
