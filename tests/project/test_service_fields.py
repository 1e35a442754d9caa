"""The table of service fields, compared with everything that cannot derive from it."""

from __future__ import annotations

import ast
from typing import Any, get_args, get_type_hints

import pytest

from aiodockercloud import types
from aiodockercloud.server.api import containers, services
from aiodockercloud.server.api.definitions import build, read
from aiodockercloud.server.control.control_plane import ControlPlane
from aiodockercloud.server.engines import ContainerSpec, UnsupportedField
from aiodockercloud.server.engines.embedded import Embedded
from aiodockercloud.server.engines.swarm import service_specs, supported
from aiodockercloud.server.settings import Settings
from aiodockercloud.server.state.access import Access
from aiodockercloud.server.state.records import Container, new_uuid
from aiodockercloud.server.state.store import Store
from aiodockercloud.server.state.tables import Tables
from aiodockercloud.wire.engine_support import EMBEDDED, SWARM
from aiodockercloud.wire.field_notes import EXAMPLES
from aiodockercloud.wire.service_fields import (
    BY_NAME,
    CONTAINER_FIELDS,
    ENGINE_OPTIONS,
    FIELDS,
    READ_ONLY,
    SYNONYMS,
    TUTUM_NAMES,
    InContainers,
    Kind,
    Part,
    ServiceField,
    complete,
)
from tests.support import optionvalues
from tests.support.facts import ROOT

OPERATOR = Access("alice", "alice", None, frozenset({"admin"}))

#: A value of each kind of option, unlike its initial value, that engines accept.
SET: dict[Kind, Any] = {
    Kind.TEXT: "x",
    Kind.MAC_ADDRESS: "02:42:ac:11:65:43",
    Kind.FLAG: True,
    Kind.INTEGER: 512,
    Kind.MEGABYTES: 64,
    Kind.TEXTS: ["label:disable"],
    Kind.HOSTS: ["db:10.0.0.1"],
    Kind.LABELS: {"a": "1"},
    Kind.HEALTHCHECK: {"test": ["CMD", "true"]},
}


def value_of(row: ServiceField) -> Any:
    """Return a value unlike the initial one, which engines accept."""
    if row.name in optionvalues.FORMS:
        return optionvalues.FORMS[row.name][1]
    return SET[row.kind] if row.kind in SET else [*row.words][-1]


def keys(shape: type) -> set[str]:
    return set(get_type_hints(shape))


