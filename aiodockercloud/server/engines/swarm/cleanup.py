"""Removing what removed containers leave: volumes, networks, secrets and configs.

Swarm releases volumes and networks a moment after the end of the last container: they
are removed in the background.

Source: Docker Engine API, "VolumeDelete" and "NetworkDelete".
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from typing import Any

from .. import EngineError
from . import naming
from .docker_api import Api, DockerProblem
from .nodes import SwarmNodes
from .shared import Shared
from .watch import Watch

log: logging.Logger = logging.getLogger(__name__)


class Cleanup:
    """Background tasks that remove the remains of containers.

    Args:
        api: The Engine of a manager.
        shared: The networks, secrets and configs.
        nodes: The nodes, which have the volumes.
        watch: The last observations.
    """

    def __init__(
        self, api: Api, shared: Shared, nodes: SwarmNodes, watch: Watch
    ) -> None:
        self._api = api
        self._settings = api.settings
        self._shared = shared
        self._nodes = nodes
        self._watch = watch
        #: Networks that a task of this object will remove after a pause.
        self._waiting: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Wait a moment for unfinished tasks, then cancel them."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self._settings.cleanup_timeout)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def remove_shared(self, service: Mapping[str, Any]) -> None:
        """Start removing what a removed service was the last one to use.

        These are networks, secrets and configs. One that cannot be removed does no harm
        and is used again.
        """
        self._start(self._remove_files(service))
        self._start(self._remove_networks(naming.networks_of(service)))

    def remove_volumes(self, nodes: Iterable[str], names: Sequence[str]) -> None:
        """Start removing volumes from the nodes on which a container has run."""
        self._start(self._remove_volumes(nodes, names))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _remove_files(self, service: Mapping[str, Any]) -> None:
        try:
            await self._shared.files.remove(service)
        except EngineError as error:
            log.warning("secrets and configs were not removed: %s", error)

    async def _remove_networks(self, names: set[str]) -> None:
        try:
            for _ in range(self._settings.cleanup_attempts):
                # A task in its pause has yet to list the services, and removes these
                # networks. After its pause its list may be older than this removal.
                names -= self._waiting
                if not names:
                    return
                self._waiting |= names
                await asyncio.sleep(self._settings.cleanup_pause)
                self._waiting -= names
                names -= (
                    self._watch.used_networks()
                )  # spares most lists of all services
                if not names:
                    return
                services = await self._api.call("GET", "services", params=naming.OURS)
                for service in services:
                    names -= naming.networks_of(service)
                names = await self._shared.networks.remove(names)
        except EngineError as error:
            log.warning(
                "networks %s were not removed: %s", ", ".join(sorted(names)), error
            )

    async def _remove_volumes(self, nodes: Iterable[str], names: Sequence[str]) -> None:
        for node in nodes:
            try:
                api = await self._nodes.engine(node)
                for name in names:
                    await self._remove_volume(api, name)
            except EngineError as error:
                log.warning(
                    "volumes %s were not removed from a node: %s",
                    ", ".join(names),
                    error,
                )

    async def _remove_volume(self, api: Api, name: str) -> None:
        for _ in range(self._settings.cleanup_attempts):
            try:
                await api.call("DELETE", f"volumes/{name}")
                return
            except DockerProblem as problem:
                if problem.not_found:
                    return
                if not problem.conflict:
                    raise
            await asyncio.sleep(self._settings.cleanup_pause)
        raise EngineError(f"volume {name} is in use")
