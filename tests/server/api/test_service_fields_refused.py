"""Fields of a service with an invalid value: the refusal names the field."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodockercloud import BadRequest, stackfile
from aiodockercloud.server.api import definitions
from aiodockercloud.server.api.definitions import FIELDS
from aiodockercloud.wire.service_fields import SYNONYMS


@pytest.mark.parametrize(
    "value", ["\0", "\ud800", {"a": {"b": "\0"}}, [["\ud800"]]], ids=ascii
)
def test_read_of_swarm_with_a_text_that_no_store_can_write_is_refused(
    value: Any,
) -> None:
    with pytest.raises(BadRequest, match=r"^400: swarm\.TaskTemplate"):
        definitions.read({"swarm": {"TaskTemplate": value}})


def test_read_of_swarm_nested_too_deeply_is_refused() -> None:
    value: Any = {}
    for _ in range(30):
        value = {"a": value}

    with pytest.raises(BadRequest, match="nested at most 20 deep"):
        definitions.read({"swarm": value})


@pytest.mark.parametrize(
    ("binding", "message"),
    [
        (
            {"volume_options": {"type": "nfs"}},
            "volume_options: also give volume_driver",
        ),
        ({"volume_name": "x"}, "volume_name: must be letters"),
        ({"volume_name": "../up"}, "volume_name: must be letters"),
        (
            {"volume_driver": "nfs", "host_path": "/a"},
            "volume_driver: only for a volume",
        ),
    ],
)
def test_read_of_a_wrong_volume_names_the_key(
    binding: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadRequest, match=rf"^400: bindings\[0\]\.{message}"):
        definitions.read({"bindings": [{"container_path": "/data", **binding}]})


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        # A YAML 1.1 parser reads an unquoted 3000:22 or 22:22 as such a number.
        ({"ports": [180022]}, "^400: ports: .*quotes"),
        ({"ports": {"80": "80"}}, "^400: ports: must be a list"),
        ({"ports": [{80: 80}]}, "^400: ports: .*mapping"),
        ({"ports": ["1.2.3.4:80:80"]}, "^400: ports: .*host address"),
        ({"expose": ["80:80"]}, "^400: expose: .*is not a port"),
        ({"links": ["a b"]}, "^400: links: .*is not a link"),
        ({"volumes": ["data:/data"]}, "^400: volumes: .*named volumes"),
        ({"mem_limit": 512}, "^400: mem_limit: .*too small"),
        ({"restart": "on-failure:5"}, "^400: restart: .*cannot be limited"),
        ({"restart": "no", "autorestart": "ALWAYS"}, "contradicts"),
        ({"environment": "A:b"}, "^400: environment: "),
    ],
)
def test_read_of_invalid_stack_file_keys_names_the_key(
    keys: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadRequest, match=message):
        definitions.read({"name": "web", "image": "x", **keys})


@pytest.mark.parametrize(
    "keys",
    [
        {"environment": ["PASSWORD hunter2"]},
        {"environment": [["PASSWORD=hunter2"]]},
        {"environment": {"PASSWORD": ["hunter2"]}},
        {"container_envvars": "PASSWORD: hunter2"},
        {"container_envvars": ["PASSWORD hunter2"]},
        {"container_envvars": {"PASSWORD": ["hunter2"]}},
        {"container_envvars": [{"PASSWORD": "hunter2"}]},
        {"container_envvars": {"key": "PASSWORD", "value": "hunter2"}},
        {"labels": {"token": ["hunter2"]}},
    ],
)
def test_read_of_invalid_variables_does_not_reveal_the_values(
    keys: dict[str, Any],
) -> None:
    with pytest.raises(BadRequest) as caught:
        definitions.read({"image": "x", **keys})

    assert "hunter2" not in str(caught.value)


BAD: dict[str, tuple[Any, ...]] = {
    "image": (None, "", [], {"name": "x"}, "a b", "a:b:c"),
    "name": (None, "", 5, "a b", "-a", "a/b", "x" * 64, "a\0"),
    "nickname": (5, [], "a\0"),
    "target_num_containers": (None, -1, 1001, True, 1.5, "many", [], 10**30),
    "run_command": (5, [["a"]], True),
    "container_ports": ("http", [True], {}, [{"inner_port": 0}], [{}], [{}, "80"]),
    "container_envvars": (
        *("A", {"key": "A", "value": "b"}, ["A b"], [{"A": "b"}, "A=b"]),
        [{"key": "A", "value": {}}],
    ),
    "labels": ("a b", [[]], {"a": {}}),
    "linked_to_service": (
        "a b",
        {},
        [{}],
        ["db", {}],
        [{"to_service": "db", "name": "a=b"}],
    ),
    "bindings": (
        "a",
        {},
        ["data:/a"],
        [{}],
        [{}, "/a"],
        [{"container_path": "relative"}],
    ),
    "autorestart": (None, "SOMETIMES", 5, [], True),
    "autodestroy": (None, "ON_FAILURE", 5, {}),
    "autoredeploy": ("maybe", 5, []),
    "deployment_strategy": (None, "RANDOM", "", 5),
    "tags": ([{}], [[]], [None], [""]),
    "roles": (["admin"], [5], {}),
    "privileged": ("maybe", 2, {}),
    "net": (None, "none", "container:x", 5),
    "pid": (None, "container:x", 5),
    "cpu_shares": (-1, 1, 10**9, True, "half", []),
    "memory": (-1, 3, 1.5, "512x", "1m", True, [], 1e300),
    "memory_swap": (-1, 3, "x", {}),
    "mac_address": ("x", 5, "02:42:ac:11:65", []),
    "hostname": ([], {}, "a\0"),
    "cap_add": ({}, [None], [""]),
    "extra_hosts": ([None], [[]]),
}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        pytest.param(field, value, id=f"{field} {value!r:.40}")
        for field, values in BAD.items()
        for value in values
    ],
)
def test_read_of_an_invalid_value_names_the_field(field: str, value: Any) -> None:
    with pytest.raises(BadRequest) as caught:
        definitions.read({field: value})

    assert caught.value.status == 400
    assert caught.value.message.startswith(field)
    assert len(caught.value.message) < 400


@pytest.mark.parametrize("field", ["Image", "imagee", "__class__", "", "state "])
def test_read_of_an_unknown_field_names_that_field_and_the_known_ones(
    field: str,
) -> None:
    with pytest.raises(BadRequest) as caught:
        definitions.read({"image": "x", field: "y"})

    assert caught.value.message.startswith(f"{field}: there is no such field")
    assert "target_num_containers" in caught.value.message


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"build": "."}, "build: this key is not supported: images are not built here"),
        ({"depends_on": ["db"]}, "depends_on: this key is not supported: use links"),
        (
            {"command": "run", "env_file": "x"},
            "env_file: this key is not supported: use environment",
        ),
        (
            {"command": "run", "enviroment": []},
            "enviroment: unknown key; did you mean environment",
        ),
        ({"environment": "foo"}, "environment: must be a list of K=V or a mapping"),
    ],
)
def test_read_of_a_key_of_compose_explains_as_the_reader_of_stack_files_does(
    keys: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadRequest) as caught:
        definitions.read({"name": "web", "image": "x", **keys})

    assert caught.value.message.startswith(message)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)
KEYS = st.sampled_from(sorted({*FIELDS, *SYNONYMS, *stackfile.STACK_KEYS}))


@given(st.dictionaries(KEYS, JSON, max_size=4))
def test_read_of_any_json_returns_or_raises_bad_request(body: dict[str, Any]) -> None:
    try:
        found = definitions.read(body)
    except BadRequest:
        return
    assert set(found) <= set(FIELDS)
    json.dumps(found).encode()
