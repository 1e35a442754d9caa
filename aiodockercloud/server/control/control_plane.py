"""The control plane: its parts, its start and end, and the removal of old records.

Requests change definitions and submit operations (``operations.py``). Jobs call the
engine (``jobs.py``). The engine's observations become states, rows in the store and
events (``observer.py``). All parts run in one event loop: between two awaits, no other
coroutine changes the state.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Protocol

from ..engines import Engine, Observation
from ..settings import Settings
from ..state.accounts import ACCOUNT, KEY
from ..state.records import Container
from ..state.state import State
from ..state.store import Store
from . import stored_files
from .autoredeploy import AutoRedeploy
from .call_queue import CallQueue
from .jobs import JOBS
from .observer import Observer
from .operations import Operations


class StoredRows(Protocol):
    """Rows of the store that are not records."""

    def load(self, key: str, body: dict[str, Any]) -> None:
        """Load a row at the start."""

    def revert(self, key: str, before: dict[str, Any] | None) -> None:
        """Take a change of a refused request back; None for a new row."""

    def loaded(self) -> None:
        """Prepare the loaded rows; called after the last one."""

    def sweep(self) -> None:
        """Remove the rows whose retention has ended."""


class ControlPlane(State):
    """The state, and the parts that change the state.

    Args:
        engine: The engine that runs the containers.
        store: The durable storage; by default, all state is in memory.
        domain: The last part of the DNS names of services, containers and nodes.
        settings: Limits, retention and timings.
    """

    def __init__(
        self,
        engine: Engine,
        store: Store | None = None,
        *,
        domain: str = "",
        settings: Settings | None = None,
    ) -> None:
        settings = settings or Settings()
        super().__init__(engine, store or Store(), domain=domain, settings=settings)
        #: Rows of the store that are not records, by kind.
        self.stored: dict[str, StoredRows] = {}
        self.operations: Operations = Operations(self, JOBS)
        self.calls: CallQueue = CallQueue(self, self.operations)
        request = self.operations.submit_internal
        self.autoredeploy: AutoRedeploy = AutoRedeploy(
            self, request, self.calls.request
        )
        self.observer: Observer = Observer(
            self, request, self.autoredeploy.image_pushed
        )
        self.on_create: Callable[[Container], None] = (
            self.autoredeploy.container_created
        )
        self.store.revert = self._revert

    # --- start and end --------------------------------------------------------------

    async def start(self) -> None:
        """Load the store, observe the engine, and continue interrupted actions."""
        await self.store.open()
        async for kind, key, body in self.store.load():
            try:
                self._load(kind, key, body)
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                raise OSError(
                    f"cannot load a row of the kind {kind}, whose fields are not those"
                    f" of this version ({error}): restore a backup"
                ) from error
        self.loaded()
        for rows in self.stored.values():
            rows.loaded()
        self.operations.loaded()
        self.calls.loaded()
        self.observer.loaded()
        await self.engine.start(self.observe)
        await self.observer.reconcile()
        self.operations.resume()
        self.calls.resume()
        self.autoredeploy.start()
        self.in_background(self._sweep())

    def _load(self, kind: str, key: str, body: dict[str, Any]) -> None:
        if kind in (ACCOUNT, KEY):
            self.accounts.load(kind, body)
        elif kind in self.stored:
            self.stored[kind].load(key, body)
        else:
            self.load(kind, body)

    def _revert(
        self,
        kind: str,
        key: str,
        before: dict[str, Any] | None,
        after: dict[str, Any] | None,
    ) -> None:
        """Take a change of a request back that could not be written."""
        if kind in (ACCOUNT, KEY):
            self.accounts.revert(kind, key, before)
        elif kind in self.stored:
            self.stored[kind].revert(key, before)
        else:
            self.revert(kind, key, before, after)

    async def close(self) -> None:
        """Stop all parts and close the store. Safe to repeat."""
        # Jobs first, because jobs start the work of the other parts.
        await self.operations.close()
        await self.autoredeploy.close()
        await self.end_background()
        await self.engine.close()
        self.hub.journal.close()
        await self.store.close()

    def observe(self, observation: Observation) -> None:
        """Derive states from an observation of the engine."""
        self.observer.observe(observation)

    # --- the sweep ------------------------------------------------------------------

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(self.settings.timings.sweep)
            self.sweep(time.time() - self.settings.retention.ended)
            for rows in self.stored.values():
                rows.sweep()

    def sweep(self, before: float) -> None:
        """Remove terminated objects and ended actions.

        Args:
            before: Remove those that ended before this time. Of the others, the number
                of ended actions is limited by the settings.
        """
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
        stored_files.sweep(self)
