"""Each field of a service: the forms that clients send, and invalid values."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from aiodockercloud import BadRequest, stackfile
from aiodockercloud.server.api import definitions, fields
from aiodockercloud.server.api.definitions import FIELDS
from aiodockercloud.wire.service_fields import SYNONYMS
from tests.support import optionvalues

HTTP = {"protocol": "tcp", "inner_port": 80, "outer_port": 80, "published": True}


def case(field: str, value: Any, expected: Any) -> Any:
    return pytest.param(field, value, expected, id=f"{field} {value!r:.40}")


# --- good values --------------------------------------------------------------------

GOOD = [
    case("image", "tutum/hello-world", "tutum/hello-world:latest"),
    case("image", "nginx:1.10", "nginx:1.10"),
    case("name", "my-new-app", "my-new-app"),
    case("nickname", "My app!", "My app!"),
    case("nickname", None, None),
    *(case("target_num_containers", value, 3) for value in (3, "3")),
    case("target_num_containers", 0, 0),
    case("run_command", "/run.sh -x 'a b'", "/run.sh -x 'a b'"),
    case("run_command", None, None),
    case("entrypoint", "", ""),
    case("container_ports", [], []),
    case("container_ports", None, []),
    case("container_ports", [HTTP], [HTTP]),
    # The CLI sends texts.
    case(
        "container_ports",
        [
            {
                "protocol": "tcp",
                "inner_port": "80",
                "outer_port": "80",
                "published": True,
            }
        ],
        [HTTP],
    ),
    # The Go client sends zeros.
    case(
        "container_ports",
        [{"container": "", "inner_port": 80, "outer_port": 0, "protocol": "tcp"}],
        [{**HTTP, "outer_port": None, "published": False}],
    ),
    case(
        "container_envvars", [{"key": "A", "value": "b"}], [{"key": "A", "value": "b"}]
    ),
    case("container_envvars", None, []),
    case("labels", {"a": "1"}, {"a": "1"}),
    case("labels", ["a=1", "b"], {"a": "1", "b": ""}),
    case("labels", None, {}),
    case("linked_to_service", [], []),
    case(
        "linked_to_service",
        [{"to_service": "db.shop", "name": "db"}],
        [{"to_service": "db.shop", "name": "db"}],
    ),
    case(
        "bindings",
        [{"host_path": "", "container_path": "/data", "rewritable": True}],
        [
            {
                "host_path": None,
                "container_path": "/data",
                "rewritable": True,
                "volumes_from": None,
            }
        ],
    ),
    *(case("autorestart", v, "ON_FAILURE") for v in ("ON_FAILURE", "on-failure")),
    *(case("autorestart", v, "OFF") for v in ("OFF", "no", False, "off")),
    case("autorestart", "always", "ALWAYS"),
    *(case("autodestroy", v, "ON_SUCCESS") for v in ("ON_SUCCESS", "on-success")),
    *(case("autodestroy", v, "OFF") for v in ("OFF", "no", False)),
    *(
        case(field, value, expected)
        for field in (
            *("autoredeploy", "sequential_deployment", "privileged"),
            *("read_only", "tty", "stdin_open"),
        )
        for value, expected in (
            *((True, True), (False, False), (None, False)),
            *(("true", True), ("no", False)),
        )
    ),
    *(
        case("deployment_strategy", v, "HIGH_AVAILABILITY")
        for v in ("HIGH_AVAILABILITY", "high_availability", "high-availability")
    ),
    case("deployment_strategy", "EVERY_NODE", "EVERY_NODE"),
    case("tags", [{"name": "prod"}], ["prod"]),
    case("tags", ["prod", "eu"], ["prod", "eu"]),
    case("tags", [{"name": "prod", "origin": "user"}], ["prod"]),
    case("tags", [], []),
    case("tags", None, []),
    case("roles", ["global"], ["global"]),
    case("roles", [], []),
    case("net", "host", "host"),
    case("net", "bridge", "bridge"),
    case("pid", "none", "none"),
    case("pid", "host", "host"),
    *(case("cpu_shares", value, 512) for value in (512, "512")),
    *(case("cpu_shares", value, None) for value in (0, None)),
    *(
        case(field, value, expected)
        for field in ("memory", "memory_swap")
        for value, expected in (
            *((512, 512), ("512", 512), (4, 4)),
            *((0, None), (None, None), ("", None)),
        )
    ),
    *(
        case(field, value, expected)
        for field in (
            *("cpuset", "user", "hostname", "domainname"),
            *("working_dir", "cgroup_parent"),
        )
        for value, expected in (("0,1", "0,1"), (None, None), ("", ""))
    ),
    case("mac_address", "02:42:ac:11:65:43", "02:42:ac:11:65:43"),
    case("mac_address", None, None),
    *(
        case(field, value, expected)
        for field in (
            *("cap_add", "cap_drop", "devices", "dns", "dns_search"),
            *("extra_hosts", "security_opt"),
        )
        for value, expected in ((["A", "B"], ["A", "B"]), ([], []), (None, []))
    ),
    case("dns", "8.8.8.8", ["8.8.8.8"]),
    case(
        "healthcheck",
        {"test": ["CMD", "true"], "interval": "2s", "retries": 1},
        {"test": ["CMD", "true"], "interval": 2, "retries": 1},
    ),
    case("healthcheck", None, None),
    case("healthcheck", {"test": [], "interval": None}, None),
    case(
        "update_config",
        {"order": "start-first", "parallelism": "all", "delay": 0.5},
        {"order": "start-first", "parallelism": 0, "delay": 0.5},
    ),
    case("update_config", None, None),
    case("update_config", {"order": None}, None),
    case("rollback_config", None, None),
    case("mode", "JOB", "job"),
    *(
        case(field, value, expected)
        for field in ("completions", "max_concurrent")
        for value, expected in (("5", 5), (0, None), (None, None))
    ),
    *(
        case(
            field,
            [{"source": "a", "mode": 256}],
            [{"source": "a", "target": "a", "mode": 256, "uid": "0", "gid": "0"}],
        )
        for field in ("secrets", "configs")
    ),
    case("rollback_config", {"monitor": 3}, {"monitor": 3}),
]


@pytest.mark.parametrize(("field", "value", "expected"), GOOD)
def test_read_of_a_valid_value_returns_the_stored_value(
    field: str, value: Any, expected: Any
) -> None:
    assert definitions.read({field: value}) == {field: expected}


@pytest.mark.parametrize(("name", "forms"), sorted(optionvalues.FORMS.items()))
def test_read_of_a_field_of_the_engine_returns_each_part(
    name: str, forms: tuple[Any, Any]
) -> None:
    written, stored = forms

    assert definitions.read({name: written}) == {name: stored}
    assert definitions.read({name: stored}) == {name: stored}
    # A field of the API that is unknown before names the field.
    with pytest.raises(BadRequest, match=f"^400: {name}"):
        definitions.read({name: [[]] if name != "cpus" else [], "image": "x"})


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


def test_every_field_has_a_tested_value_and_a_valid_default() -> None:
    tested = {parameters.values[0] for parameters in GOOD}

    assert tested | set(optionvalues.FORMS) == set(FIELDS)
    for name, default in fields.defaults(FIELDS).items():
        if name not in ("image", "name"):  # These have no default.
            assert definitions.read({name: default}) == {name: default}, name


@pytest.mark.parametrize(
    ("given_name", "field", "value"),
    [("cgroup_name", "cgroup_parent", "/x"), ("secuirty_opt", "security_opt", ["x"])],
)
def test_read_of_the_other_spelling_of_the_reference_returns_the_field(
    given_name: str, field: str, value: Any
) -> None:
    assert definitions.read({given_name: value}) == {field: value}


# --- stack file keys, as the old CLI posts them after a YAML 1.1 parser ---------------


def test_read_of_untranslated_stack_file_keys_returns_api_fields() -> None:
    posted = yaml.safe_load(
        """
        name: web
        image: tutum/hello-world
        command: /run.sh
        environment:
          PORT: 8080
          DEBUG: yes
          EMPTY:
          RATIO: 1.5
        ports:
          - 80
          - "443:443"
          - "53:53/udp"
        expose:
          - 8080
        links:
          - db
          - "cache.shop:redis"
        volumes:
          - /data
          - /etc/hosts:/etc/hosts:ro
        volumes_from:
          - db
        restart: on-failure
        autodestroy: no
        deployment_strategy: high_availability
        target_num_containers: 2
        sequential_deployment: true
        privileged: off
        roles: [global]
        tags: [prod, eu]
        labels:
          com.example.number: 5
        mem_limit: 100000m
        memswap_limit: 1g
        cpu_shares: 512
        cpuset: 0,1
        user: 1000
        dns: 8.8.8.8
        net: bridge
        working_dir: /app
        """
    )

    found = definitions.read(posted)

    assert found["image"] == "tutum/hello-world:latest"
    assert found["run_command"] == "/run.sh"
    assert found["container_envvars"] == [
        {"key": "PORT", "value": "8080"},
        {"key": "DEBUG", "value": "true"},
        {"key": "EMPTY", "value": ""},
        {"key": "RATIO", "value": "1.5"},
    ]
    assert [
        (p["inner_port"], p["protocol"], p["outer_port"], p["published"])
        for p in found["container_ports"]
    ] == [
        (80, "tcp", None, True),
        (443, "tcp", 443, True),
        (53, "udp", 53, True),
        (8080, "tcp", None, False),
    ]
    assert found["linked_to_service"] == [
        {"to_service": "db", "name": "db"},
        {"to_service": "cache.shop", "name": "redis"},
    ]
    assert [
        (b["host_path"], b["container_path"], b["rewritable"], b["volumes_from"])
        for b in found["bindings"]
    ] == [
        (None, "/data", True, None),
        ("/etc/hosts", "/etc/hosts", False, None),
        (None, None, True, "db"),
    ]
    simple = {
        "name": "web",
        "autorestart": "ON_FAILURE",
        "autodestroy": "OFF",
        "deployment_strategy": "HIGH_AVAILABILITY",
        "target_num_containers": 2,
        "sequential_deployment": True,
        "privileged": False,
        "roles": ["global"],
        "tags": ["prod", "eu"],
        "labels": {"com.example.number": "5"},
        "memory": 100000,
        "memory_swap": 1024,
        "cpu_shares": 512,
        "cpuset": "0,1",
        "user": "1000",
        "dns": ["8.8.8.8"],
        "net": "bridge",
        "working_dir": "/app",
    }
    assert {key: found[key] for key in simple} == simple


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


# --- values as docker writes them ---------------------------------------------------

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


# --- bad values ---------------------------------------------------------------------

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
