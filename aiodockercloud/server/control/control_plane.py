"""The control plane: its parts, its beginning and end, states that derive from others.

Requests change definitions and submit operations (``operations.py``); jobs drive the
engine (``jobs.py``); what the engine then observes becomes states, rows in the store
and events (``observer.py``). All of it runs in one event loop, and between two awaits
nothing else moves.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any, Protocol

from ..engines import Engine, Observation
from ..settings import Settings
from ..state.accounts import ACCOUNT
from ..state.state import State
from ..state.store import Store
from . import autoredeploy
from .jobs import JOBS
from .observer import Observer
from .operations import Operations


class StoredRows(Protocol):
    """Rows of the store that are not records: read at the start, swept now and then."""

    def load(self, key: str, body: dict[str, Any]) -> None: ...
    def loaded(self) -> None: ...
    def sweep(self) -> None: ...


class ControlPlane(State):
    """The state, and the parts that change it."""

    def __init__(
        self,
        engine: Engine,
        store: Store | None = None,
        *,
        domain: str = "dockerapp.io",
        settings: Settings | None = None,
    ) -> None:
        settings = settings or Settings()
        super().__init__(engine, store or Store(), domain=domain, settings=settings)
        #: Rows of the store that are not records, by their kind.
        self.stored: dict[str, StoredRows] = {}
        self.operations = Operations(self, JOBS)
        request = self.operations.submit_internal
        self.autoredeploy = autoredeploy.AutoRedeploy(self, request)
        self.observer = Observer(self, request, self.autoredeploy.pushed)
        self.on_create = self.autoredeploy.deploying

    # --- beginning and end ----------------------------------------------------------

    async def start(self) -> None:
        """Read the store, look at what the engine has, go on where it was left."""
        await self.store.open()
        async for kind, key, body in self.store.load():
            if kind == ACCOUNT:
                self.accounts.load(body)
            elif kind in self.stored:
                self.stored[kind].load(key, body)
            else:
                self.load(kind, body)
        self.loaded()
        for rows in self.stored.values():
            rows.loaded()
        self.operations.loaded()
        self.observer.loaded()
        await self.engine.start(self.observe)
        await self.observer.reconcile()
        self.operations.resume()
        self.autoredeploy.start()
        self.in_background(self._sweep())

    async def close(self) -> None:
        """Stop working, keep everything; safe to repeat."""
        # Jobs first: they begin what the others do.
        await self.operations.close()
        await self.autoredeploy.close()
        await self.end_background()
        await self.engine.close()
        self.hub.journal.close()
        await self.store.close()

    def observe(self, seen: Observation) -> None:
        """Take in what the engine sees."""
        self.observer.observe(seen)

    # --- the sweep ------------------------------------------------------------------

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(self.settings.timings.sweep)
            self.sweep(time.time() - self.settings.retention.ended)
            for rows in self.stored.values():
                rows.sweep()

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
        surplus = len(ended) - self.settings.retention.ended_actions
        for action in ended[: max(0, surplus)]:
            self.remove(action)
