"""Services that run to completion: ``mode: job``.

Each completion is one container that ends with exit code 0. The action of a start or a
redeploy lasts until all completions have ended, so its state is the result of the job.
``action.rollout`` has what a restart of the server must not lose, in the form of a
rollout's phase: ``done`` and ``failed`` have numbers of containers, and ``attempts``
has the number of failed attempts of each.
"""

from __future__ import annotations

import asyncio
from typing import Any

from ...wire import states
from ...wire.service_fields import JOB, OFF
from ..state.errors import OperationFailed
from ..state.records import Container, Service
from . import deploying, deployment, health, plan
from .operations import Job

__all__ = ["is_job", "run"]

_ENDED = frozenset({states.STOPPED, states.TERMINATED})


def is_job(service: Service) -> bool:
    """Return whether a service runs to completion."""
    return bool(service.definition["mode"] == JOB)


async def run(job: Job, service: Service) -> None:
    """Run all completions of a service; containers of earlier runs are replaced.

    Another operation on the service or on one of its containers ends the run, and
    receives the containers as they are.

    Args:
        job: The job of the operation.
        service: The service.

    Raises:
        OperationFailed: A completion failed, or another operation has begun.
    """
    cloud = job.cloud
    # After a restart of the server, the service may be "Running".
    cloud.under_way.setdefault(service.uuid, job.action)

    def interrupted() -> bool:
        return cloud.active(service) is not job.action or any(
            cloud.active(container) for container in cloud.containers_of(service)
        )

    work = asyncio.create_task(_Completions(job, service).run())
    other = asyncio.create_task(cloud.until(service, interrupted))
    try:
        await asyncio.wait({work, other}, return_when="FIRST_COMPLETED")
        if not work.done():
            raise OperationFailed("another operation has ended the job")
        work.result()
    finally:
        work.cancel()
        other.cancel()
        await asyncio.gather(work, other, return_exceptions=True)


class _Completions:
    """All completions of one run of a service."""

    def __init__(self, job: Job, service: Service) -> None:
        self._job = job
        self._cloud = job.cloud
        self._service = service
        definition = service.definition
        self._total = plan.target(job.cloud, service)
        size = definition["max_concurrent"] or max(self._total, 1)
        self._slots = asyncio.Semaphore(size)
        policy = definition["restart_policy"] or {}
        # With autorestart, the engine restarts containers by the same policy.
        by_us = definition["autorestart"] == OFF
        self._attempts = 1 + ((policy.get("max_attempts") or 0) if by_us else 0)
        self._delay: float = policy.get("delay") or 0
        self._state: dict[str, Any] = job.action.rollout.get("forward") or {
            **{"total": self._total, "size": size},
            **{"done": [], "failed": {}, "attempts": {}},
        }

    async def run(self) -> None:
        """Return when all completions have succeeded.

        Raises:
            OperationFailed: A completion failed; the text has all that failed.
        """
        self._change()
        for container in self._cloud.containers_of(self._service):
            if container.ordinal > self._total:
                await deployment.remove(self._cloud, container)
        async with asyncio.TaskGroup() as group:
            for ordinal in range(1, self._total + 1):
                group.create_task(self._complete(ordinal))
        if failed := self._state["failed"]:
            raise OperationFailed(
                f"{len(failed)} of {self._total} completions failed:"
                f" {', '.join(failed.values())}"
            )

    async def _complete(self, ordinal: int) -> None:
        """Run one completion until it succeeds, or has no attempt left."""
        key, name = str(ordinal), f"{self._service.name}-{ordinal}"
        if ordinal in self._state["done"] or key in self._state["failed"]:
            return  # of an interrupted run of this job
        async with self._slots:
            while why := await self._attempt(ordinal):
                attempts = self._state["attempts"].get(key, 0) + 1
                self._change(attempts={**self._state["attempts"], key: attempts})
                if attempts >= self._attempts:
                    failed = f"{name} ({why})"
                    self._change(failed={**self._state["failed"], key: failed})
                    return
                self._job.log(f"{name}: {why}; attempt {attempts + 1} follows")
                await asyncio.sleep(self._delay)
            self._change(done=[*self._state["done"], ordinal])

    async def _attempt(self, ordinal: int) -> str:
        """Run a container to its end; return why it failed, empty for exit code 0."""
        try:
            container = await self._started(ordinal)
        except OperationFailed as error:
            return str(error)
        except TimeoutError:
            return "gave up waiting for the engine"
        if self._cloud.active(self._service) is self._job.action:
            self._cloud.set_state(self._service, states.RUNNING)
        await self._cloud.until(container, lambda: container.state in _ENDED)
        if container.exit_code == 0:
            return ""
        await health.log_last_lines(self._job, self._cloud, container)
        if container.exit_code is None:
            return container.message or "ended without an exit code"
        return f"exit code {container.exit_code}"

    async def _started(self, ordinal: int) -> Container:
        """Return the started container of a number, a new one if necessary.

        Raises:
            OperationFailed: The container cannot be started.
        """
        cloud, service, job = self._cloud, self._service, self._job
        found = {c.ordinal: c for c in cloud.containers_of(service)}.get(ordinal)
        if found is not None and found.deployment != job.action.uuid:
            job.log(f"replacing {found.name}")
            keep = deploying.keeps_volumes(job)
            await deployment.remove(cloud, found, keep_volumes=keep)
            found = None
        if found is None:
            return await deploying.deploy(job, service, ordinal)
        if deploying.unstarted([found]):  # of an interrupted run
            await deploying.bring_up(job, found)
        elif found.state == states.STOPPED and found.exit_code != 0:
            if str(ordinal) in self._state["attempts"]:
                await deployment.start(cloud, found)
        return found

    def _change(self, **values: Any) -> None:
        self._state = {**self._state, **values}
        action = self._job.action
        action.rollout = {**action.rollout, "forward": self._state}
        self._cloud.save(action)
