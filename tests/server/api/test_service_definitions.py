"""The fields of a service together: rendered, sent back, and built into a service."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aiodockercloud import BadRequest
from aiodockercloud.server.api import definitions, services
from aiodockercloud.server.api.definitions import FIELDS, UNCHECKED
from aiodockercloud.server.api.readonly import ReadOnly
from aiodockercloud.server.control.control_plane import ControlPlane
from aiodockercloud.server.engines import UnsupportedField
from aiodockercloud.server.engines.embedded import Embedded
from aiodockercloud.server.state.access import Access
from aiodockercloud.server.state.records import Service
from aiodockercloud.wire.service_fields import ENGINE_OPTIONS, READ_ONLY, SYNONYMS
from tests.support.facts import SHARED

OPERATOR = Access("alice", "alice", None, frozenset({"admin"}))

# --- read-only ----------------------------------------------------------------------


def rendered_service() -> tuple[ControlPlane, dict[str, Any]]:
    cloud = ControlPlane(Embedded())
    body = definitions.read(
        {
            "image": "nginx",
            "name": "web",
            "ports": ["80:80", "443"],
            "environment": {"A": "b"},
            "tags": ["prod"],
            "volumes": ["/data"],
            "mem_limit": "64m",
        }
    )
    service = definitions.build(cloud, body, "alice", None, access=OPERATOR)
    cloud.add(service)
    return cloud, services.render(cloud, service)


def test_read_of_a_whole_object_sent_back_changes_nothing() -> None:
    cloud, rendered = rendered_service()
    (service,) = cloud.services.values()

    sent_back = json.loads(json.dumps(rendered))
    found = definitions.read(sent_back, ReadOnly(READ_ONLY, rendered))
    changed = definitions.changed(cloud, service, found, access=OPERATOR)

    assert changed == service.definition


def test_render_has_only_keys_that_clients_may_send_back() -> None:
    _, rendered = rendered_service()

    assert set(rendered) <= {*FIELDS, *READ_ONLY, *SYNONYMS}
    assert set(FIELDS) - set(rendered) == {"image"}


def test_read_of_the_example_of_the_reference_accepts_every_key() -> None:
    """Clients written from the reference send its example back."""
    path = SHARED / "reference" / "examples" / "service.json"
    if not path.exists():
        pytest.skip("the reference is not beside the repository")

    example = json.loads(path.read_text())
    found = definitions.read(example, ReadOnly(READ_ONLY, example))

    assert found["autorestart"] == "ON_FAILURE"
    assert found["container_ports"][0]["inner_port"] == 80


# --- several fields together --------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "image: is missing"),
        (
            {"image": "x", "autorestart": "ALWAYS", "autodestroy": "ON_SUCCESS"},
            "autodestroy: must be OFF when autorestart is ALWAYS",
        ),
        (
            {"image": "x", "ports": ["80:80", "80:81"]},
            "container_ports: outer_port 80/tcp is given twice"
            r" \(Duplicated exposed port '80/tcp'\)$",
        ),
        (
            {"image": "x", "linked_to_service": [{"to_service": "nope"}]},
            r"linked_to_service\[0\]\.to_service: there is no service 'nope'",
        ),
        (
            {"image": "x", "bindings": [{"volumes_from": "nope"}]},
            r"bindings\[0\]\.volumes_from: there is no service 'nope'",
        ),
    ],
)
def test_build_of_contradicting_fields_is_refused(
    body: dict[str, Any], message: str
) -> None:
    cloud = ControlPlane(Embedded())

    with pytest.raises(BadRequest, match=message):
        definitions.build(cloud, definitions.read(body), "alice", None, access=OPERATOR)

    assert not cloud.services


def test_check_does_not_read_the_unchecked_fields() -> None:
    cloud, _ = rendered_service()
    (service,) = cloud.services.values()
    rest = {k: v for k, v in service.definition.items() if k not in UNCHECKED}

    assert len(rest) == len(service.definition) - len(UNCHECKED)
    definitions.check(cloud, rest)
    assert UNCHECKED.isdisjoint(ENGINE_OPTIONS)


class TestChangeOfACheckedDefinition:
    """An engine refuses every definition that it checks; the service exists before."""

    @pytest.fixture
    def service(self, monkeypatch: pytest.MonkeyPatch) -> Service:
        self.cloud, _ = rendered_service()

        def refuse(*_: object) -> None:
            raise UnsupportedField("refused")

        monkeypatch.setattr(self.cloud.engine, "check", refuse)
        (service,) = self.cloud.services.values()
        return service

    def change(self, service: Service, **fields: Any) -> dict[str, Any]:
        return definitions.changed(
            self.cloud, service, definitions.read(fields), access=OPERATOR
        )

    def test_unchecked_fields_change_without_a_check(self, service: Service) -> None:
        changed = self.change(service, nickname="x", tags=["a"], privileged=False)

        assert (changed["nickname"], changed["tags"]) == ("x", ["a"])
        definitions.apply(service, changed)
        assert self.change(service, nickname="y") == {**changed, "nickname": "y"}

    def test_other_fields_are_checked(self, service: Service) -> None:
        for fields in ({"privileged": True}, {"nickname": "x", "hostname": "h"}):
            with pytest.raises(BadRequest, match="refused"):
                self.change(service, **fields)

    def test_definition_of_another_origin_is_checked(self, service: Service) -> None:
        """For example a definition of the database, which another engine accepted."""
        service.definition = dict(service.definition)

        with pytest.raises(BadRequest, match="refused"):
            self.change(service, nickname="x")


@pytest.mark.parametrize(
    ("fields", "revisions", "pending"),
    [
        ({"nickname": "x"}, 0, False),
        ({"nickname": "x", "tags": ["b"]}, 1, False),
        ({"target_num_containers": 1}, 0, False),
        ({"target_num_containers": 2}, 0, True),
        ({"hostname": "h", "target_num_containers": 3}, 1, True),
        ({"container_ports": ["80:80", "443"]}, 0, False),
    ],
)
def test_apply_finds_the_fields_that_differ(
    fields: dict[str, Any], revisions: int, pending: bool
) -> None:
    cloud, _ = rendered_service()
    (service,) = cloud.services.values()
    before = list(service.definition)

    found = definitions.read(fields)
    changed = definitions.changed(cloud, service, found, access=OPERATOR)
    definitions.apply(service, changed)

    assert (service.revision, service.scale_pending) == (revisions, pending)
    assert service.definition is changed
    assert list(changed) == before


def test_build_of_links_with_the_same_alias_is_refused() -> None:
    cloud, _ = rendered_service()
    links = [
        {"to_service": "web", "name": "my-web"},
        {"to_service": "web", "name": "MY_WEB"},
    ]
    body = definitions.read({"image": "x", "linked_to_service": links})

    with pytest.raises(BadRequest, match=r"linked_to_service\[1\]\.name: 'MY_WEB' is"):
        definitions.build(cloud, body, "alice", None, access=OPERATOR)


def test_build_without_a_name_derives_the_name_from_the_image() -> None:
    cloud = ControlPlane(Embedded())
    made = []
    for image in ("r.example.com:5000/acme/My.App:1.0", "acme/My.App", "nginx"):
        service = definitions.build(
            cloud,
            definitions.read({"image": image}),
            "alice",
            None,
            access=OPERATOR,
        )
        cloud.add(service)
        made.append(service.name)

    assert (made[0], made[2]) == ("My-App", "nginx")
    assert made[1].startswith("My-App-")
    for name in made:
        assert definitions.read({"name": name}) == {"name": name}
