"""The pages about fields, compared with the table of fields and with Swarm's spec."""

from __future__ import annotations

import csv
import re
from typing import Any

import pytest

from aiodockercloud.server.engines import ContainerSpec, MountSpec, PortSpec
from aiodockercloud.server.engines.swarm import service_specs
from aiodockercloud.wire.service_fields import BY_NAME, ENGINE_OPTIONS, READ_ONLY
from tests.support import optionvalues, servicefields
from tests.support.facts import ROOT

#: Values of the fields that the hosted API had.
OLD: dict[str, Any] = {
    "labels": {"a": "1"},
    "hostname": "web",
    "working_dir": "/x",
    "user": "me",
    "security_opt": [
        *("label:disable", "seccomp=unconfined", "apparmor=unconfined"),
        "no-new-privileges",
    ],
    "tty": True,
    "stdin_open": True,
    "read_only": True,
    "extra_hosts": ["db:10.0.0.1"],
    "dns": ["10.0.0.1"],
    "dns_search": ["x"],
    "cap_add": ["CHOWN"],
    "cap_drop": ["CHOWN"],
    "memory": 64,
    "healthcheck": {"test": ["CMD", "true"]},
}


#: Parts that the control plane follows by itself, and parts that have ids of Docker,
#: which the engine adds when it creates a container.
ELSEWHERE = (
    *("Placement.Preferences", "Placement.MaxReplicas"),
    *("ContainerSpec.Secrets", "ContainerSpec.Configs"),
)


def rows(name: str) -> list[tuple[str, str, str]]:
    """Return the rows of a table: part, how far covered, how."""
    with (ROOT / "docs" / name).open(encoding="utf-8", newline="") as file:
        return [(part, covered, how) for part, covered, how in csv.reader(file)]


ENGINE, AIODOCKER = rows("update_coverage.csv"), rows("aiodocker_coverage.csv")


def spec() -> dict[str, Any]:
    """Return Swarm's spec of a container with a value for each field."""
    written = {name: value for name, (_, value) in optionvalues.FORMS.items()}
    written["restart_policy"] = {"delay": 1, "max_attempts": 2, "window": 3}
    options = {k: v for k, v in {**OLD, **written}.items() if k in ENGINE_OPTIONS}
    return service_specs.service_spec(
        ContainerSpec(
            uuid="00000000-0000-0000-0000-000000000001",
            name="web-1",
            service="web",
            stack=None,
            namespace="alice",
            node="n1",
            image="nginx",
            command="run",
            entrypoint="start",
            environment={"A": "1"},
            ports=[PortSpec(80, "tcp", True, 8080)],
            mounts=[MountSpec("/a", None, None, False, "shared", "nfs", {"a": "1"})],
            options=options,
        )
    )


def found(spec: Any, path: list[str]) -> bool:
    """Return whether a spec has a path; of a list, whether any item has the rest."""
    if not path:
        return True
    if isinstance(spec, list):
        return any(found(item, path) for item in spec)
    return isinstance(spec, dict) and path[0] in spec and found(spec[path[0]], path[1:])


def test_every_part_has_a_word_and_a_reason() -> None:
    assert len(ENGINE) == 93
    assert len(AIODOCKER) == 32
    assert len({part for part, _, _ in ENGINE}) == 93
    for part, covered, how in ENGINE + AIODOCKER:
        assert covered in ("full", "partly", "not"), part
        assert how.strip(), part
        if covered == "partly":
            assert re.search(r"[;,]|always|which", how), f"{part}: the missing part"


def test_all_of_aiodocker_is_covered() -> None:
    assert {covered for _, covered, _ in AIODOCKER} == {"full"}


@pytest.mark.parametrize(
    "part",
    [
        part.strip("`")
        for part, covered, _ in ENGINE
        if covered == "full" and re.match(r"``(TaskTemplate|EndpointSpec)\.", part)
    ],
)
def test_covered_part_of_the_task_is_in_the_spec(part: str) -> None:
    path = re.sub(r", type \w+$", "", part)
    if path.endswith(ELSEWHERE):
        return

    assert found(spec(), path.split("."))


def test_fields_on_the_page_exist() -> None:
    known = {*BY_NAME, *READ_ONLY, "rewritable", "inner_port", "outer_port", "mode"}
    known |= {"host_path", "volume_name", "volume_driver", "volume_options"}
    for _, _, how in ENGINE:
        first = re.match(r"``([a-z_]+)``", how)
        assert first is None or first[1] in {*known, "dnsrr", "version"}, how


def test_page_about_fields_is_the_table() -> None:
    pages = {
        servicefields.OVERVIEW: servicefields.overview(),
        servicefields.LIST: servicefields.explained(),
    }
    assert {page: page.read_text(encoding="utf-8") for page in pages} == pages, (
        "docs/service_fields.csv is out of date: run python -m"
        " tests.support.servicefields"
    )
