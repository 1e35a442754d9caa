"""Docker Swarm as the engine: containers on one node or many, managed by Swarm.

Each container is one Swarm service, which Swarm schedules, restarts and moves. Labels
of the Swarm service identify the container, so that a restarted server finds its
containers again. Services without these labels are left alone.

Source: Docker Engine API 1.41.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any

from .. import (
    ContainerSpec,
    EngineError,
    EngineUnavailable,
    ExecSession,
    ImageInfo,
    LogLine,
    MountSpec,
    NoSuchContainer,
    Observe,
    PortSpec,
)
from . import logs, manager, naming, observations, service_specs, supported
from .cleanup import Cleanup
from .docker_api import Api, DockerProblem, ignoring_not_found, registry_auth
from .exec import start_command
from .nodes import SwarmNodes
from .settings import SwarmSettings
from .shared import Shared
from .watch import Watch, tasks_of

__all__ = ["Swarm", "SwarmSettings"]

Json = Mapping[str, Any]


class Swarm:
    """The engine that runs containers on a Docker Swarm.

    Pass an instance to ``running(engine=...)``. The server calls the methods, which are
    those of the ``Engine`` protocol.

    Args:
        url: The Engine of a manager: ``unix://``, ``tcp://`` or ``ssh://``. By default
            ``DOCKER_HOST``, then the current Docker context, then the usual sockets.
        node_engines: Hostname or id of a node → URL of the node's Engine (``unix://``,
            ``tcp://``, ``ssh://``). Needed on other nodes than the manager for
            ``exec``, for removing volumes, for leaving the Swarm and for the storage
            driver. The label ``dc.engine`` of a node has the same effect.
        poll: Seconds between two looks at the whole Swarm after a change. While nothing
            changes, the interval is ``settings.idle_factor`` times as long. What an
            event names, or a caller waits for, is looked at sooner.
        grace: Seconds from the stop signal to the kill signal of a container without
            ``stop_grace_period``.
        settings: Durations, retries and limits that rarely need a change.

    Raises:
        EngineUnavailable: From all methods that need Docker, while Docker does not
            respond or the Swarm has no leader.
        NoSuchContainer: From methods with the uuid of a container that does not exist.
        NotSupportedByEngine: From ``exec``, without the URL of the node's Engine.
        UnsupportedField: From ``check``, for a field that Swarm cannot honour.
        EngineError: From all methods, for any other failure. The root of these errors.
    """

    name = "swarm"
    volatile = False
    provisions = False
    log_details = True
    fixed_addresses = False

    def __init__(
        self,
        url: str | None = None,
        *,
        node_engines: Mapping[str, str] | None = None,
        poll: float = 1.0,
        grace: float = 10.0,
        settings: SwarmSettings | None = None,
    ) -> None:
        self._url = url
        self._node_engines = dict(node_engines or {})
        self._poll = poll
        self._grace = grace
        self._settings = settings or SwarmSettings()
        self._api: Api
        self._watch: Watch
        self._nodes: SwarmNodes
        self._shared: Shared
        self._cleanup: Cleanup
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._endings: defaultdict[str, set[logs.Ending]] = defaultdict(set)
        self._is_open = False
        #: The version of the manager's API; ``None`` before the start.
        self._api_version: tuple[int, int] | None = None

    # --- the Engine protocol: observing -----------------------------------------------

    async def start(self, observe: Observe) -> None:
        """Connect to the manager, report all that exists, and continue to observe.

        Args:
            observe: Called with each observation.

        Raises:
            EngineError: The Engine is no manager of a Swarm, or is too old. The text
                states the remedy.
            EngineUnavailable: The Engine cannot be reached.
        """
        self._api = Api(self._url, self._settings)
        self._is_open = True
        try:
            info = await manager.info(self._api)
        except EngineUnavailable as error:
            # At the start, only the operator of the server reads the message.
            raise EngineUnavailable(f"{self._api.address}: {error}") from error
        self._api_version = info["ApiVersion"]
        local = info["Swarm"]["NodeID"]
        self._shared = Shared(self._api)
        self._watch = Watch(self._api, self._poll, self._forget)
        self._nodes = SwarmNodes(self._api, self._watch, self._node_engines, local)
        self._cleanup = Cleanup(self._api, self._shared, self._nodes, self._watch)
        self._watch.drivers[local] = str(info.get("Driver", ""))
        await self._watch.start(observe)
        self._nodes.start()

    async def close(self) -> None:
        """Stop observing and end all followed logs. The containers continue to run."""
        if not self._is_open:
            return
        self._is_open = False
        if hasattr(self, "_watch"):
            await self._watch.close()
        for endings in self._endings.values():
            for ending in endings:
                ending.end()
        if hasattr(self, "_cleanup"):
            await self._cleanup.close()
            await self._nodes.close()
        await self._api.close()

    async def ping(self) -> None:
        """Ask the manager for the Swarm, which needs a leader; see ``Engine``."""
        await self._api.call("GET", "swarm")

    def _forget(self, uuid: str) -> None:
        """End the followed logs of a removed container."""
        self._locks.pop(uuid, None)
        for ending in self._endings.pop(uuid, ()):
            ending.end()

    # --- the Engine protocol: containers ----------------------------------------------

    async def image_info(self, name: str) -> ImageInfo | None:
        """Return the contents of an image that the manager's node has, else None."""
        return await manager.image_info(self._api, name)

    async def image_digest(
        self, name: str, credentials: tuple[str, str] | None
    ) -> str | None:
        """Return the digest that the registry has for an image, None if unknown."""
        return await manager.image_digest(self._api, name, credentials)

    async def has_image(
        self, name: str, credentials: tuple[str, str] | None
    ) -> bool | None:
        """Return whether a node or the registry has an image; see ``Engine``."""
        found = await manager.registry_has(self._api, name, credentials)
        return found if found is not False else await self._nodes.have_image(name)

    def check(
        self,
        options: Mapping[str, Any],
        ports: Sequence[PortSpec],
        mounts: Sequence[MountSpec] = (),
    ) -> None:
        """Raise ``UnsupportedField`` for fields that Swarm cannot honour."""
        supported.check(options, ports, mounts, api=self._api_version)

    async def create(self, spec: ContainerSpec) -> None:
        """Create the Swarm service of a container. Idempotent by uuid.

        Raises:
            EngineError: The node does not exist or is down, or Swarm refuses the spec.
        """
        node = self._watch.nodes.get(spec.node)
        if node is None:
            raise EngineError(f"No such node: {spec.node}")
        if spec.pinned and observations.is_down(node):
            raise EngineError(f"node {observations.hostname(node)} is down")
        async with self._locks[spec.uuid]:
            await self._create(spec)
        self._watch.report_again(spec.uuid)

    async def _create(self, spec: ContainerSpec) -> None:
        shared: list[Json] = []
        for peer in spec.volumes_from:
            found = await self._lookup(peer)
            if found is None:
                raise EngineError(f"volumes_from: there is no container {peer}")
            container = found["Spec"]["TaskTemplate"]["ContainerSpec"]
            shared += container.get("Mounts") or ()
        definition = service_specs.service_spec(spec, shared=shared, grace=self._grace)
        addresses = [observations.address(node) for node in self._watch.nodes.values()]
        async with self._shared.ensure(spec, addresses) as files:
            definition["TaskTemplate"]["ContainerSpec"] |= files
            try:
                created = await self._api.call(
                    "POST",
                    "services/create",
                    data=definition,
                    headers=registry_auth(spec.image, spec.credentials),
                )
                self._watch.note({"ID": created["ID"], "Spec": definition})
                addition = spec.options.get("swarm")
                texts = await manager.creation_warnings(self._api, created, addition)
                self._watch.warn(spec.uuid, texts)
            except DockerProblem as problem:
                # The name contains the uuid: in a conflict, an earlier attempt may have
                # created this service.
                if not problem.conflict or not await self._lookup(spec.uuid):
                    self._cleanup.remove_shared({"Spec": definition})
                    raise

    async def start_container(
        self, uuid: str, *, credentials: tuple[str, str] | None = None
    ) -> None:
        """Start a stopped container, or report a running container again."""
        async with self._locks[uuid]:
            service = await self._find(uuid)
            tasks = await self._watch.tasks(tasks_of(service))
            if self._watch.observation(service, tasks).state == "stopped":
                image = service["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"]
                answer = await self._api.update(
                    f"services/{service['ID']}",
                    service_specs.started,
                    auth=registry_auth(image, credentials),
                    found=service,
                )
                self._watch.warn(uuid, manager.warnings(answer))
                self._watch.changed(service["ID"])
            else:
                self._watch.report_again(uuid)

    async def stop_container(self, uuid: str) -> None:
        """Stop a container; the Swarm service and the last task stay."""
        async with self._locks[uuid]:
            service = await self._find(uuid)
            if not service_specs.is_stopped(service["Spec"]):
                await self._stop(service)
            self._watch.report_again(uuid)

    async def remove_volumes(self, node: str, volumes: Collection[str]) -> None:
        """Remove volumes later, in the background; see ``Engine``."""
        self._cleanup.remove_volumes({node}, [naming.volume_name(v) for v in volumes])

    async def remove_container(self, uuid: str, *, volumes: Collection[str]) -> None:
        """Stop a container, wait for its end, and remove its Swarm service.

        Idempotent. Networks, secrets, configs and *volumes* are removed later.
        """
        async with self._locks[uuid]:
            service = await self._lookup(uuid)
            if service is None:
                self._forget(uuid)
                self._watch.look_for(uuid)
                return
            self._watch.leaving.add(uuid)
            try:
                ran_on = await self._stop_and_wait(service)
                with ignoring_not_found():
                    await self._api.call("DELETE", f"services/{service['ID']}")
                self._watch.deleted(service["ID"])
            finally:
                self._watch.leaving.discard(uuid)
                self._watch.look_for(uuid)
        if volumes:
            names = [naming.volume_name(volume) for volume in volumes]
            self._cleanup.remove_volumes(ran_on, names)
        self._cleanup.remove_shared(service)

    async def _stop_and_wait(self, service: Json) -> set[str]:
        """Stop a service, wait for its tasks, and return the nodes of its tasks.

        Ports and volumes are free only after the end of the tasks.

        The number of replicas stays one: with zero, Swarm deletes the ended tasks, and
        dockerd 20.10 panics when the service is deleted meanwhile
        (``orchestrator.SetServiceTasksRemove`` misses a task).
        """
        tasks = await self._watch.tasks(tasks_of(service))
        if any(self._watch.is_active(task) for task in tasks):
            with ignoring_not_found():
                await self._stop(service)
            # The stopped service has a new task that never runs, in place of which
            # Swarm may delete an old task from the history.
            await asyncio.sleep(self._settings.forgetting)
            with contextlib.suppress(TimeoutError):
                grace = service_specs.grace_of(service["Spec"])
                await self._watch.until_ended(
                    service["ID"], grace + self._settings.ending
                )
        return {task["NodeID"] for task in tasks if task.get("NodeID")}

    async def _stop(self, service: Json) -> None:
        path = f"services/{service['ID']}"
        await self._api.update(path, service_specs.stopped, found=service)

    async def _lookup(self, uuid: str) -> Json | None:
        """Return the current Swarm service of a container, None without one."""
        if id := self._watch.id_of(uuid):
            with ignoring_not_found():
                service: Json = await self._api.call("GET", f"services/{id}")
                return service
        params = {"filters": {"label": [f"{naming.CONTAINER_LABEL}={uuid}"]}}
        found = await self._api.call("GET", "services", params=params)
        return found[0] if found else None

    async def _find(self, uuid: str) -> Json:
        """Return the current Swarm service of a container, or raise."""
        service = await self._lookup(uuid)
        if service is None:
            self._locks.pop(uuid, None)
            raise NoSuchContainer(f"No such container: {uuid}")
        return service

    # --- the Engine protocol: logs and exec -------------------------------------------

    async def logs(
        self,
        uuid: str,
        *,
        tail: int | None,
        follow: bool,
        since_ns: int = 0,
        details: bool = False,
    ) -> AsyncGenerator[LogLine, None]:
        """Yield the lines of a container's log, see ``Engine.logs``."""
        service = await self._find(uuid)
        tasks = await self._watch.tasks(tasks_of(service))
        ending = logs.Ending()
        self._endings[uuid].add(ending)
        tty = bool(service["Spec"]["TaskTemplate"]["ContainerSpec"].get("TTY"))
        form = logs.Form(tty, details)
        nodes = self._watch.nodes
        past = partial(logs.history, self._api, tasks, nodes, since_ns, form=form)
        new = partial(
            logs.follow, self._api, service["ID"], ending, since_ns, form=form
        )
        found = logs.joined(past, new, tail=tail, follow=follow, since_ns=since_ns)
        try:
            async with aclosing(found) as lines:
                async for line in lines:
                    yield line
        finally:
            self._endings[uuid].discard(ending)
            if not self._endings[uuid]:
                del self._endings[uuid]

    def time_ns(self) -> int:
        """Return the time of this host, with which the nodes' clocks should agree."""
        return time.time_ns()

    async def exec(self, uuid: str, command: Sequence[str]) -> ExecSession:
        """Run a command in a running container.

        Raises:
            NoSuchContainer: The container does not exist.
            EngineError: The container is not running.
            NotSupportedByEngine: No URL of the node's Engine is known. The text states
                the remedy.
            EngineUnavailable: The node's Engine does not respond.
        """
        service = await self._find(uuid)
        for task in await self._watch.tasks(tasks_of(service)):
            status = task["Status"]
            if status["State"] == "running" and task["DesiredState"] == "running":
                api = await self._nodes.engine(task["NodeID"])
                container = status["ContainerStatus"]["ContainerID"]
                return await start_command(api, container, command)
        raise EngineError(f"Container {uuid} is not running")

    # --- the Engine protocol: nodes ---------------------------------------------------

    async def add_node(self, node: str, tags: Sequence[str]) -> None:
        """Let an existing node run containers (again)."""
        if node not in self._watch.nodes:
            raise EngineError(
                "Swarm creates no nodes: bring your own with the join token"
            )
        if observations.is_down(self._watch.nodes[node]):
            where = observations.hostname(self._watch.nodes[node])
            raise EngineError(f"node {where} is down: start its Docker Engine")
        await self._nodes.set_availability(node, "active")
        await self._nodes.tag(node, tags)
        self._watch.report_again(node)

    async def remove_node(self, node: str) -> None:
        """Drain a node and remove the node from the Swarm.

        Swarm restarts containers on other nodes where their specs allow that. Pinned
        containers, and those that are never restarted, are removed; their volumes stay
        on the node.
        """
        async with self._nodes.drained(node):
            services = await self._api.call("GET", "services", params=naming.OURS)
            places = observations.places(
                await self._watch.tasks(naming.OURS["filters"])
            )
            bound = [
                service["Spec"]["Labels"][naming.CONTAINER_LABEL]
                for service in services
                if service_specs.pinned_to(service["Spec"]) == node
                or (
                    places.get(service["ID"]) == node
                    and service_specs.never_restarts(service["Spec"])
                )
            ]
            await asyncio.gather(
                *(self.remove_container(uuid, volumes=()) for uuid in bound)
            )

    async def tag_node(self, node: str, tags: Sequence[str]) -> None:
        """Replace the tags of a node."""
        await self._nodes.tag(node, tags)

    async def join_token(self) -> str | None:
        """Return the token for ``docker swarm join --token TOKEN MANAGER:2377``."""
        return await manager.join_token(self._api)

    async def check_node(self, node: str) -> bool:
        """Return whether a node is ready now, and report the node again."""
        ready = await self._nodes.responds(node)
        # A new observation corrects the state if the node changes at this moment.
        self._watch.report_again(node)
        return ready
