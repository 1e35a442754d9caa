"""The conversion of stack files to Compose files and back."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from aiodockercloud.exceptions import StackFileError
from aiodockercloud.stackfile import STACK_KEYS, convert, parse, to_api
from aiodockercloud.stackfile.compose_keys import DEPLOY_PATHS, LOST_IN_COMPOSE, SAME
from aiodockercloud.stackfile.compose_writer import WRITERS
from aiodockercloud.stackfile.yaml_text import read_document, write_yaml
from aiodockercloud.wire.service_fields import complete
from tests.support.realfiles import INDEX, STACKFILES

# --- what both layouts can express ----------------------------------------------------


def texts(*some: str) -> st.SearchStrategy[str]:
    return st.sampled_from(some)


def lists(items: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(items, min_size=1, max_size=3, unique_by=str)


def objects(**parts: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return mappings with at least one of the parts."""
    return st.fixed_dictionaries({}, optional=parts).filter(bool)


SECONDS = texts("1s", "90", "1m30s", "2.5s")
WORDS = texts("a", "b.c", "yes", "1e3", "0x1", "010", "~x", "", "a: b # c", "$$x")
FLAGS = texts("true", "false", "yes", "no")
ROLLOUT = objects(
    parallelism=texts("0", "3"),
    delay=SECONDS,
    order=texts("stop-first", "start-first"),
    failure_action=texts("pause", "continue"),
    monitor=SECONDS,
    max_failure_ratio=texts("0", "0.25"),
)
LIMITS = texts("64m", "1g", "134217728", "0.5g")
SOURCES = texts("one", "two")
FILES = lists(
    SOURCES
    | st.fixed_dictionaries(
        {"source": SOURCES},
        optional={"target": texts("/x/y"), "mode": texts("0440"), "uid": texts("7")},
    )
)
COMMON: dict[str, st.SearchStrategy[Any]] = {
    "image": texts("acme/web", "acme/web:1.10", "host:5000/web@sha256:1"),
    "command": texts("run --port 80", "echo 'a b'") | lists(texts("run", "a b", "1")),
    "entrypoint": texts("/bin/sh -c") | lists(texts("sh", "-c")),
    "environment": st.dictionaries(texts("A", "B"), WORDS, min_size=1)
    | lists(texts("A=1", "B=x=y", "C")),
    "ports": lists(
        texts("80", "8080:80", "53:53/udp", "6000-6002:7000-7002")
        | st.just({"target": "443", "published": "8443", "mode": "ingress"})
    ),
    "expose": lists(texts("90", "91/udp")),
    "links": lists(texts("db", "db:sql", "cache:c")),
    "volumes": lists(
        texts("/data", "/srv:/srv", "/etc/x:/etc/x:ro", "/cache:ro")
        | st.just({"volume_name": "one", "container_path": "/one"})
        | st.just(
            {
                **{"volume_name": "two", "container_path": "/two"},
                **{"volume_driver": "nfs", "volume_options": {"a": "1"}},
                "rewritable": "false",
            }
        )
        | st.just({"type": "bind", "source": "/a", "target": "/b"})
    ),
    "volumes_from": lists(texts("db", "cache:ro")),
    "secrets": FILES,
    "configs": FILES,
    "target_num_containers": texts("0", "1", "5"),
    "deployment_strategy": texts("emptiest_node", "every_node", "EVERY_NODE"),
    "update_config": ROLLOUT,
    "rollback_config": ROLLOUT,
    "restart": texts("no", "on-failure", "always", "ON_FAILURE"),
    "labels": st.dictionaries(texts("a", "b"), WORDS, min_size=1)
    | lists(texts("a=1", "b")),
    "healthcheck": objects(
        test=texts("true", "curl -f localhost") | st.just(["CMD", "true", "1"]),
        interval=SECONDS,
        timeout=SECONDS,
        retries=texts("3"),
        start_period=SECONDS,
    ),
    "privileged": FLAGS,
    "read_only": FLAGS,
    "stdin_open": FLAGS,
    "tty": FLAGS,
    "init": FLAGS,
    "net": texts("bridge", "host"),
    "pid": texts("none", "host"),
    "cap_add": lists(texts("NET_ADMIN", "ALL")),
    "cap_drop": texts("ALL") | lists(texts("NET_ADMIN")),
    "cgroup_parent": texts("/x"),
    "cpu_shares": texts("512"),
    "cpuset": texts("0-3", "1"),
    "devices": lists(texts("/dev/a:/dev/b:rw")),
    "dns": texts("8.8.8.8") | lists(texts("9.9.9.9", "1.1.1.1")),
    "dns_search": lists(texts("a.example")),
    "dns_opt": lists(texts("ndots:2")),
    "domainname": texts("example.org"),
    "extra_hosts": lists(texts("a:10.0.0.1")) | st.just({"b": "10.0.0.2"}),
    "hostname": texts("web", "1"),
    "mac_address": texts("02:42:ac:11:65:43"),
    "mem_limit": LIMITS,
    "memswap_limit": LIMITS,
    "mem_reservation": LIMITS,
    "cpus": texts("0.50", "2"),
    "cpu_reservation": texts("0.25", "1"),
    "pids_limit": texts("100"),
    "generic_resources": lists(
        texts("gpu=2") | st.just({"kind": "fpga", "value": "1"})
    ),
    "security_opt": lists(texts("no-new-privileges", "label:disable")),
    "user": texts("1000", "app:app"),
    "working_dir": texts("/app"),
    "stop_grace_period": SECONDS,
    "stop_signal": texts("SIGINT", "9"),
    "restart_policy": objects(
        delay=SECONDS, max_attempts=texts("3"), window=texts("60")
    ),
    "placement": objects(
        constraints=lists(texts("node.role==manager", "node.labels.zone != a")),
        preferences=lists(texts("spread=node.labels.zone")),
        max_replicas_per_node=texts("2"),
        platforms=st.just(["linux/amd64"]),
    ),
    "ulimits": lists(texts("nofile=1:2", "nproc=5"))
    | st.just({"core": "0", "nofile": {"soft": "3", "hard": "4"}}),
    "networks": lists(texts("front", "default"))
    | st.just({"back": {"aliases": ["www"]}, "default": None}),
    "sysctls": lists(texts("net.core.somaxconn=1024")) | st.just({"a.b": "1"}),
    "group_add": lists(texts("audio", "7")),
    "oom_score_adj": texts("-500"),
    "tmpfs": lists(texts("/run", "/tmp:size=64m,mode=1770"))
    | st.just([{"container_path": "/x", "size": "5"}]),
    "log_driver": st.just({"name": "json-file", "options": {"max-size": "10m"}}),
    "logging": st.just({"driver": "journald"}),
    "mode": texts("replicated"),
}


