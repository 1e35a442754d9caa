"""Polling a Swarm and reporting what has changed since the last look.

Swarm has no events for tasks, and no Engine reports the events of containers on other
nodes. Tasks, services and nodes are therefore listed: soon after an event or an
operation, otherwise at longer intervals.

Source: Docker Engine API, "ServiceList", "TaskList", "NodeList" and "SystemEvents".
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import aiohttp

from .. import (
    ContainerObservation,
    EngineError,
    NodeObservation,
    Observe,
    WarningObservation,
)
from . import observations, service_specs
from .docker_api import Api, DockerProblem
from .naming import CONTAINER_LABEL, OURS

log: logging.Logger = logging.getLogger(__name__)

Json = Mapping[str, Any]

#: The states of a task that uses nothing of its node.
_OVER = frozenset({"complete", "failed", "shutdown", "rejected", "orphaned", "remove"})


def tasks_of(service: Json) -> Json:
    """Return Docker's filter for the tasks of a service."""
    return {"service": [service["ID"]]}


class Watch:
    """The state of a Swarm as of the last look.

    Args:
        api: The Engine of a manager.
        poll: Seconds between two looks after a change.
        on_removed: Called with the uuid of a container that no longer exists.
    """

    def __init__(
        self, api: Api, poll: float, on_removed: Callable[[str], None]
    ) -> None:
        self.nodes: Mapping[str, Json] = {}
        #: Node id → storage driver, for the nodes whose Engines have responded.
        self.drivers: dict[str, str] = {}
        #: Containers and nodes that are being removed: not reported meanwhile.
        self.leaving: set[str] = set()
        self._api = api
        self._settings = api.settings
        self._poll = poll
        self._on_removed = on_removed
        self._observe: Observe | None = None
        self._reported: dict[str, ContainerObservation | NodeObservation] = {}
        #: Containers and nodes to report even if nothing has changed.
        self._again: set[str] = set()
        #: Task id → when the task was first found without a node, by the loop's clock.
        self._waiting: dict[str, float] = {}
        self._overdue: set[str] = set()
        #: The ids of nodes that do not respond.
        self._down: set[str] = set()
        #: Task id → when the task was first found ended and not replaced.
        self._ended: dict[str, float] = {}
        self._final: set[str] = set()
        self._given_up: set[str] = set()
        self._poked = asyncio.Event()
        self._busy_until = 0.0
        self._lost = False
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, observe: Observe) -> None:
        """Look once, report everything, and continue in the background."""
        self._observe = observe
        await self.look()
        self._tasks = [
            asyncio.create_task(self._keep_looking(), name="swarm poll"),
            asyncio.create_task(self._keep_listening(), name="swarm events"),
        ]

    async def close(self) -> None:
        """Stop looking and reporting."""
        self._observe = None
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    def poke(self) -> None:
        """Look now, and frequently for a while, because something has happened."""
        self._stay_busy()
        self._poked.set()

    def report_again(self, key: str) -> None:
        """Report a container (uuid) or a node (id) at the next look, even unchanged."""
        self._again.add(key)
        self.poke()

    async def look(self) -> None:
        """List everything once and report the changes."""
        # In this order, because a task that is newer than its service does no harm.
        services = await self._api.call("GET", "services", params=OURS)
        tasks = await self._api.call("GET", "tasks", params=OURS)
        nodes = await self._api.call("GET", "nodes")
        by_service: defaultdict[str, list[Json]] = defaultdict(list)
        for task in tasks:
            by_service[task["ServiceID"]].append(task)
        self.nodes = {node["ID"]: node for node in nodes}
        containers = {
            service["Spec"]["Labels"][CONTAINER_LABEL]: service for service in services
        }
        self._find_overdue(tasks)
        self._find_final(services, by_service)
        self._given_up = observations.given_up(tasks, self.nodes, self._given_up)
        for id, node in self.nodes.items():
            if id not in self.leaving:
                driver = self.drivers.get(id, "")
                self._report(id, observations.node_observation(node, driver))
        for uuid, service in containers.items():
            if uuid not in self.leaving:
                own_tasks = by_service[service["ID"]]
                self._report(uuid, self.observation(service, own_tasks))
        for key, last in list(self._reported.items()):
            if isinstance(last, NodeObservation):
                if key not in self.nodes:
                    self._report_removed(key, replace(last, state="gone"))
            elif key not in containers:
                gone = ContainerObservation(uuid=key, state="gone")
                self._report_removed(key, gone)

    def observation(self, service: Json, tasks: list[Json]) -> ContainerObservation:
        """Return the observation of the container of a service with these tasks."""
        return observations.container_observation(
            service, tasks, self.nodes, self._overdue | self._final, self._given_up
        )

    async def tasks(self, filters: Json) -> list[Json]:
        """Return the current tasks that match Docker's *filters*.

        Args:
            filters: ``{"service": [id]}``, ``{"node": [id]}`` or
                ``{"label": [label]}``.
        """
        try:
            tasks: list[Json] = await self._api.call(
                "GET", "tasks", params={"filters": filters}
            )
        except DockerProblem as problem:
            if problem.not_found:  # the service
                return []
            raise
        return tasks

    async def until_over(self, filters: Json, seconds: float) -> None:
        """Return when no matching task uses anything of its node.

        Raises:
            TimeoutError: Some tasks still do after that many seconds.
        """
        async with asyncio.timeout(seconds):
            while True:
                tasks = await self.tasks(filters)
                if not any(self.is_active(task) for task in tasks):
                    return
                await asyncio.sleep(self._settings.ending_poll)

    def is_active(self, task: Json) -> bool:
        """Whether a task runs, or is about to run, on a node that responds."""
        node = self.nodes.get(task.get("NodeID", ""))
        responds = node is not None and not observations.is_down(node)
        return responds and task["Status"]["State"] not in _OVER

    def _find_overdue(self, tasks: list[Json]) -> None:
        """Find the tasks that have waited for a node for too long."""
        now = asyncio.get_running_loop().time()
        down = {id for id in self.nodes if observations.is_lost(id, self.nodes)}
        if self._down - down:
            # A node has returned: the time for which its tasks waited does not count.
            self._waiting = {}
        self._down = down
        waiting = {
            task["ID"]
            for task in tasks
            if task["Status"]["State"] == "pending" and task["Status"].get("Err")
        }
        self._waiting = {id: self._waiting.get(id, now) for id in waiting}
        self._overdue = {
            id
            for id, since in self._waiting.items()
            if now - since >= self._settings.placing
        }

    def _find_final(
        self, services: Iterable[Json], tasks: Mapping[str, list[Json]]
    ) -> None:
        """Find the tasks that Swarm no longer replaces: ``max_attempts`` is used up."""
        now = asyncio.get_running_loop().time()
        ended = {
            newest["ID"]
            for service in services
            if service_specs.most_restarts(service["Spec"])
            and (newest := observations.newest(tasks.get(service["ID"], ())))
            and newest["Status"]["State"] in _OVER
        }
        self._ended = {id: self._ended.get(id, now) for id in ended}
        self._final = {
            id
            for id, since in self._ended.items()
            if now - since >= self._settings.replacing
        }

    def warn(self, uuid: str, texts: Iterable[str]) -> None:
        """Report the Engine's warnings about a container."""
        if self._observe is not None:
            for text in texts:
                self._observe(WarningObservation(uuid, text))

    def _stay_busy(self) -> None:
        now = asyncio.get_running_loop().time()
        self._busy_until = now + self._settings.busy

    def _report(
        self, key: str, observation: ContainerObservation | NodeObservation
    ) -> None:
        if self._observe is None:
            return
        if self._reported.get(key) != observation or key in self._again:
            self._again.discard(key)
            self._reported[key] = observation
            self._stay_busy()
            self._observe(observation)

    def _report_removed(
        self, key: str, observation: ContainerObservation | NodeObservation
    ) -> None:
        if self._observe is not None:
            del self._reported[key]
            self._again.discard(key)
            self._on_removed(key)
            self._observe(observation)

    async def _keep_looking(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            deciding = self._waiting or self._ended.keys() - self._final
            busy = loop.time() < self._busy_until or deciding or self.leaving
            factor = 1 if busy else self._settings.idle_factor
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._poll * factor):
                    await self._poked.wait()
            # One look reports all changes of a moment.
            await asyncio.sleep(min(self._settings.shortest_poll, self._poll))
            self._poked.clear()
            try:
                await self.look()
            except EngineError as error:
                if not self._lost:
                    log.warning("cannot observe the Swarm: %s", error)
                self._lost = True
            except Exception:
                log.exception("a response of the Swarm could not be understood")
            else:
                if self._lost:
                    log.warning("the Swarm can be observed again")
                self._lost = False

    async def _keep_listening(self) -> None:
        while True:
            with contextlib.suppress(EngineError, aiohttp.ClientError, TimeoutError):
                await self._api.events(self.poke)
            await asyncio.sleep(self._settings.events_retry)
