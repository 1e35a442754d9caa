"""The keys of a stack file together, and the export of a service to keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodockercloud.exceptions import StackFileError
from aiodockercloud.stackfile import to_api, to_stackfile
from tests.support.stackparts import exposed, mount, published


def test_to_api_api_fields_pass_unchanged() -> None:
    fields = {
        "name": "web",
        "nickname": "the web",
        "run_command": "not checked",
        "container_ports": [{"not": "checked"}],
        "memory": "not checked",
        "cgroup_name": "x",
        "secuirty_opt": [],
        "working_dir": None,
    }

    assert to_api("web", fields) == fields


def test_to_api_key_without_value_is_left_out() -> None:
    assert to_api("web", {"links": None, "command": None, "restart": None}) == {}


def test_to_api_mixture_adds_to_lists() -> None:
    given_port = {"inner_port": "22", "protocol": "tcp"}

    api = to_api(
        "web",
        {
            "expose": ["80", "81"],
            "container_ports": [given_port],
            "ports": ["80:80"],
            "volumes": ["/p"],
            "volumes_from": ["data"],
        },
    )

    assert api["container_ports"] == [given_port, exposed(81), published(80, 80)]
    assert api["bindings"] == [
        mount("/p"),
        {"volumes_from": "data", "rewritable": True},
    ]


def test_to_api_two_keys_with_the_same_value_set_one_field() -> None:
    api = to_api("web", {"restart": "always", "autorestart": "ALWAYS"})

    assert api == {"autorestart": "ALWAYS"}


def test_to_api_contradiction_names_both_keys() -> None:
    with pytest.raises(StackFileError, match="contradicts the key restart") as caught:
        to_api("web", {"restart": "no", "autorestart": "always"})

    assert caught.value.key == "autorestart"


def test_to_api_ports_beside_odd_container_ports_refused() -> None:
    with pytest.raises(StackFileError, match="key container_ports: must be a list"):
        to_api("web", {"ports": ["80"], "container_ports": {"80": "80"}})


# --- export -------------------------------------------------------------------------


def test_to_stackfile_leaves_defaults_out() -> None:
    service = {
        "uuid": "09cbcf8d-a727-40d9-b420-c8e18b7fa55b",
        "name": "web",
        "nickname": "web",
        "state": "Running",
        "image_name": "acme/web:latest",
        "target_num_containers": 1,
        "autorestart": "OFF",
        "autodestroy": "OFF",
        "autoredeploy": False,
        "deployment_strategy": "EMPTIEST_NODE",
        "container_ports": [],
        "container_envvars": [],
        "labels": {},
        "tags": [],
        "run_command": None,
        "entrypoint": "",
        "net": "bridge",
        "pid": "none",
        "cpu_shares": 0,
        "memory": None,
    }

    assert to_stackfile(service) == {"image": "acme/web:latest"}


def test_to_stackfile_writes_every_kind_of_key() -> None:
    service = {
        "name": "web",
        "nickname": "The web",
        "image": "acme/web",
        "run_command": "run me",
        "target_num_containers": 0,
        "autorestart": "ON_FAILURE",
        "autodestroy": "ON_SUCCESS",
        "deployment_strategy": "HIGH_AVAILABILITY",
        "container_ports": [
            published(80, 80),
            published(53, None, "udp"),
            exposed(90),
            {"inner_port": 22, "outer_port": 0},
            {"inner_port": 23, "outer_port": 2323, "protocol": "tcp"},
        ],
        "container_envvars": [{"key": "A", "value": "$b"}],
        "linked_to_service": [
            {"to_service": "db", "name": "db"},
            {"to_service": "db", "name": "mysql"},
            {"to_service": "db.other"},
        ],
        "bindings": [
            {**mount("/c", "/h", False), "volumes_from": None},
            {"container_path": "/p", "host_path": "", "volumes_from": None},
            {"volumes_from": "data", "rewritable": False},
        ],
        "tags": [{"name": "a", "origin": "user"}, "b"],
        "memory": 128,
        "cgroup_name": "group",
    }

    assert to_stackfile(service) == {
        "image": "acme/web",
        "command": "run me",
        "environment": {"A": "$b"},
        "ports": ["80:80", "53/udp", "2323:23"],
        "expose": ["90", "22"],
        "links": ["db", "db:mysql", "db.other"],
        "volumes": ["/h:/c:ro", "/p"],
        "volumes_from": ["data:ro"],
        "target_num_containers": 0,
        "deployment_strategy": "high_availability",
        "restart": "on-failure",
        "autodestroy": "on-success",
        "tags": ["a", "b"],
        "cgroup_parent": "group",
        "mem_limit": "128m",
        "nickname": "The web",
    }


NAMES = st.from_regex(r"[a-z][a-z0-9_-]{0,8}", fullmatch=True)
TARGETS = st.from_regex(r"[a-z][a-z0-9-]{0,5}(\.[a-z]{1,5})?", fullmatch=True)
PATHS = st.from_regex(r"/[a-z][a-z0-9/]{0,8}", fullmatch=True)
PORTS = st.integers(1, 65535)
PROTOCOLS = st.sampled_from(["tcp", "udp"])
FILLED = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1)


def lists(of: st.SearchStrategy[Any], *, by: Any = str) -> st.SearchStrategy[list[Any]]:
    return st.lists(of, min_size=1, max_size=4, unique_by=by)


SERVICES = st.fixed_dictionaries(
    {"image": FILLED},
    optional={
        "run_command": FILLED,
        "entrypoint": FILLED,
        "container_envvars": lists(
            st.fixed_dictionaries({"key": FILLED, "value": st.text()}),
            by=lambda pair: pair["key"],
        ),
        "container_ports": lists(
            st.builds(published, PORTS, st.none() | PORTS, PROTOCOLS), by=str
        )
        | lists(st.builds(exposed, PORTS, PROTOCOLS), by=str),
        "linked_to_service": lists(
            st.fixed_dictionaries({"to_service": TARGETS, "name": NAMES})
        ),
        "bindings": st.builds(
            lambda first, second: [*first, *second],
            lists(st.builds(mount, PATHS, st.none() | PATHS, st.booleans())),
            lists(
                st.fixed_dictionaries(
                    {"volumes_from": TARGETS, "rewritable": st.booleans()}
                )
            ),
        ),
        "target_num_containers": st.sampled_from([0, 2, 7]),
        "autorestart": st.sampled_from(["ON_FAILURE", "ALWAYS"]),
        "autodestroy": st.sampled_from(["ON_SUCCESS", "ALWAYS"]),
        "deployment_strategy": st.sampled_from(["HIGH_AVAILABILITY", "EVERY_NODE"]),
        "autoredeploy": st.just(True),
        "privileged": st.just(True),
        "tags": lists(st.fixed_dictionaries({"name": FILLED})),
        "labels": st.dictionaries(FILLED, st.text(), min_size=1),
        "roles": st.just(["global"]),
        "net": st.just("host"),
        "pid": st.just("host"),
        "dns": lists(FILLED),
        "extra_hosts": lists(FILLED),
        "memory": st.integers(4, 10**6),
        "memory_swap": st.integers(4, 10**6),
        "cpu_shares": st.integers(1, 1024),
        "hostname": FILLED,
        "mac_address": st.just("02:42:ac:11:65:43"),
    },
)


@given(SERVICES)
def test_to_api_of_an_export_returns_the_exported_service(
    service: Mapping[str, Any],
) -> None:
    assert to_api("web", to_stackfile(service)) == service
