"""Fields of a service as docker writes the values: ports, variables, links, sizes."""

from __future__ import annotations

from typing import Any

import pytest

from aiodockercloud import BadRequest, stackfile
from aiodockercloud.server.api import definitions
from tests.support.fieldcases import HTTP, case

DNS = {"protocol": "udp", "inner_port": 53, "outer_port": 53, "published": True}
FREE = {**HTTP, "outer_port": None}
VARIABLES = [{"key": "A", "value": "1"}, {"key": "B", "value": "true"}]
DATA = {"host_path": None, "container_path": "/data", "rewritable": True}
HOSTS = {"host_path": "/etc", "container_path": "/etc", "rewritable": False}

DOCKER_STYLE = [
    *(
        case("container_ports", value, [HTTP])
        for value in ("80:80", ["80:80"], ["80:80/tcp"], ["80:80", "80:80"])
    ),
    *(case("container_ports", value, [FREE]) for value in (80, "80", [80], ["80"])),
    case("container_ports", ["80:80", "53:53/udp"], [HTTP, DNS]),
    *(
        case("container_envvars", value, VARIABLES)
        for value in (
            *({"A": "1", "B": "true"}, {"A": 1, "B": True}, ["A=1", "B=true"]),
            ["A=0", "B=true", "A=1"],
        )
    ),
    case("container_envvars", "A=b=c", [{"key": "A", "value": "b=c"}]),
    case("container_envvars", {"A": None}, [{"key": "A", "value": ""}]),
    case("container_envvars", ["A"], [{"key": "A", "value": ""}]),
    case("container_envvars", {}, []),
    *(
        case("linked_to_service", value, [{"to_service": "db", "name": "db"}])
        for value in ("db", ["db"], ["db:db"])
    ),
    case(
        "linked_to_service",
        ["cache.shop:redis"],
        [{"to_service": "cache.shop", "name": "redis"}],
    ),
    *(
        case("bindings", value, [{**DATA, "volumes_from": None}])
        for value in ("/data", ["/data"], ["/data:rw"])
    ),
    case("bindings", ["/etc:/etc:ro"], [{**HOSTS, "volumes_from": None}]),
    *(
        case(field, ["sh", "-c", "echo a b"], "sh -c 'echo a b'")
        for field in ("run_command", "entrypoint")
    ),
    *(
        case(field, value, expected)
        for field in ("memory", "memory_swap")
        for value, expected in (("512m", 512), ("1g", 1024), ("8388608b", 8), (8, 8))
    ),
]


@pytest.mark.parametrize(("field", "value", "expected"), DOCKER_STYLE)
def test_read_of_a_value_as_docker_writes_it_returns_the_form_of_the_api(
    field: str, value: Any, expected: Any
) -> None:
    assert definitions.read({field: value}) == {field: expected}


@pytest.mark.parametrize(("field", "value", "expected"), DOCKER_STYLE)
def test_client_sends_the_form_of_the_api(
    field: str, value: Any, expected: Any
) -> None:
    sent = stackfile.api_fields({field: value, "later": {"A": "1"}})

    assert sent.pop("later") == {"A": "1"}
    assert definitions.read(sent) == {field: expected}
    if isinstance(expected, list):
        assert all(isinstance(item, dict) for item in sent[field])


@pytest.mark.parametrize(
    ("field", "value", "form"),
    [
        ("container_ports", "http", '["8080:80"] or [{"inner_port": 80'),
        ("container_ports", {"80/tcp": 8080}, '["8080:80"] or [{"inner_port": 80'),
        ("container_ports", [{"inner_port": 80}, "80"], '{"inner_port": 80'),
        ("container_envvars", "A", '{"A": "1"}, ["A=1"] or [{"key": "A"'),
        ("container_envvars", [{"key": "A"}, "B=1"], '{"key": "A", "value": "1"}'),
        ("linked_to_service", {"db": "x"}, '["db:alias"] or [{"to_service": "db"'),
        ("bindings", ["data:/data"], '["/host:/data:ro"] or [{"host_path"'),
        ("memory", "512x", "(MB) or a size such as 512m, not '512x'"),
    ],
)
def test_refusal_of_a_value_in_neither_form_states_the_forms(
    field: str, value: Any, form: str
) -> None:
    with pytest.raises(BadRequest) as caught:
        definitions.read({field: value})

    assert caught.value.message.startswith(field)
    assert form in caught.value.message
    # The client leaves the refusal to the server.
    assert stackfile.api_fields({field: value}) == {field: value}
