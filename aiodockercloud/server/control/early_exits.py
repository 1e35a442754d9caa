"""New versions of a service whose containers exit at once: their deployment fails.

The rule is for services that were deployed before: the new containers replaced others,
which worked. A one-off job may end with any exit code after its start. Exit code 0 is
never a failure, and with ``autorestart`` the restart policy handles the exit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing, suppress

from ...wire import states
from ...wire.service_fields import OFF
from ..engines import EngineError
from ..state.errors import OperationFailed
from ..state.records import Container
from ..state.state import State
from .operations import Job

#: The number of last lines of a container's log in the log of the action.
_LINES = 3


async def check(job: Job, containers: Sequence[Container]) -> None:
    """Check that the containers of a new version run, or have done their work.

    Most programs that cannot work end shortly after their start, so the containers are
    observed for the time ``settle`` of the settings, at most until one fails or none
    runs any more.

    Args:
        job: The job that has deployed the containers.
        containers: The containers of the new version, all of one service.

    Raises:
        OperationFailed: A container ended with another exit code than 0; the text has
            the names and the exit codes.
    """
    observed = [c for c in containers if c.definition["autorestart"] == OFF]
    if not observed:
        return
    cloud = job.cloud
    service = cloud.services[observed[0].service]
    with suppress(TimeoutError):
        async with asyncio.timeout(cloud.settings.timings.settle):
            await cloud.until(
                service,
                lambda: any(map(_failed, observed)) or all(map(_has_ended, observed)),
            )
    failed = [container for container in observed if _failed(container)]
    if not failed:
        return
    for container in failed:
        await _log_last_lines(job, cloud, container)
    exits = ", ".join(f"{c.name} (exit code {c.exit_code})" for c in failed)
    raise OperationFailed(f"the new version ended at once: {exits}")


def _has_ended(container: Container) -> bool:
    # Autodestroy terminates a container that has ended.
    ended = (states.STOPPED, states.TERMINATING, states.TERMINATED)
    return container.state in ended and container.exit_code is not None


def _failed(container: Container) -> bool:
    return _has_ended(container) and container.exit_code != 0


async def _log_last_lines(job: Job, cloud: State, container: Container) -> None:
    # A node that does not respond must not hold up the action.
    with suppress(EngineError, TimeoutError):
        async with asyncio.timeout(cloud.settings.timings.container_down):
            lines = cloud.engine.logs(container.uuid, tail=_LINES, follow=False)
            async with aclosing(lines):
                async for line in lines:
                    job.log(f"{container.name}: {line.text}")
