"""What a removed container leaves behind: its volumes, networks without others on them.

Swarm lets go of both a moment later only, so they are removed in the background.

Source: Docker Engine API, "VolumeDelete" and "NetworkDelete".
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from typing import Any

from .. import EngineError
from . import service_specs
from .docker_api import Api, DockerProblem
from .networks import Networks
from .nodes import Machines
from .watch import OURS

log = logging.getLogger(__name__)

_NOT_FOUND, _CONFLICT = 404, 409
#: Tries to remove something that is still held, and the pause before each, in seconds;
#: how long that may hold up the end of the server.
_TRIES, _PAUSE, _PARTING = 20, 0.3, 2.0


class Cleanup:
    """Removes them."""

    def __init__(self, api: Api, networks: Networks, machines: Machines) -> None:
        self._api = api
        self._networks = networks
        self._machines = machines
        #: Networks that somebody looks at after a pause.
        self._waiting: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Give what is under way a moment to end."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_PARTING)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def networks_of(self, service: Mapping[str, Any]) -> None:
        """Remove the networks that it was the last on. One that stays all the same
        does no harm and is used again."""
        self._begin(self._tidy(service_specs.networks_of(service)))

    def volumes(self, nodes: Iterable[str], names: Sequence[str]) -> None:
        """Remove volumes from the nodes where a container has had them."""
        self._begin(self._remove(nodes, names))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tidy(self, names: set[str]) -> None:
        try:
            for _ in range(_TRIES):
                # Who is looking just now may have seen what is gone by now.
                names -= self._waiting
                if not names:
                    return
                self._waiting |= names
                await asyncio.sleep(_PAUSE)
                self._waiting -= names
                for other in await self._api.call("GET", "services", params=OURS):
                    names -= service_specs.networks_of(other)
                names = await self._networks.remove(names)
        except EngineError as error:
            log.warning("networks %s stay: %s", ", ".join(sorted(names)), error)

    async def _remove(self, nodes: Iterable[str], names: Sequence[str]) -> None:
        for node in nodes:
            try:
                api = await self._machines.engine(node)
                for name in names:
                    await _remove_volume(api, name)
            except EngineError as error:
                log.warning("volumes %s stay on a node: %s", ", ".join(names), error)


async def _remove_volume(api: Api, name: str) -> None:
    for _ in range(_TRIES):
        try:
            await api.call("DELETE", f"volumes/{name}")
            return
        except DockerProblem as problem:
            if problem.status == _NOT_FOUND:
                return
            if problem.status != _CONFLICT:
                raise
        await asyncio.sleep(_PAUSE)
    raise EngineError(f"volume {name} is in use")
