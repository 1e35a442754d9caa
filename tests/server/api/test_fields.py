"""Parsers of single fields: accepted values, stored values, refused values."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodockercloud import BadRequest
from aiodockercloud.server.api import fields, service_values
from aiodockercloud.server.api.fields import Parser

DIGEST = "sha256:" + "0a" * 32
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
NO_INTEGERS: list[Any] = [
    *(0, 11, -1, True, None, "", "x", "1.5", 1.5, [], {}),
    *("1e1", "\u0663", "0x1", "--1", 10**30, 1e300, math.nan, math.inf),
]
PARSERS: dict[str, Parser] = {
    "text": fields.text,
    "required_text": fields.required_text,
    "optional_text": fields.optional_text,
    "flag": fields.flag,
    "integer": fields.integer(1, 10),
    "optional integer": fields.optional(fields.integer(1, 10), unset=(None, 0, "")),
    "choice": fields.choice("ON_FAILURE", "OFF"),
    "listing": fields.listing(fields.text),
    "labels": fields.labels,
    "name": fields.name,
    "stack_name": fields.stack_name,
    "image": fields.image,
    "tag": fields.tag,
    "envvar": service_values.envvar,
    "envvars": service_values.envvars,
    "port": service_values.port,
    "link": service_values.link,
    "binding": service_values.binding,
}


def good(parser: str, value: Any, expected: Any) -> Any:
    return pytest.param(parser, value, expected, id=f"{parser} {value!r:.40}")


@pytest.mark.parametrize(
    ("parser", "value", "expected"),
    [
        good("text", " a\n☃", " a\n☃"),
        good("required_text", "  a ", "a"),
        good("optional_text", None, None),
        good("optional_text", "", ""),
        *(good("flag", value, True) for value in (True, "true", "True", "YES")),
        *(good("flag", v, False) for v in (False, None, "", "no", "False")),
        *(good("integer", v, 7) for v in (7, "7", " 7 ", 7.0, "007")),
        *(good("optional integer", v, None) for v in (None, 0, 0.0, "")),
        good("optional integer", 3, 3),
        *(good("choice", v, "ON_FAILURE") for v in ("ON_FAILURE", "on-failure")),
        good("choice", " On_Failure ", "ON_FAILURE"),
        good("listing", None, []),
        good("listing", ["a", ""], ["a", ""]),
        good("labels", None, {}),
        good("labels", {"a": "1", "b": None}, {"a": "1", "b": ""}),
        good("labels", ["a=1=2", "b", "c="], {"a": "1=2", "b": "", "c": ""}),
        good("name", "my-new_app.1", "my-new_app.1"),
        good("name", "x" * 63, "x" * 63),
        good("stack_name", "x" * 128, "x" * 128),
        good("image", "nginx", "nginx:latest"),
        good("image", " nginx:1.10 ", "nginx:1.10"),
        good("image", "nginx:", "nginx:latest"),
        good("image", "tutum/hello-world", "tutum/hello-world:latest"),
        good("image", "localhost:5000/a/b", "localhost:5000/a/b:latest"),
        good("image", "r.example.com:5000/a/b:v1", "r.example.com:5000/a/b:v1"),
        good("image", f"nginx@{DIGEST}", f"nginx@{DIGEST}"),
        good("image", f"nginx:1@{DIGEST}", f"nginx:1@{DIGEST}"),
        good("tag", "prod", "prod"),
        good("tag", {"name": "prod", "origin": "user"}, "prod"),
        good("envvar", {"key": "A", "value": "b"}, {"key": "A", "value": "b"}),
        good("envvar", {"key": "A"}, {"key": "A", "value": ""}),
        good("envvar", {"key": "A", "value": 0}, {"key": "A", "value": "0"}),
        good("envvar", {"key": "A", "value": 1.5}, {"key": "A", "value": "1.5"}),
        good("envvar", {"key": "A", "value": False}, {"key": "A", "value": "false"}),
        good(
            "envvar",
            {"key": "A", "value": "b=c", "origin": "user"},
            {"key": "A", "value": "b=c"},
        ),
        good("envvars", None, []),
        good(
            "envvars",
            [{"key": "A", "value": "1"}, {"key": "B"}, {"key": "A", "value": "2"}],
            [{"key": "A", "value": "2"}, {"key": "B", "value": ""}],
        ),
    ],
)
def test_parser_of_a_valid_value_returns_the_stored_value(
    parser: str, value: Any, expected: Any
) -> None:
    found = PARSERS[parser]("place", value)

    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("parser", "value", "message"),
    [
        ("text", None, "place: must be a text, not None"),
        ("text", 5, "place: must be a text, not 5"),
        ("text", {"secret": 1}, "place: must be a text, not an object"),
        ("text", "a\0", "place: must not contain NUL"),
        ("text", "a\ud800", "place: must not contain lone surrogates"),
        ("required_text", " \n", "place: must not be empty"),
        ("flag", "maybe", "place: must be true or false, not 'maybe'"),
        ("flag", 2, "place: must be true or false, not 2"),
        ("flag", [], "place: must be true or false, not a list"),
        *(
            ("integer", value, "place: must be a whole number from 1 to 10, not")
            for value in NO_INTEGERS
        ),
        ("optional integer", False, "place: must be a whole number"),
        ("choice", "SOMETIMES", "place: must be one of ON_FAILURE, OFF, not 'SOM"),
        ("choice", False, "place: must be one of ON_FAILURE, OFF, not False"),
        ("listing", "ab", "place: must be a list, not 'ab'"),
        ("listing", {"a": "b"}, "place: must be a list, not an object"),
        ("listing", ["a", 5], r"place\[1\]: must be a text, not 5"),
        ("listing", [""] * 1001, "place: must have at most 1000 elements"),
        ("labels", "a=b", "place: must be an object"),
        ("labels", {"a": 5}, r"place\.a: must be a text, not 5"),
        ("labels", {"a\0": ""}, "place: must not contain NUL"),
        ("labels", [5], "place: must be a text, not 5"),
        *(
            ("name", value, "place: must be letters, digits, -, _ and ., at most 63")
            for value in ("-a", ".a", "a b", "a/b", "ä", "a\nb", "x" * 64)
        ),
        ("name", "", "place: must not be empty"),
        ("stack_name", "x" * 129, "place: must be .* at most 128"),
        *(
            ("image", value, "place: must be an image as docker writes it")
            for value in (
                *("nginx::", "a:b:c", "a//b", "/a", "a/", ":tag", "a b", "-x"),
                *("nginx@sha256:12", f"@{DIGEST}", "https://x/y", "a" * 600, "$IMAGE"),
            )
        ),
        ("tag", {}, r"place\.name: must be a text, not None"),
        ("tag", {"name": " "}, r"place\.name: must not be empty"),
        ("tag", 5, "place: must be a text, not 5"),
        ("envvar", {"value": "b"}, r"place\.key: must be a text, not None"),
        ("envvar", {"key": ""}, r"place\.key: must not be empty"),
        ("envvar", {"key": "A=B"}, r"place\.key: must not contain ="),
        ("envvar", {"key": "A", "valeu": "x"}, "place: must have key and value, not"),
        ("envvar", {"key": "A", "value": []}, r"place\.value: must be a text, not a l"),
        ("envvar", {"key": "A", "value": {}}, r"place\.value: must be a text, not an"),
        ("envvars", {"A": "B"}, "place: must be a list, not an object"),
    ],
)
def test_parser_of_an_invalid_value_names_the_place_and_the_allowed_values(
    parser: str, value: Any, message: str
) -> None:
    with pytest.raises(BadRequest, match=message) as caught:
        PARSERS[parser]("place", value)

    assert caught.value.status == 400
    assert len(caught.value.message) < 300


@pytest.mark.parametrize(
    "value",
    [
        "PASSWORD=hunter2",
        ["PASSWORD=hunter2"],
        [{"key": "PASSWORD", "value": "hunter2\0"}],
        [{"key": "PASSWORD", "value": ["hunter2"]}],
        [{"key": "PASSWORD=hunter2"}],
        [[["hunter2"]]],
    ],
)
def test_envvars_of_an_invalid_value_do_not_reveal_the_value(value: Any) -> None:
    with pytest.raises(BadRequest) as caught:
        service_values.envvars("container_envvars", value)

    assert caught.value.message.startswith("container_envvars")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("parser", PARSERS)
@given(value=JSON)
def test_parser_of_any_json_returns_or_raises_bad_request(
    parser: str, value: Any
) -> None:
    try:
        PARSERS[parser]("place", value)
    except BadRequest as error:
        assert error.message.startswith("place")  # noqa: PT017 - both outcomes are valid


@pytest.mark.parametrize("parser", PARSERS)
@given(value=JSON)
def test_parser_of_a_stored_value_returns_the_same(parser: str, value: Any) -> None:
    """A client may send a rendered value back."""
    parse = PARSERS[parser]
    try:
        found = parse("place", value)
    except BadRequest:
        return
    assert parse("place", found) == found


# --- ports --------------------------------------------------------------------------


def port(**changes: Any) -> dict[str, Any]:
    plain = {
        "protocol": "tcp",
        "inner_port": 80,
        "outer_port": None,
        "published": False,
    }
    return {**plain, **changes}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"inner_port": 80}, port()),
        # The CLI sends texts.
        (
            {
                "protocol": "tcp",
                "inner_port": "80",
                "outer_port": "8080",
                "published": True,
            },
            port(outer_port=8080, published=True),
        ),
        (
            {"protocol": "udp", "inner_port": "53", "published": False},
            port(protocol="udp", inner_port=53),
        ),
        # Go sends zeros and empty texts for unset values, and never published.
        (
            {"container": "", "inner_port": 80, "outer_port": 0, "protocol": ""},
            port(),
        ),
        ({"inner_port": 80, "outer_port": 80}, port(outer_port=80, published=True)),
        ({"inner_port": 80, "published": True}, port(published=True)),
        # A rendered port, sent back.
        (
            {
                **port(outer_port=80, published=True),
                "port_name": "http",
                "uri_protocol": "http",
                "endpoint_uri": "http://web.svc.dockerapp.io:80/",
            },
            port(outer_port=80, published=True),
        ),
        (
            {"inner_port": 65535, "protocol": "UDP"},
            port(inner_port=65535, protocol="udp"),
        ),
    ],
)
def test_port_in_the_form_of_each_client_returns_the_port(
    value: Any, expected: dict[str, Any]
) -> None:
    assert service_values.port("p", value) == expected


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("80:80", "p: must be an object"),
        ({}, r"p\.inner_port: is missing, give 1 to 65535"),
        ({"inner_port": 0}, r"p\.inner_port: must be a whole number from 1 to 65535"),
        ({"inner_port": 65536}, r"p\.inner_port: must be .*, not 65536"),
        ({"inner_port": "http"}, r"p\.inner_port: must be .*, not 'http'"),
        ({"inner_port": True}, r"p\.inner_port: must be .*, not True"),
        ({"inner_port": 80, "outer_port": -1}, r"p\.outer_port: must be"),
        ({"inner_port": 80, "outer_port": False}, r"p\.outer_port: must be"),
        ({"inner_port": 80, "protocol": "sctp"}, r"p\.protocol: must be .* tcp, udp"),
        ({"inner_port": 80, "published": "x"}, r"p\.published: must be true or false"),
        ({"inner_port": 80, "port": 80}, "p: there is no field port; fields are inner"),
    ],
)
def test_port_with_a_mistake_is_refused(value: Any, message: str) -> None:
    with pytest.raises(BadRequest, match=message):
        service_values.port("p", value)


# --- links and volumes --------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"to_service": "db"}, {"to_service": "db", "name": None}),
        ({"to_service": "db", "name": ""}, {"to_service": "db", "name": None}),
        (
            {
                "to_service": "/api/app/v1/service/x/",
                "name": "db-1",
                "from_service": "",
            },
            {"to_service": "/api/app/v1/service/x/", "name": "db-1"},
        ),
    ],
)
def test_link_in_the_form_of_each_client_returns_the_link(
    value: Any, expected: dict[str, Any]
) -> None:
    assert service_values.link("p", value) == expected


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("db", "p: must be an object"),
        ({"name": "db"}, r"p\.to_service: must be a text, not None"),
        ({"to_service": ""}, r"p\.to_service: must not be empty"),
        ({"to_service": "db", "alias": "x"}, "p: there is no field alias"),
        # The alias becomes part of the names of variables.
        ({"to_service": "db", "name": "PATH=/x"}, r"p\.name: must be letters"),
        ({"to_service": "db", "name": "a\nB"}, r"p\.name: must be letters"),
        ({"to_service": "db", "name": "a b"}, r"p\.name: must be letters"),
        ({"to_service": "db", "name": 5}, r"p\.name: must be a text"),
    ],
)
def test_link_with_a_mistake_is_refused(value: Any, message: str) -> None:
    with pytest.raises(BadRequest, match=message):
        service_values.link("p", value)


def volume(**changes: Any) -> dict[str, Any]:
    plain = {
        "host_path": None,
        "container_path": None,
        "rewritable": True,
        "volumes_from": None,
    }
    return {**plain, **changes}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"container_path": "/data"}, volume(container_path="/data")),
        (
            {"host_path": "/h", "container_path": "/c", "rewritable": False},
            volume(host_path="/h", container_path="/c", rewritable=False),
        ),
        ({"volumes_from": "db"}, volume(volumes_from="db")),
        # The Go client sends empty texts for unset values, and always rewritable.
        (
            {"host_path": "", "container_path": "/c", "rewritable": True},
            volume(container_path="/c"),
        ),
        (
            {
                "host_path": "",
                "container_path": "",
                "rewritable": False,
                "volumes_from": "/api/app/v1/service/x/",
            },
            volume(rewritable=False, volumes_from="/api/app/v1/service/x/"),
        ),
        ({**volume(container_path="/c"), "volume": None}, volume(container_path="/c")),
    ],
)
def test_binding_in_the_form_of_each_client_returns_the_volume(
    value: Any, expected: dict[str, Any]
) -> None:
    assert service_values.binding("p", value) == expected


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("/a:/b", "p: must be an object"),
        ({}, "p: must have either container_path or volumes_from"),
        ({"host_path": "/h"}, "p: must have either"),
        ({"container_path": "/c", "volumes_from": "db"}, "p: must have either"),
        ({"host_path": "/h", "volumes_from": "db"}, "p: volumes_from takes no host_p"),
        ({"container_path": "data"}, r"p\.container_path: must be an absolute path"),
        (
            {"container_path": "/c", "host_path": "./h"},
            r"p\.host_path: must be an absolute path",
        ),
        ({"container_path": "/c", "rewritable": "ro"}, r"p\.rewritable: must be true"),
        ({"container_path": "/c", "mode": "ro"}, "p: there is no field mode"),
        ({"container_path": 5}, r"p\.container_path: must be a text"),
    ],
)
def test_binding_with_a_mistake_is_refused(value: Any, message: str) -> None:
    with pytest.raises(BadRequest, match=message):
        service_values.binding("p", value)
