"""Calls of triggers, and pushes, that wait for the actions on their service.

The caller of a trigger does not repeat the call: Docker Hub sends a webhook once. A
call during an action on the service or on its containers is recorded as a Pending
action, which begins when the other actions have ended. The records are durable, so a
restart of the server loses no call.

Source: changelog of Tutum 0.14.0: redeploy triggers are queued during an action.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from ...wire import states
from ..state.errors import OperationFailed
from ..state.records import Action, Record, Service
from ..state.state import State
from .operations import Operations
from .origin import Origin
from .scaling import ADDED


class CallQueue:
    """The waiting calls of all services.

    Args:
        cloud: The state of the control plane.
        operations: The operations, which report each service without an action.
    """

    def __init__(self, cloud: State, operations: Operations) -> None:
        self._cloud = cloud
        self._operations = operations
        #: Service uuid → the waiting actions, in the order of the calls.
        self._queues: defaultdict[str, list[Action]] = defaultdict(list)
        operations.on_idle = self._begin_next

    # --- start ----------------------------------------------------------------------

    def loaded(self) -> None:
        """Find the calls that wait since the last run of the server."""
        for action in self._cloud.actions.values():
            if action.queued and action.state not in states.ENDED:
                service = self._cloud.by_uri(action.object)
                if service is None:
                    self._operations.end(action, states.CANCELED)
                else:
                    self._queues[service.uuid].append(action)

    def resume(self) -> None:
        """Begin the waiting calls of all services without an action."""
        for uuid in list(self._queues):
            self._begin_next(self._cloud.services[uuid])

    # --- calls ----------------------------------------------------------------------

    def submit(
        self, operation: str, service: Service, origin: Origin, **params: Any
    ) -> Action:
        """Start an operation, now or after the actions in progress.

        Of several waiting redeploys only the last one remains, with its parameters; the
        others end as Canceled.

        Raises:
            NotAllowedNow: The service is being terminated.
        """
        if not self._must_wait(service):
            return self._operations.submit(operation, service, origin, **params)
        replaced = self._waiting(service, operation) if operation == "redeploy" else []
        action = self._operations.record_waiting(operation, service, origin, **params)
        self._queues[service.uuid].append(action)
        for earlier in replaced:
            text = f"canceled: the later call {action.uri} redeploys the service"
            self._operations.write(earlier, text)
            self._operations.end(earlier, states.CANCELED)
        return action

    def request(self, operation: str, record: Record, *, reason: str) -> Action | None:
        """Start an operation without a user's request, now or later.

        Returns:
            The action; a waiting action for the same operation, if one exists; ``None``
            if the state forbids the operation.
        """
        if not isinstance(record, Service) or not self._must_wait(record):
            return self._operations.submit_internal(operation, record, reason=reason)
        if waiting := self._waiting(record, operation):
            action = waiting[-1]
        else:
            action = self.submit(operation, record, Origin(user=record.namespace))
        self._operations.write(action, f"because of {reason}")
        return action

    def coming_target(self, service: Service) -> int:
        """Return the target of a service after its waiting calls."""
        target: int = service.definition["target_num_containers"]
        for action in self._waiting(service, "scale"):
            target += action.params.get(ADDED, 0)
        return target

    def _must_wait(self, service: Service) -> bool:
        ending = service.state in (states.TERMINATING, states.TERMINATED)
        return not (ending or self._operations.is_idle(service))

    def _waiting(self, service: Service, operation: str) -> list[Action]:
        return [
            action
            for action in self._queues.get(service.uuid, ())
            if action.operation == operation and action.state == states.PENDING
        ]

    # --- turns ----------------------------------------------------------------------

    def _begin_next(self, service: Service) -> None:
        """Begin the first waiting call of a service without an action.

        No await separates the end of an action from the next call: a request cannot
        change the state of the service in between.
        """
        queue, cloud = self._queues.get(service.uuid), self._cloud
        while queue and self._operations.is_idle(service):
            action = queue.pop(0)
            if action.state != states.PENDING or action.uuid not in cloud.actions:
                continue  # canceled, or refused because it could not be written
            try:
                self._operations.begin(action, service)
            except OperationFailed as error:
                self._operations.write(action, str(error))
                self._operations.end(action, states.FAILED)
        if not queue:
            self._queues.pop(service.uuid, None)