def comparable(definition: dict[str, Any]) -> dict[str, Any]:
    """Return a definition without what two equal files may have otherwise."""
    limits = [
        {**one, "hard": one["soft"] if one["hard"] is None else one["hard"]}
        for one in definition["ulimits"]
    ]
    networks = definition["networks"]
    if networks == [{"name": "default", "aliases": []}]:
        networks = []  # what a service without networks has
    # The keys of a converted file have the order of an exported stack file.
    ordered = {
        name: sorted(definition[name], key=str)
        for name in ("container_ports", "bindings")
    }
    return {**definition, **ordered, "ulimits": limits, "networks": networks}


def definitions(text: str) -> dict[str, Any]:
    services = parse(text, environ={"C": "c"}, file="/srv/shop/x.yml").services
    return {service["name"]: comparable(complete(service)) for service in services}


COMMON_KEYS = st.fixed_dictionaries(
    {"image": COMMON["image"]},
    optional={key: some for key, some in COMMON.items() if key != "image"},
).filter(
    lambda keys: (
        not {"log_driver", "logging"} <= keys.keys()
        # A service on every node has no number.
        and not (
            str(keys.get("deployment_strategy")).lower() == "every_node"
            and "target_num_containers" in keys
        )
    )
)


def test_tables_have_every_key_of_stack_files_once() -> None:
    tables = [SAME, {*DEPLOY_PATHS.values()}, {*WRITERS}, {*LOST_IN_COMPOSE}]

    assert set().union(*tables) == STACK_KEYS | {"nickname"}
    assert not set(LOST_IN_COMPOSE) & set(WRITERS)
    assert {*COMMON, *LOST_IN_COMPOSE, "completions"} == STACK_KEYS | {"nickname"}


@given(st.fixed_dictionaries({"web": COMMON_KEYS}))
def test_convert_there_and_back_keeps_every_key_of_the_common_part(
    services: dict[str, Any],
) -> None:
    others = {"db": {"image": "db"}, "cache": {"image": "cache"}}
    text = write_yaml({**services, **others})
    before = definitions(text)

    there = convert(text, "compose", file="/srv/shop/x.yml")
    back = convert(there.text, "docker-cloud", file="/srv/shop/x.yml")

    assert there.losses == []
    assert back.losses == []
    assert definitions(back.text) == before
    # Compose files are deployed without a conversion, too.
    assert definitions(there.text) == before


@given(completions=texts("1", "5"), restart=texts("no", "on-failure"))
def test_convert_there_and_back_keeps_jobs(completions: str, restart: str) -> None:
    job = {"image": "x", "mode": "job", "completions": completions, "restart": restart}
    text = write_yaml({"job": job})

    there = convert(text)

    assert there.losses == []
    assert definitions(convert(there.text).text) == definitions(text)


@given(st.text(), st.text())
def test_write_yaml_of_any_text_is_read_as_the_same_text(key: str, value: str) -> None:
    found = yaml.safe_load(write_yaml({key: [value]}))

    assert found == {key: [value]}


# --- losses ---------------------------------------------------------------------------


def lost(text: str, **options: Any) -> list[str]:
    return [str(loss) for loss in convert(text, **options).losses]


