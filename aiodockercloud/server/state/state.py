"""The state of the control plane: records, operations in progress, derived states.

All parts of the control plane use the state; the state starts no operation itself.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from ...wire import states
from ..engines import Engine
from ..settings import Settings
from . import indexes, lifecycle
from .accounts import Accounts
from .records import Action, Container, Node, NodeCluster, Record, Service, Stack
from .store import Store
from .tables import Tables


class State(Tables):
    """The records, the engine they describe, and the engine's last observations.

    Args:
        engine: The engine that runs the containers.
        store: The durable storage of the records.
        domain: The last part of the DNS names of services, containers and nodes.
        settings: Limits, retention and timings.
    """

    def __init__(
        self, engine: Engine, store: Store, *, domain: str, settings: Settings
    ) -> None:
        super().__init__(store, settings)
        self.engine = engine
        self.accounts: Accounts = Accounts(store, settings)
        self.domain = domain
        #: The address at which containers reach the server, once the server listens.
        self.rest_host = ""
        #: The server is closing: the next start continues interrupted actions.
        self.closing = False
        #: Object uuid → the action that put the object into its transitional state.
        self.under_way: dict[str, Action] = {}
        #: Object uuid → the number of blocks that hold the object's state.
        self.held: Counter[str] = Counter()
        #: Container uuid or engine id of a node → the last state that the engine has
        #: reported since the start.
        self.observed: dict[str, str] = {}
        #: Engine id → node.
        self.by_engine_id: dict[str, Node] = {}
        #: Called with each container before the engine creates the container.
        self.on_create: Callable[[Container], None] = lambda _: None
        #: Service uuid → the lock of the resolution of its image.
        self.pinning: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._background: set[asyncio.Task[None]] = set()
        self._locks: dict[str, asyncio.Lock] = {}

    async def end_background(self) -> None:
        """Cancel the tasks in the background, and wait for their end."""
        tasks = list(self._background)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def in_background(self, work: Coroutine[Any, Any, None]) -> None:
        """Run *work* as a task that the end of the server cancels."""
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def register(self, node: Node) -> None:
        """Add a node that the engine knows, or will know, by its ``engine_id``."""
        self.by_engine_id[node.engine_id] = node
        self.add(node)

    def remove(self, record: Record) -> None:
        super().remove(record)
        self._locks.pop(record.uuid, None)
        self.observed.pop(record.uuid, None)
        self.pinning.pop(record.uuid, None)
        if isinstance(record, Node):
            self.observed.pop(record.engine_id, None)
            self.by_engine_id.pop(record.engine_id, None)

    def lock(self, record: Record) -> asyncio.Lock:
        """Return the lock of the requests that change an object in several steps."""
        return self._locks.setdefault(record.uuid, asyncio.Lock())

    # --- operations in progress -----------------------------------------------------

    def busy(self, record: Record) -> bool:
        """Return whether an operation determines the object's state at the moment."""
        return record.uuid in self.under_way or self.held[record.uuid] > 0

    @contextmanager
    def hold(self, record: Record) -> Iterator[None]:
        """Keep the state of an object unchanged while its parts are replaced."""
        self.held[record.uuid] += 1
        try:
            yield
        finally:
            indexes.add(self.held, record.uuid, -1)

    def active(self, record: Record) -> Action | None:
        """Return the action in progress on an object, if its state depends on one."""
        return self.under_way.get(record.uuid)

    # --- states ---------------------------------------------------------------------

    def set_state(self, record: Record, state: str) -> None:
        super().set_state(record, state)
        if state == states.TERMINATED and isinstance(record, Container):
            # Not before: a container that could not be removed still runs and needs its
            # credentials.
            self.accounts.forget_container(record.uuid)
            for trigger in self.triggers_made_by(record):
                self.remove(trigger)

    def settle(self, service: Service) -> None:
        """Derive the states of a service and of its stack from their parts.

        During an operation on the service or the stack, its state stays unchanged; the
        end of the operation derives the state.
        """
        if not self.busy(service):
            found = {state for state, _ in self.states_of_parts(service)}
            if service.state != states.TERMINATED:
                self.set_state(service, lifecycle.service_state(found))
        if (stack := self.stack_of(service)) is not None:
            self.settle_stack(stack)

    def settle_record(self, record: Record) -> None:
        """Derive the state of an object whose operation has ended, and of its owners.

        A container has the state of its observations; its service follows.
        """
        if isinstance(record, Container):
            self.settle(self.services[record.service])
        elif isinstance(record, Service):
            self.settle(record)
        elif isinstance(record, Stack):
            self.settle_stack(record)
        elif isinstance(record, Node):
            self.settle_node(record)
        elif isinstance(record, NodeCluster):
            self.settle_cluster(record)

    def settle_cluster(self, cluster: NodeCluster) -> None:
        """Derive the state of a deployed cluster from its nodes."""
        fixed = (states.INIT, states.TERMINATED)
        if self.busy(cluster) or cluster.state in fixed:
            return
        found = {state for state, _ in self.states_of_parts(cluster)}
        self.set_state(cluster, lifecycle.cluster_state(found))

    def settle_stack(self, stack: Stack) -> None:
        """Derive the state of a stack from its services."""
        if self.busy(stack) or stack.state == states.TERMINATED:
            return
        found = self.states_of_parts(stack)
        # A job that has ended, as it should, does not make the stack "Partly running".
        lasting = {state for state, ended in found if not ended}
        self.set_state(
            stack, lifecycle.stack_state(lasting or {state for state, _ in found})
        )

    def recover(self, containers: Iterable[Container]) -> None:
        """Set the states of containers to the engine's last observations.

        For the containers that a failed or canceled operation left in a transitional
        state.
        """
        for container in containers:
            observed = self.observed.get(container.uuid)
            if observed in (None, "gone") or self.busy(container):
                continue
            if container.state in states.TRANSITIONAL_STATES:
                stopped = observed == "stopped"
                self.set_state(container, states.STOPPED if stopped else states.RUNNING)

    def settle_node(self, node: Node) -> None:
        """Set the state of a node to the engine's last observation.

        For a node that a failed operation left in a transitional state. The state of
        the node's cluster is derived as well.
        """
        if node.state in states.TRANSITIONAL_STATES and not self.busy(node):
            ready = self.observed.get(node.engine_id) == "ready"
            self.set_state(node, states.DEPLOYED if ready else states.UNREACHABLE)
        if (cluster := self.cluster_of(node)) is not None:
            self.settle_cluster(cluster)
