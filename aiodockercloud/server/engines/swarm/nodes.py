"""The nodes of a Swarm: tags, Engines, removal.

Source: Docker Engine API, "NodeUpdate", "NodeDelete", "SwarmLeave" and "SystemInfo".
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from ....wire import redact
from .. import EngineError, EngineUnavailable, NotSupportedByEngine
from . import naming, observations
from .docker_api import Api, DockerProblem
from .watch import Watch

log: logging.Logger = logging.getLogger(__name__)


class SwarmNodes:
    """The nodes of a Swarm.

    Args:
        api: The Engine of a manager.
        watch: The last observations.
        engines: Hostname or id of a node → URL of the node's Engine.
        local: The id of the manager's own node.
    """

    def __init__(
        self, api: Api, watch: Watch, engines: Mapping[str, str], local: str
    ) -> None:
        self._api = api
        self._watch = watch
        self._engines = engines
        self._local = local
        #: Node id → the URL of the node's Engine, and the open client.
        self._opened: dict[str, tuple[str, Api]] = {}
        self._learning: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start asking the Engines of the nodes for their storage drivers."""
        self._learning = asyncio.create_task(self._keep_learning())

    async def close(self) -> None:
        """Stop asking, and close the connections to the nodes' Engines."""
        if self._learning is not None:
            self._learning.cancel()
            await asyncio.gather(self._learning, return_exceptions=True)
        for node in list(self._opened):
            await self._close(node)

    async def _close(self, node: str) -> None:
        if node in self._opened:
            _, api = self._opened.pop(node)
            await api.close()

    def _get(self, node: str) -> Mapping[str, Any]:
        if node not in self._watch.nodes:
            raise EngineError(f"No such node: {node}")
        return self._watch.nodes[node]

    async def have_image(self, name: str) -> bool | None:
        """Return whether a node has an image, None if a node's Engine is unknown."""
        unknown = False
        for node in list(self._watch.nodes):
            try:
                api = await self.engine(node)
                await api.call("GET", f"images/{name}/json")
            except DockerProblem as problem:
                unknown |= not problem.not_found
            except EngineError:
                unknown = True
            else:
                return True
        return None if unknown else False

    async def engine(self, node: str) -> Api:
        """Return the Engine of one node.

        Raises:
            NotSupportedByEngine: No URL of the node's Engine is known.
            EngineError: The URL is invalid, or leads to another node.
            EngineUnavailable: The node's Engine does not respond.
        """
        if node == self._local:
            return self._api
        url, hostname = self._url(node), observations.hostname(self._get(node))
        if not url:
            raise NotSupportedByEngine(
                f"the Docker Engine of node {hostname} is not known: start the server"
                f" with --node-engine {hostname}=URL, or give the node the label"
                f" {naming.ENGINE_LABEL}=URL"
            )
        if node in self._opened:
            known, api = self._opened[node]
            if known == url:
                return api
            await self._close(node)
        api = Api(url, self._api.settings)
        try:
            info = await api.call("GET", "info")
            if info["Swarm"]["NodeID"] != node:
                raise EngineError(
                    f"at {redact(url)} is {info['Name']}, not node {hostname}"
                )
        except EngineUnavailable as error:
            await api.close()
            raise EngineUnavailable(
                f"the Docker Engine of node {hostname} at {redact(url)}: {error}"
            ) from error
        except BaseException:
            await api.close()
            raise
        self._watch.drivers[node] = str(info.get("Driver", ""))
        if node in self._opened:  # by another task meanwhile
            await api.close()
        return self._opened.setdefault(node, (url, api))[1]

    def _url(self, node: str) -> str | None:
        """Return the URL of a node's Engine: as configured, else as in the label."""
        found = self._get(node)
        labels = found["Spec"].get("Labels") or {}
        return (
            self._engines.get(node)
            or self._engines.get(observations.hostname(found))
            or labels.get(naming.ENGINE_LABEL)
        )

    async def _keep_learning(self) -> None:
        while True:
            for node, found in list(self._watch.nodes.items()):
                unknown = node not in self._watch.drivers and node in self._watch.nodes
                if unknown and not observations.is_down(found) and self._url(node):
                    try:
                        await self.engine(node)
                        self._watch.poke()
                    except EngineError as error:
                        log.info("%s: %s", observations.hostname(found), error)
            await asyncio.sleep(self._api.settings.learning)

    async def responds(self, node: str) -> bool:
        """Whether the managers now regard a node as ready; False for no such node."""
        try:
            found = await self._api.call("GET", f"nodes/{node}")
        except DockerProblem as problem:
            if problem.not_found:
                return False
            raise
        return observations.node_observation(found).state == "ready"

    async def tag(self, node: str, tags: Iterable[str]) -> None:
        """Replace the tags of a node."""
        wanted = list(tags)

        def tagged(spec: dict[str, Any]) -> dict[str, Any]:
            labels = spec.get("Labels") or {}
            return spec | {"Labels": naming.with_tags(labels, wanted)}

        self._get(node)
        await self._api.update(f"nodes/{node}", tagged)
        self._watch.poke()

    async def set_availability(self, node: str, availability: str) -> None:
        """Set the availability of a node: ``active``, ``pause`` or ``drain``."""
        await self._api.update(
            f"nodes/{node}", lambda spec: spec | {"Availability": availability}
        )
        self._watch.poke()

    @asynccontextmanager
    async def drained(self, node: str) -> AsyncGenerator[None, None]:
        """Drain a node during the block, then remove the node from the Swarm.

        The removal waits until no container runs on the node. When the block or the
        removal fails, the node becomes active again.

        Raises:
            EngineError: The node does not exist, is a manager, or has containers that
                do not end.
        """
        found = self._get(node)
        where = observations.hostname(found)
        if found["Spec"]["Role"] == "manager":
            raise EngineError(
                f"node {where} is a manager: make it a worker first, with: docker node"
                f" demote {where}"
            )
        self._watch.leaving.add(node)
        try:
            await self.set_availability(node, "drain")
            yield
            try:
                await self._until_empty(node)
            except TimeoutError:
                raise EngineError(f"the containers on {where} do not end") from None
            await self._leave(node)
            # Without force, Swarm keeps a node that responds or did so until now.
            await self._api.call("DELETE", f"nodes/{node}", params={"force": True})
        except BaseException:
            with contextlib.suppress(EngineError):
                await self.set_availability(node, "active")
            raise
        finally:
            self._watch.leaving.discard(node)
            self._watch.poke()
        await self._close(node)

    async def _until_empty(self, node: str) -> None:
        """Return when no task uses anything of a node, or raise ``TimeoutError``."""
        settings, filters = self._api.settings, {"node": [node]}
        async with asyncio.timeout(settings.draining):
            while True:
                tasks = await self._watch.tasks(filters)
                if not any(map(self._watch.is_active, tasks)):
                    return
                await asyncio.sleep(settings.ending_poll)

    async def _leave(self, node: str) -> None:
        """Let a node's Engine leave: otherwise the Engine tries for ever to rejoin."""
        where = observations.hostname(self._get(node))
        try:
            if not observations.is_down(self._get(node)):
                api = await self.engine(node)
                await api.call("POST", "swarm/leave")
        except EngineError as error:
            log.warning(
                "the Engine of node %s has not left the Swarm; run on that node: docker"
                " swarm leave (%s)",
                where,
                error,
            )
