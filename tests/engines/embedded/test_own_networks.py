"""The field ``networks`` on the embedded engine: who finds whom, by which name."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from aiodockercloud.server.engines import ContainerSpec, LinkTarget
from aiodockercloud.server.engines.embedded import EmbeddedSettings
from aiodockercloud.server.engines.embedded.network import Endpoint, Network


def networks(*wanted: str | tuple[str, list[str]]) -> dict[str, Any]:
    pairs = [(one, []) if isinstance(one, str) else one for one in wanted]
    return {"networks": [{"name": name, "aliases": also} for name, also in pairs]}


@pytest.fixture
def network() -> Network:
    return Network(EmbeddedSettings())


def join(network: Network, name: str, *wanted: Any, **fields: Any) -> Endpoint:
    given: dict[str, Any] = {
        **{"uuid": name, "name": f"{name}-1", "service": name, "namespace": "alice"},
        **{"node": "n", "image": "x", "stack": None},
        **{"options": networks(*wanted), **fields},
    }
    return network.join(ContainerSpec(**given))


def names(network: Network, client: Endpoint, host: str) -> list[str]:
    try:
        return [endpoint.spec.service for endpoint in network.find(client, host)]
    except socket.gaierror:
        return []


def test_containers_find_each_other_on_a_common_network_only(
    network: Network,
) -> None:
    web = join(network, "web", "front")
    api = join(network, "api", "front", ("back", ["main"]))
    db = join(network, "db", ("back", ["database"]))
    plain = join(network, "plain")

    assert names(network, web, "api") == ["api"]
    assert names(network, web, "API-1.") == ["api"]
    assert names(network, api, "web") == ["web"]
    assert names(network, api, "database") == ["db"]
    assert names(network, db, "main") == ["api"]
    # "main" is a name on the network "back" only.
    assert names(network, web, "main") == []
    for client, host in ((web, "db"), (db, "web"), (plain, "web"), (web, "plain")):
        assert names(network, client, host) == []
    assert names(network, web, db.address) == []
    assert names(network, web, api.address) == ["api"]
    assert names(network, web, "localhost") == ["web"]


def test_networks_connect_stacks_of_one_namespace(network: Network) -> None:
    web = join(network, "web", "front", stack="shop")
    api = join(network, "api", "front", "default", stack="blog")
    db = join(network, "db", stack="blog")
    other = join(network, "api2", "front", namespace="bob", service="api")

    assert names(network, web, "api") == ["api"]
    assert names(network, api, "db") == ["db"]
    assert names(network, db, "api") == ["api"]
    assert names(network, web, "db") == []
    assert names(network, other, "web") == []


def test_link_leads_to_no_service_of_another_network(network: Network) -> None:
    links = {"database": LinkTarget("db", None)}
    join(network, "db", "back")
    near = join(network, "near", "back", links=links)
    far = join(network, "far", "front", links=links)

    assert names(network, near, "database") == ["db"]
    assert names(network, far, "database") == []
