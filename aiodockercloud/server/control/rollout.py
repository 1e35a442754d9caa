"""Rollouts: the containers of a service are replaced in batches, by a policy.

A new container counts when it runs, and is healthy, for a while. Beyond the policy's
ratio of failures the rollout pauses, continues, or rolls back to the definition that
was deployed before. Each container to deploy ends as done or as failed, so a rollout
always ends.

The action's record has what a restart of the server must not lose. ``rollout`` is
``{"forward": phase, "back": phase, "why": text}``: ``why`` is the failure that is being
rolled back, and a phase is ``{"total": int, "size": int, "may_end": bool, "done":
[uuid], "failed": {uuid: reason}}``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any

from ...wire.rollouts import CONTINUE, ROLLBACK
from ...wire.service_fields import BY_NAME, IN_STEP
from ..state.errors import OperationFailed
from ..state.records import Action, Container, Service
from ..state.state import State
from . import deploying, deployment, health, plan, policy
from .image_digests import PINNED
from .operations import Job
from .policy import Policy

__all__ = ["Rollout", "definition_differs", "progress", "restored", "run"]

#: Fields that a rollback leaves as they are: how many containers, and how replaced.
_KEPT_IN_ROLLBACK = ("target_num_containers", "update_config", "rollback_config")


def definition_differs(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Return whether the containers of two definitions differ."""
    names = (BY_NAME.keys() - IN_STEP) | {PINNED}
    return any(one.get(name) != other.get(name) for name in names)


def restored(service: Service, definition: Mapping[str, Any]) -> dict[str, Any]:
    """Return a former definition, as a rollback of the service sets it."""
    kept = {name: service.definition[name] for name in _KEPT_IN_ROLLBACK}
    return {**definition, **kept}


def progress(action: Action) -> dict[str, int] | None:
    """Return the numbers of containers of an action: done, total and failed."""
    phase = action.rollout.get("forward")
    if phase is None:
        return None
    return {
        "done": len(phase["done"]),
        "total": phase["total"],
        "failed": len(phase["failed"]),
    }


async def run(
    job: Job, service: Service, by: Policy, *, only: Container | None = None
) -> None:
    """Replace all containers of a service, or one, by new ones.

    Args:
        job: The job of the operation.
        service: The service.
        by: The policy.
        only: The one container to replace.

    Raises:
        OperationFailed: Too many containers failed. The text names the containers and
            states what followed.
    """
    why = job.action.rollout.get("why")
    if not why:
        forward = Rollout(job, service, by, "forward", only=only)
        try:
            await forward.run()
            return
        except _TooManyFailures as failure:
            why = str(failure)
            if by.monitor is None:
                raise OperationFailed(why) from None
            if by.failure_action != ROLLBACK:
                raise OperationFailed(f"{why}; {forward.left()}") from None
        if not _restore(job, service, why):
            raise OperationFailed(f"{why}; no other version was deployed before")
    job.log(f"{why}; rolling back")
    await _roll_back(job, service, why)


def _restore(job: Job, service: Service, why: str) -> bool:
    """Set the definition that was deployed before; return whether there is another."""
    before = service.deployed_definition
    if before is None or not definition_differs(before, service.definition):
        return False
    cloud = job.cloud
    set_definition(cloud, service, restored(service, before))
    for container in cloud.containers_of(service):
        if not definition_differs(container.definition, service.definition):
            container.revision = service.revision
            cloud.save(container)
    job.action.rollout = {**job.action.rollout, "why": why}
    cloud.save(job.action)
    return True


def set_definition(cloud: State, service: Service, wanted: dict[str, Any]) -> None:
    """Set the definition of a service, as a new revision."""
    if service.definition != wanted:
        service.definition = wanted
        service.revision += 1
        cloud.save(service)


async def _roll_back(job: Job, service: Service, why: str) -> None:
    by = policy.of_rollback(job.cloud, service)
    back = Rollout(job, service, by, "back")
    try:
        await back.run()
    except _TooManyFailures as failure:
        raise OperationFailed(f"{why}; the rollback failed: {failure}") from None
    raise OperationFailed(f"{why}; rolled back to the version deployed before")


class _TooManyFailures(OperationFailed):
    """More containers failed than the policy allows."""


