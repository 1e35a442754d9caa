"""The operations themselves: what start, stop, scale, redeploy… do.

Each job drives the engine from whatever is there towards what the records say, so it
may be run again from its beginning. ``JOBS`` is the list the control plane runs.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TypeVar

from ...wire import states
from ...wire.service_fields import EVERY_NODE
from ..state.records import Container, Record, Service, Stack
from . import deployment, placement
from .node_jobs import NODE_JOBS
from .operations import Job, JobFunction, each

T = TypeVar("T")


# --- services -----------------------------------------------------------------------


def _ordinals(job: Job, service: Service, missing: int) -> list[int]:
    """The lowest numbers that no live container of the service has."""
    taken = {c.ordinal for c in job.cloud.containers_of(service)}
    found: list[int] = []
    number = 1
    while len(found) < missing:
        if number not in taken:
            found.append(number)
        number += 1
    return found


def _missing(job: Job, service: Service) -> int:
    """How many containers a service lacks; negative: how many too many."""
    live = job.cloud.containers_of(service)
    definition = service.definition
    if definition["deployment_strategy"] != EVERY_NODE:
        return int(definition["target_num_containers"]) - len(live)
    nodes = deployment.candidates(job.cloud, service)
    matching = placement.matching(nodes, definition["tags"])
    if not matching and not live:
        # Says which rule left no node.
        deployment.place(job.cloud, service, 1, reuse=None)
    return sum(not node.of_service for node in matching)


async def _trim(job: Job, service: Service) -> None:
    """Take the last containers away, down to the target."""
    surplus = max(0, -_missing(job, service))
    live = job.cloud.containers_of(service)
    last = live[len(live) - surplus :]
    if last:
        job.log(f"removing {', '.join(c.name for c in last)}")
    await each(last, lambda c: deployment.remove(job.cloud, c))


async def _fill(job: Job, service: Service) -> None:
    """Deploy what is missing to the target.

    It is met then, unless somebody has changed it meanwhile, or there are more.
    """
    target = service.definition["target_num_containers"]
    missing = _missing(job, service)
    if missing > 0:
        job.log(f"deploying {missing} of {service.name}")
    # What an interrupted run of this job had taken down, and not yet put back.
    replaced: dict[int, Container] = {
        c.ordinal: c
        for c in job.cloud.members(service)
        if isinstance(c, Container) and c.replaced_by == job.action.uuid
    }
    await each(
        _ordinals(job, service, missing),
        lambda n: _deploy(job, service, n, replaced.get(n)),
        one_by_one=service.definition["sequential_deployment"],
    )
    if missing >= 0 and service.definition["target_num_containers"] == target:
        service.scale_pending = False


async def _deploy(
    job: Job, service: Service, ordinal: int, old: Container | None
) -> None:
    """Deploy a container, in the place of *old* with its volumes if they are kept."""
    reuse = job.params.get("reuse_volumes", True)
    await deployment.deploy(
        job.cloud,
        service,
        ordinal,
        job.action.uuid,
        reuse=old if old and reuse and old.volumes else None,
        extra=job.params.get("environment"),
    )


async def _resume(job: Job, service: Service) -> None:
    """Bring up what an interrupted run of this job had only begun."""
    begun = [
        c
        for c in job.cloud.containers_of(service)
        if c.state == states.STARTING and c.deployed is None
    ]
    await each(begun, lambda c: deployment.bring_up(job.cloud, c))


async def start_service(job: Job) -> None:
    service: Service = job.record
    await _resume(job, service)
    stopped = [
        c
        for c in job.cloud.containers_of(service)
        if c.state in (states.STOPPED, states.STARTING)
    ]
    one_by_one = service.definition["sequential_deployment"]
    await each(stopped, lambda c: deployment.start(job.cloud, c), one_by_one=one_by_one)
    await _fill(job, service)
    service.started = time.time()


async def stop_service(job: Job) -> None:
    service: Service = job.record
    await each(
        job.cloud.containers_of(service), lambda c: deployment.stop(job.cloud, c)
    )
    service.stopped = time.time()


async def scale_service(job: Job) -> None:
    service: Service = job.record
    await _resume(job, service)
    await _trim(job, service)
    await _fill(job, service)


async def redeploy_service(job: Job) -> None:
    service: Service = job.record
    await _resume(job, service)
    await _trim(job, service)
    old = [
        c for c in job.cloud.containers_of(service) if c.deployment != job.action.uuid
    ]
    await each(
        old,
        lambda c: _replace(job, c),
        one_by_one=service.definition["sequential_deployment"],
    )
    await _fill(job, service)
    service.started = time.time()


async def _replace(job: Job, old: Container) -> None:
    """Terminate a container and put a new one, with a new uuid, in its place."""
    cloud = job.cloud
    job.log(f"replacing {old.name}")
    old.replaced_by = job.action.uuid
    cloud.save(old)
    # Whoever continues this after a crash must know what was to come.
    await cloud.store.flush()
    await deployment.remove(
        cloud, old, volumes=not job.params.get("reuse_volumes", True)
    )
    await _deploy(job, cloud.services[old.service], old.ordinal, old)


async def rollback_service(job: Job) -> None:
    """Back to the definition before the last change, for all containers."""
    service: Service = job.record
    wanted = job.params["definition"]
    if service.definition != wanted:
        service.definition, service.previous = wanted, service.definition
        service.revision += 1
        job.cloud.save(service)
    await redeploy_service(job)


async def terminate_service(job: Job) -> None:
    service: Service = job.record
    await each(
        job.cloud.containers_of(service), lambda c: deployment.remove(job.cloud, c)
    )
    job.cloud.set_state(service, states.TERMINATED)


# --- containers ---------------------------------------------------------------------


async def start_container(job: Job) -> None:
    await deployment.start(job.cloud, job.record)


async def stop_container(job: Job) -> None:
    await deployment.stop(job.cloud, job.record)


async def redeploy_container(job: Job) -> None:
    container: Container = job.record
    service = job.cloud.services[container.service]
    # Between the old and the new one there is none; the service is not "Not running".
    with job.cloud.hold(service):
        if container.state != states.TERMINATED:
            await _replace(job, container)
            return
        if container.replaced_by != job.action.uuid:
            return  # by what came before it: it was replaced, or is not wanted
        # Interrupted between the two halves.
        await _resume(job, service)
        taken = {c.ordinal for c in job.cloud.containers_of(service)}
        if container.ordinal not in taken:
            await _deploy(job, service, container.ordinal, container)


async def terminate_container(job: Job) -> None:
    container: Container = job.record
    service = job.cloud.services[container.service]
    if container.state == states.TERMINATED:
        return  # by what came before it, as a redeploy: none less is wanted
    await deployment.remove(job.cloud, container)
    target = service.definition["target_num_containers"]
    if job.action.is_user_action and target > 0:
        # Whoever takes one away wants one less; else the next scale brings it back.
        service.definition = {**service.definition, "target_num_containers": target - 1}
        job.cloud.save(service)


# --- stacks -------------------------------------------------------------------------


def in_order(services: Iterable[Service]) -> list[list[Service]]:
    """Services in groups: each after those it links to or takes volumes from.

    What links to each other in a circle makes the last group.
    """
    left = list(services)
    groups: list[list[Service]] = []
    while left:
        waiting = {service.uuid for service in left}
        ready = [s for s in left if waiting.isdisjoint(_needs(s) - {s.uuid})] or left
        groups.append(ready)
        left = [service for service in left if service not in ready]
    return groups


def _needs(service: Service) -> set[str]:
    definition = service.definition
    linked = {link["to_service"] for link in definition["linked_to_service"]}
    return linked | {b["volumes_from"] for b in definition["bindings"]} - {None}


async def _on_services(job: Job, operation: str, *, reverse: bool = False) -> None:
    """Do to every service of a stack what is asked of the stack."""
    stack: Stack = job.record
    groups = in_order(job.cloud.services_of(stack))
    for group in reversed(groups) if reverse else groups:
        await each(group, lambda service: job.part(operation, service))


async def start_stack(job: Job) -> None:
    await _on_services(job, "start")
    job.record.deployed = time.time()


async def stop_stack(job: Job) -> None:
    await _on_services(job, "stop", reverse=True)


async def redeploy_stack(job: Job) -> None:
    await _on_services(job, "redeploy")
    job.record.deployed = time.time()


async def terminate_stack(job: Job) -> None:
    await _on_services(job, "terminate", reverse=True)
    stack: Record = job.record
    job.cloud.set_state(stack, states.TERMINATED)


JOBS: dict[tuple[str, str], JobFunction] = {
    ("service", "start"): start_service,
    ("service", "stop"): stop_service,
    ("service", "scale"): scale_service,
    ("service", "redeploy"): redeploy_service,
    ("service", "rollback"): rollback_service,
    ("service", "terminate"): terminate_service,
    ("container", "start"): start_container,
    ("container", "stop"): stop_container,
    ("container", "redeploy"): redeploy_container,
    ("container", "terminate"): terminate_container,
    ("stack", "start"): start_stack,
    ("stack", "stop"): stop_stack,
    ("stack", "redeploy"): redeploy_stack,
    ("stack", "terminate"): terminate_stack,
    **NODE_JOBS,
}
