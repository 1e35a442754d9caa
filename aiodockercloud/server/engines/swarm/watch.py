"""Looking at a Swarm again and again: what differs from last time is told.

Swarm has no events for tasks, and those of other machines' containers do not get
through; so tasks, services and nodes are listed, soon after anything that was heard or
done, and else at leisure.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import aiohttp

from .. import ContainerObservation, EngineError, NodeObservation, Observe
from . import observations, service_specs
from .docker_api import Api, DockerProblem

log = logging.getLogger(__name__)

Json = Mapping[str, Any]

#: The tasks and services of containers.
OURS = {"filters": {"label": [service_specs.CONTAINER]}}
#: States of a task in which it holds nothing of its node.
_OVER = frozenset({"complete", "failed", "shutdown", "rejected", "orphaned", "remove"})
#: Seconds between looks at tasks that are to end.
_LOOK = 0.2
#: Seconds a task may wait for a node before it counts as not to be placed.
_PLACING = 15.0
#: Seconds of frequent looks after anything has happened.
_BUSY = 5.0
#: The longest gap between looks while nothing happens, in gaps while something does.
_IDLE = 5
#: The shortest gap, and between two tries to listen to events, in seconds.
_SHORTEST, _AGAIN = 0.1, 1.0


class Watch:
    """What a Swarm shows.

    Args:
        poll: Seconds between two looks while something happens.
        gone: Called with a container's uuid when it is no longer there.
    """

    def __init__(self, api: Api, poll: float, gone: Callable[[str], None]) -> None:
        self.nodes: Mapping[str, Json] = {}
        #: Node id → its storage driver, as far as its Engine could be asked.
        self.drivers: dict[str, str] = {}
        #: Containers and nodes on their way out, of which nothing is told meanwhile.
        self.leaving: set[str] = set()
        self._api = api
        self._poll = poll
        self._gone = gone
        self._observe: Observe | None = None
        self._told: dict[str, ContainerObservation | NodeObservation] = {}
        self._again: set[str] = set()
        self._waiting: dict[str, float] = {}
        self._overdue: set[str] = set()
        self._given_up: set[str] = set()
        self._poked = asyncio.Event()
        self._busy_until = 0.0
        self._lost = False
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, observe: Observe) -> None:
        """Look, tell everything, and go on doing so."""
        self._observe = observe
        await self.look()
        self._tasks = [
            asyncio.create_task(self._keep_looking(), name="swarm poll"),
            asyncio.create_task(self._keep_listening(), name="swarm events"),
        ]

    async def close(self) -> None:
        self._observe = None
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    def poke(self) -> None:
        """Something has happened: look now, and often for a while."""
        self._busy_until = asyncio.get_running_loop().time() + _BUSY
        self._poked.set()

    def tell_again(self, key: str) -> None:
        """Tell of a container (its uuid) or a node at the next look, even if nothing
        has changed."""
        self._again.add(key)
        self.poke()

    async def look(self) -> None:
        """List everything once and tell what has changed."""
        # In this order: tasks that are newer than their service do no harm.
        services = await self._api.call("GET", "services", params=OURS)
        tasks = await self._api.call("GET", "tasks", params=OURS)
        nodes = await self._api.call("GET", "nodes")
        by_service: defaultdict[str, list[Json]] = defaultdict(list)
        for task in tasks:
            by_service[task["ServiceID"]].append(task)
        self.nodes = {node["ID"]: node for node in nodes}
        containers = {
            service["Spec"]["Labels"][service_specs.CONTAINER]: service
            for service in services
        }
        self._note_waiting(tasks)
        self._given_up = observations.given_up(tasks, self.nodes, self._given_up)
        for node in nodes:
            seen = observations.node_seen(node, self.drivers.get(node["ID"], ""))
            if node["ID"] not in self.leaving:
                self._tell(node["ID"], seen)
        for uuid, service in containers.items():
            if uuid not in self.leaving:
                self._tell(uuid, self.seen(service, by_service[service["ID"]]))
        for key, told in list(self._told.items()):
            if isinstance(told, NodeObservation):
                if key not in self.nodes:
                    self._tell_gone(key, replace(told, state="gone"))
            elif key not in containers:
                self._tell_gone(key, ContainerObservation(uuid=key, state="gone"))

    def seen(self, service: Json, tasks: list[Json]) -> ContainerObservation:
        return observations.container_seen(
            service, tasks, self.nodes, self._overdue, self._given_up
        )

    async def tasks(self, filters: Json) -> list[Json]:
        """Tasks as they are now: those of ``{"service": [id]}``, of ``{"node": …}``, of
        containers."""
        try:
            tasks: list[Json] = await self._api.call(
                "GET", "tasks", params={"filters": filters}
            )
        except DockerProblem as problem:
            if problem.status == 404:  # there is no such service
                return []
            raise
        return tasks

    async def until_over(self, filters: Json, seconds: float) -> None:
        """Return when none of these tasks holds anything any more.

        Raises:
            TimeoutError: Some still do.
        """
        async with asyncio.timeout(seconds):
            while True:
                tasks = await self.tasks(filters)
                if not any(self.goes_on(task) for task in tasks):
                    return
                await asyncio.sleep(_LOOK)

    def goes_on(self, task: Json) -> bool:
        """Whether it still runs, or is about to, on a node that answers."""
        node = self.nodes.get(task.get("NodeID", ""))
        answers = node is not None and not observations.is_down(node)
        return answers and task["Status"]["State"] not in _OVER

    def _note_waiting(self, tasks: list[Json]) -> None:
        """Which tasks have been without a node for too long, by our own clock."""
        now = asyncio.get_running_loop().time()
        waiting = {
            task["ID"]
            for task in tasks
            if task["Status"]["State"] == "pending" and task["Status"].get("Err")
        }
        self._waiting = {id: self._waiting.get(id, now) for id in waiting}
        self._overdue = {
            id for id, since in self._waiting.items() if now - since >= _PLACING
        }

    def _tell(self, key: str, seen: ContainerObservation | NodeObservation) -> None:
        if self._observe is None:
            return
        if self._told.get(key) != seen or key in self._again:
            self._again.discard(key)
            self._told[key] = seen
            self._busy_until = asyncio.get_running_loop().time() + _BUSY
            self._observe(seen)

    def _tell_gone(
        self, key: str, seen: ContainerObservation | NodeObservation
    ) -> None:
        if self._observe is not None:
            del self._told[key]
            self._again.discard(key)
            self._gone(key)
            self._observe(seen)

    async def _keep_looking(self) -> None:
        while True:
            loop = asyncio.get_running_loop()
            busy = loop.time() < self._busy_until or self._waiting or self.leaving
            gap = self._poll if busy else self._poll * _IDLE
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(gap):
                    await self._poked.wait()
            # What happens at once is seen at once.
            await asyncio.sleep(min(_SHORTEST, self._poll))
            self._poked.clear()
            try:
                await self.look()
            except EngineError as error:
                if not self._lost:
                    log.warning("lost sight of the Swarm: %s", error)
                self._lost = True
            except Exception:
                log.exception("could not make sense of what the Swarm shows")
            else:
                if self._lost:
                    log.warning("the Swarm is back in sight")
                self._lost = False

    async def _keep_listening(self) -> None:
        while True:
            with contextlib.suppress(EngineError, aiohttp.ClientError, TimeoutError):
                await self._api.events(self.poke)
            await asyncio.sleep(_AGAIN)
