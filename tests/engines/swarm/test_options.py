"""Fields beyond the hosted API in the spec for Swarm, and refusals; no daemon."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from aiodockercloud.server.engines import (
    ContainerSpec,
    MountSpec,
    PortSpec,
    UnsupportedField,
)
from aiodockercloud.server.engines.swarm import service_specs, supported

UUID = "0a1b2c3d-4e5f-4a6b-8c7d-0123456789ab"
SECOND = 1_000_000_000


def spec_of(given: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    return service_specs.service_spec(
        ContainerSpec(
            uuid=UUID,
            name="web-1",
            service="web",
            stack=None,
            namespace="alice",
            node="n0de",
            image="hello:latest",
            options=given or {},
            **fields,
        )
    )


# --- the container ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "value", "key", "expected"),
    [
        ("stop_grace_period", 90, "StopGracePeriod", 90 * SECOND),
        ("stop_grace_period", 0, "StopGracePeriod", 0),
        ("stop_signal", "SIGINT", "StopSignal", "SIGINT"),
        ("init", True, "Init", True),
        (
            "ulimits",
            [{"name": "nofile", "soft": 10, "hard": None}],
            "Ulimits",
            [{"Name": "nofile", "Soft": 10, "Hard": 10}],
        ),
        ("sysctls", {"a.b": "1"}, "Sysctls", {"a.b": "1"}),
        ("group_add", ["mail"], "Groups", ["mail"]),
        ("oom_score_adj", 100, "OomScoreAdj", 100),
        ("dns_options", ["ndots:2"], "DNSConfig", {"Options": ["ndots:2"]}),
        (
            "tmpfs",
            [
                {"container_path": "/run", "size": 2, "mode": "1770"},
                {"container_path": "/x", "size": None, "mode": None},
            ],
            "Mounts",
            [
                {
                    "Type": "tmpfs",
                    "Target": "/run",
                    "TmpfsOptions": {"SizeBytes": 2097152, "Mode": 0o1770},
                },
                {"Type": "tmpfs", "Target": "/x"},
            ],
        ),
        (
            "security_opt",
            [
                "no-new-privileges",
                "seccomp=unconfined",
                "apparmor:unconfined",
                "label:disable",
            ],
            "Privileges",
            {
                "NoNewPrivileges": True,
                "Seccomp": {"Mode": "unconfined"},
                "AppArmor": {"Mode": "disabled"},
                "SELinuxContext": {"Disable": True},
            },
        ),
        (
            "security_opt",
            ["no-new-privileges:false", 'seccomp={"defaultAction": "SCMP_ACT_ALLOW"}'],
            "Privileges",
            {
                "NoNewPrivileges": False,
                "Seccomp": {
                    "Mode": "custom",
                    "Profile": base64.b64encode(
                        b'{"defaultAction": "SCMP_ACT_ALLOW"}'
                    ).decode(),
                },
            },
        ),
    ],
)
def test_option_is_in_the_container_spec(
    option: str, value: Any, key: str, expected: Any
) -> None:
    assert spec_of({option: value})["TaskTemplate"]["ContainerSpec"][key] == expected


# --- the task -----------------------------------------------------------------------


def test_limits_and_reservations_are_the_resources() -> None:
    options = {
        "cpus": 0.5,
        "memory": 64,
        "pids_limit": 100,
        "cpu_reservation": 0.25,
        "memory_reservation": 32,
        "generic_resources": [
            {"kind": "gpu", "value": "2"},
            {"kind": "ssd", "value": "a1"},
        ],
    }

    assert spec_of(options)["TaskTemplate"]["Resources"] == {
        "Limits": {"NanoCPUs": SECOND // 2, "MemoryBytes": 67108864, "Pids": 100},
        "Reservations": {
            "NanoCPUs": SECOND // 4,
            "MemoryBytes": 33554432,
            "GenericResources": [
                {"DiscreteResourceSpec": {"Kind": "gpu", "Value": 2}},
                {"NamedResourceSpec": {"Kind": "ssd", "Value": "a1"}},
            ],
        },
    }


def test_restart_policy_adds_to_autorestart() -> None:
    policy = {"delay": 0, "max_attempts": 3, "window": 60}

    task = spec_of({"restart_policy": policy}, autorestart="ON_FAILURE")["TaskTemplate"]

    assert task["RestartPolicy"] == {
        "Condition": "on-failure",
        "Delay": 0,
        "MaxAttempts": 3,
        "Window": 60 * SECOND,
    }


def test_constraints_stand_beside_the_node() -> None:
    placement = {
        "constraints": ["node.labels.zone==a"],
        "preferences": [],
        "max_replicas_per_node": None,
        "platforms": [{"os": "linux", "architecture": None}],
    }

    assert spec_of({"placement": placement})["TaskTemplate"]["Placement"] == {
        "Constraints": ["node.id==n0de", "node.labels.zone==a"],
        "Platforms": [{"OS": "linux", "Architecture": ""}],
    }


def test_stop_and_start_of_a_service_keep_the_constraints() -> None:
    placement = {"constraints": ["node.role==worker"]}
    spec = spec_of({"placement": placement})

    again = service_specs.started(service_specs.stopped(spec))

    assert again["TaskTemplate"]["Placement"] == spec["TaskTemplate"]["Placement"]


def test_log_driver_is_in_the_task() -> None:
    driver = {"name": "local", "options": {"max-file": "3"}}

    assert spec_of({"log_driver": driver})["TaskTemplate"]["LogDriver"] == {
        "Name": "local",
        "Options": {"max-file": "3"},
    }


# --- ports and volumes --------------------------------------------------------------


def test_ingress_port_has_a_virtual_address() -> None:
    ports = [
        PortSpec(80, "tcp", True, 8080, "ingress"),
        PortSpec(81, "tcp", True, None),
    ]

    assert spec_of(ports=ports)["EndpointSpec"] == {
        "Mode": "vip",
        "Ports": [
            {
                "Protocol": "tcp",
                "TargetPort": 80,
                "PublishMode": "ingress",
                "PublishedPort": 8080,
            },
            {"Protocol": "tcp", "TargetPort": 81, "PublishMode": "host"},
        ],
    }


def test_volume_by_name_belongs_to_no_container() -> None:
    mount = MountSpec("/data", None, None, True, "shared", "nfs", {"addr": "nas"})
    spec = spec_of(mounts=[mount])

    assert spec["TaskTemplate"]["ContainerSpec"]["Mounts"] == [
        {
            "Target": "/data",
            "ReadOnly": False,
            "Type": "volume",
            "Source": "shared",
            "VolumeOptions": {
                "DriverConfig": {"Name": "nfs", "Options": {"addr": "nas"}}
            },
        }
    ]
    assert spec["Labels"]["aiodockercloud.volumes"] == ""


def test_own_volume_of_another_driver_keeps_its_label() -> None:
    mount = MountSpec("/data", "v1", None, True, None, "nfs")
    (found,) = spec_of(mounts=[mount])["TaskTemplate"]["ContainerSpec"]["Mounts"]

    assert found["Source"] == "dc-v1"
    assert found["VolumeOptions"] == {
        "DriverConfig": {"Name": "nfs", "Options": {}},
        "Labels": {"aiodockercloud.container": UUID},
    }


# --- the escape hatch ---------------------------------------------------------------


def test_swarm_is_merged_into_the_spec() -> None:
    addition = {
        "Labels": {"team": "x", "aiodockercloud.container": "another"},
        "TaskTemplate": {
            "ContainerSpec": {
                "Isolation": "default",
                "Labels": {"aiodockercloud.container": "another", "a": "b"},
                "Mounts": [{"Type": "tmpfs", "Target": "/x"}],
            },
            "Placement": {"Constraints": ["node.ip==10.0.0.0/8"]},
        },
    }
    spec = spec_of({"swarm": addition}, mounts=[MountSpec("/d", "v1", None, True)])
    container = spec["TaskTemplate"]["ContainerSpec"]

    assert spec["Labels"]["team"] == "x"
    assert spec["Labels"]["aiodockercloud.container"] == UUID
    assert container["Labels"] == {"aiodockercloud.container": UUID, "a": "b"}
    assert container["Isolation"] == "default"
    assert [mount["Target"] for mount in container["Mounts"]] == ["/d", "/x"]
    assert spec["TaskTemplate"]["Placement"]["Constraints"] == [
        "node.id==n0de",
        "node.ip==10.0.0.0/8",
    ]


@pytest.mark.parametrize(
    ("addition", "message"),
    [
        (
            {"Mode": {"Global": {}}},
            "swarm: Mode cannot be set: .*target_num_containers",
        ),
        ({"UpdateConfig": {}}, "swarm: .*use update_config"),
        ({"TaskTemplat": {}}, "no key 'TaskTemplat'; allowed: Labels"),
        ({"TaskTemplate": []}, "swarm: TaskTemplate must be an object"),
    ],
)
def test_swarm_with_a_key_of_the_server_is_refused(
    addition: dict[str, Any], message: str
) -> None:
    with pytest.raises(UnsupportedField, match=message):
        supported.check({"swarm": addition})


# --- refusals -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"security_opt": ["no-new-privileges"]},
        {"security_opt": ["seccomp=unconfined"]},
        {"security_opt": ["apparmor=unconfined"]},
        {"oom_score_adj": 1},
    ],
    ids=str,
)
def test_option_of_a_newer_engine_is_refused_with_the_version(
    options: dict[str, Any],
) -> None:
    """An older Engine would drop the option without a word."""
    (name,) = options

    supported.check(options, api=(1, 49))
    with pytest.raises(UnsupportedField, match=f"^{name}: .*needs API.* has 1.41;"):
        supported.check(options, api=(1, 41))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"security_opt": ["apparmor=mine"]}, "security_opt: .*apparmor=unconfined"),
        ({"security_opt": ["seccomp=/profile.json"]}, "the JSON of a profile"),
        (
            {"memory": 4, "memory_reservation": 8},
            "memory_reservation: must not be above",
        ),
        ({"cpus": 1, "cpu_reservation": 2}, "cpu_reservation: must not be above cpus"),
    ],
)
def test_option_that_swarm_cannot_honour_is_refused(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UnsupportedField, match=message):
        supported.check(options)


def test_ingress_port_with_the_network_of_the_node_is_refused() -> None:
    ports = [PortSpec(80, "tcp", True, 80, "ingress")]

    with pytest.raises(UnsupportedField, match=r"with net host.*leave out mode"):
        supported.check({"net": "host"}, ports)
