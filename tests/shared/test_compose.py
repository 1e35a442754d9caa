"""Compose files that are deployed: their keys as those of stack files."""

from __future__ import annotations

from typing import Any

import pytest

from aiodockercloud.exceptions import StackFileError
from aiodockercloud.stackfile import Loss, compose_services, convert, parse
from tests.support.stackparts import mount, published


def one(keys: str, *, below: str = "", **environ: str) -> dict[str, Any]:
    """Return the API JSON of a service of a Compose file of the stack ``shop``."""
    lines = "".join(f"    {line}\n" for line in keys.splitlines())
    text = f"services:\n  web:\n    image: x\n{lines}  db: {{image: y}}\n{below}"
    service, _ = parse(text, file="/srv/shop/compose.yml", environ=environ).services
    return {k: v for k, v in service.items() if k not in ("name", "image")}


def losses(keys: str, below: str = "") -> list[Loss]:
    """Return the losses of the keys of a service; the first key is in line 4."""
    lines = "".join(f"    {line}\n" for line in keys.splitlines())
    text = f"services:\n  web:\n    image: x\n{lines}{below}"
    return convert(text, file="/srv/shop/compose.yml").losses


# --- keys -----------------------------------------------------------------------------


READ: list[tuple[str, dict[str, Any]]] = [
    ("command: [run, a b]", {"run_command": "run 'a b'"}),
    ("ports: ['8080:80']", {"container_ports": [published(80, 8080)]}),
    ("ports: ['0.0.0.0:8080:80']", {"container_ports": [published(80, 8080)]}),
    (
        "ports: [{target: 80, published: '8080', protocol: udp}]",
        {"container_ports": [published(80, 8080, "udp")]},
    ),
    (
        "ports: [{target: 80, mode: ingress}]",
        {"container_ports": [{**published(80), "mode": "ingress"}]},
    ),
    ("links: ['db:sql']", {"linked_to_service": [{"to_service": "db", "name": "sql"}]}),
    ("depends_on: [db]", {"linked_to_service": [{"to_service": "db", "name": "db"}]}),
    (
        "depends_on: {db: {condition: service_started}}\nlinks: ['db:sql']",
        {"linked_to_service": [{"to_service": "db", "name": "sql"}]},
    ),
    (
        "volumes: [/data, '/a:/b:ro']",
        {"bindings": [mount("/data"), mount("/b", "/a", False)]},
    ),
    (
        "volumes: ['data:/data']",
        {"bindings": [{"volume_name": "shop_data", "container_path": "/data"}]},
    ),
    (
        "volumes: [{type: bind, source: /a, target: /b, read_only: true}]",
        {"bindings": [mount("/b", "/a", False)]},
    ),
    (
        "volumes: [{type: tmpfs, target: /run, tmpfs: {size: 64m, mode: 1770}}]",
        {"tmpfs": [{"container_path": "/run", "size": 64, "mode": "1770"}]},
    ),
    (
        "tmpfs: /run:size=64m,nosuid",
        {"tmpfs": [{"container_path": "/run", "size": 64, "mode": None}]},
    ),
    ("restart: unless-stopped", {"autorestart": "ALWAYS"}),
    (
        "restart: on-failure:3",
        {
            "autorestart": "ON_FAILURE",
            "restart_policy": {"delay": None, "max_attempts": 3, "window": None},
        },
    ),
    ("scale: 2", {"target_num_containers": 2}),
    ("deploy: {replicas: 3}", {"target_num_containers": 3}),
    ("deploy: {mode: global}", {"deployment_strategy": "EVERY_NODE"}),
    ("deploy: {replicas: 3, mode: replicated-job}", {"mode": "job", "completions": 3}),
    ("deploy: {restart_policy: {}}", {"autorestart": "ALWAYS"}),
    ("deploy: {restart_policy: {condition: none}}", {"autorestart": "OFF"}),
    (
        "deploy: {resources: {limits: {cpus: '0.5', memory: 64M, pids: 9}}}",
        {"cpus": 0.5, "memory": 64, "pids_limit": 9},
    ),
    (
        "deploy: {resources: {reservations: {cpus: '0.5', memory: 64M}}}",
        {"cpu_reservation": 0.5, "memory_reservation": 64},
    ),
    (
        "deploy: {update_config: {parallelism: 2, delay: 1m}}",
        {"update_config": {"parallelism": 2, "delay": 60}},
    ),
    ("labels: [a=1]\ndeploy: {labels: {b: 2}}", {"labels": {"a": "1", "b": "2"}}),
    ("network_mode: host", {"net": "host"}),
    ("networks: [default]", {}),
    (
        "networks: {back: {aliases: [www]}, default: }",
        {
            "networks": [
                {"name": "shop_back", "aliases": ["www"]},
                {"name": "default", "aliases": []},
            ]
        },
    ),
    (
        "extra_hosts: ['a=10.0.0.1', 'b:10.0.0.2']",
        {"extra_hosts": ["a:10.0.0.1", "b:10.0.0.2"]},
    ),
    (
        "logging: {driver: json-file}",
        {"log_driver": {"name": "json-file", "options": {}}},
    ),
    (
        "secrets: [{source: pw, mode: 256}]",
        {
            "secrets": [
                {"source": "pw", "target": "pw", "mode": 256, "uid": "0", "gid": "0"}
            ]
        },
    ),
]


