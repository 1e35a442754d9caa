"""Looking at a Swarm and reporting what has changed since the last look.

Swarm has no events for tasks, and no Engine reports the events of containers on other
nodes. Two kinds of looks replace them:

- A whole look lists all services, tasks and nodes: at the start, when events may have
  been missed, and at intervals, which are longer while nothing changes.
- A partial look lists the services that an event or an operation has named, and those
  that are about to start or to end. One partial look serves all containers that are
  waited for: two requests, however many wait.

Source: Docker Engine API, "ServiceList", "TaskList", "NodeList" and "SystemEvents".
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
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
from . import naming, observations, service_specs
from .docker_api import Api, DockerProblem
from .naming import CONTAINER_LABEL, OURS
from .patience import OVER, Patience

log: logging.Logger = logging.getLogger(__name__)

Json = Mapping[str, Any]

#: The most services that one request of a partial look names: a URL of 6 KB.
_BATCH = 200


def _now() -> float:
    return asyncio.get_running_loop().time()


def tasks_of(service: Json) -> Json:
    """Return Docker's filter for the tasks of a service."""
    return {"service": [service["ID"]]}


class Watch:
    """The state of a Swarm as of the last look.

    Args:
        api: The Engine of a manager.
        poll: Seconds between two whole looks after a change.
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
        self._patience = Patience(api.settings)
        #: Service id → container uuid, for all services that were found or created.
        self._uuids: dict[str, str] = {}
        #: Container uuid → service id: the reverse.
        self._ids: dict[str, str] = {}
        #: Service id → the names of the networks that the service may use.
        self._networks: dict[str, set[str]] = {}
        self._reported: dict[str, ContainerObservation | NodeObservation] = {}
        #: Containers and nodes to report even if nothing has changed.
        self._again: set[str] = set()
        #: The ids of nodes that do not respond.
        self._down: set[str] = set()
        #: The ids of services for the next partial look.
        self._changed: set[str] = set()
        #: The ids of services that are about to start or to end.
        self._unsettled: set[str] = set()
        #: Service id → done when no task of the service is active.
        self._ending: dict[str, asyncio.Future[None]] = {}
        #: Whether the next look must be a whole one, or must list the nodes.
        self._look_at_all = self._look_at_nodes = False
        self._poked = asyncio.Event()
        self._busy_until = 0.0
        #: When the last whole look ended, and the seconds that each kind of look took.
        self._looked_at = self._whole_took = self._partial_took = 0.0
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

    # --- what callers ask for ---------------------------------------------------------

    def poke(self) -> None:
        """Look at everything now, and frequently for a while."""
        self._look_at_all = True
        self._wake()

    def changed(self, service: str) -> None:
        """Look at a service (its id) now: the service has changed."""
        self._changed.add(service)
        self._wake()

    def report_again(self, key: str) -> None:
        """Report a container (uuid) or a node (id) at the next look, even unchanged."""
        self._again.add(key)
        self.look_for(key)

    def look_for(self, uuid: str) -> None:
        """Look at the service of a container now, at everything if it is unknown."""
        if uuid in self._ids:
            self.changed(self._ids[uuid])
        else:
            self.poke()

    def note(self, service: Json) -> None:
        """Note a Swarm service that exists, before a look has found the service."""
        id, uuid = service["ID"], service["Spec"]["Labels"][CONTAINER_LABEL]
        if id not in self._uuids:
            self._uuids[id] = uuid
            self._ids[uuid] = id
            self._networks[id] = naming.networks_of(service)

    def deleted(self, service: str) -> None:
        """Note that a service (its id) was deleted and uses no network any more."""
        self._networks.pop(service, None)
        self.changed(service)

    def id_of(self, uuid: str) -> str | None:
        """Return the id of a container's Swarm service, which may be removed since."""
        return self._ids.get(uuid)

    def used_networks(self) -> set[str]:
        """Return the names of the networks that the known services may use."""
        return set().union(*self._networks.values())

    def warn(self, uuid: str, texts: Iterable[str]) -> None:
        """Report the Engine's warnings about a container."""
        if self._observe is not None:
            for text in texts:
                self._observe(WarningObservation(uuid, text))

    def observation(self, service: Json, tasks: Sequence[Json]) -> ContainerObservation:
        """Return the observation of the container of a service with these tasks."""
        return self._patience.observation(service, tasks, self.nodes)

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

    async def until_ended(self, service: str, seconds: float) -> None:
        """Return when no task of a service (its id) uses anything of its node.

        Raises:
            TimeoutError: Some tasks still do after that many seconds.
            EngineError: A look has failed meanwhile.
        """
        ended = asyncio.get_running_loop().create_future()
        self._ending[service] = ended
        self.changed(service)
        try:
            async with asyncio.timeout(seconds):
                await ended
        finally:
            del self._ending[service]

    def is_active(self, task: Json) -> bool:
        """Whether a task runs, or is about to run, on a node that responds."""
        node = self.nodes.get(task.get("NodeID", ""))
        responds = node is not None and not observations.is_down(node)
        return responds and task["Status"]["State"] not in OVER

    # --- looking ----------------------------------------------------------------------

    async def look(self) -> None:
        """List everything once and report the changes."""
        began = _now()
        self._look_at_all = self._look_at_nodes = False
        self._changed.clear()
        # Not those that are created meanwhile, which the list may lack.
        expected = self._uuids.keys() | self._ending.keys()
        try:
            # In this order, because a task newer than its service does no harm.
            services = await self._api.call("GET", "services", params=OURS)
            tasks = await self._api.call("GET", "tasks", params=OURS)
            nodes = await self._api.call("GET", "nodes")
        finally:
            self._looked_at = _now()
        self._see_nodes(nodes)
        self._see(services, tasks)
        for id in expected.difference(service["ID"] for service in services):
            self._see_removed(id)
        self._looked_at = _now()
        self._whole_took = self._looked_at - began

    async def _look_at_changes(self) -> None:
        """List the services that have changed or will, and report the changes."""
        began = _now()
        if self._look_at_nodes:
            self._look_at_nodes = False
            if self._see_nodes(await self._api.call("GET", "nodes")):
                await self.look()  # the nodes are part of the containers' observations
                return
        wanted = list(self._changed | self._unsettled | self._ending.keys())
        self._changed.clear()
        for start in range(0, len(wanted), _BATCH):
            await self._look_at(wanted[start : start + _BATCH])
        self._partial_took = _now() - began

    async def _look_at(self, ids: Sequence[str]) -> None:
        filters = {**OURS["filters"], "id": list(ids)}
        params = {"filters": filters}
        services = await self._api.call("GET", "services", params=params)
        found = [service["ID"] for service in services]
        params = {"filters": {"service": found}}
        try:
            tasks = await self._api.call("GET", "tasks", params=params) if found else []
        except DockerProblem as problem:
            if not problem.not_found:
                raise
            # One of the services was removed meanwhile.
            self._changed.update(ids)
            self._wake()
            return
        self._see(services, tasks)
        for id in set(ids).difference(found):
            self._see_removed(id)

    def _see_nodes(self, nodes: Iterable[Json]) -> bool:
        """Report the nodes; return whether any has changed."""
        self.nodes = {node["ID"]: node for node in nodes}
        down = {id for id in self.nodes if observations.is_lost(id, self.nodes)}
        if self._down - down:
            # A node has returned: the time for which tasks waited does not count.
            self._patience.restart()
        self._down = down
        changed = False
        for id, node in self.nodes.items():
            if id not in self.leaving:
                driver = self.drivers.get(id, "")
                found = observations.node_observation(node, driver)
                changed |= self._report(id, found)
        for id, last in list(self._reported.items()):
            if isinstance(last, NodeObservation) and id not in self.nodes:
                changed = True
                self._report_removed(id, replace(last, state="gone"))
        return changed

    def _see(self, services: Iterable[Json], tasks: Iterable[Json]) -> None:
        """Report the containers of these services, of which *tasks* are all tasks."""
        by_service: defaultdict[str, list[Json]] = defaultdict(list)
        for task in tasks:
            by_service[task["ServiceID"]].append(task)
        for service in services:
            self.note(service)
            id = service["ID"]
            found = self.observation(service, by_service[id])
            self._settle(service, by_service[id], found)
            if found.uuid not in self.leaving:
                self._report(found.uuid, found)

    def _settle(
        self, service: Json, tasks: Iterable[Json], found: ContainerObservation
    ) -> None:
        """Note whether a service is about to change, and end the wait for its end."""
        id = service["ID"]
        ending = found.state == "running" and service_specs.is_stopped(service["Spec"])
        if found.state == "starting" or ending or self._patience.undecided(id):
            self._unsettled.add(id)
        else:
            self._unsettled.discard(id)
        if id in self._ending and not any(map(self.is_active, tasks)):
            self._end(id)

    def _see_removed(self, id: str) -> None:
        """Report the container of a service that no longer exists."""
        uuid = self._uuids.pop(id, "")
        self._networks.pop(id, None)
        self._unsettled.discard(id)
        self._patience.forget(id)
        self._end(id)
        if self._ids.get(uuid) == id:
            del self._ids[uuid]
            if uuid in self._reported:
                gone = ContainerObservation(uuid=uuid, state="gone")
                self._report_removed(uuid, gone)

    def _end(self, id: str) -> None:
        if id in self._ending and not self._ending[id].done():
            self._ending[id].set_result(None)

    # --- reporting --------------------------------------------------------------------

    def _report(
        self, key: str, observation: ContainerObservation | NodeObservation
    ) -> bool:
        """Report an observation that differs from the last; return whether it does."""
        if self._observe is None:
            return False
        changed = self._reported.get(key) != observation
        if changed or key in self._again:
            self._again.discard(key)
            self._reported[key] = observation
            self._stay_busy()
            self._observe(observation)
        return changed

    def _report_removed(
        self, key: str, observation: ContainerObservation | NodeObservation
    ) -> None:
        if self._observe is not None:
            del self._reported[key]
            self._again.discard(key)
            self._on_removed(key)
            self._observe(observation)

    # --- the background ---------------------------------------------------------------

    def _wake(self) -> None:
        self._stay_busy()
        self._poked.set()

    def _stay_busy(self) -> None:
        self._busy_until = _now() + self._settings.busy

    def _is_busy(self) -> bool:
        undecided = any(map(self._patience.undecided, self._unsettled))
        return undecided or bool(self.leaving) or _now() < self._busy_until

    def _whole_interval(self) -> float:
        """Return the most seconds between two whole looks."""
        factor = 1 if self._is_busy() else self._settings.idle_factor
        return max(self._poll * factor, self._settings.whole_pace * self._whole_took)

    def _whole_look_is_due(self) -> float:
        """Return the seconds until the next whole look at the latest."""
        return max(0.0, self._looked_at + self._whole_interval() - _now())

    def _gap(self, whole: bool) -> float:
        """Return the seconds between what wakes the watch and a look.

        One look reports all changes of a moment. The more a look costs, the rarer the
        looks: their cost stays a fixed part of the time, whatever the number of
        containers.
        """
        took = self._whole_took if whole else self._partial_took
        longest = self._poll * self._settings.idle_factor
        paced = min(self._settings.pace * took, longest)
        return max(min(self._settings.shortest_poll, self._poll), paced)

    async def _keep_looking(self) -> None:
        while True:
            due = self._whole_look_is_due()
            if (self._unsettled or self._ending) and self._is_busy():
                due = min(due, self._settings.ending_poll)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(due):
                    await self._poked.wait()
            whole = self._look_at_all or not self._whole_look_is_due()
            await asyncio.sleep(self._gap(whole))
            self._poked.clear()
            whole = whole or self._look_at_all
            try:
                await (self.look() if whole else self._look_at_changes())
            except EngineError as error:
                if not self._lost:
                    log.warning("cannot observe the Swarm: %s", error)
                self._fail(error)
            except Exception as error:
                log.exception("a response of the Swarm could not be understood")
                self._fail(error)
            else:
                if self._lost:
                    log.warning("the Swarm can be observed again")
                self._lost = False

    def _fail(self, error: Exception) -> None:
        """Look at everything next time, and end all waits."""
        self._lost = self._lost or isinstance(error, EngineError)
        self._look_at_all = True
        for ended in self._ending.values():
            if not ended.done():
                ended.set_exception(error)

    async def _keep_listening(self) -> None:
        while True:
            with contextlib.suppress(
                EngineError, aiohttp.ClientError, TimeoutError, ValueError
            ):
                # What happened before the subscription has no event.
                await self._api.events(self.poke, self._on_event)
            await asyncio.sleep(self._settings.events_retry)

    def _on_event(self, event: Json) -> None:
        """Look at what an event names."""
        kind, action = event.get("Type"), str(event.get("Action", ""))
        actor = event.get("Actor") or {}
        if kind == "service":
            self.changed(actor["ID"])
        elif kind == "node":
            self._look_at_nodes = True
            self._wake()
        elif kind == "container" and not action.startswith("exec_"):
            attributes = actor.get("Attributes") or {}
            if service := attributes.get("com.docker.swarm.service.id"):
                self.changed(service)
