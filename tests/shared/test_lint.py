"""What each engine does with each key of a stack file."""

from __future__ import annotations

from pathlib import Path

import pytest

from aiodockercloud.exceptions import StackFileError
from aiodockercloud.stackfile import Finding, lint, load
from tests.support.realfiles import INDEX, STACKFILES


def one(keys: str, key: str) -> Finding:
    """Return the finding of a key of a service."""
    [found] = [f for f in lint(f"web:\n  image: x\n  {keys}\n") if f.key == key]
    return found


@pytest.mark.parametrize(
    ("keys", "embedded", "swarm"),
    [
        ("command: run", "honoured", "honoured"),
        ("labels: {a: b}", "honoured", "honoured"),
        ("mem_limit: 64m", "emulated", "honoured"),
        ("privileged: true", "emulated", "refused"),
        ("swarm: {Labels: {a: b}}", "refused", "honoured"),
        ("generic_resources: [gpu=1]", "refused", "honoured"),
        ("pid: host", "emulated", "refused"),
        ("pid: none", "emulated", "honoured"),
        ("privileged: false", "emulated", "honoured"),
        ("privileged: $P", "emulated", "refused"),
        ("log_driver: {name: gelf}", "refused", "honoured"),
        ("ports: ['80:80', '81:80']", "honoured", "refused"),
        ("ports: [{target: 80, mode: ingress}]", "refused", "honoured"),
        (
            "volumes: [{volume_name: a, container_path: /a, volume_driver: nfs}]",
            "refused",
            "honoured",
        ),
        ("enviroment: {}", "refused", "refused"),
        ("tty: perhaps", "refused", "refused"),
        ("tty: $TTY", "honoured", "honoured"),
        ("links: [db]", "refused", "refused"),
        ("links: [db.other]", "honoured", "honoured"),
        ("autorestart: on-failure", "honoured", "honoured"),
    ],
)
def test_lint_states_what_each_engine_does(
    keys: str, embedded: str, swarm: str
) -> None:
    found = one(keys, keys.partition(":")[0])

    assert found.line == 3
    assert found.service == "web"
    assert found.engines == {"embedded": embedded, "swarm": swarm}
    # Each word but "honoured" has its reason.
    words = found.engines.items()
    assert found.reasons.keys() == {e for e, word in words if word != "honoured"}


def test_lint_refuses_a_key_that_contradicts_another() -> None:
    found = one("restart: always\n  autorestart: on-failure", "autorestart")

    assert found.engines == {"embedded": "refused", "swarm": "refused"}
    assert "contradicts the key restart" in found.reasons["swarm"]


def test_lint_refuses_a_service_without_image_in_the_line_of_the_service() -> None:
    [found] = [
        one
        for one in lint("web:\n  image: x\ndb:\n  tty: yes\n")
        if one.key == "image" and one.service == "db"
    ]

    assert found.line == 3
    assert "is missing" in found.reasons["embedded"]


def test_lint_of_a_compose_file_has_its_keys_and_lines() -> None:
    found = lint(
        "services:\n  web:\n    image: x\n    build: .\n    ipc: host\n    deploy:\n"
        "      replicas: 2\n      resources:\n        limits:\n          cpus: '1'\n"
    )

    assert [(f.line, f.key, *f.engines.values()) for f in found] == [
        (3, "image", "honoured", "honoured"),
        (4, "build", "emulated", "emulated"),
        (5, "ipc", "refused", "refused"),
        (7, "deploy.replicas", "honoured", "honoured"),
        (10, "deploy.resources.limits.cpus", "emulated", "honoured"),
    ]


def test_lint_of_merged_keys_has_the_lines_of_the_anchor() -> None:
    found = lint("a: &a\n  image: x\n  tty: yes\nb:\n  <<: *a\n  image: y\n")

    assert [(f.line, f.service, f.key) for f in found] == [
        (2, "a", "image"),
        (3, "a", "tty"),
        (3, "b", "tty"),
        (6, "b", "image"),
    ]


@pytest.mark.parametrize("text", ["", "- a\n", "web: [\n", "web:\n"])
def test_lint_of_a_text_without_layout_is_an_error(text: str) -> None:
    with pytest.raises(StackFileError):
        lint(text, file="x.yml")


@pytest.mark.parametrize("row", INDEX, ids=[row["file"] for row in INDEX])
def test_lint_of_real_file_refuses_what_a_deployment_refuses(
    row: dict[str, str],
) -> None:
    path = STACKFILES / row["file"]

    assert _linted(path) == _loaded(path)


def _loaded(path: Path) -> bool:
    """Return whether a file is valid, but for variables that are not set."""
    try:
        load(path, environ={})
    except StackFileError as error:
        return "not set" in error.problem
    return True


def _linted(path: Path) -> bool:
    try:
        findings = lint(path.read_text(encoding="utf-8"), file=str(path))
    except StackFileError:
        return False
    return all({*found.engines.values()} != {"refused"} for found in findings)
