"""What Swarm shows, as observations: pure functions over its JSON.

Source: Docker Engine API, "Service", "Task" and "Node".
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from ....wire.loglines import parse_line_stamp
from .. import ContainerObservation, NodeObservation
from . import service_specs

Json = Mapping[str, Any]

#: One CPU in the billionths that Docker counts.
_WHOLE_CPU = 1_000_000_000

_ON_ITS_WAY = frozenset(
    {
        *("new", "pending", "allocated", "assigned", "accepted", "preparing"),
        *("ready", "starting"),
    }
)


def container_seen(
    service: Json,
    tasks: Sequence[Json],
    nodes: Mapping[str, Json],
    overdue: Collection[str] = (),
    given_up: Collection[str] = (),
) -> ContainerObservation:
    """The container that a service of ours is.

    Args:
        tasks: Its tasks: the one that runs or shall run, and a few former ones.
        nodes: All nodes, by id.
        overdue: Tasks (ids) that have waited for a node for too long.
        given_up: Tasks (ids) that count as ended, see ``given_up``.
    """
    uuid = service["Spec"]["Labels"][service_specs.CONTAINER]
    tasks = sorted(tasks, key=_created)
    for task in reversed(tasks):
        # One asked to end that runs still does so.
        if _state(task) == "running" and task["ID"] not in given_up:
            return _running(uuid, task, nodes)
    if service_specs.is_stopped(service["Spec"]) or _replicas(service) == 0:
        return _stopped(uuid, tasks, nodes, given_up)
    # Those of before the last start tell nothing about it.
    generation = _generation(service["Spec"]["TaskTemplate"])
    current = [task for task in tasks if _generation(task["Spec"]) == generation]
    if not current:
        return ContainerObservation(uuid=uuid, state="starting")
    newest = current[-1]
    problem = str(newest["Status"].get("Err", ""))
    code = _last_code(current)
    if _state(newest) in _ON_ITS_WAY:
        home = service_specs.pinned_to(service["Spec"])
        if home is not None and _is_lost(home, nodes):
            problem = f"node {_called(home, nodes)} is down"
            return ContainerObservation(uuid=uuid, state="stopped", message=problem)
        if newest["ID"] in overdue:
            return ContainerObservation(
                uuid=uuid, state="stopped", exit_code=code, message=problem
            )
        refused = [task for task in current if _state(task) == "rejected"]
        if refused and not any(_container_id(task) for task in current):
            # Swarm tries for ever; whoever starts it wants to know why it does not.
            problem = str(refused[-1]["Status"].get("Err", ""))
            return ContainerObservation(uuid=uuid, state="stopped", message=problem)
        return ContainerObservation(
            uuid=uuid, state="starting", exit_code=code, message=problem
        )
    if _is_restarted(service, newest) and _container_id(newest):
        return ContainerObservation(
            uuid=uuid, state="starting", exit_code=code, message=problem
        )
    return _stopped(uuid, current, nodes, given_up)


def given_up(
    tasks: Iterable[Json], nodes: Mapping[str, Json], before: Collection[str] = ()
) -> set[str]:
    """Tasks (ids) that Swarm wants to end but cannot, for their node is lost.

    Args:
        before: What was returned at the look before. Swarm ends them when their node
            is back, and has them as running until that says that they have ended.
    """
    return {
        task["ID"]
        for task in tasks
        if _state(task) == "running"
        and task["DesiredState"] != "running"
        and (task["ID"] in before or _is_lost(task.get("NodeID", ""), nodes))
    }


def places(tasks: Iterable[Json]) -> dict[str, str]:
    """Service (its id) → the node of the newest of its tasks that has had one."""
    placed = (task for task in tasks if task.get("NodeID"))
    by_age = sorted(placed, key=_created)
    return {task["ServiceID"]: task["NodeID"] for task in by_age}


def _running(uuid: str, task: Json, nodes: Mapping[str, Json]) -> ContainerObservation:
    return ContainerObservation(
        uuid=uuid,
        state="running",
        docker_id=_container_id(task),
        node=task.get("NodeID") if task.get("NodeID") in nodes else None,
        private_ip=_address(task),
        ports=_ports(task),
    )


def _stopped(
    uuid: str,
    tasks: Sequence[Json],
    nodes: Mapping[str, Json],
    given_up: Collection[str],
) -> ContainerObservation:
    """By the last task that was more than a plan."""
    for task in reversed(tasks):
        if task["ID"] in given_up:
            problem = f"node {_called(task['NodeID'], nodes)} is down"
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


def _is_lost(id: str, nodes: Mapping[str, Json]) -> bool:
    node = nodes.get(id)
    return node is None or is_down(node)


def _called(id: str, nodes: Mapping[str, Json]) -> str:
    """A node in messages."""
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
    """Of one that has ended and did run; a rejected one has a 0 that means nothing."""
    status = _container_status(task)
    if _state(task) not in ("complete", "failed", "shutdown"):
        return None
    if not status.get("ContainerID") or (not status.get("PID") and _no_start(task)):
        return None
    return int(status.get("ExitCode", 0))


def _no_start(task: Json) -> bool:
    """Its container was made but could not be started."""
    return "starting container failed" in str(task["Status"].get("Err", ""))


def _last_code(tasks: Sequence[Json]) -> int | None:
    codes = (_exit_code(task) for task in reversed(tasks))
    return next((code for code in codes if code is not None), None)


def _address(task: Json) -> str | None:
    """On the network of its stack; on its namespace's, if it has no stack."""
    found: dict[bool, str] = {}
    for attachment in task.get("NetworksAttachments") or ():
        labels = attachment.get("Network", {}).get("Spec", {}).get("Labels") or {}
        if service_specs.NETWORK in labels:
            for address in attachment.get("Addresses") or ():
                found[bool(labels[service_specs.NETWORK])] = address.partition("/")[0]
    return found.get(True) or found.get(False)


def _ports(task: Json) -> dict[tuple[int, str], tuple[int, ...]]:
    found: dict[tuple[int, str], list[int]] = {}
    status = task["Status"].get("PortStatus") or {}
    for port in status.get("Ports") or ():
        outer = found.setdefault((port["TargetPort"], port["Protocol"]), [])
        if port["PublishedPort"] not in outer:  # once for IPv4, once for IPv6
            outer.append(port["PublishedPort"])
    return {key: tuple(outer) for key, outer in found.items()}


# --- nodes --------------------------------------------------------------------------


def node_seen(node: Json, storage_driver: str = "") -> NodeObservation:
    """A machine. One that is drained or paused answers, and takes no containers."""
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
        memory=resources.get("MemoryBytes", 0) // (1024 * 1024),
        disk=0,
        docker_version=description.get("Engine", {}).get("EngineVersion", ""),
        storage_driver=storage_driver,
        tags=service_specs.tags_of(node["Spec"].get("Labels") or {}),
        unschedulable="" if availability == "active" else availability,
    )


def is_down(node: Json) -> bool:
    return bool(node["Status"]["State"] == "down")


def address(node: Json) -> str:
    """Where a node is; a manager may not know it from its own connection."""
    found = str(node["Status"].get("Addr", ""))
    if found in ("", "0.0.0.0", "127.0.0.1"):
        manager = (node.get("ManagerStatus") or {}).get("Addr", "")
        found = manager.rpartition(":")[0].strip("[]")
    return found


def hostname(node: Json | None) -> str:
    return str(node["Description"].get("Hostname", "")) if node else ""
