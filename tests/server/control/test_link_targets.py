"""The forms of ``to_service`` of a link, and the error for an unknown service."""

from __future__ import annotations

import pytest

from aiodockercloud.server.control import links
from aiodockercloud.server.control.control_plane import ControlPlane
from aiodockercloud.server.engines.embedded import Embedded
from aiodockercloud.server.state.errors import InvalidField
from aiodockercloud.server.state.records import Stack
from tests.support.linked import service


@pytest.fixture
def cloud() -> ControlPlane:
    return ControlPlane(Embedded())


def test_resolve_of_every_form_returns_the_service(cloud: ControlPlane) -> None:
    shop = Stack(namespace="alice", name="shop", nickname="")
    cloud.add(shop)
    outside = service(cloud, "db")
    inside = service(cloud, "db", stack=shop)

    def found(reference: str, stack: Stack | None = None) -> str:
        return links.resolve(
            cloud, reference, "p", "alice", stack.uuid if stack else None
        )

    assert found("db") == outside.uuid
    assert found("db", shop) == inside.uuid
    assert found("db.shop") == inside.uuid
    for reference in (
        inside.uuid,
        inside.uri,
        inside.uri.rstrip("/"),
        f"/api/app/v1/alice/service/{inside.uuid}/",
    ):
        assert found(reference) == inside.uuid


@pytest.mark.parametrize(
    "reference",
    ["nope", "db.nope", "nope.shop", "/api/app/v1/service/x/", "..", "/", ".", "db/"],
)
def test_resolve_of_an_unknown_service_names_the_field_and_the_forms(
    cloud: ControlPlane, reference: str
) -> None:
    service(cloud, "db")

    with pytest.raises(InvalidField) as caught:
        links.resolve(cloud, reference, "links[0].to_service", "alice", None)

    assert f"links[0].to_service: there is no service {reference!r}" in str(
        caught.value
    )
    assert "name.stack" in str(caught.value)


def test_resolve_excludes_other_namespaces_and_terminated_services(
    cloud: ControlPlane,
) -> None:
    bobs = service(cloud, "secret", namespace="bob")
    terminated = service(cloud, "terminated")
    cloud.set_state(terminated, "Terminated")

    for reference in (bobs.uuid, bobs.uri, "secret", terminated.uuid, "terminated"):
        with pytest.raises(InvalidField):
            links.resolve(cloud, reference, "p", "alice", None)


def test_resolve_prefers_services_of_the_same_request(cloud: ControlPlane) -> None:
    old = service(cloud, "db")

    assert links.resolve(cloud, "db", "p", "alice", None, {"db": "new"}) == "new"
    assert links.resolve(cloud, "db", "p", "alice", None, {"x": "new"}) == old.uuid
