"""Many things at once, and so many at a time: operations on objects, or whole jobs.

::

    outcomes = await batch.each(services, cloud.services.redeploy, limit=20)
    results = await batch.run_jobs(cloud, jobs, limit=50, progress=show)

Both are a ``TaskGroup`` with a limit. Cancelling them (a ``timeout()`` around them,
Ctrl-C) cancels what is under way and waits until that has cleaned up.
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
from typing import TYPE_CHECKING, Any, Generic, TypeVar, get_args

from . import wire
from .exceptions import ApiError, DockerCloudError, ObjectNotFound, OperationNotAllowed
from .resources.managed import WAIT_TIMEOUT
from .types import LogLine, Service, ServiceFields, ServiceState
from .wire import states
from .wire.service_fields import ALWAYS, OFF

if TYPE_CHECKING:
    from .client import DockerCloud

__all__ = ["GRACE", "LIMIT", "TAIL", "JobResult", "Outcome", "each", "run_jobs"]

log = logging.getLogger(__name__)

T = TypeVar("T")
R = TypeVar("R")

#: How many are under way at the same time, unless the caller says otherwise.
LIMIT = 50

#: Lines of its log that a job's result has at most, unless the caller says otherwise.
TAIL = 1000

#: How often the log of a job is asked for, when it cannot be had.
ATTEMPTS = 4

#: Seconds that collecting what a job left may take, and then removing its service.
GRACE = 60.0

#: The states out of which a service can be deleted, and the one it then ends in.
_AT_REST = frozenset(get_args(ServiceState)) - states.TRANSITIONAL_STATES


@dataclass(frozen=True)
class Outcome(Generic[T, R]):
    """What became of one item.

    Attributes:
        item: The item, as it was given.
        result: What the operation returned; ``None`` when it failed.
        error: What it raised; ``None`` when it did not.
    """

    item: T
    result: R | None = None
    error: BaseException | None = None

    @property
    def ok(self) -> bool:
        """Whether the operation returned."""
        return self.error is None


@dataclass
class JobResult:
    """What became of one job.

    Attributes:
        job: The definition, as it was given.
        exit_codes: One for each container, in their order; ``None`` for one that was
            still running when the time was up, or was lost with its node.
        logs: The last lines that all its containers wrote.
        error: Why it did not come to its end, or could not be read or removed; what
            was collected all the same is in the other two. An exit code is none.
    """

    job: ServiceFields
    exit_codes: list[int | None] = field(default_factory=list)
    logs: list[LogLine] = field(default_factory=list)
    error: Exception | None = None

    @property
    def ok(self) -> bool:
        """Whether it came to its end and every exit code is 0."""
        return self.error is None and all(code == 0 for code in self.exit_codes)

    @contextmanager
    def _noting(self) -> Iterator[None]:
        """Keep what the block raises; what comes second becomes a note of the first."""
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
    """Do one thing to many, at most *limit* of them at the same time.

    Args:
        items: What to do it to. One is taken when there is room for it, so the source
            may be long, or slow.
        operation: What is awaited for each, e.g. ``cloud.services.redeploy``. That
            an action then goes on at the server is no longer its business: give it a
            function of your own that waits, too, where that matters.
        limit: How many at the same time, 1 or more.
        progress: Called after each as ``progress(done, total, outcome)``; *total* is
            ``None`` where the source has no ``len()``. What it raises ends the batch.
        fail_fast: Whether the first error cancels the others and is raised.

    Returns:
        An :class:`Outcome` for each item, in the order of the items.

    Raises:
        ExceptionGroup: What *items* or *progress* raised; with *fail_fast* what
            *operation* raised.
    """

    async def attempt(item: T) -> Outcome[T, R]:
        try:
            return Outcome(item, await operation(item))
        except asyncio.CancelledError as error:
            if fail_fast or _is_cancelled():
                raise
            return Outcome(item, error=error)  # it has cancelled itself
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
) -> list[JobResult]:
    """Run services that end by themselves: create, start, wait, collect, delete.

    No service is left behind: it is deleted when its job has ended, failed or run out
    of time, and when the batch is cancelled; then a create that was under way is
    waited for first. Where the server cannot be reached for that, the error says so,
    and a warning is logged.

    A job of one container takes seven requests at the least, the websocket of its log
    among them, and nine where it still runs at the first look, as most do; each
    further container one more. Its ``autorestart`` may be ``"ON_FAILURE"``, which ends
    with the first success; ``"ALWAYS"`` and any ``autodestroy`` are refused: one has no
    end, the other leaves no log.

    Args:
        cloud: The client.
        jobs: The definitions, as ``cloud.services.create`` takes them. One is taken
            when there is room for it, so the source may be long, or slow.
        limit: How many services exist at the same time, 1 or more: each counts from
            before its creation until it is ``"Terminated"``.
        timeout: Seconds that each job may run; ``None`` for ever.
        tail: How many lines of its log to keep, the last ones; 0 does not ask for it.
        progress: Called after each as ``progress(done, total, result)``; *total* is
            ``None`` where the source has no ``len()``. What it raises ends the batch.

    Returns:
        A :class:`JobResult` for each job, in the order of the jobs. Errors are in
        them: ``TimeoutError`` for a job that ran too long, ``BadRequest`` for one that
        the server refused, ``WaitFailed`` for one that could not be started….

    Raises:
        ExceptionGroup: What *jobs* or *progress* raised.
    """
    run = partial(_run, cloud, seconds=timeout, tail=tail)
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
    begun = 0
    ended: dict[int, R] = {}

    async def one(number: int, item: T) -> None:
        try:
            ended[number] = result = await work(item)
        except asyncio.CancelledError as error:
            if _is_cancelled():
                raise
            # A task group would take that for no error, and nobody would go on.
            raise RuntimeError("the operation has cancelled itself") from error
        slots.release()
        if progress is not None:
            progress(len(ended), total, result)

    async def begin(group: asyncio.TaskGroup, item: T) -> None:
        nonlocal begun
        group.create_task(one(begun, item))
        begun += 1
        await slots.acquire()  # the next item is taken when there is room for it

    await slots.acquire()
    async with asyncio.TaskGroup() as group:
        if isinstance(items, AsyncIterable):
            async for item in items:
                await begin(group, item)
        else:
            for item in items:
                await begin(group, item)
    return [ended[number] for number in range(begun)]


def _is_cancelled() -> bool:
    """Whether somebody cancels this task, and it is not what it awaits that ends so."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


