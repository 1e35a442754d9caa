"""The variables of containers: the platform's and the links'."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiodockercloud.server.control import links, names
from aiodockercloud.server.control.control_plane import ControlPlane
from aiodockercloud.server.engines.embedded import Embedded
from aiodockercloud.server.state.records import Node, Service, Stack
from tests.support.linked import container, service

HOST = "http://cloud.test:8008"
HTTP, MYSQL, DNS = [80, "tcp", True, 32768], [3306, "tcp", False, None], [53, "udp"]


@pytest.fixture
def cloud() -> ControlPlane:
    cloud = ControlPlane(Embedded(), domain="dockerapp.io")
    cloud.rest_host = HOST
    return cloud


def variables(cloud: ControlPlane, alias: str, target: Service) -> dict[str, str]:
    return links.variables(cloud, alias, target, cloud.containers_of(target))


# --- link variables -----------------------------------------------------------------


def test_variables_of_one_port_have_all_documented_forms(cloud: ControlPlane) -> None:
    db = service(cloud, "my-db", envvars={"MYSQL_PASSWORD": "**Random**"})
    only = container(cloud, db, 1, ports=[MYSQL])

    assert variables(cloud, "my-db", db) == {
        "MY_DB_1_PORT": "tcp://10.7.0.3:3306",
        "MY_DB_1_PORT_3306_TCP": "tcp://10.7.0.3:3306",
        "MY_DB_1_PORT_3306_TCP_ADDR": "10.7.0.3",
        "MY_DB_1_PORT_3306_TCP_PORT": "3306",
        "MY_DB_1_PORT_3306_TCP_PROTO": "tcp",
        "MY_DB_1_ENV_MYSQL_PASSWORD": "**Random**",
        "MY_DB_PORT": "tcp://10.7.0.3:3306",
        "MY_DB_PORT_3306_TCP": "tcp://10.7.0.3:3306",
        "MY_DB_PORT_3306_TCP_ADDR": "10.7.0.3",
        "MY_DB_PORT_3306_TCP_PORT": "3306",
        "MY_DB_PORT_3306_TCP_PROTO": "tcp",
        "MY_DB_ENV_MYSQL_PASSWORD": "**Random**",
        "MY_DB_NAME": f"/{only.uuid}/my-db-1",
        "MY_DB_DOCKERCLOUD_API_URL": f"{HOST}/api/app/v1/service/{db.uuid}/",
    }


def test_variables_of_several_ports_have_no_single_port(cloud: ControlPlane) -> None:
    web = service(cloud, "web")
    container(cloud, web, 1, ports=[HTTP, MYSQL, [*DNS, False, None]])

    found = variables(cloud, "web", web)

    assert "WEB_PORT" not in found
    assert "WEB_1_PORT" not in found
    assert found["WEB_1_PORT_80_TCP"] == "tcp://10.7.0.3:80"
    assert found["WEB_PORT_53_UDP"] == "udp://10.7.0.3:53"
    assert found["WEB_PORT_53_UDP_PROTO"] == "udp"


def test_variables_of_a_port_published_twice_contain_the_port_once(
    cloud: ControlPlane,
) -> None:
    web = service(cloud, "web")
    container(cloud, web, 1, ports=[[80, "tcp", True, 80], [80, "tcp", True, 8080]])

    assert variables(cloud, "web", web)["WEB_PORT"] == "tcp://10.7.0.3:80"


def test_variables_of_several_containers_number_each_and_name_the_first(
    cloud: ControlPlane,
) -> None:
    web = service(cloud, "web")
    container(cloud, web, 10, ip="10.7.0.10", ports=[HTTP])
    first = container(cloud, web, 1, ip="10.7.0.1", ports=[HTTP])
    container(cloud, web, 2, ip="10.7.0.2", ports=[HTTP])

    found = variables(cloud, "web", web)

    assert found["WEB_PORT_80_TCP_ADDR"] == "10.7.0.1"
    assert found["WEB_NAME"] == f"/{first.uuid}/web-1"
    for ordinal in (1, 2, 10):
        assert found[f"WEB_{ordinal}_PORT"] == f"tcp://10.7.0.{ordinal}:80"
    assert [key for key in found if key.endswith("_API_URL")] == [
        "WEB_DOCKERCLOUD_API_URL"
    ]
    assert [key for key in found if key.endswith("_NAME")] == ["WEB_NAME"]


@pytest.mark.parametrize(
    ("state", "ip"),
    [
        ("Starting", "10.7.0.3"),
        ("Stopped", "10.7.0.3"),
        ("Stopping", "10.7.0.3"),
        ("Terminated", "10.7.0.3"),
        ("Running", None),
    ],
)
def test_variables_without_a_running_container_are_the_api_url_only(
    cloud: ControlPlane, state: str, ip: str | None
) -> None:
    web = service(cloud, "web", envvars={"A": "1"})
    container(cloud, web, 1, state=state, ip=ip, ports=[HTTP])

    assert variables(cloud, "web", web) == {
        "WEB_DOCKERCLOUD_API_URL": f"{HOST}{web.uri}"
    }


def test_variables_with_the_first_container_stopped_use_the_first_running_one(
    cloud: ControlPlane,
) -> None:
    web = service(cloud, "web")
    container(cloud, web, 1, state="Stopped", ports=[HTTP])
    container(cloud, web, 2, ip="10.7.0.2", ports=[HTTP])

    found = variables(cloud, "web", web)

    assert found["WEB_PORT_80_TCP_ADDR"] == "10.7.0.2"
    assert not [key for key in found if key.startswith("WEB_1_")]


@pytest.mark.parametrize(
    ("name", "alias"),
    [
        ("web", "WEB"),
        ("my-db", "MY_DB"),
        ("my_db", "MY_DB"),
        ("db.shop", "DB_SHOP"),
        ("db-2", "DB_2"),
        ("Redis-Master", "REDIS_MASTER"),
    ],
)
def test_alias_of_a_name_is_upper_case_with_underscores(name: str, alias: str) -> None:
    assert names.alias(name) == alias


@given(st.from_regex(r"[A-Za-z0-9_.-]{1,20}", fullmatch=True))
def test_alias_of_any_link_name_is_valid_in_a_variable(name: str) -> None:
    assert re.fullmatch(r"[A-Z0-9_]+", names.alias(name))
    assert names.alias(names.alias(name)) == names.alias(name)


# --- all links of a service ---------------------------------------------------------


def test_linked_environment_has_all_links_except_to_terminated_services(
    cloud: ControlPlane,
) -> None:
    db, cache, terminated = (
        service(cloud, name) for name in ("db", "cache", "terminated")
    )
    container(cloud, db, 1, ports=[MYSQL])
    web = service(
        cloud,
        "web",
        links_to=[("main", db), ("cache", cache), ("terminated", terminated)],
    )
    client = container(cloud, web, 1)
    cloud.set_state(terminated, "Terminated")

    found = links.linked_environment(cloud, client)

    assert found["MAIN_PORT"] == "tcp://10.7.0.3:3306"
    assert {key for key in found if key.endswith("_API_URL")} == {
        "MAIN_DOCKERCLOUD_API_URL",
        "CACHE_DOCKERCLOUD_API_URL",
    }


def test_linked_environment_between_services_on_every_node_uses_the_same_node(
    cloud: ControlPlane,
) -> None:
    agent = service(cloud, "agent", strategy="EVERY_NODE")
    web = service(cloud, "web", links_to=[("agent", agent)], strategy="EVERY_NODE")
    plain = service(cloud, "plain", links_to=[("agent", agent)])
    container(cloud, agent, 1, ip="10.7.0.1", ports=[HTTP], node="a")
    container(cloud, agent, 2, ip="10.7.0.2", ports=[HTTP], node="b")

    paired = links.linked_environment(cloud, container(cloud, web, 1, node="b"))
    free = links.linked_environment(cloud, container(cloud, plain, 1, node="b"))

    assert paired["AGENT_PORT_80_TCP_ADDR"] == "10.7.0.2"
    assert "AGENT_1_PORT" not in paired
    assert free["AGENT_1_PORT"] == "tcp://10.7.0.1:80"
    assert free["AGENT_2_PORT"] == "tcp://10.7.0.2:80"


def test_linked_environment_in_sequence_has_containers_with_lower_ordinals(
    cloud: ControlPlane,
) -> None:
    cluster = service(cloud, "redis-node", sequential=True)
    first, second, third = (
        container(cloud, cluster, n, ip=f"10.7.0.{n}", ports=[HTTP]) for n in (1, 2, 3)
    )

    assert links.linked_environment(cloud, first) == {}
    assert "REDIS_NODE_2_PORT" not in links.linked_environment(cloud, second)
    found = links.linked_environment(cloud, third)
    assert found["REDIS_NODE_1_PORT"] == "tcp://10.7.0.1:80"
    assert found["REDIS_NODE_2_PORT"] == "tcp://10.7.0.2:80"
    assert "REDIS_NODE_3_PORT" not in found


def test_linked_to_container_lists_running_containers(cloud: ControlPlane) -> None:
    db = service(cloud, "my-db")
    web = service(cloud, "web", links_to=[("my-db", db)])
    client = container(cloud, web, 1, ip="10.7.0.9")
    one = container(cloud, db, 1, ports=[MYSQL, [*DNS, False, None]])
    two = container(cloud, db, 2, ip="10.7.0.4", state="Starting", ports=[MYSQL])

    assert links.linked_to_container(cloud, client) == [
        {
            "name": "MY_DB_1",
            "from_container": client.uri,
            "to_container": one.uri,
            "endpoints": {
                "3306/tcp": "tcp://10.7.0.3:3306",
                "53/udp": "udp://10.7.0.3:53",
            },
        }
    ]
    cloud.set_state(two, "Running")
    cloud.set_state(one, "Stopped")
    (now,) = links.linked_to_container(cloud, client)
    assert (now["name"], now["to_container"]) == ("MY_DB_2", two.uri)
    # The load balancer extracts the alias from the name with this pattern.
    match = re.match(r"(.+)_\d+$", now["name"])
    assert match is not None
    assert match[1] == "MY_DB"


def test_address_that_changes_with_each_start_is_the_name(
    cloud: ControlPlane,
) -> None:
    cloud.engine.fixed_addresses = False
    shop = Stack(namespace="alice", name="shop", nickname="")
    cloud.add(shop)
    db = service(cloud, "db", stack=shop)
    container(cloud, db, 2, ports=[MYSQL])
    inside = service(cloud, "web", stack=shop, links_to=[("db", db)])
    outside = service(cloud, "web", links_to=[("db", db)])

    def address(client: Service) -> str:
        client_1 = container(cloud, client, 1)
        return links.linked_environment(cloud, client_1)["DB_2_PORT_3306_TCP_ADDR"]

    assert address(inside) == "db-2"
    assert address(outside) == "db-2.shop"


# --- the platform's -----------------------------------------------------------------


def test_platform_environment_has_every_documented_variable(
    cloud: ControlPlane,
) -> None:
    shop = Stack(namespace="alice", name="shop", nickname="")
    cloud.add(shop)
    web = service(cloud, "web", stack=shop)
    first = container(cloud, web, 1)
    node = Node(namespace="", engine_id="e", hostname="h", nickname="")

    found = links.platform_environment(cloud, first, node)

    service_dns = f"web.shop.{web.uuid[:8]}.svc.dockerapp.io"
    container_dns = f"web-1.shop.{first.uuid[:8]}.cont.dockerapp.io"
    node_uri = f"/api/infra/v1/node/{node.uuid}/"
    assert found == {
        "DOCKERCLOUD_REST_HOST": HOST,
        "DOCKERCLOUD_STREAM_HOST": "ws://cloud.test:8008",
        "DOCKERCLOUD_SERVICE_FQDN": service_dns,
        "DOCKERCLOUD_SERVICE_HOSTNAME": "web",
        "DOCKERCLOUD_SERVICE_API_URI": web.uri,
        "DOCKERCLOUD_SERVICE_API_URL": f"{HOST}{web.uri}",
        "DOCKERCLOUD_CONTAINER_FQDN": container_dns,
        "DOCKERCLOUD_CONTAINER_HOSTNAME": "web-1",
        "DOCKERCLOUD_CONTAINER_API_URI": first.uri,
        "DOCKERCLOUD_CONTAINER_API_URL": f"{HOST}{first.uri}",
        "DOCKERCLOUD_NODE_FQDN": f"{node.uuid}.node.dockerapp.io",
        "DOCKERCLOUD_NODE_HOSTNAME": node.uuid,
        "DOCKERCLOUD_NODE_API_URI": node_uri,
        "DOCKERCLOUD_NODE_API_URL": f"{HOST}{node_uri}",
        "DOCKERCLOUD_STACK_NAME": "shop",
    }


def test_platform_environment_outside_a_stack_has_no_stack_name(
    cloud: ControlPlane,
) -> None:
    web = service(cloud, "web")
    found = links.platform_environment(cloud, container(cloud, web, 1), None)

    assert "DOCKERCLOUD_STACK_NAME" not in found
    assert not [key for key in found if "NODE" in key]
    assert found["DOCKERCLOUD_SERVICE_FQDN"] == (f"web.{web.uuid[:8]}.svc.dockerapp.io")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$DOCKERCLOUD_NODE_HOSTNAME", "n1"),
        ("${DOCKERCLOUD_NODE_HOSTNAME}", "n1"),
        ("${TUTUM_NODE_HOSTNAME}.x", "n1.x"),
        ("a$DOCKERCLOUD_NODE_HOSTNAME-$DOCKERCLOUD_STACK_NAME", "an1-shop"),
        ("$DOCKERCLOUD_NODE_HOSTNAME_2", "$DOCKERCLOUD_NODE_HOSTNAME_2"),
        ("${DOCKERCLOUD_NODE_HOSTNAME", "${DOCKERCLOUD_NODE_HOSTNAME"),
        ("$HOME ${PATH} $$ $", "$HOME ${PATH} $$ $"),
        ("$DOCKERCLOUD_", "$DOCKERCLOUD_"),
        ("$DOCKERCLOUD_LOOP", "$DOCKERCLOUD_STACK_NAME"),
        ("", ""),
    ],
)
def test_expand_replaces_platform_variables_only_and_once(
    text: str, expected: str
) -> None:
    platform = {
        "DOCKERCLOUD_NODE_HOSTNAME": "n1",
        "DOCKERCLOUD_STACK_NAME": "shop",
        "DOCKERCLOUD_LOOP": "$DOCKERCLOUD_STACK_NAME",
    }

    assert links.expand(text, platform) == expected


@given(st.text())
def test_expand_without_platform_variables_returns_the_text(text: str) -> None:
    assert links.expand(text, {}) == text


@pytest.mark.parametrize(
    ("private_ip", "expected"),
    [("10.7.0.3", "10.7.0.3/16"), (None, None), ("", None)],
)
def test_address_has_the_mask(private_ip: str | None, expected: str | None) -> None:
    assert links.address(private_ip) == expected