def rendered() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a service and its container, as the API renders them."""
    cloud = ControlPlane(Embedded())
    service = build(cloud, read({"image": "nginx"}), "alice", None, access=OPERATOR)
    cloud.add(service)
    container = Container(
        namespace="alice",
        name="nginx-1",
        ordinal=1,
        service=service.uuid,
        node=new_uuid(),
        definition=service.definition,
        revision=0,
        deployment="",
    )
    cloud.add(container)
    return services.render(cloud, service), containers.render(cloud, container)


# --- types ----------------------------------------------------------------------------


def test_service_fields_of_the_types_are_the_table() -> None:
    assert keys(types.ServiceFields) == set(BY_NAME) | set(TUTUM_NAMES)


def test_service_of_the_types_has_the_writable_and_the_read_only_fields() -> None:
    spelled_otherwise = {"image", "security_opt", *SYNONYMS}

    assert (
        keys(types.Service) - spelled_otherwise
        == {*BY_NAME, *READ_ONLY} - spelled_otherwise
    )


def test_container_of_the_types_has_the_fields_that_containers_have() -> None:
    wanted = {
        row.name for row in FIELDS if row.in_containers is not InContainers.ABSENT
    }

    # Services and containers share the type of the nickname; no container has one.
    assert keys(types.Container) & set(BY_NAME) - {"nickname"} == wanted


@pytest.mark.parametrize(
    ("shape", "name", "part"),
    [
        (types.RestartPolicy, "restart_policy", None),
        (types.RestartPolicyFields, "restart_policy", None),
        (types.Placement, "placement", None),
        (types.PlacementFields, "placement", None),
        (types.Spread, "placement", "preferences"),
        (types.Platform, "placement", "platforms"),
        (types.PlatformFields, "placement", "platforms"),
        (types.Ulimit, "ulimits", None),
        (types.UlimitFields, "ulimits", None),
        (types.GenericResource, "generic_resources", None),
        (types.GenericResourceFields, "generic_resources", None),
        (types.Tmpfs, "tmpfs", None),
        (types.TmpfsFields, "tmpfs", None),
        (types.LogDriver, "log_driver", None),
        (types.LogDriverFields, "log_driver", None),
    ],
)
def test_parts_of_a_field_are_the_keys_of_its_type(
    shape: type, name: str, part: str | None
) -> None:
    row: Part = BY_NAME[name]
    if part is not None:
        (row,) = (inner for inner in row.parts if inner.name == part)

    assert keys(shape) == {inner.name for inner in row.parts}


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (types.Autorestart, "autorestart"),
        (types.Autodestroy, "autodestroy"),
        (types.DeploymentStrategy, "deployment_strategy"),
        (get_type_hints(types.ServiceFields)["net"], "net"),
        (get_type_hints(types.ServiceFields)["pid"], "pid"),
        (get_type_hints(ContainerSpec)["autorestart"], "autorestart"),
    ],
)
def test_words_of_the_types_are_those_of_the_table(words: object, name: str) -> None:
    assert get_args(words) == tuple(BY_NAME[name].words)


# --- answers --------------------------------------------------------------------------


def test_rendered_service_has_every_field_but_the_image() -> None:
    """The image of a rendered service is ``image_name``."""
    service, _ = rendered()

    assert set(BY_NAME) - set(service) == {"image"}
    assert set(service) <= {*BY_NAME, *READ_ONLY, *SYNONYMS}


def test_rendered_container_has_the_fields_that_the_table_states() -> None:
    service, container = rendered()

    assert {name: container[name] for name in CONTAINER_FIELDS} == {
        name: service[name] for name in CONTAINER_FIELDS
    }
    for row in FIELDS:
        assert (row.name in container) == (row.in_containers is not InContainers.ABSENT)


# --- examples -------------------------------------------------------------------------


def test_each_field_has_an_example() -> None:
    assert list(EXAMPLES) == list(BY_NAME)


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_of_a_field_is_accepted_and_differs_from_the_default(name: str) -> None:
    found = read({"image": "nginx", name: EXAMPLES[name]})

    assert found[name] not in (None, BY_NAME[name].initial())


# --- engines --------------------------------------------------------------------------


def test_swarm_honours_or_refuses_each_option() -> None:
    honoured, refused = SWARM.honoured, set(SWARM.refused)

    assert honoured | refused == ENGINE_OPTIONS
    assert not honoured & refused


@pytest.mark.parametrize("name", sorted(ENGINE_OPTIONS - set(SWARM.refused)))
def test_swarm_spec_shows_each_option_that_swarm_honours(name: str) -> None:
    """An option that ``service_spec`` does not read would be lost without a word."""
    row = BY_NAME[name]
    value = value_of(row)
    options = {name: value}
    if name in ("memory_swap", "pid"):
        with pytest.raises(UnsupportedField, match=f"^{name}: "):
            supported.check(options)
        return

    def spec(**options: Any) -> dict[str, Any]:
        return service_specs.service_spec(
            ContainerSpec(
                uuid="00000000-0000-0000-0000-000000000001",
                name="web-1",
                service="web",
                stack=None,
                namespace="alice",
                node="n1",
                image="nginx",
                options=options,
            )
        )

    assert spec(**options) != spec()


def test_embedded_honours_accepts_or_refuses_each_option() -> None:
    kinds = (EMBEDDED.honoured, EMBEDDED.emulated, set(EMBEDDED.refused))

    assert frozenset().union(*kinds) == ENGINE_OPTIONS
    assert sum(map(len, kinds)) == len(ENGINE_OPTIONS)


@pytest.mark.parametrize("name", sorted(EMBEDDED.refused))
def test_embedded_refuses_an_option_with_an_alternative(name: str) -> None:
    with pytest.raises(UnsupportedField, match=f"^{name}: .*; "):
        Embedded().check({name: value_of(BY_NAME[name])}, ())


def test_embedded_accepts_every_other_option() -> None:
    """Options that limit a process have no meaning for functions."""
    options = {
        row.name: value_of(row)
        for row in FIELDS
        if row.name in ENGINE_OPTIONS and row.name not in EMBEDDED.refused
    }

    Embedded().check(options, ())


# --- records --------------------------------------------------------------------------


def test_complete_adds_fields_and_keeps_the_others() -> None:
    definition = complete({"image": "nginx", "tty": True, "of_a_later_server": 1})

    assert definition["of_a_later_server"] == 1
    assert definition["tty"] is True
    assert definition["target_num_containers"] == 1
    assert definition["labels"] == {}
    assert complete({})["labels"] is not definition["labels"]


def test_load_of_an_older_definition_adds_the_fields_since() -> None:
    tables = Tables(Store(None), Settings())
    body = {
        "namespace": "alice",
        "uuid": "s1",
        "name": "web",
        "definition": {"image": "nginx"},
        "previous": {"image": "nginx:1"},
    }

    tables.load("service", body)

    service = tables.services["s1"]
    assert service.definition == complete({"image": "nginx"})
    assert service.previous == complete({"image": "nginx:1"})


# --- one place ------------------------------------------------------------------------

WORDS = {
    word
    for name in ("autorestart", "autodestroy", "deployment_strategy")
    for word in BY_NAME[name].words
}
SPELLED = {
    "aiodockercloud/wire/service_fields.py",
    "aiodockercloud/wire/service_words.py",
    "aiodockercloud/types/words.py",
    # Literals of a type, which only strings can be.
    "aiodockercloud/server/engines/__init__.py",
}


def test_words_of_fields_are_written_once() -> None:
    found = [
        f"{name}:{node.lineno}: {node.value}"
        for path in sorted((ROOT / "aiodockercloud").rglob("*.py"))
        if (name := path.relative_to(ROOT).as_posix()) not in SPELLED
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value in WORDS
    ]

    assert found == []
