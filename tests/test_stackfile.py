"""Stack files: every key, every form of value, every error, and real files."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodockercloud.exceptions import StackFileError
from aiodockercloud.stackfile import (
    API_KEYS,
    STACK_KEYS,
    find,
    load,
    parse,
    to_api,
    to_stackfile,
)

STACKFILES = Path(__file__).parents[1].parent / "shared" / "data" / "stackfiles"


def real_files() -> list[Any]:
    try:
        with (STACKFILES / "INDEX.tsv").open(encoding="utf-8", newline="") as index:
            rows = list(csv.DictReader(index, delimiter="\t"))
    except FileNotFoundError:
        return []
    return [pytest.param(row, id=row["file"]) for row in rows]


def published(inner: int, outer: int | None = None, protocol: str = "tcp") -> Any:
    return {
        "protocol": protocol,
        "inner_port": inner,
        "outer_port": outer,
        "published": True,
    }


def exposed(inner: int, protocol: str = "tcp") -> Any:
    return {**published(inner, None, protocol), "published": False}


def mount(inside: str, host: str | None = None, rewritable: bool = True) -> Any:
    return {"host_path": host, "container_path": inside, "rewritable": rewritable}


# --- real files ---------------------------------------------------------------------


@pytest.mark.parametrize("row", real_files())
def test_load_real_file_gives_services_or_names_place(row: dict[str, str]) -> None:
    path = STACKFILES / row["file"]

    if row["kind"] == "stackfile":
        stack = load(path, environ={})
        assert len(stack.services) == int(row["services"])
        assert all(service["image"] and service["name"] for service in stack.services)
        return
    with pytest.raises(StackFileError) as caught:
        load(path, environ={})
    assert caught.value.file == str(path)
    # The place is a service's key, or the top-level key that Compose v2+ files have.
    assert caught.value.key
    assert bool(caught.value.service) != ("Compose v2+" in caught.value.problem)
    assert row["kind"] == "broken" or "Compose v2+" in caught.value.problem


# --- one key at a time --------------------------------------------------------------

FORMS: list[tuple[str, Any, str, Any]] = [
    ("image", "redis:3.0", "image", "redis:3.0"),
    ("command", "redis-server --appendonly yes", "run_command", None),
    ("command", ["sh", "-c", "echo a b"], "run_command", "sh -c 'echo a b'"),
    ("command", True, "run_command", "true"),
    ("entrypoint", "java -jar x", "entrypoint", None),
    ("entrypoint", ["a b", 1], "entrypoint", "'a b' 1"),
    (
        "environment",
        {"A": "x", "N": 1, "F": 1.5, "B": True, "Z": None},
        "container_envvars",
        [
            {"key": "A", "value": "x"},
            {"key": "N", "value": "1"},
            {"key": "F", "value": "1.5"},
            {"key": "B", "value": "true"},
            {"key": "Z", "value": ""},
        ],
    ),
    (
        "environment",
        ["A=b=c", "B", "C=", {"D": "e f"}, "A=last"],
        "container_envvars",
        [
            {"key": "A", "value": "last"},
            {"key": "B", "value": ""},
            {"key": "C", "value": ""},
            {"key": "D", "value": "e f"},
        ],
    ),
    ("environment", "A=b", "container_envvars", [{"key": "A", "value": "b"}]),
    ("ports", ["80"], "container_ports", [published(80)]),
    (
        "ports",
        [80, "443:8443"],
        "container_ports",
        [published(80), published(8443, 443)],
    ),
    ("ports", "80:80/tcp", "container_ports", [published(80, 80)]),
    ("ports", 80, "container_ports", [published(80)]),
    ("ports", ["500/udp"], "container_ports", [published(500, None, "udp")]),
    ("ports", ["4500:4501/UDP"], "container_ports", [published(4501, 4500, "udp")]),
    ("ports", ["30-31"], "container_ports", [published(30), published(31)]),
    (
        "ports",
        ["30-31:40-41"],
        "container_ports",
        [published(40, 30), published(41, 31)],
    ),
    ("ports", ["80", "80"], "container_ports", [published(80)]),
    ("expose", ["80", "90/udp"], "container_ports", [exposed(80), exposed(90, "udp")]),
    ("expose", 8088, "container_ports", [exposed(8088)]),
    (
        "links",
        ["db", "db:mysql", "db.other", "db.other:sql"],
        "linked_to_service",
        [
            {"to_service": "db", "name": "db"},
            {"to_service": "db", "name": "mysql"},
            {"to_service": "db.other", "name": "db"},
            {"to_service": "db.other", "name": "sql"},
        ],
    ),
    ("links", "db", "linked_to_service", [{"to_service": "db", "name": "db"}]),
    (
        "volumes",
        ["/p", "/h:/c", "/h:/c:ro", "/h:/c:rw", "/p:ro"],
        "bindings",
        [
            mount("/p"),
            mount("/c", "/h"),
            mount("/c", "/h", False),
            mount("/c", "/h"),
            mount("/p", None, False),
        ],
    ),
    ("volumes", "/p", "bindings", [mount("/p")]),
    (
        "volumes_from",
        ["a", "a:ro", "a:rw", "a.stack", "a.stack:ro"],
        "bindings",
        [
            {"volumes_from": "a", "rewritable": True},
            {"volumes_from": "a", "rewritable": False},
            {"volumes_from": "a", "rewritable": True},
            {"volumes_from": "a.stack", "rewritable": True},
            {"volumes_from": "a.stack", "rewritable": False},
        ],
    ),
    ("target_num_containers", 3, "target_num_containers", 3),
    ("target_num_containers", "0", "target_num_containers", 0),
    ("restart", "no", "autorestart", "OFF"),
    ("restart", False, "autorestart", "OFF"),
    ("restart", "off", "autorestart", "OFF"),
    ("restart", "on-failure", "autorestart", "ON_FAILURE"),
    ("restart", "on_failure", "autorestart", "ON_FAILURE"),
    ("restart", "always", "autorestart", "ALWAYS"),
    ("autorestart", "on_failure", "autorestart", "ON_FAILURE"),
    ("autorestart", "ALWAYS", "autorestart", "ALWAYS"),
    ("autodestroy", "no", "autodestroy", "OFF"),
    ("autodestroy", False, "autodestroy", "OFF"),
    ("autodestroy", "on-success", "autodestroy", "ON_SUCCESS"),
    ("autodestroy", "ON_SUCCESS", "autodestroy", "ON_SUCCESS"),
    ("deployment_strategy", "every_node", "deployment_strategy", "EVERY_NODE"),
    ("deployment_strategy", "emptiest-node", "deployment_strategy", "EMPTIEST_NODE"),
    (
        "deployment_strategy",
        "HIGH_AVAILABILITY",
        "deployment_strategy",
        "HIGH_AVAILABILITY",
    ),
    ("tags", ["a", 1], "tags", [{"name": "a"}, {"name": "1"}]),
    ("tags", "a", "tags", [{"name": "a"}]),
    ("tags", [{"name": "a", "origin": "user"}], "tags", None),
    ("roles", ["global"], "roles", ["global"]),
    ("roles", "Global", "roles", ["global"]),
    ("labels", {"a": "b", "c": None}, "labels", {"a": "b", "c": ""}),
    ("labels", ["a=b", "c"], "labels", {"a": "b", "c": ""}),
    ("net", "HOST", "net", "host"),
    ("net", "bridge", "net", "bridge"),
    ("pid", "host", "pid", "host"),
    ("pid", "none", "pid", "none"),
    ("dns", "8.8.8.8", "dns", ["8.8.8.8"]),
    ("dns_search", ["a.example", "b.example"], "dns_search", None),
    ("cap_add", ["ALL"], "cap_add", None),
    ("cap_drop", "NET_ADMIN", "cap_drop", ["NET_ADMIN"]),
    ("devices", ["/dev/a:/dev/a"], "devices", None),
    ("security_opt", ["label:user:x"], "security_opt", None),
    ("extra_hosts", ["a:1.2.3.4"], "extra_hosts", None),
    ("extra_hosts", {"a": "1.2.3.4"}, "extra_hosts", ["a:1.2.3.4"]),
    ("cgroup_parent", "x", "cgroup_parent", "x"),
    ("cpuset", "0,1", "cpuset", "0,1"),
    ("cpuset", 0, "cpuset", "0"),
    ("cpu_shares", "256", "cpu_shares", 256),
    ("hostname", "api", "hostname", "api"),
    ("domainname", "example.com", "domainname", "example.com"),
    ("mac_address", "02:42:ac:11:65:43", "mac_address", None),
    ("user", 1000, "user", "1000"),
    ("working_dir", "/app", "working_dir", "/app"),
    ("mem_limit", "128m", "memory", 128),
    ("mem_limit", "100000m", "memory", 100000),
    ("mem_limit", "1.5G", "memory", 1536),
    ("mem_limit", "8192k", "memory", 8),
    ("mem_limit", "8193k", "memory", 9),
    ("mem_limit", "512 MB", "memory", 512),
    ("mem_limit", 134217729, "memory", 129),
    ("mem_limit", "4194304b", "memory", 4),
    ("memswap_limit", "1g", "memory_swap", 1024),
    *[
        (key, value, key, meaning)
        for key in (
            "sequential_deployment",
            "autoredeploy",
            "privileged",
            "read_only",
            "stdin_open",
            "tty",
        )
        for value, meaning in ((True, True), ("yes", True), ("False", False))
    ],
]


@pytest.mark.parametrize(("key", "value", "field", "meaning"), FORMS)
def test_to_api_reads_value(key: str, value: Any, field: str, meaning: Any) -> None:
    """``None`` as meaning: the value stays as it is."""
    keys = {key: value}

    assert to_api("web", keys) == {field: value if meaning is None else meaning}
    assert keys == {key: value}


def test_forms_cover_every_key() -> None:
    assert STACK_KEYS == {form[0] for form in FORMS} - {"autorestart"}
    assert {form[2] for form in FORMS} <= API_KEYS


def test_to_api_api_fields_pass_unchanged() -> None:
    fields = {
        "name": "web",
        "nickname": "the web",
        "run_command": ["not", "checked"],
        "container_ports": "not checked",
        "memory": "512m",
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


def test_to_api_two_keys_of_same_meaning_are_one() -> None:
    api = to_api("web", {"restart": "always", "autorestart": "ALWAYS"})

    assert api == {"autorestart": "ALWAYS"}


REFUSED: list[tuple[str, Any, str]] = [
    ("image", None, "must name an image"),
    ("image", "", "must not be empty"),
    ("image", ["a"], "one text, not a list"),
    ("command", {"a": "b"}, "one text, not a mapping"),
    ("environment", ["=secret"], "item 1.*a name is empty"),
    ("environment", ["A=b", "two words"], "item 2.*neither K=V nor K"),
    ("environment", ["A:b"], "neither K=V nor K"),
    ("environment", {"A": ["secret"]}, "value of A must be text"),
    ("environment", True, "must be a list"),
    ("ports", ["127.0.0.1:80:80"], "host address cannot be chosen"),
    ("ports", ["127.0.0.1::80"], "host address cannot be chosen"),
    ("ports", ["127.0.0.1:80"], "host address cannot be chosen"),
    ("ports", ["0"], "1 to 65535"),
    ("ports", ["80:70000"], "1 to 65535"),
    ("ports", ["31-30"], "goes upwards"),
    ("ports", ["30-31:40"], "different lengths"),
    ("ports", ["1-30000"], "at most 20000"),
    ("ports", ["80", "http"], "item 2.*http is not a port; allowed"),
    ("ports", [":80"], "is not a port"),
    ("ports", ["80/icmp"], "is not a port"),
    ("ports", [180022], "put quotes around a pair"),
    ("ports", [{"80": "80"}], "is a mapping; put quotes around it"),
    ("ports", {"80": "80"}, "must be a list, not a mapping"),
    ("ports", [None], "item 1.*not empty"),
    ("expose", ["80:80"], "is not a port"),
    ("links", ["a b"], "is not a link; allowed: service, service:alias"),
    ("links", ["db:"], "is not a link"),
    ("links", [{"db": "mysql"}], "without a space after the colon"),
    ("volumes", ["data:/var/lib"], "named volumes do not exist.*write /var/lib"),
    ("volumes", ["./x:/y"], "begins with /"),
    ("volumes", ["~/x:/y"], "begins with /"),
    ("volumes", [":/y"], "variable that is not set"),
    ("volumes", ["data"], "is not a volume; allowed"),
    ("volumes", ["/h:c"], "is not a volume"),
    ("volumes", ["/h:/c:z"], "is not a volume"),
    ("volumes_from", ["a:wo"], "allowed: service, service:ro"),
    ("target_num_containers", -1, "whole number"),
    ("target_num_containers", "1.5", "whole number"),
    ("target_num_containers", True, "whole number"),
    ("restart", "unless-stopped", "allowed: no, on-failure, always"),
    ("restart", "on-failure:5", "cannot be limited; write on-failure"),
    ("restart", True, "allowed: no, on-failure, always"),
    ("autodestroy", "on_failure", "allowed: no, on-success, always"),
    ("deployment_strategy", "spread", "allowed: emptiest_node, high_availability"),
    ("roles", ["admin"], "item 1.*allowed: global"),
    ("net", "container:x", "allowed: bridge, host"),
    ("pid", "x", "allowed: none, host"),
    ("tty", "maybe", "not true or false"),
    ("cpu_shares", "many", "whole number"),
    ("mem_limit", "lots", "is not a size"),
    ("mem_limit", "128", "number without a unit is bytes.*least is 4m"),
    ("mem_limit", "3m", "too small; the least is 4m"),
    ("mac_address", 9333333, "put quotes around it"),
    ("build", ".", "not supported: images are not built"),
    ("external_links", ["a"], "not supported: use links"),
    ("env_file", "a", "not supported: use environment"),
    ("depends_on", ["a"], "not supported: use links"),
    ("networks", ["a"], "not supported"),
    ("deploy", {}, "not supported: use target_num_containers"),
    ("envorinment", [], "did you mean environment.*Allowed: autodestroy, "),
    ("volumes-from", [], "did you mean volumes_from"),
    ("xyzzy", 1, "unknown key; Allowed: "),
]


@pytest.mark.parametrize(("key", "value", "problem"), REFUSED)
def test_to_api_wrong_value_names_place_and_allowed(
    key: str, value: Any, problem: str
) -> None:
    with pytest.raises(StackFileError, match=problem) as caught:
        to_api("web", {key: value}, file="x.yml")

    error = caught.value
    assert (error.file, error.service, error.key) == ("x.yml", "web", key)
    assert "secret" not in str(error)


def test_to_api_contradiction_names_both_keys() -> None:
    with pytest.raises(StackFileError, match="contradicts the key restart") as caught:
        to_api("web", {"restart": "no", "autorestart": "always"})

    assert caught.value.key == "autorestart"


def test_to_api_ports_beside_odd_container_ports_refused() -> None:
    with pytest.raises(StackFileError, match="key container_ports: must be a list"):
        to_api("web", {"ports": ["80"], "container_ports": "80"})


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
def test_to_api_of_export_is_what_was_exported(service: Mapping[str, Any]) -> None:
    assert to_api("web", to_stackfile(service)) == service


# --- files --------------------------------------------------------------------------


def one(keys: str, **environ: str) -> dict[str, Any]:
    text = "web:\n  image: acme/web\n" + "".join(
        f"  {line}\n" for line in keys.splitlines()
    )
    [service] = parse(text, environ=environ).services
    return service


def test_parse_scalars_stay_what_was_written() -> None:
    service = one(
        "ports:\n  - 22:22\nenvironment:\n  A: 0755\n  B: 1.10\n  C: no\n"
        "  D: 2016-01-01\n  E: 1_000\n  F: !!int 010\n  G: 1e3"
    )

    assert service["container_ports"] == [published(22, 22)]
    assert [pair["value"] for pair in service["container_envvars"]] == [
        *("0755", "1.10", "no", "2016-01-01", "1_000", "010", "1e3")
    ]


def test_parse_keeps_order_and_adds_names() -> None:
    stack = parse("b:\n  image: x\na:\n  image: y\n", file="/srv/My App!/x.yml")

    assert stack.services == [
        {"name": "b", "image": "x"},
        {"name": "a", "image": "y"},
    ]
    assert stack.name == "My-App"
    assert stack.warnings == ()


def test_parse_anchors_and_merge_keys_work() -> None:
    stack = parse(
        "a: &base\n  image: x\n  tags: [t]\nb:\n  <<: *base\n  image: y\n", environ={}
    )

    assert stack.services[1] == {"name": "b", "image": "y", "tags": [{"name": "t"}]}


def test_parse_key_given_twice_last_counts() -> None:
    assert one("restart: no\nrestart: always")["autorestart"] == "ALWAYS"


def test_parse_key_without_value_is_left_out() -> None:
    assert one("links:\ntags:\nenvironment: ~") == {"name": "web", "image": "acme/web"}


def test_parse_service_may_have_name_of_compose_section() -> None:
    stack = parse("secrets:\n  image: x\nservices:\n  image: y\n")

    assert [service["name"] for service in stack.services] == ["secrets", "services"]


def test_parse_links_within_and_across_stacks() -> None:
    stack = parse(
        "web:\n  image: x\n  links: [db.a, 'db:sql', cache.other]\n"
        "  volumes_from: [db, data.other]\n"
        "db:\n  image: y\ndb.a:\n  image: z\n"
    )

    assert [link["to_service"] for link in stack.services[0]["linked_to_service"]] == [
        *("db.a", "db", "cache.other")
    ]


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("$A", "1"),
        ("${A}-$A.x", "1-1.x"),
        ("$$A", "$A"),
        ("$$$A", "$1"),
        ("[$EMPTY]", "[]"),
        ("$DOCKERCLOUD_NODE_FQDN", "$DOCKERCLOUD_NODE_FQDN"),
        ("${TUTUM_NODE_FQDN}.x", "${TUTUM_NODE_FQDN}.x"),
        ("$TUTUM_AUTH", "here"),
    ],
)
def test_parse_variable_is_replaced(text: str, meaning: str) -> None:
    service = one(f"hostname: '{text}'", A="1", EMPTY="", TUTUM_AUTH="here")

    assert service["hostname"] == meaning


def test_parse_variable_is_replaced_at_any_depth_but_not_in_keys() -> None:
    service = one("environment:\n  - {$A: x$A}\nlabels:\n  l$A: $A\n", A="1")

    assert service["container_envvars"] == [{"key": "$A", "value": "x1"}]
    assert service["labels"] == {"l$A": "1"}


def test_parse_unset_variable_warns_once() -> None:
    stack = parse(
        "a:\n  image: x:$TAG\n  hostname: $TAG$HOST\n", file="f.yml", environ={}
    )

    assert stack.services[0]["image"] == "x:"
    assert len(stack.warnings) == 2
    assert stack.warnings[0].startswith(
        "f.yml: service a: key image: the variable TAG is not set"
    )


@pytest.mark.parametrize("text", ["$(secret)", "${A:-secret}", "secret$", "${", "$1"])
def test_parse_malformed_variable_names_key_without_value(text: str) -> None:
    with pytest.raises(StackFileError, match="begins no variable") as caught:
        one(f"environment:\n  - 'A={text}'", A="1")

    assert (caught.value.service, caught.value.key) == ("web", "environment")
    assert "secret" not in str(caught.value)


def test_parse_environment_is_completed() -> None:
    service = one(
        "environment:\n  A:\n  B: ''\n  C: 0\n  D: own\n  E:",
        **{"A": "a$A", "B": "b", "C": "c", "D": "d"},
    )

    assert {pair["key"]: pair["value"] for pair in service["container_envvars"]} == {
        **{"A": "a$A", "B": "b", "C": "0", "D": "own", "E": ""}
    }


def test_parse_bare_name_is_completed() -> None:
    service = one("environment:\n  - A\n  - B\n  - C=", A="a", C="c")

    assert [pair["value"] for pair in service["container_envvars"]] == ["a", "", "c"]


def test_parse_environ_defaults_to_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STACKFILE_TEST_TAG", "v1")

    assert parse("a:\n  image: x:$STACKFILE_TEST_TAG").services[0]["image"] == "x:v1"


BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join(['*' + old] * 10)}]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)

WRONG_FILES: list[tuple[str, str, str, str]] = [
    ("", "is empty", "", ""),
    ("# nothing\n", "is empty", "", ""),
    ("{}", "is empty", "", ""),
    ("just text", "holds one text; a stack file has its services", "", ""),
    ("- a\n- b\n", "holds a list", "", ""),
    ("web: acme/web\n", "no mapping", "web", ""),
    ("web:\n", "has no keys", "web", ""),
    ("~: {image: x}\n", "no name", "None", ""),
    ("web: {ports: ['80']}\n", "is missing", "web", "image"),
    ("web: {image: }\n", "must name an image", "web", "image"),
    ("volumes: {image: }\n", "must name an image", "volumes", "image"),
    ("web: {build: .}\n", "images are not built here", "web", "build"),
    ("web: {image: x, environment: A B}\n", "neither K=V", "web", "environment"),
    ("web: {image: x, name: y}\n", "is not the name", "web", "name"),
    ("version: '2'\nservices: {web: {image: x}}\n", "Compose v2", "", "version"),
    ("version: 3.1\nweb: {image: x}\n", "Compose v1", "", "version"),
    ("services:\n  web:\n    image: x\n", "top level", "", "services"),
    ("services:\n", "Compose v2", "", "services"),
    ("web: {image: x}\nnetworks: {a: }\n", "Compose v2", "", "networks"),
    ("web: {image: x, links: [db]}\n", "no service db.*there are web", "web", "links"),
    (
        "web: {image: x, volumes_from: ['d:ro']}\n",
        "no service d ",
        "web",
        "volumes_from",
    ),
    ("web:\n  image: x\n  ports: [\n", "not valid YAML, line 4", "", ""),
    ("web:\n\timage: secret\n", "not valid YAML, line 2", "", ""),
    ("web:\n  image: \0\n", "not valid YAML, line 2", "", ""),
    ("web: {image: !!python/name:os.system x}\n", "not valid YAML, line 1", "", ""),
    ("web: {image: !!set {x}}\n", "not valid YAML, line 1", "", ""),
    ("web: *nothing\n", "not valid YAML, line 1", "", ""),
    ("web: {image: x}\n---\ndb: {image: y}\n", "several YAML documents", "", ""),
    ("web: &a\n  image: [*a]\n", "stands inside", "", ""),
    (BOMB, "more than 100000 values", "", ""),
    ("web: " + "[" * 5000, "nested too deeply", "", ""),
    ("web: {image: x} #" + "x" * 2**20, "larger than 1 MiB", "", ""),
]


@pytest.mark.parametrize(("text", "problem", "service", "key"), WRONG_FILES)
def test_parse_wrong_file_names_place(
    text: str, problem: str, service: str, key: str
) -> None:
    with pytest.raises(StackFileError, match=problem) as caught:
        parse(text, file="x.yml", environ={})

    error = caught.value
    assert (error.file, error.service, error.key) == ("x.yml", service, key)
    assert "secret" not in str(error)


def test_load_later_file_replaces_whole_service(tmp_path: Path) -> None:
    first, second = tmp_path / "a.yml", tmp_path / "b.yml"
    first.write_text("web: {image: x, tty: yes, links: [db]}\ndb: {image: y}\n")
    second.write_text("db: {image: z}\nweb: {image: w, links: [db]}\n")

    services = load([first, str(second)]).services

    assert [service["name"] for service in services] == ["web", "db"]
    assert [service["image"] for service in services] == ["w", "z"]
    assert "tty" not in services[0]


def test_load_wrong_link_names_file_of_the_service(tmp_path: Path) -> None:
    first, second = tmp_path / "a.yml", tmp_path / "b.yml"
    first.write_text("web: {image: x}\n")
    second.write_text("db: {image: y, links: [gone]}\n")

    with pytest.raises(StackFileError, match="no service gone") as caught:
        load((first, second))
    assert caught.value.file == str(second)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "cannot be read: No such file"),
        (b"web: {image: \xff}", "not UTF-8"),
        (b"#" * (2**20 + 1), "larger than 1 MiB"),
    ],
)
def test_load_unreadable_file_names_it(
    tmp_path: Path, content: bytes | None, problem: str
) -> None:
    path = tmp_path / "x.yml"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(StackFileError, match=problem) as caught:
        load(path)
    assert caught.value.file == str(path)


def test_load_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "x.yml"
    path.write_bytes(b"\xef\xbb\xbfweb: {image: x}")

    assert load(path).services == [{"name": "web", "image": "x"}]


def test_load_no_files_says_what_they_are_called() -> None:
    with pytest.raises(StackFileError, match=r"docker-cloud\.yml, .*tutum\.yml"):
        load([])


def test_find_goes_up_and_takes_first_name(tmp_path: Path) -> None:
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    for name in ("tutum.yml", "docker-compose.yml", "docker-cloud.yaml"):
        (tmp_path / name).touch()

    assert find(below) == [tmp_path / "docker-cloud.yaml"]

    (tmp_path / "a" / "docker-compose.yml").touch()
    assert find(below) == [tmp_path / "a" / "docker-compose.yml"]


def test_find_brings_override_file(tmp_path: Path) -> None:
    (tmp_path / "tutum.yml").touch()
    (tmp_path / "tutum.override.yml").touch()

    assert find(str(tmp_path)) == [
        tmp_path / "tutum.yml",
        tmp_path / "tutum.override.yml",
    ]


def test_find_nothing_gives_empty_list(tmp_path: Path) -> None:
    assert find(tmp_path) == []
