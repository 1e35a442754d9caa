"""Observations from the JSON of a Swarm: pure functions.

Source: Docker Engine API, "Service", "Task" and "Node".
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from ....wire.loglines import parse_line_stamp
from ....wire.service_fields import INGRESS
from .. import ContainerObservation, NodeObservation
from . import naming, options, service_specs

Json = Mapping[str, Any]

#: One CPU in the billionths that Docker counts.
_WHOLE_CPU = 1_000_000_000
#: The states of a task that has not run yet.
_NOT_YET_RUNNING = frozenset(
    {
        *("new", "pending", "allocated", "assigned", "accepted", "preparing"),
        *("ready", "starting"),
    }
)


def container_observation(
    service: Json,
    tasks: Sequence[Json],
    nodes: Mapping[str, Json],
    overdue: Collection[str] = (),
    given_up: Collection[str] = (),
) -> ContainerObservation:
    """Return the observation of the container of a Swarm service.

    Args:
        service: The Swarm service.
        tasks: The tasks of the service: the current task and a few former ones.
        nodes: All nodes, by id.
        overdue: The ids of tasks that have waited for a node for too long, or that
            have ended and are not replaced.
        given_up: The ids of tasks that count as ended, see ``given_up``.
    """
    uuid = service["Spec"]["Labels"][naming.CONTAINER_LABEL]
    tasks = sorted(tasks, key=_created)
    for task in reversed(tasks):
        # A task that Swarm has asked to end may still run.
        if _state(task) == "running" and task["ID"] not in given_up:
            return _running(uuid, service, task, nodes)
    if service_specs.is_stopped(service["Spec"]) or _replicas(service) == 0:
        return _stopped(uuid, tasks, nodes, given_up)
    # Tasks from before the last start do not count.
    generation = _generation(service["Spec"]["TaskTemplate"])
    current = [task for task in tasks if _generation(task["Spec"]) == generation]
    if not current:
        return ContainerObservation(uuid=uuid, state="starting")
    newest = current[-1]
    problem = str(newest["Status"].get("Err", ""))
    code = _last_code(current)
    if _state(newest) in _NOT_YET_RUNNING:
        home = service_specs.pinned_to(service["Spec"])
        if home is not None and is_lost(home, nodes):
            problem = f"node {_node_name(home, nodes)} is down"
            return ContainerObservation(uuid=uuid, state="stopped", message=problem)
        if newest["ID"] in overdue:
            return ContainerObservation(
                uuid=uuid, state="stopped", exit_code=code, message=problem
            )
        refused = [task for task in current if _state(task) == "rejected"]
        if refused and not any(_container_id(task) for task in current):
            # Swarm retries for ever: the reason is reported instead.
            problem = str(refused[-1]["Status"].get("Err", ""))
            return ContainerObservation(uuid=uuid, state="stopped", message=problem)
        checked = service_specs.has_healthcheck(service["Spec"])
        return ContainerObservation(
            uuid=uuid,
            state="starting",
            exit_code=code,
            health="starting" if checked and _state(newest) == "starting" else None,
            message=problem,
        )
    replaced = _is_restarted(service, newest) and newest["ID"] not in overdue
    if replaced and _container_id(newest):
        return ContainerObservation(
            uuid=uuid, state="starting", exit_code=code, message=problem
        )
    return _stopped(uuid, current, nodes, given_up)


def newest(tasks: Iterable[Json]) -> Json | None:
    """Return the last created task, ``None`` without tasks."""
    return max(tasks, key=_created, default=None)


def given_up(
    tasks: Iterable[Json], nodes: Mapping[str, Json], before: Collection[str] = ()
) -> set[str]:
    """Return the ids of the tasks that Swarm cannot end because their node is lost.

    Args:
        tasks: All tasks.
        nodes: All nodes, by id.
        before: The result of the previous call. When a lost node is back, Swarm ends
            the task, and reports the state "running" until the node confirms the end.
    """
    return {
        task["ID"]
        for task in tasks
        if _state(task) == "running"
        and task["DesiredState"] != "running"
        and (task["ID"] in before or is_lost(task.get("NodeID", ""), nodes))
    }


def places(tasks: Iterable[Json]) -> dict[str, str]:
    """Return, for each service id, the node of the newest task that had a node."""
    placed = (task for task in tasks if task.get("NodeID"))
    by_age = sorted(placed, key=_created)
    return {task["ServiceID"]: task["NodeID"] for task in by_age}


def _running(
    uuid: str, service: Json, task: Json, nodes: Mapping[str, Json]
) -> ContainerObservation:
    return ContainerObservation(
        uuid=uuid,
        state="running",
        # Swarm's state of a task is "running" when the container is healthy, and
        # "failed" when the container becomes unhealthy.
        health="healthy" if service_specs.has_healthcheck(service["Spec"]) else None,
        docker_id=_container_id(task),
        node=task.get("NodeID") if task.get("NodeID") in nodes else None,
        private_ip=_address(task),
        image_digest=_digest(service),
        ports=_ports(task, service),
    )


def _digest(service: Json) -> str | None:
    """Return the digest to which the Engine has pinned the tag of the image."""
    container = service["Spec"]["TaskTemplate"].get("ContainerSpec") or {}
    _, _, digest = str(container.get("Image", "")).partition("@")
    return digest or None


def _stopped(
    uuid: str,
    tasks: Sequence[Json],
    nodes: Mapping[str, Json],
    given_up: Collection[str],
) -> ContainerObservation:
    """Return the observation of a stopped container, from the last task that ran."""
    for task in reversed(tasks):
        if task["ID"] in given_up:
            problem = f"node {_node_name(task['NodeID'], nodes)} is down"
            return ContainerObservation(uuid=uuid, state="stopped", message=problem)
        if _container_id(task) or _state(task) == "rejected":
            return ContainerObservation(
                uuid=uuid,
                state="stopped",
                exit_code=_exit_code(task),
                message=str(task["Status"].get("Err", "")),
                docker_id=_container_id(task),
                node=task.get("NodeID") if task.get("NodeID") in nodes else None,
            )
    return ContainerObservation(uuid=uuid, state="stopped")


def is_lost(id: str, nodes: Mapping[str, Json]) -> bool:
    node = nodes.get(id)
    return node is None or is_down(node)


def _node_name(id: str, nodes: Mapping[str, Json]) -> str:
    """Return the name of a node for messages."""
    return hostname(nodes.get(id)) or "its node"


def _is_restarted(service: Json, task: Json) -> bool:
    policy = service["Spec"]["TaskTemplate"]["RestartPolicy"]["Condition"]
    failed = _state(task) in ("failed", "rejected")
    return policy == "any" or (policy == "on-failure" and failed)


def _created(task: Json) -> int:
    return parse_line_stamp(task["CreatedAt"])


def _state(task: Json) -> str:
    return str(task["Status"]["State"])


def _generation(task_spec: Json) -> int:
    return int(task_spec.get("ForceUpdate", 0))


def _replicas(service: Json) -> int:
    replicated = service["Spec"]["Mode"].get("Replicated") or {}
    return int(replicated.get("Replicas", 1))


def _container_status(task: Json) -> Json:
    return task["Status"].get("ContainerStatus") or {}


def _container_id(task: Json) -> str | None:
    return _container_status(task).get("ContainerID") or None


def _exit_code(task: Json) -> int | None:
    """Return the exit code of a task that ran and has ended, else None.

    A rejected task has the exit code 0, without a meaning.
    """
    status = _container_status(task)
    if _state(task) not in ("complete", "failed", "shutdown"):
        return None
    if not status.get("ContainerID") or (
        not status.get("PID") and _failed_to_start(task)
    ):
        return None
    return int(status.get("ExitCode", 0))


def _failed_to_start(task: Json) -> bool:
    """Whether the container of a task was created but could not be started."""
    return "starting container failed" in str(task["Status"].get("Err", ""))


def _last_code(tasks: Sequence[Json]) -> int | None:
    """Return the exit code of the newest task that has an exit code."""
    codes = (_exit_code(task) for task in reversed(tasks))
    return next((code for code in codes if code is not None), None)


def _address(task: Json) -> str | None:
    """Return the address of a task on the network of the stack.

    A task without a stack has an address on the network of the namespace.
    """
    found: dict[bool, str] = {}
    for attachment in task.get("NetworksAttachments") or ():
        labels = attachment.get("Network", {}).get("Spec", {}).get("Labels") or {}
        if naming.NETWORK_LABEL in labels:
            for address in attachment.get("Addresses") or ():
                found[bool(labels[naming.NETWORK_LABEL])] = address.partition("/")[0]
    return found.get(True) or found.get(False)


def _ports(task: Json, service: Json) -> dict[tuple[int, str], tuple[int, ...]]:
    found: dict[tuple[int, str], list[int]] = {}
    status = task["Status"].get("PortStatus") or {}
    endpoint = service.get("Endpoint") or {}
    ingress = (p for p in endpoint.get("Ports") or () if p["PublishMode"] == INGRESS)
    for port in (*(status.get("Ports") or ()), *ingress):
        outer = found.setdefault((port["TargetPort"], port["Protocol"]), [])
        if port["PublishedPort"] not in outer:  # listed for IPv4 and for IPv6
            outer.append(port["PublishedPort"])
    return {key: tuple(outer) for key, outer in found.items()}


# --- nodes --------------------------------------------------------------------------


def node_observation(node: Json, storage_driver: str = "") -> NodeObservation:
    """Return the observation of a node.

    A drained or paused node responds, but is unschedulable.
    """
    description, status = node["Description"], node["Status"]
    resources = description.get("Resources", {})
    availability = str(node["Spec"]["Availability"])
    reachable = status["State"] in ("ready", "unknown")
    return NodeObservation(
        id=node["ID"],
        hostname=description.get("Hostname", ""),
        address=address(node),
        state="ready" if reachable else "unreachable",
        cpu=resources.get("NanoCPUs", 0) // _WHOLE_CPU,
        memory=resources.get("MemoryBytes", 0) // options.MEGABYTE,
        disk=0,
        docker_version=description.get("Engine", {}).get("EngineVersion", ""),
        storage_driver=storage_driver,
        tags=naming.tags_of(node["Spec"].get("Labels") or {}),
        unschedulable="" if availability == "active" else availability,
        attributes=_attributes(node),
        generic_resources=_generic_resources(resources),
    )


def _attributes(node: Json) -> dict[str, str]:
    """Return the attributes of a node, by their names in constraints of placement."""
    description, spec = node["Description"], node["Spec"]
    platform = description.get("Platform") or {}
    engine = description.get("Engine") or {}
    labels = (spec.get("Labels") or {}).items()
    engine_labels = (engine.get("Labels") or {}).items()
    return {
        "node.id": node["ID"],
        "node.hostname": str(description.get("Hostname", "")),
        "node.role": str(spec.get("Role", "")),
        "node.platform.os": str(platform.get("OS", "")),
        "node.platform.arch": str(platform.get("Architecture", "")),
        **{f"node.labels.{key}": str(value) for key, value in labels},
        **{f"engine.labels.{key}": str(value) for key, value in engine_labels},
    }


def _generic_resources(resources: Json) -> dict[str, int]:
    """Return the units of each kind; a named resource is one unit."""
    found: dict[str, int] = {}
    for one in resources.get("GenericResources") or ():
        for kind, value in (
            (spec["Kind"], int(spec["Value"]) if name.startswith("Discrete") else 1)
            for name, spec in one.items()
        ):
            found[kind] = found.get(kind, 0) + value
    return found


def is_down(node: Json) -> bool:
    """Whether the managers have lost a node."""
    return bool(node["Status"]["State"] == "down")


def address(node: Json) -> str:
    """Return the address of a node.

    A manager may have no usable address in its own status.
    """
    found = str(node["Status"].get("Addr", ""))
    if found in ("", "0.0.0.0", "127.0.0.1"):
        manager = (node.get("ManagerStatus") or {}).get("Addr", "")
        found = manager.rpartition(":")[0].strip("[]")
    return found


def hostname(node: Json | None) -> str:
    """Return the host name of a node; empty for an unknown node."""
    return str(node["Description"].get("Hostname", "")) if node else ""
