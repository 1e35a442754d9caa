"""Many operations or jobs at once, with a limit on their number at the same time.

::

    outcomes = await batch.each(services, cloud.services.redeploy, limit=20)
    results = await batch.run_jobs(cloud, jobs, limit=50, retries=2, progress=show)

Both functions are a ``TaskGroup`` with a limit. Cancelling a batch, for example with
a ``timeout()`` or Ctrl-C, cancels its operations and waits for their cleanup.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Sized
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from ..client import DockerCloud
from ..resources.managed import WAIT_TIMEOUT
from ..types import ServiceFields
from . import job
from .job import JobResult

__all__ = ["GRACE", "LIMIT", "TAIL", "JobResult", "Outcome", "each", "run_jobs"]

T = TypeVar("T")
R = TypeVar("R")

#: Operations or jobs at the same time, by default.
LIMIT = 50

#: Lines of the log that the result of a job contains at most, by default.
TAIL = 1000

#: Seconds that collecting the result of a job may take, by default, and then the same
#: time for removing its service.
GRACE = 60.0


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
    retries: int = 0,
    progress: Callable[[int, int | None, JobResult], object] | None = None,
    grace: float = GRACE,
) -> list[JobResult]:
    """Run services that end by themselves: create, start, wait, collect, delete.

    No service remains: the service of a job is deleted when the job has ended, failed
    or run out of time, and when the batch is cancelled. A creation that is under way at
    that time is awaited first. When the server cannot be reached for the deletion, the
    error of the result contains the reason, and a warning is logged.

    A job of one container takes six requests, including the websocket of its log, when
    the event stream, which all jobs share, reports the end of the job and of its
    service. Each further container takes one more. ``autorestart`` may be
    ``"ON_FAILURE"``, which ends with the first success. ``"ALWAYS"`` is refused because
    such a job has no end, and any ``autodestroy`` is refused because the log would be
    removed.

    Args:
        cloud: The client.
        jobs: The definitions of the jobs, with the fields of
            ``cloud.services.create``. A definition is taken from the source when its
            job can start, so the source may be long or slow.
        limit: The number of services at the same time, 1 or more. A service counts from
            before its creation until its state is ``"Terminated"``.
        timeout: Seconds that each attempt of a job may run; ``None`` sets no limit.
        tail: The number of lines at the end of the log to keep; with 0, the log is not
            requested.
        retries: How often a failed job is run again, each time with a new service,
            after a pause that grows from 0.2 to 30 seconds. A job has failed when an
            exit code is not 0, or when the job ran out of time, could not be started or
            met a broken connection. A job that the server refused (``BadRequest``,
            ``AuthError``, …) is not run again, nor is a job whose last service could
            not be removed. A failed attempt may have done a part of its work.
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
        ValueError: *limit* is less than 1, or *retries* is less than 0.

    Source:
        aiodockercloud, with the operations of the Docker Cloud API reference,
        "Services".
    """
    if retries < 0:
        raise ValueError(f"retries must be 0 or more, got {retries}")
    attempt = partial(job.attempt, cloud, seconds=timeout, tail=tail, grace=grace)
    run = partial(job.run, attempt, retries)
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
