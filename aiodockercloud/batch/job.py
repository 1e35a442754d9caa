"""One job of a batch: its service from creation to removal, and its result."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, get_args

from .. import wire
from ..client import DockerCloud
from ..exceptions import (
    ApiError,
    DockerCloudError,
    ObjectNotFound,
    OperationNotAllowed,
    WaitFailed,
)
from ..resources.answers import reading
from ..resources.waiting import POLL
from ..resources.watch import Subscription
from ..types import LogLine, Service, ServiceFields, ServiceState
from ..wire import states
from ..wire.loglines import log_text
from ..wire.service_words import ALWAYS, OFF

__all__ = ["JobResult", "attempt", "run", "terminate", "to_the_end"]

log: logging.Logger = logging.getLogger("aiodockercloud.batch")

#: Attempts to read the log of a job.
LOG_ATTEMPTS = 4

#: The states in which a service can be deleted, and ``"Terminated"``.
_AT_REST = frozenset(get_args(ServiceState)) - states.TRANSITIONAL_STATES


#: The states of events after which a job goes on, or its removal does.
_GOES_ON = states.TRANSITIONAL_STATES | {
    states.RUNNING,
    states.PARTLY_RUNNING,
    states.PENDING,
    states.IN_PROGRESS,
    states.SUCCESS,
}


@dataclass
class JobResult:
    """The result of one job.

    Attributes:
        job: The definition of the job.
        exit_codes: The exit code of each container, in the order of the containers;
            ``None`` for a container that was still running at the end of the timeout,
            or was lost with its node.
        logs: The last lines of the logs of all containers.
        error: The reason why the job did not end, why its result could not be read, or
            why its service could not be removed. ``exit_codes`` and ``logs`` contain
            the part that was collected. An exit code other than 0 is not an error.
        attempts: How often the job was run: more than once with *retries*. The other
            attributes describe the last attempt.
    """

    job: ServiceFields
    exit_codes: list[int | None] = field(default_factory=list)
    logs: list[LogLine] = field(default_factory=list)
    error: Exception | None = None
    attempts: int = 1
    #: Whether the service of the job may still exist.
    _left: bool = field(default=False, init=False, repr=False, compare=False)

    @property
    def ok(self) -> bool:
        """Whether the job ended without an error and every exit code is 0."""
        return self.error is None and all(code == 0 for code in self.exit_codes)

    @property
    def output(self) -> str:
        """The text that the job printed, without time stamps.

        The text has the lines of ``logs``: standard output and standard error in the
        order of printing, each line with its newline. The pieces of a long line are
        joined.
        """
        return "".join(
            log_text(line) + ("" if line.get("partial") else "\n") for line in self.logs
        )

    @property
    def _may_succeed(self) -> bool:
        """Whether another attempt may succeed, and cannot meet the last service."""
        if self._left or self.ok:
            return False
        if self.exit_codes:
            return any(code != 0 for code in self.exit_codes)
        return isinstance(self.error, TimeoutError | WaitFailed) or (
            self.error is not None and wire.is_transient(self.error)
        )

    @contextmanager
    def _recording(self) -> Iterator[None]:
        """Keep the error of the block; a second error becomes a note of the first."""
        try:
            yield
        except Exception as error:
            if self.error is None:
                self.error = error
            else:
                self.error.add_note(f"and then {type(error).__name__}: {error}")


async def run(
    attempt: Callable[[ServiceFields], Awaitable[JobResult]],
    retries: int,
    job: ServiceFields,
) -> JobResult:
    """Run a job until an attempt succeeds or no further attempt is of use.

    Args:
        attempt: Runs the job once.
        retries: How often a failed job is run again at most.
        job: The definition of the service.

    Returns:
        The result of the last attempt.
    """
    pauses = islice(wire.backoff(), retries)
    attempts = 0
    while True:
        result = await attempt(job)
        result.attempts = attempts = attempts + 1
        if not result._may_succeed or (pause := next(pauses, None)) is None:
            return result
        log.info(
            "job %s failed (%s); attempt %d follows in %.1f s",
            _name(job),
            repr(result.error) if result.error else f"exit codes {result.exit_codes}",
            attempts + 1,
            pause,
        )
        await asyncio.sleep(pause)


async def attempt(
    cloud: DockerCloud,
    job: ServiceFields,
    *,
    seconds: float | None,
    tail: int,
    grace: float,
) -> JobResult:
    """Run a job once, with a service of its own, which is removed in the end.

    Args:
        cloud: The client.
        job: The definition of the service.
        seconds: Seconds that the job may run; ``None`` sets no limit.
        tail: The number of lines of the log to keep; with 0, no log is requested.
        grace: Seconds for collecting the result, and again for removing the service.

    Returns:
        The result; the error of the job is in the result.
    """
    result = JobResult(job)
    # A task of its own: the response must be awaited even when this task is cancelled.
    creating = asyncio.create_task(_create(cloud, job))
    async with AsyncExitStack() as stack:
        changes: Subscription | None = None
        try:
            with result._recording():
                await asyncio.wait([creating])
                service = creating.result()
                with result._recording():
                    subscribed = cloud.services._changes(service, ignored=_GOES_ON)
                    changes = await stack.enter_async_context(subscribed)
                    started = await cloud.services.start(service)
                    service = await cloud.services._wait_for(
                        started, states.STOPPED, changes, seconds=seconds
                    )
                if result.error is not None:
                    service = await cloud.services.inspect(service)
                async with asyncio.timeout(grace):
                    await _collect(cloud, service, tail, result)
        finally:
            await to_the_end(_remove(cloud, creating, changes, result, grace))
    return result


def _name(job: ServiceFields) -> str | None:
    return job.get("name") or job.get("image")


async def _create(cloud: DockerCloud, job: ServiceFields) -> Service:
    if job.get("autodestroy", OFF) != OFF:
        raise ValueError("autodestroy: would remove the log of a job before it is read")
    if job.get("autorestart") == ALWAYS:
        raise ValueError("autorestart: a job that is always restarted has no end")
    return await cloud.services.create(**job)


async def _collect(
    cloud: DockerCloud, service: Service, tail: int, result: JobResult
) -> None:
    with reading("service"):
        for uri in service["containers"]:
            container = await cloud.containers.inspect(uri)
            result.exit_codes.append(container["exit_code"])
    if tail:
        await _read(cloud, service, tail, result)


async def _read(
    cloud: DockerCloud, service: Service, tail: int, result: JobResult
) -> None:
    """Read the log of a job, in several attempts.

    Other streams are opened in one attempt. This log cannot be read later, because the
    service is deleted next.
    """
    pauses = islice(wire.backoff(), LOG_ATTEMPTS - 1)
    while True:
        try:
            async with cloud.services.logs(service, tail=tail, follow=False) as lines:
                result.logs = [line async for line in lines]
                return
        except DockerCloudError as error:
            pause = next(pauses, None)
            if pause is None or not wire.is_transient(error):
                raise
        await asyncio.sleep(pause)


async def _remove(
    cloud: DockerCloud,
    creating: asyncio.Task[Service],
    changes: Subscription | None,
    result: JobResult,
    grace: float,
) -> None:
    """Delete the service of a job, if one was created, and wait for the deletion."""
    with result._recording():
        try:
            async with asyncio.timeout(grace):
                await asyncio.wait([creating])
                if creating.exception() is None:
                    service = creating.result()["resource_uri"]
                    await terminate(cloud, service, changes)
        except Exception as error:
            result._left = True
            name = _name(result.job)
            log.warning("the service of job %s may be left: %r", name, error)
            raise
        finally:
            creating.cancel()


async def terminate(
    cloud: DockerCloud, service: str, changes: Subscription | None = None
) -> None:
    """Delete a service, whatever its state, and wait until it is terminated.

    Args:
        cloud: The client.
        service: The ``resource_uri`` of the service.
        changes: A subscription to changes of the service.
    """
    with suppress(ObjectNotFound):
        try:
            deleted = await cloud.services.delete(service)
        except OperationNotAllowed:
            if await _at_rest(cloud, service) == states.TERMINATED:
                return  # another client deleted the service
            deleted = await cloud.services.delete(service)
        if changes is None or not await changes.reaches(states.TERMINATED, POLL):
            await cloud.services.wait(deleted, states.TERMINATED, timeout=None)


async def _at_rest(cloud: DockerCloud, service: str) -> str:
    """Cancel the actions on a service, such as a long pull, and return its next state.

    Only a service whose state is not transitional can be deleted.
    """
    for action in await cloud.actions.list(object=service, state=states.IN_PROGRESS):
        with suppress(ApiError):  # the action has ended in the meantime
            await cloud.actions.cancel(action)
    return (await cloud.services.wait(service, _AT_REST, timeout=None))["state"]


async def to_the_end(work: Coroutine[Any, Any, None]) -> None:
    """Await *work* to its end, even when this task is cancelled in the meantime.

    A task group cancels each of its tasks once, however often the group is cancelled.
    """
    task = asyncio.create_task(work)
    try:
        await asyncio.wait([task])
    finally:
        await asyncio.wait([task])