@pytest.mark.parametrize(("keys", "fields"), READ, ids=[keys for keys, _ in READ])
def test_key_of_compose_becomes_field(keys: str, fields: dict[str, Any]) -> None:
    assert one(keys) == fields


SHARED: list[tuple[str, str, Any]] = [
    ("volumes: [data:/x]", "volumes: {data: {external: true}}", "data"),
    ("volumes: [data:/x]", "volumes: {data: {name: real}}", "real"),
    ("volumes: [data:/x]", "volumes: {data: }", "shop_data"),
    ("volumes: [data:/x]", "name: other\nvolumes: {data: }", "other_data"),
    ("networks: [data]", "networks: {data: {external: true}}", "data"),
    ("networks: [data]", "networks: {data: {external: {name: real}}}", "real"),
    ("networks: [data]", "networks: {data: }", "shop_data"),
    ("networks: [default]", "networks: {default: {name: real}}", "real"),
    ("tty: yes", "networks: {default: {name: real}}", "real"),
    ("secrets: [data]", "secrets: {data: {external: true, name: real}}", "real"),
    ("configs: [data]", "configs: {data: {file: x}}", "data"),
]


@pytest.mark.parametrize(("keys", "below", "name"), SHARED)
def test_shared_object_has_the_name_that_compose_gives(
    keys: str, below: str, name: str
) -> None:
    service = one(keys, below=below)

    field, part = {
        "volumes": ("bindings", "volume_name"),
        "networks": ("networks", "name"),
        "secrets": ("secrets", "source"),
        "configs": ("configs", "source"),
        "tty": ("networks", "name"),
    }[keys.partition(":")[0]]
    assert [item[part] for item in service[field]] == [name]


def test_secret_keeps_the_name_of_its_file_when_its_name_differs() -> None:
    service = one("secrets: [pw]", below="secrets: {pw: {name: real}}")

    assert service["secrets"][0]["target"] == "pw"


def test_name_of_the_deployment_precedes_that_of_the_file() -> None:
    text = "name: inner\nservices: {web: {image: x, volumes: ['data:/data']}}"

    stack = parse(text, name="outer")

    assert stack.name == "outer"
    assert stack.services[0]["bindings"][0]["volume_name"] == "outer_data"
    assert parse(text).name == "inner"


# --- variables ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("${A}", "1"),
        ("${A:-x}", "1"),
        ("${B:-x}", "x"),
        ("${EMPTY:-x}", "x"),
        ("${EMPTY-x}", ""),
        ("${B-${A}2}", "12"),
        ("${A:+x}${B+y}", "x"),
        ("${A?must be set}", "1"),
        ("$$A", "$A"),
    ],
)
def test_variable_may_have_a_default(text: str, meaning: str) -> None:
    assert one(f"hostname: '{text}.'", A="1", EMPTY="")["hostname"] == f"{meaning}."


def test_variable_that_must_be_set_is_named() -> None:
    with pytest.raises(StackFileError, match="A is not set, and must be set") as caught:
        one("hostname: ${A:?secret}")

    assert (caught.value.service, caught.value.key) == ("web", "hostname")
    assert "secret" not in str(caught.value)


def test_unset_variable_without_which_a_key_is_wrong_is_named_with_the_line() -> None:
    with pytest.raises(StackFileError) as caught:
        one("deploy:\n  replicas: $N")

    assert caught.value.key == "deploy.replicas"
    assert caught.value.problem.startswith("line 5: the variable N is not set: ")


# --- losses ---------------------------------------------------------------------------


LOST: list[tuple[str, int, str]] = [
    ("ports: ['127.0.0.1:80:80']", 4, "ports"),
    ("ports:\n  - 80\n  - {target: 1, host_ip: 10.0.0.1}", 6, "ports.host_ip"),
    ("volumes:\n  - /a\n  - ./x:/x", 6, "volumes"),
    ("volumes: ['a:/b:z']", 4, "volumes"),
    (
        "volumes: [{type: volume, source: a, target: /b, volume: {nocopy: true}}]",
        4,
        "volumes.volume",
    ),
    ("volumes: [{type: npipe, source: a, target: /b}]", 4, "volumes.type"),
    ("network_mode: none", 4, "network_mode"),
    (
        "networks:\n  front:\n    ipv4_address: 10.0.0.1",
        6,
        "networks.front.ipv4_address",
    ),
    ("env_file: .env", 4, "env_file"),
    ("ipc: host", 4, "ipc"),
    ("profiles: [debug]", 4, "profiles"),
    ("foo: 1", 4, "foo"),
    ("deploy:\n  foo: 1", 5, "deploy.foo"),
    ("deploy:\n  mode: global-job", 5, "deploy.mode"),
    ("deploy:\n  endpoint_mode: dnsrr", 5, "deploy.endpoint_mode"),
    (
        "deploy:\n  resources:\n    reservations:\n      devices: [{}]",
        7,
        "deploy.resources.reservations.devices",
    ),
    ("deploy:\n  placement: {constraints: [x]}", 5, "deploy.placement"),
    ("deploy: 3", 4, "deploy"),
    (
        "cpus: 1\ndeploy: {resources: {limits: {cpus: 2}}}",
        5,
        "deploy.resources.limits.cpus",
    ),
    ("tmpfs: /run:noexec", 4, "tmpfs"),
    ("volumes_from: ['container:x']", 4, "volumes_from"),
    ("mem_limit: -1", 4, "mem_limit"),
]


