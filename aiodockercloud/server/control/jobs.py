"""The jobs of the operations: start, stop, scale, redeploy, rollback, terminate.

Each job compares the existing containers with the records and calls the engine for the
difference, so an interrupted job may run again from its beginning. ``JOBS`` lists the
jobs of all operations.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence

from ...wire import states
from ...wire.service_fields import EVERY_NODE
from ..state.errors import InvalidField, NotAllowedNow, OperationFailed
from ..state.records import Container, Record, Service, Stack
from . import (
    completions,
    deploying,
    deployment,
    health,
    kept_volumes,
    node_choice,
    plan,
    policy,
    rollout,
)
from .concurrent import each
from .node_jobs import NODE_JOBS
from .operations import Job, JobFunction
from .policy import Policy

# --- services -----------------------------------------------------------------------


def _missing(job: Job, service: Service) -> int:
    """Return the number of missing containers; a surplus is negative."""
    live = job.cloud.containers_of(service)
    wanted = plan.target(job.cloud, service)
    everywhere = service.definition["deployment_strategy"] == EVERY_NODE
    if everywhere and not wanted:
        # Raises an error that names the rule that excluded the last nodes.
        node_choice.place(job.cloud, service, 1, kept=None)
    return wanted - len(live)


async def _trim(job: Job, service: Service) -> None:
    """Remove the last containers, down to the target."""
    surplus = max(0, -_missing(job, service))
    live = job.cloud.containers_of(service)
    last = live[len(live) - surplus :]
    if last:
        job.log(f"removing {', '.join(c.name for c in last)}")
    await each(last, lambda c: deployment.remove(job.cloud, c))


async def _fill(job: Job, service: Service) -> None:
    """Deploy the missing containers, up to the target.

    The target counts as reached unless a request has changed the target meanwhile, or
    the service has a surplus.
    """
    target = service.definition["target_num_containers"]
    missing = _missing(job, service)
    if missing > 0:
        job.log(f"deploying {missing} of {service.name}")
    await each(
        plan.free_ordinals(job.cloud, service, missing),
        lambda n: deploying.deploy(job, service, n),
        one_by_one=service.definition["sequential_deployment"],
    )
    if missing >= 0 and service.definition["target_num_containers"] == target:
        service.scale_pending = False


async def _bring_back(job: Job, service: Service) -> None:
    """Deploy the lost containers whose volumes wait and that belong to the target.

    A scale-down ends the volumes of the highest numbers, so the lower numbers come back
    before the higher ones are removed.
    """
    if service.definition["deployment_strategy"] == EVERY_NODE:
        return
    live = {c.ordinal for c in job.cloud.containers_of(service)}
    kept = {
        ordinal
        for ordinal in map(int, service.kept_volumes)
        if kept_volumes.find(job.cloud, service, ordinal) is not None
    }
    wanted = sorted(live | kept)[: service.definition["target_num_containers"]]
    await each(
        [ordinal for ordinal in wanted if ordinal not in live],
        lambda ordinal: deploying.deploy(job, service, ordinal),
        one_by_one=service.definition["sequential_deployment"],
    )


async def _resume(job: Job, service: Service) -> None:
    """Start the containers that an interrupted run of this job did not start."""
    unstarted = deploying.unstarted(job.cloud.containers_of(service))
    await each(unstarted, lambda c: deploying.bring_up(job, c))


async def start_service(job: Job) -> None:
    service: Service = job.record
    if completions.is_job(service):
        await _run_to_completion(job, service)
        return
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
    deployed = service.deployed_definition
    if deployed is not None and rollout.definition_differs(
        deployed, service.definition
    ):
        await _check_started(job, service)
    _record_deployment(job, service)


async def _run_to_completion(job: Job, service: Service) -> None:
    service.started = time.time()
    service.scale_pending = False
    await completions.run(job, service)
    _record_deployment(job, service)


async def stop_service(job: Job) -> None:
    service: Service = job.record
    await each(
        job.cloud.containers_of(service), lambda c: deployment.stop(job.cloud, c)
    )
    service.stopped = time.time()


async def scale_service(job: Job) -> None:
    service: Service = job.record
    if completions.is_job(service):
        raise OperationFailed(
            "scale: a job ends by itself; change completions, then start the job again"
        )
    await _resume(job, service)
    await _bring_back(job, service)
    await _trim(job, service)
    if service.definition["deployment_strategy"] != EVERY_NODE:
        # Volumes of containers that the service no longer wants end with the scaling.
        wanted = service.definition["target_num_containers"]
        live = {c.ordinal for c in job.cloud.containers_of(service)}
        missing = plan.free_ordinals(job.cloud, service, max(0, wanted - len(live)))
        await kept_volumes.discard(
            job.cloud, service, lambda n: n not in live and n not in missing
        )
    await _fill(job, service)
    _record_deployment(job, service)


async def _check_started(job: Job, service: Service) -> None:
    """Check that the containers of a new version count, as a rollout does.

    Raises:
        OperationFailed: A container ended or is unhealthy.
    """
    monitor = policy.of_redeploy(job.cloud, service).monitor or 0
    containers = job.cloud.containers_of(service)
    found = await health.failures(job, containers, monitor=monitor, may_end=True)
    if failed := list(filter(None, found.values())):
        raise OperationFailed(f"the new version failed: {', '.join(failed)}")


async def redeploy_service(job: Job) -> None:
    await _roll_out(job, policy.of_redeploy(job.cloud, job.record))


async def _roll_out(job: Job, by: Policy) -> None:
    """Replace all containers of a service, or nothing if the plan cannot work."""
    service: Service = job.record
    if completions.is_job(service):
        if not job.action.rollout:
            await _plan(job, [service], by)
        await _run_to_completion(job, service)
        return
    if not job.action.rollout:  # else an interrupted run has planned
        await _plan(job, [service], by)
        await _resume(job, service)
        await _trim(job, service)
    target = service.definition["target_num_containers"]
    await rollout.run(job, service, by)
    if service.definition["target_num_containers"] == target:
        service.scale_pending = False
    service.started = time.time()
    _record_deployment(job, service)


async def _plan(
    job: Job,
    services: Sequence[Service],
    by: Policy | None = None,
    *,
    only: Container | None = None,
) -> None:
    """Refuse a redeploy that cannot work, before the first container is touched.

    A service without containers has nothing to lose: its deployment is an attempt.
    """
    cloud = job.cloud
    keep = deploying.keeps_volumes(job)
    replaced = [service for service in services if cloud.containers_of(service)]
    for service in replaced:
        policy_of = by or policy.of_redeploy(cloud, service)
        plan.check(cloud, service, policy_of, only=only, keep_volumes=keep)
    for service in replaced:
        for warning in await plan.check_image(cloud, service):
            job.log(f"warning: {warning}")


def _record_deployment(job: Job, service: Service) -> None:
    """Record the definition that all containers have now: ``rollback`` restores it."""
    if not job.cloud.synchronized(service):
        return
    before, now = service.deployed_definition, service.definition
    if before is not None and rollout.definition_differs(before, now):
        service.previous = before
    service.deployed_definition = now
    job.cloud.save(service)


async def rollback_service(job: Job) -> None:
    """Redeploy all containers with the definition before the last change."""
    service: Service = job.record
    before, revision = service.definition, service.revision
    by = policy.of_rollback(job.cloud, service)
    rollout.set_definition(job.cloud, service, job.params["definition"])
    try:
        await _roll_out(job, by)
    except (NotAllowedNow, InvalidField):
        # The plan was refused: nothing has changed.
        service.definition, service.revision = before, revision
        job.cloud.save(service)
        raise


async def terminate_service(job: Job) -> None:
    service: Service = job.record
    await each(
        job.cloud.containers_of(service), lambda c: deployment.remove(job.cloud, c)
    )
    await kept_volumes.discard(job.cloud, service)
    job.cloud.set_state(service, states.TERMINATED)


# --- containers ---------------------------------------------------------------------


async def start_container(job: Job) -> None:
    await deployment.start(job.cloud, job.record)


async def stop_container(job: Job) -> None:
    await deployment.stop(job.cloud, job.record)


async def redeploy_container(job: Job) -> None:
    container: Container = job.record
    cloud = job.cloud
    service = cloud.services[container.service]
    if container.state == states.TERMINATED and not job.action.rollout:
        return  # a preceding action, such as a redeploy, has replaced the container
    by = policy.of_redeploy(cloud, service)
    if not job.action.rollout:
        await _plan(job, [service], by, only=container)
    await rollout.run(job, service, by, only=container)


async def terminate_container(job: Job) -> None:
    container: Container = job.record
    service = job.cloud.services[container.service]
    if container.state == states.TERMINATED:
        return  # a preceding action, such as a redeploy, has terminated the container
    await deployment.remove(job.cloud, container)
    target = service.definition["target_num_containers"]
    if job.action.is_user_action and target > 0 and not completions.is_job(service):
        # Termination also scales the service down; otherwise the next scale operation
        # would replace the container.
        service.definition = {**service.definition, "target_num_containers": target - 1}
        job.cloud.save(service)


# --- stacks -------------------------------------------------------------------------


def in_order(services: Iterable[Service]) -> list[list[Service]]:
    """Return services in groups, each after the services that it depends on.

    A service depends on the services to which it links and whose volumes it shares. The
    last group contains the services with circular dependencies.
    """
    left = {service.uuid: service for service in services}
    place = {uuid: number for number, uuid in enumerate(left)}
    #: Uuid → the services of *left* for which the service waits.
    waits = {u: (_dependencies(s) & left.keys()) - {u} for u, s in left.items()}
    dependents: defaultdict[str, list[str]] = defaultdict(list)
    for uuid, others in waits.items():
        for other in others:
            dependents[other].append(uuid)
    groups: list[list[Service]] = []
    ready = [uuid for uuid, others in waits.items() if not others]
    while left:
        group = ready or list(left)
        groups.append([left.pop(uuid) for uuid in group])
        ready = []
        for uuid in group:
            for other in dependents[uuid]:
                waits[other].discard(uuid)
                if not waits[other]:
                    ready.append(other)
        ready.sort(key=place.__getitem__)
    return groups


def _dependencies(service: Service) -> set[str]:
    definition = service.definition
    linked = {link["to_service"] for link in definition["linked_to_service"]}
    return linked | {b["volumes_from"] for b in definition["bindings"]} - {None}


async def _on_services(job: Job, operation: str, *, reverse: bool = False) -> None:
    """Carry out the operation of a stack on each of its services."""
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
    if not job.action.parts:  # else an interrupted run has planned
        await _plan(job, job.cloud.services_of(job.record))
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
