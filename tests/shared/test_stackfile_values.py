"""The values of stack-file keys: all valid forms, and refused values."""

from __future__ import annotations

from typing import Any

import pytest

from aiodockercloud.stackfile import API_KEYS, STACK_KEYS, to_api
from aiodockercloud.wire.service_fields import BY_NAME
from tests.support import optionvalues
from tests.support.stackparts import exposed, mount, published

NOFILE = {"name": "nofile", "soft": 1024, "hard": 2048}


def port(protocol: str, inner: int, outer: int | None = None) -> dict[str, Any]:
    return {
        "protocol": protocol,
        "inner_port": inner,
        "outer_port": outer,
        "published": True,
    }


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
    ("mode", "job", "mode", "job"),
    ("completions", "5", "completions", 5),
    ("max_concurrent", 2, "max_concurrent", 2),
    (
        "secrets",
        ["db", {"source": "db", "target": "/etc/db", "mode": "0440", "uid": 5}],
        "secrets",
        [
            {"source": "db", "target": "db", "mode": 0o444, "uid": "0", "gid": "0"},
            {
                **{"source": "db", "target": "/etc/db", "mode": 0o440},
                **{"uid": "5", "gid": "0"},
            },
        ],
    ),
    (
        "configs",
        "app.conf",
        "configs",
        [
            {
                **{"source": "app.conf", "target": "app.conf", "mode": 0o444},
                **{"uid": "0", "gid": "0"},
            }
        ],
    ),
    (
        "healthcheck",
        {
            "test": ["CMD", "curl", "-f", "localhost"],
            "interval": "1m30s",
            "timeout": "500ms",
            "retries": "5",
            "start_period": 40,
            "start_interval": None,
        },
        "healthcheck",
        {
            "test": ["CMD", "curl", "-f", "localhost"],
            "interval": 90,
            "timeout": 0.5,
            "retries": 5,
            "start_period": 40,
        },
    ),
    (
        "healthcheck",
        {"test": "curl -f localhost"},
        "healthcheck",
        {"test": ["CMD-SHELL", "curl -f localhost"]},
    ),
    ("healthcheck", {"test": "NONE"}, "healthcheck", {"test": ["NONE"]}),
    ("healthcheck", {"disable": "true"}, "healthcheck", {"test": ["NONE"]}),
    (
        "update_config",
        {
            "parallelism": "all",
            "delay": "10s",
            "order": "start-first",
            "failure_action": "rollback",
            "monitor": "0.5",
            "max_failure_ratio": "0.25",
        },
        "update_config",
        {
            "parallelism": 0,
            "delay": 10,
            "order": "start-first",
            "failure_action": "rollback",
            "monitor": 0.5,
            "max_failure_ratio": 0.25,
        },
    ),
    (
        "rollback_config",
        {"parallelism": 2, "failure_action": "continue", "order": "STOP_FIRST"},
        "rollback_config",
        {"parallelism": 2, "failure_action": "continue", "order": "stop-first"},
    ),
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
    (
        "ports",
        [
            {"target": "80", "published": "8080", "mode": "host"},
            {"target": 53, "protocol": "udp"},
            "443",
        ],
        "container_ports",
        [
            port("tcp", 80, 8080) | {"mode": "host"},
            port("udp", 53) | {"mode": "ingress"},
            port("tcp", 443),
        ],
    ),
    (
        "volumes",
        [
            {"type": "bind", "source": "/srv", "target": "/data", "read_only": "true"},
            {"source": "shared", "target": "/shared"},
            {
                "volume_name": "nfs",
                "container_path": "/nfs",
                "volume_driver": "local",
                "volume_options": {"type": "nfs"},
            },
        ],
        "bindings",
        [
            {"host_path": "/srv", "container_path": "/data", "rewritable": False},
            {
                "host_path": None,
                "container_path": "/shared",
                "rewritable": True,
                "volume_name": "shared",
            },
            {
                "volume_name": "nfs",
                "container_path": "/nfs",
                "volume_driver": "local",
                "volume_options": {"type": "nfs"},
            },
        ],
    ),
    *[
        (BY_NAME[name].stack_keys[0], written, name, meaning)
        for name, (written, meaning) in optionvalues.FORMS.items()
    ],
    ("ulimits", "nofile=1024:2048", "ulimits", [NOFILE]),
    (
        "ulimits",
        [{"name": "nofile", "soft": 1024, "hard": "2048"}],
        "ulimits",
        [NOFILE],
    ),
    (
        "sysctls",
        {"net.core.somaxconn": 1024},
        "sysctls",
        {"net.core.somaxconn": "1024"},
    ),
    ("logging", {"driver": "none"}, "log_driver", {"name": "none", "options": {}}),
    ("stop_grace_period", 0, "stop_grace_period", 0),
    ("oom_score_adj", "-500", "oom_score_adj", -500),
    (
        "generic_resources",
        [{"discrete_resource_spec": {"kind": "gpu", "value": 2}}],
        "generic_resources",
        [{"kind": "gpu", "value": "2"}],
    ),
    (
        "tmpfs",
        ["/run", {"target": "/tmp", "size": "1048576b"}],
        "tmpfs",
        [
            {"container_path": "/run", "size": None, "mode": None},
            {"container_path": "/tmp", "size": 1, "mode": None},
        ],
    ),
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
    """``None`` as meaning: the value stays unchanged."""
    keys = {key: value}

    assert to_api("web", keys) == {field: value if meaning is None else meaning}
    assert keys == {key: value}


def test_forms_cover_every_key() -> None:
    assert STACK_KEYS == {form[0] for form in FORMS} - {"autorestart"}
    assert {form[2] for form in FORMS} <= API_KEYS