@pytest.mark.parametrize(("keys", "line", "key"), LOST, ids=[one[0] for one in LOST])
def test_value_without_a_counterpart_is_a_loss_and_refuses_a_deployment(
    keys: str, line: int, key: str
) -> None:
    [loss] = losses(keys)
    assert (loss.line, loss.service, loss.key) == (line, "web", key)
    assert not loss.harmless

    with pytest.raises(StackFileError) as caught:
        one(keys)
    assert (caught.value.service, caught.value.key) == ("web", key)
    assert f"line {line}: " in str(caught.value)


HARMLESS: list[tuple[str, int, str]] = [
    ("build: .", 4, "build"),
    ("container_name: x", 4, "container_name"),
    ("x-a: 1", 4, "x-a"),
    ("pull_policy: always", 4, "pull_policy"),
    ("depends_on:\n  db: {condition: service_healthy}", 5, "depends_on.db.condition"),
    ("deploy:\n  labels: {a: b}", 5, "deploy.labels"),
    ("deploy: {restart_policy: {}}\nrestart: no", 5, "restart"),
    ("deploy: {mode: global, replicas: 2}", 4, "deploy.replicas"),
    ("ports: [{target: 80, name: http}]", 4, "ports.name"),
    (
        "volumes:\n"
        "  - {type: bind, source: /a, target: /b, bind: {create_host_path: true}}",
        5,
        "volumes.bind",
    ),
]


@pytest.mark.parametrize(
    ("keys", "line", "key"), HARMLESS, ids=[one[0] for one in HARMLESS]
)
def test_value_without_effect_is_a_warning_of_a_deployment(
    keys: str, line: int, key: str
) -> None:
    [loss] = losses(keys)
    assert (loss.line, loss.service, loss.key) == (line, "web", key)
    assert loss.harmless

    text = "".join(f"    {line}\n" for line in keys.splitlines())
    stack = parse(
        f"services:\n  web:\n    image: x\n{text}  db: {{image: y}}\n", file="f.yml"
    )
    assert stack.warnings == (f"f.yml: {loss}",)


@pytest.mark.parametrize(
    ("below", "key", "harmless"),
    [
        ("version: '3'", "version", True),
        ("x-env: {a: b}", "x-env", True),
        ("include: [x]", "include", False),
        ("secrets: {pw: {file: x}}", "secrets.pw.file", True),
        ("networks: {a: {driver: overlay}}", "networks.a.driver", True),
        ("networks: {a: {driver: weave}}", "networks.a.driver", False),
        ("networks: {a: {ipam: {}}}", None, True),
        ("volumes: {a: {labels: {b: c}}}", "volumes.a.labels", True),
        ("volumes: {a: {foo: c}}", "volumes.a.foo", False),
    ],
)
def test_top_level_key_without_a_counterpart_is_a_loss(
    below: str, key: str | None, harmless: bool
) -> None:
    found = losses("tty: yes", below)

    assert [(one.line, one.service, one.key, one.harmless) for one in found] == (
        [(5, "", key, harmless)] if key else []
    )


def test_refusal_states_how_many_more_values_are_lost() -> None:
    with pytest.raises(StackFileError, match=r"line 4: .*\(2 more are lost; lint"):
        one("ipc: host\nuts: host\nbuild: .\nfoo: 1")


# --- JSON -----------------------------------------------------------------------------


def test_compose_services_reads_json() -> None:
    data = {
        "services": {
            "web": {"image": "x", "tty": True, "deploy": {"replicas": 2}},
            "db": {"image": "y", "cpus": 0.5, "volumes": ["data:/d"]},
        },
        "volumes": {"data": None},
    }

    assert compose_services(data, "shop") == {
        "web": {"image": "x", "tty": "true", "target_num_containers": "2"},
        "db": {
            "image": "y",
            "cpus": "0.5",
            "volumes": [{"volume_name": "shop_data", "container_path": "/d"}],
        },
    }


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ({"services": {"web": None}}, "service web: the service has no keys"),
        ({"services": {"web": {"ipc": "host"}}}, "service web: key ipc: containers"),
    ],
)
def test_compose_services_refuses_without_a_line(
    data: dict[str, Any], problem: str
) -> None:
    with pytest.raises(StackFileError) as caught:
        compose_services(data, "shop")

    assert str(caught.value).startswith(problem)
