"""The control plane: its parts, its beginning and end, states that derive from others.

Requests change definitions and submit operations (``operations.py``); jobs drive the
engine (``jobs.py``); what the engine then observes becomes states, rows in the store
and events (``observer.py``). All of it runs in one event loop, and between two awaits
nothing else moves.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

from . import lifecycle, pushes
from .accounts import ACCOUNT, Accounts
from .engines import Engine, Observation
from .idempotency import ANSWER, Answers
from .jobs import JOBS
from .models import Container, NodeCluster, Record, Service, Stack
from .observer import Observer
from .operations import Operations
from .records import Records
from .store import Store

#: Seconds for which terminated objects and ended actions stay readable.
KEEP = 3600.0
#: How many ended actions are kept at the most.
KEEP_ACTIONS = 10_000
#: Seconds between two looks for what is older than that.
SWEEP = 60.0


class Cloud(Records):
    """The records, the engine they describe, and the operations between them."""

    def __init__(
        self,
        engine: Engine,
        store: Store | None = None,
        *,
        domain: str = "dockerapp.io",
        image_poll: float = pushes.INTERVAL,
    ) -> None:
        super().__init__(store or Store())
        self.engine = engine
        self.accounts = Accounts(self.store)
        self.answers = Answers(self.store)
        self.operations = Operations(self, JOBS)
        self.observer = Observer(self)
        self.pushes = pushes.Pushes(self, image_poll)
        self.domain = domain
        #: Where containers reach this server; set when it listens.
        self.rest_host = ""
        self._chores: set[asyncio.Task[None]] = set()

    # --- beginning and end ----------------------------------------------------------

    async def start(self) -> None:
        """Read the store, look at what the engine has, go on where it was left."""
        await self.store.open()
        async for kind, key, body in self.store.load():
            if kind == ACCOUNT:
                self.accounts.load(body)
            elif kind == ANSWER:
                self.answers.load(key, body)
            else:
                self.load(kind, body)
        self.loaded()
        self.answers.loaded()
        self.operations.loaded()
        self.observer.loaded()
        await self.engine.start(self.observe)
        await self.observer.reconcile()
        self.operations.resume()
        self.pushes.start()
        self.in_background(self._sweep())

    async def close(self) -> None:
        """Stop working, keep everything; safe to repeat."""
        # Jobs first: they begin what the others do.
        await self.operations.close()
        await self.pushes.close()
        chores = list(self._chores)
        for chore in chores:
            chore.cancel()
        await asyncio.gather(*chores, return_exceptions=True)
        await self.engine.close()
        self.hub.journal.close()
        await self.store.close()

    def in_background(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something that nobody waits for, until the end of the server."""
        chore = asyncio.create_task(work)
        self._chores.add(chore)
        chore.add_done_callback(self._chores.discard)

    def observe(self, seen: Observation) -> None:
        """Take in what the engine sees."""
        self.observer.observe(seen)

    # --- the sweep ------------------------------------------------------------------

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP)
            self.sweep(time.time() - KEEP)
            self.answers.sweep()

    def sweep(self, before: float) -> None:
        """Forget what was terminated, and actions that ended, before that moment."""
        for table in self._tables.values():
            for record in list(table.values()):
                end = getattr(record, "destroyed", None) or getattr(
                    record, "ended", None
                )
                if end is not None and end < before:
                    self.remove(record)
        ended = [a for a in self.actions.values() if a.ended is not None]
        for action in ended[: max(0, len(ended) - KEEP_ACTIONS)]:
            self.remove(action)

    def remove(self, record: Record) -> None:
        super().remove(record)
        self.observer.forget(record)

    # --- states ---------------------------------------------------------------------

    def set_state(self, record: Record, state: str) -> None:
        super().set_state(record, state)
        if state == lifecycle.TERMINATED and isinstance(record, Container):
            # Not before: one that could not be removed goes on and needs them.
            self.accounts.forget_container(record.uuid)

    def settle(self, service: Service) -> None:
        """Derive the states of a service and its stack, unless an operation on them
        is under way: then its end does."""
        if not self.operations.busy(service):
            states = [c.state for c in self.containers_of(service)]
            if service.state != lifecycle.TERMINATED:
                self.set_state(service, lifecycle.service_state(states))
        if (stack := self.stack_of(service)) is not None:
            self.settle_stack(stack)

    def settle_cluster(self, cluster: NodeCluster) -> None:
        fixed = (lifecycle.INIT, lifecycle.TERMINATED)
        if self.operations.busy(cluster) or cluster.state in fixed:
            return
        states = [node.state for node in self.nodes_of(cluster)]
        self.set_state(cluster, lifecycle.cluster_state(states))

    def settle_stack(self, stack: Stack) -> None:
        if self.operations.busy(stack) or stack.state == lifecycle.TERMINATED:
            return
        states = [service.state for service in self.services_of(stack)]
        self.set_state(stack, lifecycle.stack_state(states))
