"""Many operations or jobs at once, with a limit on their number at the same time.

::

    outcomes = await batch.each(services, cloud.services.redeploy, limit=20)
    results = await batch.run_jobs(cloud, jobs, limit=50, progress=show)

Both functions are a ``TaskGroup`` with a limit. Cancelling a batch, for example with
a ``timeout()`` or Ctrl-C, cancels its operations and waits for their cleanup.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import (
    AsyncIterable,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
    Iterator,
    Sized,
)
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any, Generic, TypeVar, get_args

from .. import wire
from ..client import DockerCloud
from ..exceptions import ApiError, DockerCloudError, ObjectNotFound, OperationNotAllowed
from ..resources.managed import WAIT_TIMEOUT
from ..types import LogLine, Service, ServiceFields, ServiceState
from ..wire import states
from ..wire.service_fields import ALWAYS, OFF

__all__ = ["GRACE", "LIMIT", "TAIL", "JobResult", "Outcome", "each", "run_jobs"]

log = logging.getLogger(__name__)

T = TypeVar("T")
R = TypeVar("R")

#: Operations or jobs at the same time, by default.
LIMIT = 50

#: Lines of the log that the result of a job contains at most, by default.
TAIL = 1000

#: Attempts to read the log of a job.
LOG_ATTEMPTS = 4

#: Seconds that collecting the result of a job may take, by default, and then the same
#: time for removing its service.
GRACE = 60.0

#: The states in which a service can be deleted, and ``"Terminated"``.
_AT_REST = frozenset(get_args(ServiceState)) - states.TRANSITIONAL_STATES


@dataclass(frozen=True)
class Outcome(Generic[T, R]):
    """The outcome of an operation on one item.

    Attributes:
        item: The item.
        result: The result of the operation; ``None`` when the operation raised.
        error: The exception that the operation raised, or ``None``.
    """

    item: T
    result: R | None = None
    error: BaseException | None = None

    @property
    def ok(self) -> bool:
        """Whether the operation returned a result."""
        return self.error is None


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
    """

    job: ServiceFields
    exit_codes: list[int | None] = field(default_factory=list)
    logs: list[LogLine] = field(default_factory=list)
    error: Exception | None = None

    @property
    def ok(self) -> bool:
        """Whether the job ended without an error and every exit code is 0."""
        return self.error is None and all(code == 0 for code in self.exit_codes)

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


async def each(
    items: Iterable[T] | AsyncIterable[T],
    operation: Callable[[T], Awaitable[R]],
    *,
    limit: int = LIMIT,
    progress: Callable[[int, int | None, Outcome[T, R]], object] | None = None,
    fail_fast: bool = False,
) -> list[Outcome[T, R]]:
    """Apply an operation to many items, at most *limit* of them at the same time.

    Args:
        items: The items. An item is taken from the source when its operation can start,
            so the source may be long or slow.
        operation: The coroutine function to await for each item, for example
            ``cloud.services.redeploy``, which returns while the action continues on the
            server. To wait for the end of the action, pass a function that waits.
        limit: The number of operations at the same time, 1 or more.
        progress: Called after each operation as ``progress(done, total, outcome)``;
            *total* is ``None`` when the source has no ``len()``. An exception from this
            function ends the batch.
        fail_fast: Whether the first error cancels the other operations and is raised.

    Returns:
        An :class:`Outcome` for each item, in the order of the items.

    Raises:
        ExceptionGroup: The exceptions from *items* or *progress*; with *fail_fast* also
            the exceptions from *operation*.
        ValueError: *limit* is less than 1.

    Source:
        aiodockercloud; the Docker Cloud API has no operation on several objects.
    """

    async def attempt(item: T) -> Outcome[T, R]:
        try:
            return Outcome(item, await operation(item))
        except asyncio.CancelledError as error:
            if fail_fast or _is_cancelled():
                raise
            return Outcome(item, error=error)  # the operation cancelled itself
        except Exception as error:
            if fail_fast:
                raise
            return Outcome(item, error=error)

    return await _limited(items, attempt, limit, progress)


async def run_jobs(
    cloud: DockerCloud,
    jobs: Iterable[ServiceFields] | AsyncIterable[ServiceFields],
    *,
    limit: int = LIMIT,
    timeout: float | None = WAIT_TIMEOUT,  # noqa: ASYNC109 - of each job, not of all
    tail: int = TAIL,
    progress: Callable[[int, int | None, JobResult], object] | None = None,
    grace: float = GRACE,
) -> list[JobResult]:
    """Run services that end by themselves: create, start, wait, collect, delete.

    No service remains: the service of a job is deleted when the job has ended, failed
    or run out of time, and when the batch is cancelled. A creation that is under way at
    that time is awaited first. When the server cannot be reached for the deletion, the
    error of the result contains the reason, and a warning is logged.

    A job of one container takes at least seven requests, including the websocket of its
    log, and nine when the job still runs at the first inspection, which is usual. Each
    further container takes one more. ``autorestart`` may be ``"ON_FAILURE"``, which
    ends with the first success. ``"ALWAYS"`` is refused because such a job has no end,
    and any ``autodestroy`` is refused because the log would be removed.

    Args:
        cloud: The client.
        jobs: The definitions of the jobs, with the fields of
            ``cloud.services.create``. A definition is taken from the source when its
            job can start, so the source may be long or slow.
        limit: The number of services at the same time, 1 or more. A service counts from
            before its creation until its state is ``"Terminated"``.
        timeout: Seconds that each job may run; ``None`` sets no limit.
        tail: The number of lines at the end of the log to keep; with 0, the log is not
            requested.
        progress: Called after each job as ``progress(done, total, result)``; *total* is
            ``None`` when the source has no ``len()``. An exception from this function
            ends the batch.
        grace: Seconds that collecting the result of a job may take, and then the same
            time for removing its service.

    Returns:
        A :class:`JobResult` for each job, in the order of the jobs. Errors of a job are
        in its result: ``TimeoutError`` for a job that ran too long, ``BadRequest`` for
        a definition that the server refused, ``ValueError`` for a refused
        ``autorestart`` or ``autodestroy``, ``WaitFailed`` for a job that could not be
        started, and others.

    Raises:
        ExceptionGroup: The exceptions from *jobs* or *progress*.
        ValueError: *limit* is less than 1.

    Source:
        aiodockercloud, with the operations of the Docker Cloud API reference,
        "Services".
    """
    run = partial(_run, cloud, seconds=timeout, tail=tail, grace=grace)
    return await _limited(jobs, run, limit, progress)


