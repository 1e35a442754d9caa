"""Each field of a container in the spec for Swarm, and refusals; without a daemon."""

from __future__ import annotations

from typing import Any

import pytest

from aiodockercloud.server.engines import (
    ContainerSpec,
    EngineError,
    MountSpec,
    PortSpec,
    UnsupportedField,
)
from aiodockercloud.server.engines.swarm import naming, service_specs, supported
from aiodockercloud.server.engines.swarm.networks import free_subnet
from aiodockercloud.wire.service_fields import BY_NAME, ENGINE_OPTIONS

UUID = "0a1b2c3d-4e5f-4a6b-8c7d-0123456789ab"


def container(**fields: Any) -> ContainerSpec:
    given: dict[str, Any] = {
        "uuid": UUID,
        "name": "web-1",
        "service": "web",
        "stack": None,
        "namespace": "alice",
        "node": "n0de",
        "image": "hello:latest",
    }
    return ContainerSpec(**given | fields)


def spec_of(**fields: Any) -> dict[str, Any]:
    return service_specs.service_spec(container(**fields))


def inner(**fields: Any) -> dict[str, Any]:
    """Return the ``ContainerSpec`` of the Engine API."""
    found: dict[str, Any] = spec_of(**fields)["TaskTemplate"]["ContainerSpec"]
    return found


def task(**fields: Any) -> dict[str, Any]:
    found: dict[str, Any] = spec_of(**fields)["TaskTemplate"]
    return found


# --- the service --------------------------------------------------------------------


def test_spec_is_one_replica_with_ports_of_the_node() -> None:
    spec = spec_of()

    assert spec["Mode"] == {"Replicated": {"Replicas": 1}}
    assert spec["EndpointSpec"] == {"Mode": "dnsrr", "Ports": []}
    assert spec["UpdateConfig"] == {
        "Parallelism": 0,
        "Monitor": 1_000_000,
        "FailureAction": "continue",
        "Order": "stop-first",
    }


def test_labels_of_a_spec_identify_the_container() -> None:
    labels = spec_of(stack="shop", mounts=[MountSpec("/data", "v1", None, True)])[
        "Labels"
    ]

    assert labels == {
        "aiodockercloud.container": UUID,
        "aiodockercloud.name": "web-1",
        "aiodockercloud.service": "web",
        "aiodockercloud.namespace": "alice",
        "aiodockercloud.stack": "shop",
        "aiodockercloud.volumes": "dc-v1",
    }


def test_service_name_is_readable() -> None:
    spec = container(stack="shop")

    assert naming.service_name(spec) == "dc-alice-shop-web-1-0a1b2c3d4e5f"


@pytest.mark.parametrize("name", ["x" * 80, "My_web.1", "a-", "é"])
def test_service_name_is_a_dns_label(name: str) -> None:
    found = naming.service_name(container(name=name, stack="_S.t_" * 20))

    assert len(found) <= 63
    assert all(c.isascii() and (c.isalnum() or c == "-") for c in found)
    assert found[0].isalnum()
    assert found[-1].isalnum()


