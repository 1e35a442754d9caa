"""Operations: checked against the state table, recorded as actions, run as tasks.

A request waits for ``submit`` only. The job of an operation may run again from its
beginning, so the next start of the server continues the actions that a crash
interrupted.

Source: Docker Cloud API reference, "Actions".
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from ... import wire
from ...wire import states
from ..journal import Journal
from ..log import REQUEST_ID
from ..state import lifecycle
from ..state.errors import InvalidField, NotAllowedNow, OperationFailed
from ..state.records import Action, Container, Record, Service
from ..state.state import State
from . import scaling
from .origin import Origin, action_of

log: logging.Logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """The arguments of a job: the object, its action, the parameters, the log."""

    cloud: State
    operations: Operations
    action: Action
    record: Any
    params: Mapping[str, Any]

    def log(self, text: str) -> None:
        """Add a line to the action's log."""
        self.operations.write(self.action, text)

    async def part(self, operation: str, record: Record) -> None:
        """Carry out an operation on a part of the object as an action of its own.

        An action in progress on the part is waited for, unless the part is a job that
        runs. An operation that the state of the part forbids is skipped. An action that
        an interrupted run of this job has started is not started again.

        Raises:
            OperationFailed: The action failed or was canceled.
        """
        operations, own = self.operations, self.action
        name = getattr(record, "name", record.uuid)
        action = self.cloud.actions.get(own.parts.get(record.uuid, ""))
        if action is None:
            # A call that waited for the action may follow at once.
            while (
                record.state != states.RUNNING
                and (running := self.cloud.active(record)) is not None
            ):
                await operations.wait(running)
            if record.state not in lifecycle.OPERATIONS[record.kind][operation].allowed:
                return
            action = self._start_part(operation, record)
            self.log(f"{operation} {name}")  # stores the part, too
        try:
            await operations.wait(action)
        except asyncio.CancelledError:
            # The cancellation of an action cancels the actions on the parts.
            if not self.cloud.closing and action.state not in states.ENDED:
                operations.cancel(action)
            raise
        if action.state != states.SUCCESS:
            why = action.log[-1][1] if action.log else action.state
            raise OperationFailed(f"{name}: {why}")

    def _start_part(self, operation: str, record: Record) -> Action:
        """Start the action of a part; the caller stores the own action."""
        own = self.action
        origin = Origin(
            user=own.user,
            method=own.method,
            path=own.path,
            ip=own.ip,
            user_agent=own.user_agent,
            request_id=own.request_id,
        )
        action = self.operations.submit(operation, record, origin, **self.params)
        own.parts[record.uuid] = action.uuid
        return action


JobFunction = Callable[[Job], Awaitable[None]]


class Request(Protocol):
    """Starts an operation without a user's request, if the state allows the operation.

    The return value is the action, or ``None``.
    """

    def __call__(
        self, operation: str, record: Record, *, reason: str
    ) -> Action | None: ...


