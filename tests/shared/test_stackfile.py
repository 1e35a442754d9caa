"""Stack files: real files, layout, variables, and the search for files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aiodockercloud.exceptions import StackFileError
from aiodockercloud.stackfile import find, load, parse
from tests.support.realfiles import COMPOSE, INDEX, STACKFILES
from tests.support.stackparts import published

# --- real files ---------------------------------------------------------------------


@pytest.mark.parametrize("row", INDEX, ids=[row["file"] for row in INDEX])
def test_load_real_file_returns_services_or_names_place(row: dict[str, str]) -> None:
    path = STACKFILES / row["file"]

    if row["kind"] == "stackfile" or row["file"] in COMPOSE:
        stack = load(path, environ={})
        assert len(stack.services) == int(row["services"])
        assert all(service["image"] and service["name"] for service in stack.services)
        return
    with pytest.raises(StackFileError) as caught:
        load(path, environ={})
    assert caught.value.file == str(path)
    # The place is a service's key, or a top-level key of a Compose file.
    assert caught.value.key
    assert caught.value.service or caught.value.problem.startswith("line ")


# --- files --------------------------------------------------------------------------


def one(keys: str, **environ: str) -> dict[str, Any]:
    text = "web:\n  image: acme/web\n" + "".join(
        f"  {line}\n" for line in keys.splitlines()
    )
    [service] = parse(text, environ=environ).services
    return service


def test_parse_scalars_stay_texts() -> None:
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


def test_parse_repeated_merge_keys_add_up() -> None:
    stack = parse(
        "a: &a {image: x}\nb: &b {image: y, tags: [t]}\nc:\n  <<: *a\n  <<: *b\n"
    )

    assert stack.services[2].keys() >= {"image", "tags"}


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


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("image", "${NAME}", "the variable NAME is not set: must not be empty"),
        ("image", "$NAME$OTHER", "the variables NAME and OTHER are not set: must not"),
        ("image", "$NAME$NAME", "the variable NAME is not set: must not be empty"),
        ("target_num_containers", "$NAME", "the variable NAME is not set:  is not"),
        ("ports", "['$NAME:80']", "the variable NAME is not set: item 1 of the list"),
        ("links", "['$NAME']", "the variable NAME is not set: item 1"),
        ("links", "['db$NAME']", "the variable NAME is not set: there is no service"),
        ("mem_limit", "${NAME}m", "the variable NAME is not set: m is not a size"),
        ("restart", "$NAME", "the variable NAME is not set:  is not possible"),
        ("container_ports", "$NAME", "the variable NAME is not set: item 1 of the"),
    ],
)
def test_parse_unset_variable_without_which_a_key_is_wrong_is_named(
    key: str, value: str, message: str
) -> None:
    keys = {"image": "x", "hostname": "$ELSEWHERE", key: value}
    text = "".join(f"  {name}: {text}\n" for name, text in keys.items())

    with pytest.raises(StackFileError, match=f"key {key}: ") as caught:
        parse(f"web:\n{text}", file="f.yml", environ={})

    assert caught.value.problem.startswith(message)
    assert (caught.value.service, caught.value.key) == ("web", key)
    assert "ELSEWHERE" not in str(caught.value)


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
    ("web: {image: x, name: y}\n", "differs from the name", "web", "name"),
    ("version: 3.1\nweb: {image: x}\n", "but no mapping 'services'", "", "version"),
    ("services:\n  web:\n", "has no keys", "web", ""),
    ("services:\n  web:\n    foo: x\n", "line 3: unknown key", "web", "foo"),
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
    ("web:\n  image: x\n\n  image: y\n", "line 4: .* in line 2", "web", "image"),
    ("web: {image: x}\n'web': {image: y}\n", "line 2: web .* in line 1", "web", ""),
    (
        "web:\n  image: x\n  environment:\n    A: secret\n    A: secret\n",
        "line 5: A is given twice, first in line 4",
        "web",
        "environment",
    ),
    ("web:\n  image: x\n  ports: [{a: 1, a: 1}]\n", "line 3: a .*", "web", "ports"),
    ("web: {image: x}\n---\ndb: {image: y}\n", "several YAML documents", "", ""),
    ("web: &a\n  image: [*a]\n", "is inside", "", ""),
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
def test_load_unreadable_file_names_the_file(
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


def test_load_no_files_names_the_known_file_names() -> None:
    with pytest.raises(StackFileError, match=r"docker-cloud\.yml, .*tutum\.yml"):
        load([])


def test_find_searches_parents_and_returns_the_first_name(tmp_path: Path) -> None:
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    for name in ("tutum.yml", "docker-compose.yml", "docker-cloud.yaml"):
        (tmp_path / name).touch()

    assert find(below) == [tmp_path / "docker-cloud.yaml"]

    (tmp_path / "a" / "docker-compose.yml").touch()
    assert find(below) == [tmp_path / "a" / "docker-compose.yml"]


def test_find_returns_the_override_file_too(tmp_path: Path) -> None:
    (tmp_path / "tutum.yml").touch()
    (tmp_path / "tutum.override.yml").touch()

    assert find(str(tmp_path)) == [
        tmp_path / "tutum.yml",
        tmp_path / "tutum.override.yml",
    ]


def test_find_without_a_file_returns_an_empty_list(tmp_path: Path) -> None:
    assert find(tmp_path) == []