class Rollout:
    """One phase of a rollout: to the service's definition, forward or back.

    Args:
        job: The job of the operation.
        service: The service.
        by: The policy.
        phase: ``"forward"``, or ``"back"`` to a definition that some containers have.
        only: The one container to replace.
    """

    def __init__(
        self,
        job: Job,
        service: Service,
        by: Policy,
        phase: str,
        *,
        only: Container | None = None,
    ) -> None:
        self._job = job
        self._cloud = job.cloud
        self._service = service
        self._policy = by
        self._phase = phase
        self._only = only
        self._state: dict[str, Any] = job.action.rollout.get(phase) or self._begin()

    def _begin(self) -> dict[str, Any]:
        cloud, service = self._cloud, self._service
        total = 1 if self._only else plan.target(cloud, service)
        live = [self._only] if self._only else cloud.containers_of(service)
        running = sum(cloud.observed.get(c.uuid) == "running" for c in live)
        forward = self._job.action.rollout.get("forward", {})
        return {
            "total": total,
            "size": self._policy.batch(total=total, running=running),
            # Where none runs, the containers may be jobs, which end by themselves.
            "may_end": forward.get("may_end", not running),
            "done": [c.uuid for c in live if self._is_new(c)],
            "failed": {},
        }

    async def run(self) -> None:
        """Carry out the batches that are left.

        Raises:
            OperationFailed: More containers failed than the policy allows.
        """
        self._save()
        # Containers of an interrupted run of this job.
        await self._count(await self._interruptibly(self._resume()))
        while slots := self._next_batch():
            new = await self._interruptibly(self._deploy(slots))
            await self._count(new)
            if self._next_batch():
                await asyncio.sleep(self._policy.delay)
        await self._remove_surplus()
        if self._exceeds():
            raise _TooManyFailures(self._reason())

    def left(self) -> str:
        """Return what a failed rollout has left, for the log."""
        total, done = self._state["total"], len(self._state["done"])
        paused = "" if self._policy.failure_action == CONTINUE else "paused: "
        return f"{paused}{done} of {total} containers have the new version"

    # --- the state ------------------------------------------------------------------

    def _is_new(self, container: Container) -> bool:
        if self._phase == "back":
            wanted = self._service.definition
            return not definition_differs(container.definition, wanted)
        return container.deployment == self._job.action.uuid

    def _containers(self, *, new: bool) -> list[Container]:
        """Return the live containers that are new, or old and not failed."""
        live = self._cloud.containers_of(self._service)
        if self._only:
            live = [c for c in live if c is self._only or self._is_new(c)]
        ended = {*self._state["done"], *self._state["failed"]}
        return [c for c in live if self._is_new(c) == new and c.uuid not in ended]

    def _save(self) -> None:
        action = self._job.action
        action.rollout = {**action.rollout, self._phase: self._state}
        self._cloud.save(action)

    def _done(self, container: Container) -> None:
        self._state = {**self._state, "done": [*self._state["done"], container.uuid]}
        self._save()

    def _failed(self, key: str, why: str) -> None:
        self._job.log(why)
        self._state = {**self._state, "failed": {**self._state["failed"], key: why}}
        self._save()

    def _allowed(self) -> float:
        """Return how many containers may fail."""
        ratio: float = self._policy.max_failure_ratio
        return ratio * float(self._state["total"])

    def _exceeds(self) -> bool:
        return len(self._state["failed"]) > self._allowed()

    def _reason(self) -> str:
        reasons = self._state["failed"].values()
        if self._policy.monitor is None:
            return "; ".join(dict.fromkeys(reasons))
        return f"the new version failed: {', '.join(dict.fromkeys(reasons))}"

    # --- batches --------------------------------------------------------------------

    def _next_batch(self) -> list[Container | None]:
        """Return the next containers to replace; None stands for a missing one."""
        ended = len(self._state["done"]) + len(self._state["failed"])
        needed = self._state["total"] - ended
        if needed <= 0:
            return []
        old = plan.in_order(self._cloud, self._containers(new=False))
        missing = max(0, needed - len(old))
        slots: list[Container | None] = [*[None] * missing, *old]
        return slots[: min(self._state["size"], needed)]

    async def _resume(self) -> list[Container]:
        unstarted = deploying.unstarted(self._containers(new=True))
        await asyncio.gather(*map(self._bring_up, unstarted))
        return self._containers(new=True)

    async def _deploy(self, slots: list[Container | None]) -> list[Container]:
        """Deploy a batch and return the containers that have started."""
        ordinals = self._ordinals(slots)
        found = await asyncio.gather(*map(self._deploy_one, slots, ordinals))
        return [container for container in found if container is not None]

    def _ordinals(self, slots: list[Container | None]) -> list[int]:
        """Return the numbers of the new containers of a batch."""
        if self._policy.start_first:
            return plan.free_ordinals(self._cloud, self._service, len(slots))
        free = plan.free_ordinals(self._cloud, self._service, slots.count(None))
        if self._only and None in slots:
            # An interrupted run of this job has removed the container.
            taken = {c.ordinal for c in self._cloud.containers_of(self._service)}
            free = [self._only.ordinal] if self._only.ordinal not in taken else free
        return [old.ordinal if old else free.pop(0) for old in slots]

    async def _deploy_one(
        self, old: Container | None, ordinal: int
    ) -> Container | None:
        # The service must not become "Not running" between the two containers.
        with self._cloud.hold(self._service):
            new = await self._replace(old, ordinal)
        self._cloud.settle(self._service)
        return new

    async def _replace(self, old: Container | None, ordinal: int) -> Container | None:
        beside = old if self._policy.start_first else None
        name = f"{self._service.name}-{ordinal}"
        self._job.log(f"replacing {old.name}" if old else f"deploying {name}")
        try:
            if old is not None and not beside:
                await _remove_for(self._job, old)
            new = await deploying.record(
                self._job, self._service, ordinal, beside=beside
            )
        except OperationFailed as error:
            self._failed(old.uuid if old else f"{ordinal}", str(error))
            self._cloud.recover([old] if old else [])
            return None
        return new if await self._bring_up(new) else None

    async def _bring_up(self, container: Container) -> bool:
        try:
            await deploying.bring_up(self._job, container)
        except OperationFailed as error:
            self._failed(container.uuid, str(error))
            return False
        return True

    async def _count(self, new: list[Container]) -> None:
        """Wait until each container of a batch counts, or has failed.

        Raises:
            OperationFailed: More containers failed than the policy allows.
        """
        try:
            reasons = await self._failures(new)
        except asyncio.CancelledError:
            if not self._cloud.closing and self._policy.start_first:
                # The old containers still run, so that nothing is lost.
                await _in_time(self._cloud, self._remove_all(new))
            raise
        for container in new:
            if (why := reasons.get(container.uuid)) == "":
                self._done(container)
            elif why:
                self._failed(container.uuid, why)
        if self._policy.start_first:
            # Of the new containers of this batch, only those that count stay.
            await self._remove_all([c for c in new if reasons.get(c.uuid) != ""])
            await self._remove_replaced()
        if self._exceeds() and self._policy.failure_action != CONTINUE:
            raise _TooManyFailures(self._reason())

    async def _failures(self, new: list[Container]) -> dict[str, str]:
        """Return why containers of a batch do not count; a text is empty if one does.

        Without a monitor, all containers count.
        """
        if (monitor := self._policy.monitor) is None:
            return {container.uuid: "" for container in new}
        allowed: float = self._allowed() - len(self._state["failed"])
        if self._policy.failure_action == CONTINUE:
            allowed = len(new)
        return await health.failures(
            self._job,
            new,
            monitor=monitor,
            may_end=self._state["may_end"],
            allowed=allowed,
        )

    async def _remove_all(self, containers: list[Container]) -> None:
        await asyncio.gather(
            *(deployment.remove(self._cloud, one) for one in containers)
        )

    async def _remove_replaced(self) -> None:
        """Remove the old containers whose replacements count."""
        old = plan.in_order(self._cloud, self._containers(new=False))
        stay = self._state["total"] - len(self._state["done"])
        await self._remove_all(old[: max(0, len(old) - stay)])

    async def _remove_surplus(self) -> None:
        """Remove the old containers beyond the target."""
        if self._only is None:
            surplus = len(self._cloud.containers_of(self._service))
            surplus -= self._state["total"]
            old = plan.in_order(self._cloud, self._containers(new=False))
            await self._remove_all(old[: max(0, surplus)])

    async def _interruptibly(
        self, work: Coroutine[Any, Any, list[Container]]
    ) -> list[Container]:
        """Run the work of a batch; a cancellation gives it the time of the settings."""
        task = asyncio.create_task(work)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            try:
                if not self._cloud.closing:
                    limit = self._cloud.settings.timings.last_batch
                    await asyncio.wait({task}, timeout=limit)
            finally:
                task.cancel()
                await asyncio.wait({task})
            if self._policy.start_first and not self._cloud.closing:
                new = self._containers(new=True)
                await _in_time(self._cloud, self._remove_all(new))
            raise


async def _in_time(cloud: State, work: Coroutine[Any, Any, None]) -> None:
    """Complete some work of a canceled action, in the time of the settings."""
    task = asyncio.create_task(work)
    await asyncio.wait({task}, timeout=cloud.settings.timings.last_batch)
    task.cancel()
    await asyncio.wait({task})


async def _remove_for(job: Job, old: Container) -> None:
    """Remove a container that a new one of the same number replaces."""
    cloud, keep = job.cloud, deploying.keeps_volumes(job)
    service = cloud.services[old.service]
    plan.check_place(cloud, service, old, keep_volumes=keep)
    old.replaced_by = job.action.uuid
    cloud.save(old)
    # After a crash, the run that continues this job needs the mark.
    await cloud.store.flush()
    await deployment.remove(cloud, old, keep_volumes=keep)