# --- the container ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "key", "value"),
    [
        ({}, "Image", "hello:latest"),
        ({"command": "sh -c 'echo a  b'"}, "Args", ["sh", "-c", "echo a  b"]),
        ({"entrypoint": "/run --x"}, "Command", ["/run", "--x"]),
        ({"environment": {"A": "1", "B": ""}}, "Env", ["A=1", "B="]),
        ({"environment": {"A": "{{.Node.ID}}"}}, "Env", ['A={{"{{"}}.Node.ID}}']),
        ({}, "Hostname", "web-1"),
        ({"options": {"hostname": "www"}}, "Hostname", "www"),
        (
            {"options": {"hostname": "www", "domainname": "example.com"}},
            "Hostname",
            "www.example.com",
        ),
        ({"options": {"hostname": "{{x"}}, "Hostname", '{{"{{"}}x'),
        ({"options": {"user": "1000:1000"}}, "User", "1000:1000"),
        ({"options": {"working_dir": "/srv"}}, "Dir", "/srv"),
        ({"options": {"tty": True}}, "TTY", True),
        ({"options": {"stdin_open": True}}, "OpenStdin", True),
        ({"options": {"read_only": True}}, "ReadOnly", True),
        ({"options": {"cap_add": ["NET_ADMIN"]}}, "CapabilityAdd", ["NET_ADMIN"]),
        ({"options": {"cap_drop": ["CHOWN"]}}, "CapabilityDrop", ["CHOWN"]),
        (
            {"options": {"extra_hosts": ["db:10.0.0.1", "six:::1"]}},
            "Hosts",
            ["10.0.0.1 db", "::1 six"],
        ),
        (
            {"options": {"dns": ["10.0.0.2"], "dns_search": ["example.com"]}},
            "DNSConfig",
            {"Nameservers": ["10.0.0.2"], "Search": ["example.com"]},
        ),
        (
            {"options": {"labels": {"a": "b"}}},
            "Labels",
            {"a": "b", "aiodockercloud.container": UUID},
        ),
        (
            {"options": {"security_opt": ["label:type:web_t", "label=level=s0"]}},
            "Privileges",
            {"SELinuxContext": {"Type": "web_t", "Level": "s0"}},
        ),
        (
            {"options": {"security_opt": ["label:disable"]}},
            "Privileges",
            {"SELinuxContext": {"Disable": True}},
        ),
        ({}, "StopGracePeriod", 10_000_000_000),
    ],
)
def test_container_field(fields: dict[str, Any], key: str, value: Any) -> None:
    assert inner(**fields)[key] == value


@pytest.mark.parametrize(
    "key", ["Args", "Command", "User", "Dir", "Hosts", "DNSConfig", "Privileges"]
)
def test_container_field_not_given_is_left_to_the_image(key: str) -> None:
    assert key not in inner(command=None, entrypoint="", options={"user": None})


@pytest.mark.parametrize("field", ["command", "entrypoint"])
def test_unfinished_quote_is_an_error(field: str) -> None:
    with pytest.raises(EngineError, match="cannot be split"):
        spec_of(**{field: "sh -c 'echo"})


# --- volumes ------------------------------------------------------------------------


def test_named_volume_is_a_volume_mount() -> None:
    [mount] = inner(mounts=[MountSpec("/data", "v1", None, False)])["Mounts"]

    assert mount == {
        "Type": "volume",
        "Source": "dc-v1",
        "Target": "/data",
        "ReadOnly": True,
        "VolumeOptions": {"Labels": {"aiodockercloud.container": UUID}},
    }


def test_host_path_is_a_bind_mount_with_its_braces() -> None:
    [mount] = inner(mounts=[MountSpec("/data", None, "/srv/{{x}}", True)])["Mounts"]

    assert mount["Type"] == "bind"
    assert mount["Source"] == '/srv/{{"{{"}}x}}'
    assert not mount["ReadOnly"]


def test_shared_volumes_come_after_own_volumes() -> None:
    theirs = [
        {"Type": "volume", "Source": "dc-a", "Target": "/a"},
        {"Type": "volume", "Source": "dc-b", "Target": "/b"},
    ]
    spec = container(mounts=[MountSpec("/a", "mine", None, True)])

    found = service_specs.service_spec(spec, shared=theirs)
    mounts = found["TaskTemplate"]["ContainerSpec"]["Mounts"]

    assert [m["Source"] for m in mounts] == ["dc-mine", "dc-b"]
    assert found["Labels"]["aiodockercloud.volumes"] == "dc-mine"


# --- ports --------------------------------------------------------------------------


def test_ports_are_published_on_the_node() -> None:
    ports = [
        PortSpec(80, "tcp", True, 8080),
        PortSpec(53, "udp", True, None),
        PortSpec(81, "tcp", False, None),
    ]

    assert spec_of(ports=ports)["EndpointSpec"]["Ports"] == [
        {
            "Protocol": "tcp",
            "TargetPort": 80,
            "PublishMode": "host",
            "PublishedPort": 8080,
        },
        {"Protocol": "udp", "TargetPort": 53, "PublishMode": "host"},
    ]


