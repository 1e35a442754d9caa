"""The plan of a rollout: checked before the first container is touched.

The plan simulates the placement of all batches. A plan that cannot work is refused with
the reason, and nothing has changed.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush

from ...wire.health import HEALTHY
from ...wire.rollouts import START_FIRST, STOP_FIRST
from ...wire.service_fields import EVERY_NODE, JOB
from ..engines import EngineError, PortSpec
from ..state.errors import InvalidField, NotAllowedNow, OperationFailed
from ..state.records import Container, Node, Record, Service
from ..state.state import State
from . import (
    demands,
    deployment,
    kept_volumes,
    node_choice,
    placement,
    policy,
    stored_files,
)
from .policy import Policy

__all__ = [
    "Plan",
    "Step",
    "check",
    "check_image",
    "check_place",
    "first",
    "free_ordinals",
    "in_order",
    "redeploy",
    "target",
]


@dataclass(frozen=True, slots=True)
class Step:
    """One new container: its name, its node, and the container that it replaces."""

    name: str
    node: Node
    old: Container | None


@dataclass(slots=True)
class Plan:
    """The batches of a rollout, in order."""

    order: str
    parallelism: int
    batches: list[list[Step]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def target(cloud: State, service: Service) -> int:
    """Return the number of containers that a service is to have."""
    if service.definition["mode"] == JOB and service.definition["completions"]:
        return int(service.definition["completions"])
    if service.definition["deployment_strategy"] != EVERY_NODE:
        return int(service.definition["target_num_containers"])
    nodes = node_choice.candidates(cloud, service, node_choice.Foreseen())
    demand = demands.demand(service.definition)
    matching = placement.matching(nodes, service.definition["tags"], demand)
    missing = sum(not node.of_service for node in matching)
    return len(cloud.containers_of(service)) + missing


def free_ordinals(cloud: State, service: Service, number: int) -> list[int]:
    """Return ordinals without a live container: those with kept volumes, the lowest.

    Args:
        cloud: The state.
        service: The service.
        number: How many ordinals to return.
    """
    ordinals = _Ordinals(cloud, service)
    return [ordinals.take() for _ in range(number)]


class _Ordinals:
    """The ordinals that are free for new containers of a service."""

    def __init__(self, cloud: State, service: Service) -> None:
        self._taken = Counter(c.ordinal for c in cloud.containers_of(service))
        kept = map(int, service.kept_volumes)
        self._kept = {n for n in kept if kept_volumes.find(cloud, service, n)}
        #: Free ordinals that come before ``_next``, or have kept volumes: a heap of
        #: (no volumes are kept, ordinal). Some may be taken.
        self._free = sorted((False, ordinal) for ordinal in self._kept)
        self._next = 1

    def take(self) -> int:
        """Take a free ordinal: one with kept volumes, or else the lowest."""
        while self._free:
            _, ordinal = heappop(self._free)
            if not self._taken[ordinal]:
                break
        else:
            while self._taken[self._next]:
                self._next += 1
            ordinal = self._next
        self._taken[ordinal] += 1
        return ordinal

    def release(self, ordinal: int) -> None:
        """Foresee the removal of a container."""
        self._taken[ordinal] -= 1
        if ordinal < self._next or ordinal in self._kept:
            heappush(self._free, (ordinal not in self._kept, ordinal))


def in_order(cloud: State, containers: Sequence[Container]) -> list[Container]:
    """Return containers to replace: those that are not available come first."""

    def place(container: Container) -> tuple[bool, int]:
        runs = cloud.observed.get(container.uuid) == "running"
        return runs and container.health in (None, HEALTHY), container.ordinal

    return sorted(containers, key=place)


def check(
    cloud: State,
    service: Service,
    policy: Policy,
    *,
    only: Container | None = None,
    keep_volumes: bool = True,
) -> Plan:
    """Return the plan of a rollout of all containers, or of one.

    Raises:
        InvalidField: A command cannot be split into words, or the engine does not
            support a field.
        NotAllowedNow: A container cannot be placed, the order is not possible, or a
            secret or config does not exist.
    """
    _check_definition(cloud, service)
    live = cloud.containers_of(service)
    total = 1 if only else target(cloud, service)
    old = [only] if only else in_order(cloud, live[:total])
    missing = max(0, total - len(old))
    running = sum(cloud.observed.get(c.uuid) == "running" for c in old)
    size = policy.batch(total=total, running=running)
    plan = Plan(START_FIRST if policy.start_first else STOP_FIRST, size)
    slots: list[Container | None] = [*[None] * missing, *old]
    if policy.start_first:
        _check_start_first(service)
    ordinals, foreseen = _Ordinals(cloud, service), node_choice.Foreseen()

    def leave(containers: list[Container]) -> None:
        foreseen.leave(containers)
        for container in containers:
            ordinals.release(container.ordinal)

    leave([] if only else live[total:])
    for start in range(0, total, size):
        batch = slots[start : start + size]
        leaving = [one for one in batch if one is not None]
        if not policy.start_first:
            leave(leaving)
        steps = []
        for one in batch:
            beside = one if policy.start_first else None
            if one is None or policy.start_first:
                ordinal = ordinals.take()
                kept = kept_volumes.find(cloud, service, ordinal)
            else:
                ordinal, kept = one.ordinal, _kept(one, keep_volumes)
            name = f"{service.name}-{ordinal}"
            try:
                node = node_choice.place(
                    cloud,
                    service,
                    ordinal,
                    kept=kept,
                    foreseen=foreseen,
                    beside=beside,
                )
            except OperationFailed as error:
                raise NotAllowedNow(
                    f"{name} cannot be placed ({plan.order}): {error}; nothing was"
                    " changed"
                ) from None
            foreseen.coming[node.uuid] += 1
            steps.append(Step(name, node, one))
        if policy.start_first:
            leave(leaving)
        plan.batches.append(steps)
    return plan


def first(cloud: State, service: Service) -> Plan:
    """Return the plan of a service's first deployment.

    Raises:
        InvalidField: The definition cannot be deployed.
        NotAllowedNow: The deployment cannot work.
    """
    return check(cloud, service, policy.of_redeploy(cloud, service))


def redeploy(cloud: State, record: Record, *, keep_volumes: bool) -> Plan | None:
    """Return the plan of a redeploy; ``None`` of an object without containers.

    Raises:
        InvalidField: The definition cannot be deployed.
        NotAllowedNow: The redeploy cannot work.
    """
    only = record if isinstance(record, Container) else None
    service = cloud.services[only.service] if only else record
    if not isinstance(service, Service) or not cloud.containers_of(service):
        return None
    by = policy.of_redeploy(cloud, service)
    return check(cloud, service, by, only=only, keep_volumes=keep_volumes)


def check_place(
    cloud: State, service: Service, old: Container, *, keep_volumes: bool
) -> None:
    """Check that a container can be replaced by a new one of its number.

    Raises:
        OperationFailed: The new container cannot be placed.
    """
    _check_definition(cloud, service)
    kept = _kept(old, keep_volumes)
    foreseen = node_choice.Foreseen([old])
    node_choice.place(cloud, service, old.ordinal, kept=kept, foreseen=foreseen)


def _check_definition(cloud: State, service: Service) -> None:
    definition = service.definition
    for name in ("run_command", "entrypoint"):
        try:
            shlex.split(definition[name] or "")
        except ValueError as error:
            raise InvalidField(f"{name}: {error}") from None
    ports = [PortSpec(*port) for port in deployment.ports_of(definition)]
    try:
        mounts = deployment.mounts_of(definition, {})
        cloud.engine.check(deployment.engine_options(definition), ports, mounts)
    except EngineError as error:
        raise InvalidField(str(error)) from error
    stored_files.versions(cloud, service)


def _check_start_first(service: Service) -> None:
    own = [
        binding["container_path"]
        for binding in service.definition["bindings"]
        if deployment.is_owned(binding)
    ]
    if own:
        raise NotAllowedNow(
            f"{START_FIRST}: two containers would write the volume {own[0]} at once;"
            f" use the order {STOP_FIRST}, or a host path; nothing was changed"
        )


def _kept(old: Container, keep_volumes: bool) -> kept_volumes.Kept | None:
    if keep_volumes and old.volumes:
        return kept_volumes.Kept(old.node, dict(old.volumes))
    return None


async def check_image(cloud: State, service: Service) -> list[str]:
    """Return warnings about the image of a service.

    Raises:
        NotAllowedNow: No node has the image, and its registry definitely refuses the
            image with the credentials of the service.
    """
    image = service.definition["image"]
    credentials = cloud.credentials_for(service, image)
    try:
        found = await cloud.engine.has_image(image, credentials)
    except EngineError as error:
        return [f"image: {image} could not be checked: {error}"]
    if found is None:
        return [f"image: it is unknown whether {image} exists"]
    if not found:
        raise NotAllowedNow(
            f"image: the registry has no {image}, or refuses the credentials;"
            " nothing was changed"
        )
    return []
