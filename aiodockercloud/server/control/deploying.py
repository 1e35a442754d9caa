"""The deployment of one container by a job: its volumes, record, start and warnings.

The jobs on services, the rollouts and the completions deploy containers by these steps.
"""

from __future__ import annotations

from collections.abc import Iterable

from ...wire import states
from ..state.records import Container, Service
from . import deployment, kept_volumes
from .operations import Job

__all__ = ["bring_up", "deploy", "keeps_volumes", "record", "unstarted"]


def keeps_volumes(job: Job) -> bool:
    """Return whether new containers receive the volumes of those that they replace."""
    return bool(job.params.get("reuse_volumes", True))


async def record(
    job: Job, service: Service, ordinal: int, *, beside: Container | None = None
) -> Container:
    """Return the record of a new container of a number, with the volumes that wait.

    Args:
        job: The job that deploys the container.
        service: The service of the container.
        ordinal: The number in the container's name.
        beside: The container that the new one will replace, and that still runs.

    Raises:
        OperationFailed: The container cannot be placed.
    """
    if not keeps_volumes(job):
        await kept_volumes.discard(job.cloud, service, lambda n: n == ordinal)
    return await deployment.record(
        job.cloud,
        service,
        ordinal,
        job.action.uuid,
        extra=job.params.get("environment"),
        beside=beside,
    )


async def bring_up(job: Job, container: Container) -> None:
    """Create and start the container of a record; log the warnings of the engine.

    Raises:
        OperationFailed: The container could not be started, and was removed.
    """
    await deployment.bring_up(job.cloud, container)
    for warning in container.warnings:
        job.log(f"{container.name}: warning: {warning}")


async def deploy(job: Job, service: Service, ordinal: int) -> Container:
    """Deploy a container of a number; return when it runs or has run.

    Raises:
        OperationFailed: The container cannot be placed or started, and was removed.
    """
    container = await record(job, service, ordinal)
    await bring_up(job, container)
    return container


def unstarted(containers: Iterable[Container]) -> list[Container]:
    """Return the containers that an interrupted run of a job did not start."""
    return [c for c in containers if c.state == states.STARTING and c.deployed is None]
