"""What a link means by ``to_service``, and what it is told when there is nothing."""

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


def test_resolve_of_every_spelling_finds_the_service(cloud: ControlPlane) -> None:
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
def test_resolve_of_what_is_not_there_names_the_place_and_the_forms(
    cloud: ControlPlane, reference: str
) -> None:
    service(cloud, "db")

    with pytest.raises(InvalidField) as caught:
        links.resolve(cloud, reference, "links[0].to_service", "alice", None)

    assert f"links[0].to_service: there is no service {reference!r}" in str(
        caught.value
    )
    assert "name.stack" in str(caught.value)


def test_resolve_does_not_reach_other_namespaces_or_the_terminated(
    cloud: ControlPlane,
) -> None:
    bobs = service(cloud, "secret", namespace="bob")
    gone = service(cloud, "gone")
    cloud.set_state(gone, "Terminated")

    for reference in (bobs.uuid, bobs.uri, "secret", gone.uuid, "gone"):
        with pytest.raises(InvalidField):
            links.resolve(cloud, reference, "p", "alice", None)


def test_resolve_prefers_what_is_made_in_the_same_request(cloud: ControlPlane) -> None:
    old = service(cloud, "db")

    assert links.resolve(cloud, "db", "p", "alice", None, {"db": "new"}) == "new"
    assert links.resolve(cloud, "db", "p", "alice", None, {"x": "new"}) == old.uuid