def test_two_outer_ports_of_one_port_are_refused() -> None:
    ports = [PortSpec(80, "tcp", True, 8080), PortSpec(80, "tcp", True, 8081)]

    with pytest.raises(UnsupportedField, match="container_ports: 80/tcp"):
        spec_of(ports=ports)


def test_net_host_has_the_nodes_network_and_ports() -> None:
    spec = spec_of(options={"net": "host"}, ports=[PortSpec(80, "tcp", True, 80)])

    assert spec["TaskTemplate"]["Networks"] == [{"Target": "host"}]
    assert spec["EndpointSpec"]["Ports"] == []
    assert "Hostname" not in spec["TaskTemplate"]["ContainerSpec"]


def test_net_host_with_another_outer_port_is_refused() -> None:
    with pytest.raises(UnsupportedField, match="container_ports: with net host"):
        spec_of(options={"net": "host"}, ports=[PortSpec(80, "tcp", True, 8080)])


# --- placement, restarts, limits ----------------------------------------------------


@pytest.mark.parametrize(
    ("autorestart", "condition"),
    [("OFF", "none"), ("ON_FAILURE", "on-failure"), ("ALWAYS", "any")],
)
def test_autorestart_is_the_restart_condition(autorestart: str, condition: str) -> None:
    policy = task(autorestart=autorestart)["RestartPolicy"]

    assert policy == {"Condition": condition, "Delay": 1_000_000_000}


def test_memory_is_a_limit_in_bytes() -> None:
    options = {"memory": 64, "memory_swap": 128}

    assert task(options=options)["Resources"] == {"Limits": {"MemoryBytes": 67108864}}
    assert task()["Resources"] == {}


def test_pinned_container_stays_on_its_node() -> None:
    found = task(pinned=True, tags=["web"])["Placement"]

    assert found == {"Constraints": ["node.id==n0de"]}


def test_container_not_pinned_has_constraints_for_its_tags() -> None:
    found = task(pinned=False, tags=["web", "a b"])["Placement"]

    assert found == {
        "Constraints": [
            "node.labels.dc.tag.web==true",
            "node.labels.dc.tag.hex.612062==true",
        ]
    }


@pytest.mark.parametrize("tag", ["web", "a b", "hex.61", "é=1", "x.y-z_1"])
def test_tags_survive_as_node_labels(tag: str) -> None:
    labels = naming.with_tags({"other": "1", "dc.tag.old": "true"}, [tag])

    assert naming.tags_of(labels) == [tag]
    assert labels["other"] == "1"


# --- networks -----------------------------------------------------------------------


def test_aliases_with_a_dot_are_on_the_network_of_the_namespace() -> None:
    spec = container(stack="shop", aliases=["web", "web-1", "web.shop", "web"])
    home = naming.network_name("alice", "shop")
    common = naming.network_name("alice", None)

    assert service_specs.service_spec(spec)["TaskTemplate"]["Networks"] == [
        {"Target": home, "Aliases": ["web", "web-1"]},
        {"Target": common, "Aliases": ["web.shop"]},
    ]
    assert naming.network_names(spec) == [home, common]


def test_aliases_without_a_stack_are_on_the_namespaces_network() -> None:
    assert task(aliases=["web", "web-1"])["Networks"] == [
        {
            "Target": naming.network_name("alice", None),
            "Aliases": ["web", "web-1"],
        }
    ]


def test_named_networks_take_the_place_of_the_private_ones() -> None:
    wanted = [{"name": "back", "aliases": ["database"]}, {"name": "f", "aliases": []}]
    spec = spec_of(stack="shop", aliases=["web.shop"], options={"networks": wanted})
    back, front = (naming.own_network_name("alice", name) for name in ("back", "f"))

    assert spec["TaskTemplate"]["Networks"] == [
        {"Target": back, "Aliases": ["web.shop", "database"]},
        {"Target": front, "Aliases": ["web.shop"]},
    ]
    assert {back, front} < naming.networks_of({"Spec": spec})


