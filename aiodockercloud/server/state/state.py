"""The state of the control plane: its records, what is under way on them, and the
states that derive from others.

Everything of the control plane is built on this; it drives nothing itself.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from ...wire import states
from ..engines import Engine
from ..settings import Settings
from . import lifecycle
from .accounts import Accounts
from .records import Action, Container, Node, NodeCluster, Record, Service, Stack
from .store import Store
from .tables import Tables


class State(Tables):
    """The records, the engine they describe, and what was last seen of it."""

    def __init__(
        self, engine: Engine, store: Store, *, domain: str, settings: Settings
    ) -> None:
        super().__init__(store, settings)
        self.engine = engine
        self.accounts = Accounts(store)
        self.domain = domain
        #: Where containers reach this server; set when it listens.
        self.rest_host = ""
        #: The server ends: what is interrupted now is continued at the next start.
        self.closing = False
        #: Object uuid → the action that put it into its intermediate state.
        self.under_way: dict[str, Action] = {}
        self.held: Counter[str] = Counter()
        #: What the engine has told of since the start, with the state it last had.
        self.seen: dict[str, str] = {}
        self.by_engine_id: dict[str, Node] = {}
        #: Called with each container that is about to be created.
        self.on_create: Callable[[Container], None] = lambda _: None
        self._chores: set[asyncio.Task[None]] = set()

    async def end_chores(self) -> None:
        """Cancel what runs in the background."""
        chores = list(self._chores)
        for chore in chores:
            chore.cancel()
        await asyncio.gather(*chores, return_exceptions=True)

    def in_background(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something that nobody waits for, until the end of the server."""
        chore = asyncio.create_task(work)
        self._chores.add(chore)
        chore.add_done_callback(self._chores.discard)

    def register(self, node: Node) -> None:
        """Add a node that the engine will know by its ``engine_id``."""
        self.by_engine_id[node.engine_id] = node
        self.add(node)

    def remove(self, record: Record) -> None:
        super().remove(record)
        self.seen.pop(record.uuid, None)
        if isinstance(record, Node):
            self.seen.pop(record.engine_id, None)
            self.by_engine_id.pop(record.engine_id, None)

    # --- what is under way ----------------------------------------------------------

    def busy(self, record: Record) -> bool:
        """Whether the object's state is not to be derived just now."""
        return record.uuid in self.under_way or self.held[record.uuid] > 0

    @contextmanager
    def hold(self, record: Record) -> Iterator[None]:
        """Keep an object's state as it is while its parts are exchanged."""
        self.held[record.uuid] += 1
        try:
            yield
        finally:
            self.held[record.uuid] -= 1
            self.held += Counter()  # forgets what nothing holds

    def active(self, record: Record) -> Action | None:
        return self.under_way.get(record.uuid)

    # --- states ---------------------------------------------------------------------

    def set_state(self, record: Record, state: str) -> None:
        super().set_state(record, state)
        if state == states.TERMINATED and isinstance(record, Container):
            # Not before: one that could not be removed goes on and needs them.
            self.accounts.forget_container(record.uuid)

    def settle(self, service: Service) -> None:
        """Derive the states of a service and its stack, unless an operation on them
        is under way: then its end does."""
        if not self.busy(service):
            found = [c.state for c in self.containers_of(service)]
            if service.state != states.TERMINATED:
                self.set_state(service, lifecycle.service_state(found))
        if (stack := self.stack_of(service)) is not None:
            self.settle_stack(stack)

    def settle_cluster(self, cluster: NodeCluster) -> None:
        fixed = (states.INIT, states.TERMINATED)
        if self.busy(cluster) or cluster.state in fixed:
            return
        found = [node.state for node in self.nodes_of(cluster)]
        self.set_state(cluster, lifecycle.cluster_state(found))

    def settle_stack(self, stack: Stack) -> None:
        if self.busy(stack) or stack.state == states.TERMINATED:
            return
        found = [service.state for service in self.services_of(stack)]
        self.set_state(stack, lifecycle.stack_state(found))

    def recover(self, containers: Iterable[Container]) -> None:
        """Containers that an operation left on their way, because it failed or was
        canceled, are again what the engine last saw of them."""
        for container in containers:
            seen = self.seen.get(container.uuid)
            moving = container.state in states.TRANSITIONAL_STATES
            if seen not in (None, "gone") and moving and not self.busy(container):
                down = seen == "stopped"
                self.set_state(container, states.STOPPED if down else states.RUNNING)

    def settle_node(self, node: Node) -> None:
        """A node that no operation keeps on its way any more is again what the engine
        last saw of it; its cluster follows."""
        if node.state in states.TRANSITIONAL_STATES and not self.busy(node):
            ready = self.seen.get(node.engine_id) == "ready"
            self.set_state(node, states.DEPLOYED if ready else states.UNREACHABLE)
        if (cluster := self.cluster_of(node)) is not None:
            self.settle_cluster(cluster)
