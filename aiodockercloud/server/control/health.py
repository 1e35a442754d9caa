"""Whether a new container counts: it runs, and is healthy, for a while.

Most programs that cannot work end shortly after their start.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing, suppress

from ...wire import states
from ...wire.health import HEALTHY, UNHEALTHY
from ...wire.service_fields import ALWAYS
from ..engines import EngineError
from ..state.records import Container
from ..state.state import State
from .operations import Job

__all__ = ["failures", "log_last_lines"]

#: The number of last lines of a container's log in the log of the action.
_LINES = 3


async def failures(
    job: Job,
    containers: Sequence[Container],
    *,
    monitor: float,
    may_end: bool,
    allowed: float = 0,
) -> dict[str, str]:
    """Return for each container why it does not count; an empty text when it counts.

    As soon as more containers than *allowed* have failed, the result lacks those that
    are still observed. The last lines of a container that does not count are added to
    the action's log.

    Args:
        job: The job that has deployed the containers.
        containers: The new containers.
        monitor: The seconds for which a container must run, and be healthy.
        may_end: Whether a container may end with exit code 0, as a job does.
        allowed: The number of containers that may fail.
    """
    running = {
        asyncio.create_task(_failure(job, one, monitor, may_end)): one.uuid
        for one in containers
    }
    found: dict[str, str] = {}
    try:
        while running and sum(map(bool, found.values())) <= allowed:
            ended, _ = await asyncio.wait(running, return_when="FIRST_COMPLETED")
            found |= {running.pop(task): task.result() for task in ended}
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    return found


async def _failure(
    job: Job, container: Container, monitor: float, may_end: bool
) -> str:
    cloud = job.cloud
    may_end &= container.definition["autorestart"] != ALWAYS
    limit = cloud.settings.timings.container_up

    def problem() -> str:
        return _problem(container, may_end=may_end)

    def over() -> bool:
        return bool(problem()) or _is_ready(container) or _has_ended(container)

    try:
        async with asyncio.timeout(limit):
            await cloud.until(container, over)
    except TimeoutError:
        await log_last_lines(job, cloud, container)
        return f"{container.name} (not healthy after {limit:g} s)"
    with suppress(TimeoutError):
        async with asyncio.timeout(monitor):
            await cloud.until(
                container, lambda: bool(problem()) or _has_ended(container)
            )
    if why := problem():
        await log_last_lines(job, cloud, container)
        return f"{container.name} ({why})"
    return ""


def _problem(container: Container, *, may_end: bool) -> str:
    code = container.exit_code
    if code is not None and not (code == 0 and may_end):
        # Also while the restart policy restarts the container.
        return f"exit code {code}"
    if container.health == UNHEALTHY:
        return UNHEALTHY
    # A container that a request stops or terminates meanwhile is no failure.
    if container.state in (states.STOPPED, states.TERMINATED) and code is None:
        return container.message or "ended without an exit code"
    return ""


def _is_ready(container: Container) -> bool:
    return container.state == states.RUNNING and container.health in (None, HEALTHY)


def _has_ended(container: Container) -> bool:
    # Autodestroy terminates a container that has ended. A request to stop or terminate
    # the container waits for the end of the deployment, in the state of the request.
    ending = (states.STOPPING, states.TERMINATING)
    return container.state in (*ending, states.STOPPED, states.TERMINATED)


async def log_last_lines(job: Job, cloud: State, container: Container) -> None:
    """Add the last lines of a container's log to the log of the action."""
    # A node that does not respond must not hold up the action.
    with suppress(EngineError, TimeoutError):
        async with asyncio.timeout(cloud.settings.timings.container_down):
            lines = cloud.engine.logs(container.uuid, tail=_LINES, follow=False)
            async with aclosing(lines):
                async for line in lines:
                    job.log(f"{container.name}: {line.text}")