# --- one job ------------------------------------------------------------------------


async def _run(
    cloud: DockerCloud, job: ServiceFields, *, seconds: float | None, tail: int
) -> JobResult:
    result = JobResult(job)
    # A task: whatever happens to this one, the answer has to be waited for.
    creating = asyncio.create_task(_create(cloud, job))
    try:
        with result._noting():
            await asyncio.wait([creating])
            service = creating.result()
            with result._noting():
                started = await cloud.services.start(service)
                service = await cloud.services.wait(
                    started, states.STOPPED, timeout=seconds
                )
            if result.error is not None:
                service = await cloud.services.inspect(service)
            await _collect(cloud, service, tail, result)
    finally:
        await _whatever_comes(_remove(cloud, creating, result))
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
    async with asyncio.timeout(GRACE):
        for uri in service["containers"]:
            container = await cloud.containers.inspect(uri)
            result.exit_codes.append(container["exit_code"])
        if tail:
            await _read(cloud, service, tail, result)


async def _read(
    cloud: DockerCloud, service: Service, tail: int, result: JobResult
) -> None:
    """Read the log. Other streams are opened in one attempt; this one can not be read
    later: its service is deleted next."""
    pauses = islice(wire.backoff(), ATTEMPTS - 1)
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
    cloud: DockerCloud, creating: asyncio.Task[Service], result: JobResult
) -> None:
    """Delete the service, if there is one, and wait until it is gone."""
    name = result.job.get("name") or result.job.get("image")
    with result._noting():
        try:
            async with asyncio.timeout(GRACE):
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
            if await _settled(cloud, service) == states.TERMINATED:
                return  # by somebody else
            deleted = await cloud.services.delete(service)
        await cloud.services.wait(deleted, states.TERMINATED, timeout=None)


async def _settled(cloud: DockerCloud, service: str) -> str:
    """End what may keep a service from being deleted, as the long pull of its image."""
    for action in await cloud.actions.list(object=service, state=states.IN_PROGRESS):
        with suppress(ApiError):  # it has ended meanwhile
            await cloud.actions.cancel(action)
    return (await cloud.services.wait(service, _AT_REST, timeout=None))["state"]


async def _whatever_comes(work: Coroutine[Any, Any, None]) -> None:
    """Await *work* to its end, also when cancelled meanwhile: a task group does so
    once to each of its tasks, however often it is cancelled itself."""
    task = asyncio.create_task(work)
    try:
        await asyncio.wait([task])
    finally:
        await asyncio.wait([task])
