"""The machines of a Swarm: their tags, their Engines, taking one out.

Source: Docker Engine API, "Node".
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from ...exceptions import NotSupported, Unavailable
from . import EngineError, swarm_spec, swarm_state
from .swarm_api import Api, DockerProblem
from .swarm_watch import Watch

#: Seconds for all containers of a node to go elsewhere.
_DRAINING = 300.0


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
        self._opened: dict[str, Api] = {}

    async def close(self) -> None:
        for api in self._opened.values():
            await api.close()
        self._opened.clear()

    def _get(self, node: str) -> Mapping[str, Any]:
        if node not in self._watch.nodes:
            raise EngineError(f"No such node: {node}")
        return self._watch.nodes[node]

    async def engine(self, node: str) -> Api:
        """The Engine of one node.

        Raises:
            NotSupported: Its address is not known.
            EngineError: At its address is another node.
        """
        if node == self._local:
            return self._api
        if node in self._opened:
            return self._opened[node]
        found = self._get(node)
        hostname = swarm_state.hostname(found)
        labels = found["Spec"].get("Labels") or {}
        url = (
            self._engines.get(node)
            or self._engines.get(hostname)
            or labels.get(swarm_spec.ENGINE_LABEL)
        )
        if not url:
            raise NotSupported(
                f"the Docker Engine of node {hostname} is not known: start the server"
                f" with --node-engine {hostname}=URL, or give the node the label"
                f" {swarm_spec.ENGINE_LABEL}=URL"
            )
        api = Api(url)
        try:
            info = await api.call("GET", "info")
            if info["Swarm"]["NodeID"] != node:
                raise EngineError(f"at {url} is {info['Name']}, not node {hostname}")
        except BaseException:
            await api.close()
            raise
        if node in self._opened:  # somebody else was faster
            await api.close()
        return self._opened.setdefault(node, api)

    async def answers(self, node: str) -> bool:
        try:
            found = await self._api.call("GET", f"nodes/{node}")
        except DockerProblem:
            return False
        return bool(found["Status"]["State"] == "ready")

    async def tag(self, node: str, tags: Iterable[str]) -> None:
        wanted = list(tags)

        def tagged(spec: dict[str, Any]) -> dict[str, Any]:
            labels = spec.get("Labels") or {}
            return spec | {"Labels": swarm_spec.with_tags(labels, wanted)}

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
        where = swarm_state.hostname(found)
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
            await self._api.call("DELETE", f"nodes/{node}", params={"force": True})
        except BaseException:
            with contextlib.suppress(EngineError, Unavailable):
                await self.set_availability(node, "active")
            raise
        finally:
            self._watch.leaving.discard(node)
            self._watch.poke()
        if (api := self._opened.pop(node, None)) is not None:
            await api.close()
