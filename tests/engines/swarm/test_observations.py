"""Observations from JSON that an Engine 20.10 has sent."""

from __future__ import annotations

from typing import Any

import pytest

from aiodockercloud.server.engines import ContainerObservation
from aiodockercloud.server.engines.swarm import naming, service_specs
from aiodockercloud.server.engines.swarm.observations import (
    container_observation,
    given_up,
    node_observation,
)

Json = dict[str, Any]


def node(id: str = "n1", state: str = "ready", **spec: Any) -> Json:
    return {
        "ID": id,
        "Spec": {
            "Labels": {"dc.tag.web": "true", "dc.tag.off": "false"},
            "Role": "worker",
            "Availability": "active",
            **spec,
        },
        "Description": {
            "Hostname": f"host-{id}",
            "Resources": {"NanoCPUs": 2_000_000_000, "MemoryBytes": 4 * 1024**3},
            "Engine": {"EngineVersion": "20.10.24"},
        },
        "Status": {"State": state, "Addr": "10.232.0.3"},
    }


def service(condition: str = "none", force: int = 0, *, halted: bool = False) -> Json:
    return {
        "ID": "s1",
        "Spec": {
            "Labels": {naming.CONTAINER_LABEL: "u1"},
            "TaskTemplate": {
                "RestartPolicy": {"Condition": condition},
                "ForceUpdate": force,
                "Placement": {"Constraints": [service_specs.STOPPED] if halted else []},
            },
            "Mode": {"Replicated": {"Replicas": 1}},
        },
    }


def task(
    second: int,
    state: str,
    desired: str = "running",
    *,
    err: str = "",
    code: int | None = None,
    force: int = 0,
    where: str = "n1",
) -> Json:
    """Return a task. A running task and a task with a *code* have a container."""
    status: Json = {"State": state}
    if err:
        status["Err"] = err
    if code is not None or state == "running":
        status["ContainerStatus"] = {
            "ContainerID": f"c{second}",
            "PID": 1,
            "ExitCode": code or 0,
        }
    return {
        "ID": f"t{second}",
        "CreatedAt": f"2026-11-20T22:00:{second:02}.5Z",
        "Spec": {"ForceUpdate": force},
        "NodeID": where,
        "Status": status,
        "DesiredState": desired,
    }


def observed(service: Json, *tasks: Json, lost: bool = False) -> ContainerObservation:
    nodes = {"n1": node("n1", "down" if lost else "ready"), "n2": node("n2")}
    return container_observation(
        service, tasks, nodes, overdue={"t99"}, given_up=given_up(tasks, nodes)
    )


def facts(found: ContainerObservation) -> tuple[str, int | None, str]:
    return found.state, found.exit_code, found.message


# --- containers ---------------------------------------------------------------------


@pytest.mark.parametrize("state", ["new", "pending", "preparing", "starting"])
def test_task_that_does_not_run_yet_is_starting(state: str) -> None:
    assert facts(observed(service(), task(1, state))) == ("starting", None, "")


@pytest.mark.parametrize("spelling", ["Healthcheck", "HealthCheck"])
def test_task_with_a_health_check_is_starting_until_healthy(spelling: str) -> None:
    web = service()
    web["Spec"]["TaskTemplate"]["ContainerSpec"] = {spelling: {"Test": ["CMD", "true"]}}

    assert observed(web, task(1, "preparing")).health is None
    assert observed(web, task(1, "starting")).health == "starting"
    assert observed(web, task(1, "running")).health == "healthy"
    assert observed(web, task(1, "failed", code=137)).health is None
    assert observed(service(), task(1, "running")).health is None


def test_service_without_tasks_yet_is_starting() -> None:
    assert facts(observed(service())) == ("starting", None, "")


def test_running_task_has_node_address_and_ports() -> None:
    running = task(1, "running")
    running["NetworksAttachments"] = [
        {
            "Network": {"Spec": {"Labels": {naming.NETWORK_LABEL: stack}}},
            "Addresses": [address],
        }
        for stack, address in [("", "10.1.0.7/20"), ("shop", "10.2.0.7/20")]
    ]
    port = {"TargetPort": 80, "Protocol": "tcp", "PublishedPort": 32768}
    running["Status"]["PortStatus"] = {"Ports": [port, port]}

    assert observed(service(), running) == ContainerObservation(
        uuid="u1",
        state="running",
        docker_id="c1",
        node="n1",
        private_ip="10.2.0.7",
        ports={(80, "tcp"): (32768,)},
    )


def test_task_asked_to_end_is_running_until_its_end() -> None:
    found = observed(
        service(halted=True), task(1, "running", "shutdown"), task(2, "pending")
    )

    assert found.state == "running"