async def _limited(
    items: Iterable[T] | AsyncIterable[T],
    work: Callable[[T], Awaitable[R]],
    limit: int,
    progress: Callable[[int, int | None, R], object] | None,
) -> list[R]:
    if limit < 1:
        raise ValueError(f"limit must be 1 or more, got {limit}")
    total = len(items) if isinstance(items, Sized) else None
    slots = asyncio.Semaphore(limit)
    started = 0
    ended: dict[int, R] = {}

    async def one(number: int, item: T) -> None:
        try:
            ended[number] = result = await work(item)
        except asyncio.CancelledError as error:
            if _is_cancelled():
                raise
            # A task group ignores a task that cancels itself, and the batch would
            # never end.
            raise RuntimeError("the operation has cancelled itself") from error
        slots.release()
        if progress is not None:
            progress(len(ended), total, result)

    async def start(group: asyncio.TaskGroup, item: T) -> None:
        nonlocal started
        group.create_task(one(started, item))
        started += 1
        await slots.acquire()  # before the next item is taken

    await slots.acquire()
    async with asyncio.TaskGroup() as group:
        if isinstance(items, AsyncIterable):
            async for item in items:
                await start(group, item)
        else:
            for item in items:
                await start(group, item)
    return [ended[number] for number in range(started)]


def _is_cancelled() -> bool:
    """Return whether this task is cancelled, and not only the awaitable in it."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


# --- one job ------------------------------------------------------------------------


async def _run(
    cloud: DockerCloud,
    job: ServiceFields,
    *,
    seconds: float | None,
    tail: int,
    grace: float,
) -> JobResult:
    result = JobResult(job)
    # A task of its own: the response must be awaited even when this task is cancelled.
    creating = asyncio.create_task(_create(cloud, job))
    try:
        with result._recording():
            await asyncio.wait([creating])
            service = creating.result()
            with result._recording():
                started = await cloud.services.start(service)
                service = await cloud.services.wait(
                    started, states.STOPPED, timeout=seconds
                )
            if result.error is not None:
                service = await cloud.services.inspect(service)
            async with asyncio.timeout(grace):
                await _collect(cloud, service, tail, result)
    finally:
        await _to_the_end(_remove(cloud, creating, result, grace))
    return result


async def _create(cloud: DockerCloud, job: ServiceFields) -> Service:
    if job.get("autodestroy", OFF) != OFF:
        raise ValueError("autodestroy: would remove the log of a job before it is read")
    if job.get("autorestart") == ALWAYS:
        raise ValueError("autorestart: a job that is always restarted has no end")
    return await cloud.services.create(**job)


async def _collect(
    cloud: DockerCloud, service: Service, tail: int, result: JobResult
) -> None:
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
    result: JobResult,
    grace: float,
) -> None:
    """Delete the service of a job, if one was created, and wait for the deletion."""
    name = result.job.get("name") or result.job.get("image")
    with result._recording():
        try:
            async with asyncio.timeout(grace):
                await asyncio.wait([creating])
                if creating.exception() is None:
                    await _terminate(cloud, creating.result()["resource_uri"])
        except Exception as error:
            log.warning("the service of job %s may be left: %r", name, error)
            raise
        finally:
            creating.cancel()


async def _terminate(cloud: DockerCloud, service: str) -> None:
    with suppress(ObjectNotFound):
        try:
            deleted = await cloud.services.delete(service)
        except OperationNotAllowed:
            if await _at_rest(cloud, service) == states.TERMINATED:
                return  # another client deleted the service
            deleted = await cloud.services.delete(service)
        await cloud.services.wait(deleted, states.TERMINATED, timeout=None)


async def _at_rest(cloud: DockerCloud, service: str) -> str:
    """Cancel the actions on a service, such as a long pull, and return its next state.

    Only a service whose state is not transitional can be deleted.
    """
    for action in await cloud.actions.list(object=service, state=states.IN_PROGRESS):
        with suppress(ApiError):  # the action has ended in the meantime
            await cloud.actions.cancel(action)
    return (await cloud.services.wait(service, _AT_REST, timeout=None))["state"]


async def _to_the_end(work: Coroutine[Any, Any, None]) -> None:
    """Await *work* to its end, even when this task is cancelled in the meantime.

    A task group cancels each of its tasks once, however often the group is cancelled.
    """
    task = asyncio.create_task(work)
    try:
        await asyncio.wait([task])
    finally:
        await asyncio.wait([task])