LOST = {
    "autodestroy": "always",
    "autoredeploy": "true",
    "max_concurrent": "2",
    "nickname": "the web",
    "pin_images": "true",
    "roles": "[global]",
    "sequential_deployment": "true",
    "swarm": "{Labels: {a: b}}",
    "tags": "[production]",
}


@pytest.mark.parametrize("key", sorted(LOST_IN_COMPOSE))
def test_convert_to_compose_reports_each_key_that_compose_cannot_express(
    key: str,
) -> None:
    found = convert(f"web:\n  image: x\n\n  {key}: {LOST[key]}\n")

    [loss] = found.losses
    assert (loss.line, loss.service, loss.key) == (4, "web", key)
    assert loss.problem == LOST_IN_COMPOSE[key]
    assert not loss.harmless
    assert key not in found.text


def test_convert_key_with_its_default_is_no_loss() -> None:
    assert lost("web: {image: x, autodestroy: no, autoredeploy: false}") == []


def test_convert_reports_wrong_and_unknown_keys_with_their_lines() -> None:
    found = lost("web:\n  image: x\n  enviroment: {}\n  ports: [x]\ndb:\n  tty: yes\n")

    assert found[0].startswith(
        "line 3: service web: key enviroment: unknown key; did you mean environment"
    )
    assert found[1].startswith("line 4: service web: key ports: item 1 of the list")
    assert found[2] == "line 5: service db: key image: is missing"
    assert len(found) == 3


def test_convert_reports_links_to_other_stacks() -> None:
    found = convert("web:\n  image: x\n  links:\n    - db\n    - q.other:q\n")

    assert [str(loss) for loss in found.losses] == [
        "line 5: service web: key links: a service of another file cannot be linked"
    ]
    assert yaml.safe_load(found.text)["services"]["web"]["links"] == ["db"]


def test_convert_reports_comments_once() -> None:
    found = lost("# a\nweb:\n  image: x  # b\n  command: 'a # no comment'\n")

    assert found == ["line 1: 2 comments are not kept"]


def test_convert_keeps_variables() -> None:
    text = (
        "web:\n  image: acme/web:$TAG\n  ports: ['${PORT}:80']\n"
        "  volumes: ['${DATA}:/data']\n  mem_limit: ${MEMORY}\n"
        "  environment: {A: $$A, B: '${B}'}\n  target_num_containers: $N\n"
    )

    there = convert(text)
    back = convert(there.text)

    assert there.losses == back.losses == []
    assert yaml.safe_load(back.text) == yaml.safe_load(text)


def test_convert_variable_in_a_value_of_another_form_is_reported() -> None:
    [loss] = convert("web:\n  image: x\n  ulimits: ['nofile=$N']\n").losses

    assert (loss.line, loss.key) == (3, "ulimits")
    assert loss.problem == "has a part whose form Compose does not have"


def test_convert_to_the_same_layout_is_refused() -> None:
    with pytest.raises(StackFileError, match="has the layout compose already"):
        convert("services: {web: {image: x}}", to="compose")


def test_convert_fields_of_the_api_become_keys_of_compose() -> None:
    text = "web: {image: x, autorestart: ON_FAILURE, run_command: run, memory: 64}"

    found = convert(text)

    assert yaml.safe_load(found.text)["services"]["web"] == {
        **{"image": "x", "restart": "on-failure", "command": "run"},
        "deploy": {"resources": {"limits": {"memory": "64m"}}},
    }


def test_convert_exposed_port_of_the_api_becomes_exposed() -> None:
    found = convert("web: {image: x, ports: [{inner_port: 25}], expose: [26]}")

    assert found.losses == []
    assert yaml.safe_load(found.text)["services"]["web"]["expose"] == ["25", "26"]


# --- real files -----------------------------------------------------------------------


@pytest.mark.parametrize("row", INDEX, ids=[row["file"] for row in INDEX])
def test_convert_real_file_loses_only_what_it_reports(row: dict[str, str]) -> None:
    path = STACKFILES / row["file"]
    text = path.read_text(encoding="utf-8")
    if row["file"] == "activefx--docker-rails.tutum.yml":
        with pytest.raises(StackFileError, match="autorestart is given twice"):
            convert(text, file=str(path))
        return

    there = convert(text, file=str(path))
    back = convert(there.text, file=str(path))

    assert all(loss.line >= 1 for loss in there.losses)
    if row["kind"] != "stackfile":
        return
    reported = {(loss.service, loss.key) for loss in there.losses}
    before, after = (read_document(one, "").data for one in (text, back.text))
    for name in before:
        assert compared(before, name, reported) == compared(after, name, reported)


def compared(
    services: dict[str, Any], name: str, reported: set[tuple[str, str]]
) -> dict[str, Any]:
    """Return the definition of the keys that no loss names and no variable is in."""
    keys = {
        key: value
        for key, value in services[name].items()
        if "$" not in str(value) and (name, key) not in reported and value is not None
    }
    return comparable(complete(to_api("", keys)))
