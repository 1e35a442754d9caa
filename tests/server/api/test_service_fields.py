"""Each field of a service: the forms that clients send."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from aiodockercloud import BadRequest
from aiodockercloud.server.api import definitions, fields
from aiodockercloud.server.api.definitions import FIELDS
from tests.support import optionvalues
from tests.support.fieldcases import HTTP, case

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