def test_named_networks_are_beside_the_default_one_on_request() -> None:
    wanted = [{"name": "default", "aliases": ["x"]}, {"name": "f", "aliases": []}]

    assert task(aliases=["web"], options={"networks": wanted})["Networks"] == [
        {"Target": naming.network_name("alice", None), "Aliases": ["web", "x"]},
        {"Target": naming.own_network_name("alice", "f"), "Aliases": ["web"]},
    ]


def test_network_names_do_not_clash() -> None:
    names = {
        naming.network_name(*owner)
        for owner in [("a", "b"), ("a-b", None), ("a", "B"), ("b", "a"), ("a", None)]
    }
    names |= {naming.own_network_name("a", "b"), naming.own_network_name("b", "b")}

    assert len(names) == 7


def test_free_subnet_overlaps_no_other() -> None:
    taken = ["10.0.240.0/20", "10.0.0.0/17", "fd00::/64"]
    nodes = ["10.0.230.7", "10.0.200.7", "10.0.191.7", "10.0.160.7", "10.0.144.7"]

    found = {free_subnet(["10.0.0.0/16"], 24, taken, nodes) for _ in range(200)}

    assert found == {"10.0.128.0/20", "10.0.208.0/20"}


def test_free_subnet_is_near_the_end_and_differs_from_the_last_one() -> None:
    found = {str(free_subnet(["10.0.0.0/8"], 24, [], [])) for _ in range(100)}

    assert len(found) > 50
    assert all(192 <= int(net.split(".")[1]) <= 255 for net in found)


def test_free_subnet_with_a_joining_node() -> None:
    """A joining node has no address yet."""
    assert free_subnet(["10.0.0.0/20"], 24, [], [""]) == "10.0.0.0/20"


def test_no_free_subnet_leaves_the_choice_to_swarm() -> None:
    assert free_subnet(["10.0.0.0/19"], 24, ["10.0.0.0/24"], ["10.0.31.7"]) is None


def test_free_subnet_is_none_in_a_roomy_swarm() -> None:
    assert free_subnet(["10.0.0.0/8"], 20, [], []) is None
    assert free_subnet(["10.0.0.0/24"], 24, [], []) is None


# --- changes of existing services ---------------------------------------------------


def test_stop_and_start_keep_everything_else() -> None:
    spec = spec_of(command="sleep 1")

    halted = service_specs.stopped(spec)
    again = service_specs.started(halted)

    assert service_specs.is_stopped(halted)
    assert not service_specs.is_stopped(spec)
    assert service_specs.pinned_to(halted) == "n0de"
    spec["TaskTemplate"]["ForceUpdate"] = 1
    assert again == spec


# --- refusals -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "instead"),
    [
        ({"privileged": True}, "cap_add"),
        ({"devices": ["/dev/sda"]}, "network service"),
        ({"pid": "host"}, "none"),
        ({"cpu_shares": 512}, "tags"),
        ({"cpuset": "0"}, "tags"),
        ({"mac_address": "02:42:ac:11:65:43"}, "names"),
        ({"cgroup_parent": "x"}, "--cgroup-parent"),
        ({"memory_swap": 64}, "memory"),
        ({"memory": 64, "memory_swap": 100}, "twice"),
        ({"security_opt": ["apparmor:x"]}, "label"),
        ({"security_opt": ["label:color:red"]}, "label"),
        ({"net": "host", "hostname": "www"}, "leave out"),
        ({"extra_hosts": ["db"]}, "name:address"),
        ({"something_new": 1}, "nothing like it"),
    ],
)
def test_refused_option_is_named_with_an_alternative(
    options: dict[str, Any], instead: str
) -> None:
    field = next(name for name in reversed(options))

    with pytest.raises(UnsupportedField, match=instead) as caught:
        supported.check(options)

    assert str(caught.value).startswith(f"{field}: ")


def test_every_field_at_its_default_is_accepted() -> None:
    supported.check({name: BY_NAME[name].initial() for name in sorted(ENGINE_OPTIONS)})
