"""Operations: checked against the state table, recorded as actions, run as tasks.

``submit`` is all that a request waits for. The job itself drives the engine towards
what the records say and may be run again from its beginning, which is how actions that
a crash interrupted are continued at the next start.

Source: Docker Cloud API reference, "Actions".
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from ... import wire
from ...wire import states
from ..journal import Journal
from ..state import lifecycle
from ..state.errors import NotAllowedNow, OperationFailed
from ..state.records import Action, Container, Node, NodeCluster, Record, Service, Stack
from ..state.state import State

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Origin:
    """Who asks for an operation, for the action's record."""

    user: str = ""
    method: str = ""
    path: str = ""
    ip: str = ""
    user_agent: str = ""
    is_user_action: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """What a job gets: the object, the action, the parameters, a log to write."""

    cloud: State
    operations: Operations
    action: Action
    record: Any
    params: Mapping[str, Any]

    def log(self, text: str) -> None:
        self.operations.write(self.action, text)

    async def part(self, operation: str, record: Record) -> None:
        """Do an operation on a part of the object as an action of its own.

        One that is under way is waited for; one that the state forbids is left out.
        What an interrupted run of this job has begun is not begun again.

        Raises:
            OperationFailed: The action failed or was canceled.
        """
        operations, own = self.operations, self.action
        name = getattr(record, "name", record.uuid)
        action = self.cloud.actions.get(own.parts.get(record.uuid, ""))
        if action is None:
            if (running := self.cloud.active(record)) is not None:
                await operations.wait(running)
            if record.state not in lifecycle.OPERATIONS[record.kind][operation].allowed:
                return
            self.log(f"{operation} {name}")
            action = self._begin_part(operation, record)
        try:
            await operations.wait(action)
        except asyncio.CancelledError:
            # Whoever cancels the whole cancels its parts.
            if not self.cloud.closing and action.state not in states.ENDED:
                operations.cancel(action)
            raise
        if action.state != states.SUCCESS:
            why = action.log[-1][1] if action.log else action.state
            raise OperationFailed(f"{name}: {why}")

    def _begin_part(self, operation: str, record: Record) -> Action:
        cloud, own = self.cloud, self.action
        origin = Origin(
            user=own.user,
            method=own.method,
            path=own.path,
            ip=own.ip,
            user_agent=own.user_agent,
        )
        action = self.operations.submit(operation, record, origin, **self.params)
        own.parts = {**own.parts, record.uuid: action.uuid}
        cloud.save(own)
        return action


JobFunction = Callable[[Job], Awaitable[None]]


class Request(Protocol):
    """Asks for an operation that no user asked for; None when the state forbids it."""

    def __call__(
        self, operation: str, record: Record, *, reason: str
    ) -> Action | None: ...


async def each(
    things: Sequence[T],
    work: Callable[[T], Awaitable[Any]],
    *,
    one_by_one: bool = False,
) -> None:
    """Do *work* for all, at once or in order; then fail if any failed."""
    if one_by_one:
        for thing in things:
            await work(thing)
        return
    results = await asyncio.gather(*map(work, things), return_exceptions=True)
    errors = [result for result in results if isinstance(result, BaseException)]
    for error in errors:
        if not isinstance(error, OperationFailed):
            raise error
    if errors:
        raise OperationFailed("; ".join(dict.fromkeys(map(str, errors))))