class Operations:
    """The operations of a server: their checks, their actions and their tasks.

    Args:
        cloud: The state of the control plane.
        jobs: (kind, operation) → the job of the operation.
    """

    def __init__(
        self, cloud: State, jobs: Mapping[tuple[str, str], JobFunction]
    ) -> None:
        self._cloud = cloud
        self._jobs = jobs
        self._log_lines = cloud.settings.limits.action_log_lines
        self._locks: dict[str, asyncio.Lock] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        #: Service uuid → the number of actions on the service and its containers that
        #: have begun and not ended; the same for other objects.
        self._begun: Counter[str] = Counter()
        #: Called with each service whose last action, and that of its containers, has
        #: ended.
        self.on_idle: Callable[[Service], None] = lambda _: None
        self._logs: dict[str, Journal[list[Any]]] = {}
        #: Interrupted actions of the last run of the server, until ``resume``.
        self._unfinished: list[Action] = []

    # --- submission -----------------------------------------------------------------

    def submit(
        self, operation: str, record: Record, origin: Origin, **params: Any
    ) -> Action:
        """Start an operation; on return, the object has its transitional state.

        Raises:
            NotAllowedNow: The state forbids the operation; a Failed action records the
                attempt.
        """
        self.check(operation, record, origin)
        scaling.check(record, params)
        action = self._new_action(operation, record, origin, params)
        self.begin(action, record)
        return action

    def begin(self, action: Action, record: Record) -> None:
        """Start the job of a recorded action; the object has its transitional state.

        Raises:
            NotAllowedNow: The state forbids the operation.
            InvalidField: The action adds more containers than a service may have.
        """
        rule = self._allowed(action.operation, record)
        scaling.check(record, action.params)
        scaling.apply(record, action)
        action.queued = False
        self._cloud.save(action)
        if rule.during:
            self._cloud.under_way[record.uuid] = action
            if rule.during == states.TERMINATING and isinstance(record, Service):
                record.definition = {**record.definition, "target_num_containers": 0}
            state = self._during(record, action.operation, rule.during)
            self._cloud.set_state(record, state)
        self._spawn(action, record)

    def is_idle(self, service: Service) -> bool:
        """Return whether no action on the service or on its containers has begun."""
        return not self._begun[service.uuid]

    def record_waiting(
        self, operation: str, service: Service, origin: Origin, **params: Any
    ) -> Action:
        """Record an action that ``begin`` starts later; the service is unchanged."""
        action = action_of(operation, service, origin, params)
        action.state, action.queued = states.PENDING, True
        self._cloud.add(action)
        return action

    def check(self, operation: str, record: Record, origin: Origin) -> None:
        """Check that the state allows an operation.

        Raises:
            NotAllowedNow: The state forbids the operation; a Failed action records the
                attempt.
        """
        with self.recorded(operation, record, origin):
            self._allowed(operation, record)

    @contextmanager
    def recorded(
        self, operation: str, record: Record, origin: Origin
    ) -> Iterator[None]:
        """Record an attempt that the block refuses, as a Failed action."""
        try:
            yield
        except (NotAllowedNow, InvalidField) as error:
            action = self.record(operation, record, origin, state=states.FAILED)
            self.write(action, str(error))
            if isinstance(error, NotAllowedNow):
                error.action = action
            raise

    @staticmethod
    def _allowed(operation: str, record: Record) -> lifecycle.Rule:
        name = getattr(record, "name", record.uuid)
        return lifecycle.check(record.kind, name, record.state, operation)

    def submit_internal(
        self, operation: str, record: Record, *, reason: str
    ) -> Action | None:
        """Start an operation without a user's request.

        Returns:
            The action; ``None`` if the state forbids the operation.
        """
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
        """Record an operation that was completed, or refused, immediately."""
        action = action_of(operation, record, origin, {})
        action.state, action.ended = state, action.created
        self._cloud.add(action)
        return action

    def _new_action(
        self, operation: str, record: Record, origin: Origin, params: Mapping[str, Any]
    ) -> Action:
        action = action_of(operation, record, origin, params)
        if self._lock(record).locked():
            action.state = states.PENDING
        self._cloud.add(action)
        return action

    @staticmethod
    def _during(record: Record, operation: str, state: str) -> str:
        # The first redeploy is a start: clients poll while the state is Starting.
        first = operation == "redeploy" and record.state == states.NOT_RUNNING
        return states.STARTING if first else state

    # --- running --------------------------------------------------------------------

    def _lock(self, record: Record) -> asyncio.Lock:
        """Return the lock that a service and its containers share.

        Operations on a service and on its containers run one after another.
        """
        return self._locks.setdefault(self._key(record), asyncio.Lock())

    @staticmethod
    def _key(record: Record) -> str:
        return record.service if isinstance(record, Container) else record.uuid

    def _spawn(self, action: Action, record: Record) -> None:
        self._begun[self._key(record)] += 1
        self._tasks[action.uuid] = asyncio.create_task(
            self._run(action, record), name=f"{action.action} {record.uuid}"
        )

    async def _run(self, action: Action, record: Record) -> None:
        cloud = self._cloud
        # Another action may have started this task.
        REQUEST_ID.set(action.request_id)
        outcome, problem, started = states.SUCCESS, "", False
        job = self._jobs[record.kind, action.operation]
        try:
            async with self._lock(record):
                # The engine changes nothing before the order is durable.
                await cloud.store.flush()
                started = True
                if action.state == states.PENDING:
                    cloud.set_state(action, states.IN_PROGRESS)
                await job(Job(cloud, self, action, record, action.params))
        except asyncio.CancelledError:
            if self._cloud.closing:
                # The next start of the server continues the unchanged action.
                raise
            outcome, problem = states.CANCELED, "canceled"
        except OperationFailed as error:
            outcome, problem = states.FAILED, str(error)
        except TimeoutError:
            outcome, problem = states.FAILED, "gave up waiting for the engine"
        except OSError as error:
            # The database cannot be written.
            outcome, problem = states.FAILED, str(error)
        except Exception:
            log.exception("%s of %s failed", action.action, record.uri)
            outcome = states.FAILED
            problem = "internal error; the server's log has it"
        finally:
            self._tasks.pop(action.uuid, None)
        if self._cloud.under_way.get(record.uuid) is action:
            del self._cloud.under_way[record.uuid]
        if action.uuid not in cloud.actions:
            # The request was refused, because its changes could not be written.
            self._end_begun(record)
            return
        if problem:
            self.write(action, problem)
        # Before the job has started, another action determines the containers' states.
        if problem and (started or isinstance(record, Container)):
            self._recover(record)
        self._cloud.settle_record(record)
        if record.state == states.TERMINATED:
            self._locks.pop(record.uuid, None)
        self.end(action, outcome)
        self._end_begun(record)

    def _end_begun(self, record: Record) -> None:
        key = self._key(record)
        self._begun[key] -= 1
        if not self._begun[key]:
            del self._begun[key]
            if (service := self._cloud.services.get(key)) is not None:
                self.on_idle(service)

    def _recover(self, record: Record) -> None:
        if isinstance(record, Container):
            self._cloud.recover([record])
        elif isinstance(record, Service):
            self._cloud.recover(self._cloud.containers_of(record))

    def end(self, action: Action, state: str) -> None:
        """End an action in a state, and with the action its log."""
        action.ended = time.time()
        self._cloud.set_state(action, state)
        if (journal := self._logs.pop(action.uuid, None)) is not None:
            journal.close()

    async def wait(self, action: Action) -> None:
        """Return when the action has ended, in any state."""
        await self._cloud.until(action, lambda: action.state in states.ENDED)

    # --- logs -----------------------------------------------------------------------

    def write(self, action: Action, text: str) -> None:
        """Add a line to an action's log."""
        line = [time.time(), wire.valid_text(text)]
        action.log = [*action.log, line][-self._log_lines :]
        self._cloud.save(action)
        if (journal := self._logs.get(action.uuid)) is not None:
            journal.append(line)

    def journal(self, action: Action) -> Journal[list[Any]]:
        """Return the action's log for readers; closed when the action has ended."""
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
        """Cancel the job of an action; its completed steps remain.

        Raises:
            NotAllowedNow: The action has ended.
        """
        lifecycle.check("action", action.action, action.state, "cancel")
        self._cloud.set_state(action, states.CANCELING)
        if (task := self._tasks.get(action.uuid)) is not None:
            # Deferred: a task that is cancelled before its first step never runs.
            asyncio.get_running_loop().call_soon(task.cancel)
        elif action.queued:
            self.write(action, "canceled")
            self.end(action, states.CANCELED)

    def repeatable(self, action: Action) -> bool:
        """Return whether the action has a job, instead of an immediate result."""
        target = wire.split_path(action.object)
        return target is not None and (target.kind, action.operation) in self._jobs

    def retry(self, action: Action, record: Record, origin: Origin) -> Action:
        """Start the operation of an ended action again, as a new action.

        Raises:
            NotAllowedNow: The action has not ended, or has no job.
        """
        lifecycle.check("action", action.action, action.state, "retry")
        if not self.repeatable(action):
            raise NotAllowedNow(f"retry: {action.action} cannot be repeated")
        return self.submit(action.operation, record, origin, **action.params)

    def loaded(self) -> None:
        """Find the interrupted actions of the last run of the server.

        Until ``resume``, observations leave the transitional states of their objects
        unchanged.
        """
        for action in self._cloud.actions.values():
            if action.state in states.ENDED or action.queued:
                continue
            self._unfinished.append(action)
            record = self._cloud.by_uri(action.object)
            if record is None or action.state == states.CANCELING:
                continue
            rule = lifecycle.OPERATIONS[record.kind][action.operation]
            if rule.during and record.state in states.TRANSITIONAL_STATES:
                self._cloud.under_way[record.uuid] = action

    def resume(self) -> None:
        """Continue the interrupted actions of the last run of the server."""
        unfinished, self._unfinished = self._unfinished, []
        for action in unfinished:
            record = self._cloud.by_uri(action.object)
            if record is not None and action.state != states.CANCELING:
                self._spawn(action, record)
                continue
            if record is not None:
                self._recover(record)
                self._cloud.settle_record(record)
            self.end(action, states.CANCELED)

    async def close(self) -> None:
        """Interrupt all jobs; the next start of the server continues them."""
        self._cloud.closing = True
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for journal in self._logs.values():
            journal.close()