def test_stopped_service_has_the_exit_code_of_its_last_task() -> None:
    found = observed(
        service(halted=True),
        task(1, "failed", "shutdown", code=3),
        task(2, "shutdown", "shutdown", code=143),
        task(3, "pending", err="no suitable node"),
    )

    assert facts(found) == ("stopped", 143, "")
    assert found.docker_id == "c2"


@pytest.mark.parametrize(
    ("condition", "state", "code", "told"),
    [
        ("none", "complete", 0, "stopped"),
        ("none", "failed", 3, "stopped"),
        ("on-failure", "complete", 0, "stopped"),
        ("on-failure", "failed", 3, "starting"),
        ("any", "complete", 0, "starting"),
    ],
)
def test_ended_task_is_stopped_unless_swarm_restarts_the_container(
    condition: str, state: str, code: int, told: str
) -> None:
    found = observed(service(condition), task(1, state, "shutdown", code=code))

    assert (found.state, found.exit_code) == (told, code)


def test_pause_before_a_restart_is_starting_with_the_last_code() -> None:
    found = observed(
        service("any"), task(1, "failed", "shutdown", code=3), task(2, "ready", "ready")
    )

    assert facts(found) == ("starting", 3, "")


def test_tasks_from_before_a_start_do_not_count() -> None:
    found = observed(
        service("none", force=1),
        task(1, "failed", "shutdown", code=3),
        task(2, "rejected", "shutdown", err="No such image"),
    )

    assert facts(found) == ("starting", None, "")


def test_missing_image_is_stopped() -> None:
    found = observed(
        service("any"),
        task(1, "rejected", "shutdown", err="No such image: x"),
        task(2, "ready", "ready"),
    )

    assert facts(found) == ("stopped", None, "No such image: x")


def test_task_that_waits_too_long_for_a_node_is_stopped() -> None:
    waits = task(99 % 60, "pending", err="no suitable node")
    assert facts(observed(service(), waits))[0] == "starting"

    waits["ID"] = "t99"
    assert facts(observed(service(), waits)) == ("stopped", None, "no suitable node")


def test_lost_node_without_restart_is_stopped() -> None:
    found = observed(service(), task(1, "running", "shutdown"), lost=True)

    assert facts(found) == ("stopped", None, "node host-n1 is down")


def test_container_of_a_lost_node_moves_to_another_node() -> None:
    lost = task(1, "running", "shutdown")
    assert (
        observed(service("any"), lost, task(2, "pending"), lost=True).state
        == "starting"
    )

    found = observed(service("any"), lost, task(2, "running", where="n2"), lost=True)
    assert (found.state, found.node) == ("running", "n2")


def test_lost_node_stops_its_pinned_containers() -> None:
    pinned = service("any")
    pinned["Spec"]["TaskTemplate"]["Placement"]["Constraints"] = ["node.id==n1"]
    tasks = [task(1, "running", "shutdown"), task(2, "pending", err="no suitable node")]

    found = observed(pinned, *tasks, lost=True)

    assert facts(found) == ("stopped", None, "node host-n1 is down")
    assert observed(pinned, *tasks).state == "running"
    assert observed(pinned, tasks[1]).state == "starting"


# --- nodes --------------------------------------------------------------------------


def test_node_has_its_size_and_tags() -> None:
    found = node_observation(node(), "overlay2")

    assert (found.id, found.hostname, found.address) == ("n1", "host-n1", "10.232.0.3")
    assert (found.state, found.cpu, found.memory) == ("ready", 2, 4096)
    assert (found.docker_version, found.storage_driver) == ("20.10.24", "overlay2")
    assert list(found.tags) == ["web"]


@pytest.mark.parametrize(
    ("state", "availability", "reported", "unschedulable"),
    [
        ("ready", "active", "ready", ""),
        ("unknown", "active", "ready", ""),
        ("down", "active", "unreachable", ""),
        ("disconnected", "active", "unreachable", ""),
        ("ready", "drain", "ready", "drain"),
        ("ready", "pause", "ready", "pause"),
        ("down", "drain", "unreachable", "drain"),
    ],
)
def test_node_has_its_state_and_why_it_is_unschedulable(
    state: str, availability: str, reported: str, unschedulable: str
) -> None:
    found = node_observation(node(state=state, Availability=availability))

    assert (found.state, found.unschedulable) == (reported, unschedulable)


def test_manager_without_its_own_address_has_the_address_of_the_manager_status() -> (
    None
):
    manager = node()
    manager["Status"]["Addr"] = "0.0.0.0"
    manager["ManagerStatus"] = {"Addr": "10.232.0.2:2377"}

    assert node_observation(manager).address == "10.232.0.2"