class Operations:
    def __init__(
        self, cloud: State, jobs: Mapping[tuple[str, str], JobFunction]
    ) -> None:
        self._cloud = cloud
        #: (kind, operation) → what does it.
        self._jobs = jobs
        self._log_lines = cloud.settings.limits.action_log_lines
        self._locks: dict[str, asyncio.Lock] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._logs: dict[str, Journal[list[Any]]] = {}
        #: Actions of the last run of the server, until ``resume``.
        self._unfinished: list[Action] = []

    # --- asking for one -------------------------------------------------------------

    def submit(
        self, operation: str, record: Record, origin: Origin, **params: Any
    ) -> Action:
        """Begin an operation; the object has its intermediate state on return.

        Raises:
            NotAllowedNow: The state forbids it; a Failed action says so.
        """
        rule = self.check(operation, record, origin)
        action = self._begin(operation, record, origin, params)
        if rule.during:
            self._cloud.under_way[record.uuid] = action
            if rule.during == states.TERMINATING and isinstance(record, Service):
                record.definition = {**record.definition, "target_num_containers": 0}
            self._cloud.set_state(record, self._during(record, operation, rule.during))
        self._spawn(action, record)
        return action

    def check(self, operation: str, record: Record, origin: Origin) -> lifecycle.Rule:
        """The rule of an operation that the state allows; else a Failed action.

        Raises:
            NotAllowedNow: The state forbids it.
        """
        name = getattr(record, "name", record.uuid)
        try:
            return lifecycle.check(record.kind, name, record.state, operation)
        except NotAllowedNow as error:
            action = self.record(operation, record, origin, state=states.FAILED)
            self.write(action, str(error))
            raise

    def submit_internal(
        self, operation: str, record: Record, *, reason: str
    ) -> Action | None:
        """Begin an operation nobody asked for; None when the state forbids it."""
        rule = lifecycle.OPERATIONS[record.kind][operation]
        if self._cloud.closing or record.state not in rule.allowed:
            return None
        action = self.submit(operation, record, Origin(user=record.namespace))
        self.write(action, f"because of {reason}")
        return action

    def record(
        self,
        operation: str,
        record: Record,
        origin: Origin,
        *,
        state: str = states.SUCCESS,
    ) -> Action:
        """Record something that was done, or refused, at once."""
        action = self._action(operation, record, origin, {})
        action.state, action.ended = state, action.created
        self._cloud.add(action)
        return action

    def _begin(
        self, operation: str, record: Record, origin: Origin, params: Mapping[str, Any]
    ) -> Action:
        action = self._action(operation, record, origin, params)
        if self._lock(record).locked():
            action.state = states.PENDING
        self._cloud.add(action)
        return action

    @staticmethod
    def _action(
        operation: str, record: Record, origin: Origin, params: Mapping[str, Any]
    ) -> Action:
        kind = {"nodecluster": "Node Cluster"}.get(record.kind, record.kind.title())
        return Action(
            namespace=record.namespace or origin.user,
            action=f"{kind} {operation.replace('-', ' ').title()}",
            object=record.uri,
            operation=operation,
            params=dict(params),
            method=origin.method,
            path=origin.path,
            user=origin.user,
            user_agent=origin.user_agent,
            ip=origin.ip,
            is_user_action=origin.is_user_action,
        )

    @staticmethod
    def _during(record: Record, operation: str, state: str) -> str:
        # The first deployment is a start, whatever it is called: clients poll while
        # the state is Starting.
        first = operation == "redeploy" and record.state == states.NOT_RUNNING
        return states.STARTING if first else state

    # --- running --------------------------------------------------------------------

    def _lock(self, record: Record) -> asyncio.Lock:
        """Operations on a service and on its containers come one after another."""
        key = record.service if isinstance(record, Container) else record.uuid
        return self._locks.setdefault(key, asyncio.Lock())

    def _spawn(self, action: Action, record: Record) -> None:
        self._tasks[action.uuid] = asyncio.create_task(
            self._run(action, record), name=f"{action.action} {record.uuid}"
        )

    async def _run(self, action: Action, record: Record) -> None:
        cloud = self._cloud
        outcome, problem, began = states.SUCCESS, "", False
        job = self._jobs[record.kind, action.operation]
        try:
            async with self._lock(record):
                began = True
                if action.state == states.PENDING:
                    cloud.set_state(action, states.IN_PROGRESS)
                await job(Job(cloud, self, action, record, action.params))
        except asyncio.CancelledError:
            if self._cloud.closing:
                # The action stays as it is and is continued at the next start.
                raise
            outcome, problem = states.CANCELED, "canceled"
        except OperationFailed as error:
            outcome, problem = states.FAILED, str(error)
        except TimeoutError:
            outcome, problem = states.FAILED, "gave up waiting for the engine"
        except Exception:
            log.exception("%s of %s failed", action.action, record.uri)
            outcome = states.FAILED
            problem = "internal error; the server's log has it"
        finally:
            self._tasks.pop(action.uuid, None)
        if problem:
            self.write(action, problem)
        if self._cloud.under_way.get(record.uuid) is action:
            del self._cloud.under_way[record.uuid]
        # Before it began, what is on its way in a service is another job's business.
        if problem and (began or isinstance(record, Container)):
            self._recover(record)
        self._settle(record)
        if record.state == states.TERMINATED:
            self._locks.pop(record.uuid, None)
        self._end(action, outcome)

    def _recover(self, record: Record) -> None:
        if isinstance(record, Container):
            self._cloud.recover([record])
        elif isinstance(record, Service):
            self._cloud.recover(self._cloud.containers_of(record))

    def _settle(self, record: Record) -> None:
        cloud = self._cloud
        if isinstance(record, Container):
            cloud.settle(cloud.services[record.service])
        elif isinstance(record, Service):
            cloud.settle(record)
        elif isinstance(record, Stack):
            cloud.settle_stack(record)
        elif isinstance(record, Node):
            cloud.settle_node(record)
        elif isinstance(record, NodeCluster):
            cloud.settle_cluster(record)

    def _end(self, action: Action, state: str) -> None:
        action.ended = time.time()
        self._cloud.set_state(action, state)
        if (journal := self._logs.pop(action.uuid, None)) is not None:
            journal.close()

    async def wait(self, action: Action) -> None:
        """Return when the action has ended, however."""
        await self._cloud.until(action, lambda: action.state in states.ENDED)

    # --- logs -----------------------------------------------------------------------

    def write(self, action: Action, text: str) -> None:
        """Add a line to an action's log."""
        line = [time.time(), text]
        action.log = [*action.log, line][-self._log_lines :]
        self._cloud.save(action)
        if (journal := self._logs.get(action.uuid)) is not None:
            journal.append(line)

    def journal(self, action: Action) -> Journal[list[Any]]:
        """The action's log to follow; closed when the action has ended."""
        journal = self._logs.get(action.uuid)
        if journal is None:
            journal = Journal(self._log_lines)
            for line in action.log:
                journal.append(line)
            if action.state in states.ENDED:
                journal.close()
            else:
                self._logs[action.uuid] = journal
        return journal

    # --- cancel, retry, resume ------------------------------------------------------

    def cancel(self, action: Action) -> None:
        """Stop a job where it is; what it has done stays.

        Raises:
            NotAllowedNow: It has ended already.
        """
        lifecycle.check("action", action.action, action.state, "cancel")
        self._cloud.set_state(action, states.CANCELING)
        if (task := self._tasks.get(action.uuid)) is not None:
            # Not at once: a task cancelled before its first step never runs at all.
            asyncio.get_running_loop().call_soon(task.cancel)

    def repeatable(self, action: Action) -> bool:
        """Whether it was an operation, not something done at once."""
        target = wire.split_path(action.object)
        return target is not None and (target.kind, action.operation) in self._jobs

    def retry(self, action: Action, record: Record, origin: Origin) -> Action:
        """Begin the same operation again, as a new action.

        Raises:
            NotAllowedNow: The action has not ended, or was done at once.
        """
        lifecycle.check("action", action.action, action.state, "retry")
        if not self.repeatable(action):
            raise NotAllowedNow(f"retry: {action.action} cannot be repeated")
        return self.submit(action.operation, record, origin, **action.params)

    def loaded(self) -> None:
        """Find what the last run of the server left unfinished: what the engine tells
        before ``resume`` leaves the intermediate states as they are."""
        for action in self._cloud.actions.values():
            if action.state in states.ENDED:
                continue
            self._unfinished.append(action)
            record = self._cloud.by_uri(action.object)
            if record is None or action.state == states.CANCELING:
                continue
            rule = lifecycle.OPERATIONS[record.kind][action.operation]
            if rule.during and record.state in states.TRANSITIONAL_STATES:
                self._cloud.under_way[record.uuid] = action

    def resume(self) -> None:
        """Continue what the last run of the server left unfinished."""
        unfinished, self._unfinished = self._unfinished, []
        for action in unfinished:
            record = self._cloud.by_uri(action.object)
            if record is not None and action.state != states.CANCELING:
                self._spawn(action, record)
                continue
            if record is not None:
                self._recover(record)
                self._settle(record)
            self._end(action, states.CANCELED)

    async def close(self) -> None:
        """Interrupt all jobs; the next start continues them."""
        self._cloud.closing = True
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for journal in self._logs.values():
            journal.close()
