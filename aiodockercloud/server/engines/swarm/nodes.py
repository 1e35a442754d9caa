"""The machines of a Swarm: their tags, their Engines, taking one out.

Source: Docker Engine API, "Node", "SwarmLeave" and "SystemInfo".
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
from . import observations, service_specs
from .docker_api import Api, DockerProblem
from .watch import Watch

log = logging.getLogger(__name__)

#: Seconds for all containers of a node to go elsewhere.
_DRAINING = 300.0
#: Seconds between two tries to ask the Engines of nodes what only they know.
_LEARNING = 30.0


class Machines:
    """The nodes of a Swarm.

    Args:
        engines: Hostname or id of a node → URL of its Engine.
        local: The node whose Engine *api* is.
    """

    def __init__(
        self, api: Api, watch: Watch, engines: Mapping[str, str], local: str
    ) -> None:
        self._api = api
        self._watch = watch
        self._engines = engines
        self._local = local
        #: Node → the URL of its Engine, and that.
        self._opened: dict[str, tuple[str, Api]] = {}
        self._learning: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Go on asking what only the nodes' own Engines know."""
        self._learning = asyncio.create_task(self._keep_learning())

    async def close(self) -> None:
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

    async def engine(self, node: str) -> Api:
        """The Engine of one node.

        Raises:
            NotSupportedByEngine: Its address is not known.
            EngineError: At its address is another node, or the address is no good.
            EngineUnavailable: It does not answer.
        """
        if node == self._local:
            return self._api
        url, hostname = self._url(node), observations.hostname(self._get(node))
        if not url:
            raise NotSupportedByEngine(
                f"the Docker Engine of node {hostname} is not known: start the server"
                f" with --node-engine {hostname}=URL, or give the node the label"
                f" {service_specs.ENGINE_LABEL}=URL"
            )
        if node in self._opened:
            known, api = self._opened[node]
            if known == url:
                return api
            await self._close(node)
        api = Api(url)
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
        if node in self._opened:  # somebody else was faster
            await api.close()
        return self._opened.setdefault(node, (url, api))[1]

    def _url(self, node: str) -> str | None:
        """Where the Engine of a node is: by configuration, else by its label."""
        found = self._get(node)
        labels = found["Spec"].get("Labels") or {}
        return (
            self._engines.get(node)
            or self._engines.get(observations.hostname(found))
            or labels.get(service_specs.ENGINE_LABEL)
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
            await asyncio.sleep(_LEARNING)

    async def answers(self, node: str) -> bool:
        try:
            found = await self._api.call("GET", f"nodes/{node}")
        except DockerProblem as problem:
            if problem.status == 404:
                return False
            raise
        return observations.node_seen(found).state == "ready"

    async def tag(self, node: str, tags: Iterable[str]) -> None:
        wanted = list(tags)

        def tagged(spec: dict[str, Any]) -> dict[str, Any]:
            labels = spec.get("Labels") or {}
            return spec | {"Labels": service_specs.with_tags(labels, wanted)}

        self._get(node)
        await self._api.update(f"nodes/{node}", tagged)
        self._watch.poke()

    async def set_availability(self, node: str, availability: str) -> None:
        await self._api.update(
            f"nodes/{node}", lambda spec: spec | {"Availability": availability}
        )
        self._watch.poke()

    @asynccontextmanager
    async def drained(self, node: str) -> AsyncGenerator[None, None]:
        """A node that takes no containers any more, and that leaves the Swarm when the
        block has ended and nothing runs on it. It stays if that fails."""
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
                await self._watch.until_over({"node": [node]}, _DRAINING)
            except TimeoutError:
                raise EngineError(f"the containers on {where} do not end") from None
            await self._leave(node)
            # By force: one that answers, or did so just now, is not let go otherwise.
            await self._api.call("DELETE", f"nodes/{node}", params={"force": True})
        except BaseException:
            with contextlib.suppress(EngineError):
                await self.set_availability(node, "active")
            raise
        finally:
            self._watch.leaving.discard(node)
            self._watch.poke()
        await self._close(node)

    async def _leave(self, node: str) -> None:
        """Tell a machine that it has left: else its Engine tries for ever to go on."""
        where = observations.hostname(self._get(node))
        try:
            if not observations.is_down(self._get(node)):
                api = await self.engine(node)
                await api.call("POST", "swarm/leave")
        except EngineError as error:
            log.warning(
                "the Engine of node %s was not told that it has left the Swarm; do so"
                " there with: docker swarm leave (%s)",
                where,
                error,
            )
