"""Docker Swarm as the engine: containers on one machine or many, kept by Swarm.

Each container is a Swarm service of its own, which Swarm schedules, restarts and moves.
What a service is for stands in its labels: they are the truth about what is ours, so a
restart of this server finds everything again. Services without them are left alone.
Source: Docker Engine API 1.41.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shlex
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from .. import (
    ContainerSpec,
    EngineError,
    ExecSession,
    ImageInfo,
    LogLine,
    NoSuchContainer,
    Observe,
    PortSpec,
)
from . import logs, observations, service_specs
from .cleanup import Cleanup
from .docker_api import Api, DockerProblem, registry_auth
from .exec import start_command
from .networks import Networks
from .nodes import Machines
from .watch import OURS, Watch

__all__ = ["Swarm"]

log = logging.getLogger(__name__)

Json = Mapping[str, Any]

_OLDEST_API = (1, 41)
_NOT_FOUND, _CONFLICT = 404, 409
#: Seconds in which Swarm forgets tasks that are more than its history holds.
_FORGETTING = 0.5


class Swarm:
    """An engine on Docker Swarm.

    Args:
        url: The Engine of a manager; else ``DOCKER_HOST``, then the current context,
            then the usual sockets.
        node_engines: Hostname or id of a node → URL of its Engine (``unix://``,
            ``tcp://``, ``ssh://``), for ``exec``, for removing volumes and for leaving
            the Swarm there, and for its storage driver. A node's label ``dc.engine``
            does the same; the manager's own needs none.
        poll: Seconds between looks while something happens; five times that else.
        grace: Seconds from asking a container to end to making it.
    """

    name = "swarm"
    volatile = False
    provisions = False
    fixed_addresses = False

    def __init__(
        self,
        url: str | None = None,
        *,
        node_engines: Mapping[str, str] | None = None,
        poll: float = 1.0,
        grace: float = 10.0,
    ) -> None:
        self._url = url
        self._node_engines = dict(node_engines or {})
        self._poll = poll
        self._grace = grace
        self._api: Api
        self._watch: Watch
        self._networks: Networks
        self._machines: Machines
        self._leftovers: Cleanup
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._endings: defaultdict[str, set[logs.Ending]] = defaultdict(set)
        self._is_open = False

    # --- the Engine protocol: observing -----------------------------------------------

    async def start(self, observe: Observe) -> None:
        """Begin to observe.

        Raises:
            EngineError: It is no manager of a Swarm, or too old; says what to do.
            EngineUnavailable: It cannot be reached.
        """
        self._api = Api(self._url)
        self._is_open = True
        info = await self._manager()
        local = info["Swarm"]["NodeID"]
        self._networks = Networks(self._api)
        self._watch = Watch(self._api, self._poll, self._forget)
        self._machines = Machines(self._api, self._watch, self._node_engines, local)
        self._leftovers = Cleanup(self._api, self._networks, self._machines)
        self._watch.drivers[local] = str(info.get("Driver", ""))
        await self._watch.start(observe)
        self._machines.start()

    async def _manager(self) -> Json:
        version = await self._api.call("GET", "version")
        number = str(version["ApiVersion"])
        if tuple(map(int, number.split("."))) < _OLDEST_API:
            raise EngineError(
                f"Docker Engine {version['Version']} speaks API {number}; 1.41 or later"
                " is needed: install Docker Engine 20.10 or later"
            )
        info: Json = await self._api.call("GET", "info")
        if not info["Swarm"].get("ControlAvailable"):
            state = info["Swarm"].get("LocalNodeState", "inactive")
            what = "a worker of its Swarm" if state == "active" else "in no Swarm"
            raise EngineError(
                f"Docker Engine on {info.get('Name')} is {what}: give the address of a"
                " manager, or make it one with: docker swarm init"
            )
        return info

    async def close(self) -> None:
        if not self._is_open:
            return
        self._is_open = False
        if hasattr(self, "_watch"):
            await self._watch.close()
        for endings in self._endings.values():
            for ending in endings:
                ending.end()
        if hasattr(self, "_leftovers"):
            await self._leftovers.close()
            await self._machines.close()
        await self._api.close()

    def _forget(self, uuid: str) -> None:
        """It is gone: whoever reads its log has read it all."""
        self._locks.pop(uuid, None)
        for ending in self._endings.pop(uuid, ()):
            ending.end()

    # --- the Engine protocol: containers ----------------------------------------------

    async def image_info(self, name: str) -> ImageInfo | None:
        """Of an image that the manager's own node has already."""
        try:
            found = await self._api.call("GET", f"images/{name}/json")
        except DockerProblem:
            return None
        config = found.get("Config") or {}
        variables = (one.partition("=") for one in config.get("Env") or ())
        ports = (port.partition("/") for port in config.get("ExposedPorts") or {})
        return ImageInfo(
            {key: value for key, _, value in variables},
            shlex.join(config.get("Cmd") or ()),
            shlex.join(config.get("Entrypoint") or ()),
            [(int(number), protocol or "tcp") for number, _, protocol in ports],
        )

    def check(self, options: Mapping[str, Any], ports: Sequence[PortSpec]) -> None:
        service_specs.check(options, ports)

    async def create(self, spec: ContainerSpec) -> None:
        node = self._watch.nodes.get(spec.node)
        if node is None:
            raise EngineError(f"No such node: {spec.node}")
        if spec.pinned and observations.is_down(node):
            raise EngineError(f"node {observations.hostname(node)} is down")
        async with self._locks[spec.uuid]:
            if await self._lookup(spec.uuid) is None:
                await self._create(spec)
        self._watch.tell_again(spec.uuid)

    async def _create(self, spec: ContainerSpec) -> None:
        shared: list[Json] = []
        for peer in spec.volumes_from:
            found = await self._lookup(peer)
            if found is None:
                raise EngineError(f"volumes_from: there is no container {peer}")
            container = found["Spec"]["TaskTemplate"]["ContainerSpec"]
            shared += container.get("Mounts") or ()
        definition = service_specs.service_spec(spec, shared=shared, grace=self._grace)
        home = service_specs.network_name(spec.namespace, spec.stack)
        wanted = {
            name: (spec.stack or "") if name == home else ""
            for name in service_specs.network_names(spec)
        }
        addresses = [observations.address(node) for node in self._watch.nodes.values()]
        async with self._networks.ensure(wanted, addresses):
            try:
                await self._api.call(
                    "POST",
                    "services/create",
                    data=definition,
                    headers=registry_auth(spec.image, spec.credentials),
                )
            except DockerProblem as problem:
                # Its name holds its uuid: that a former try has made it, is fine.
                if problem.status != _CONFLICT or not await self._lookup(spec.uuid):
                    self._leftovers.networks_of({"Spec": definition})
                    raise

    async def image_digest(
        self, name: str, credentials: tuple[str, str] | None
    ) -> str | None:
        """By the manager's Engine, which asks the registry."""
        try:
            found = await self._api.call(
                "GET",
                f"distribution/{name}/json",
                headers=registry_auth(name, credentials),
            )
        except EngineError as error:
            log.info("what %s means now cannot be told: %s", name, error)
            return None
        return str(found["Descriptor"]["digest"])

    async def start_container(
        self, uuid: str, *, credentials: tuple[str, str] | None = None
    ) -> None:
        async with self._locks[uuid]:
            service = await self._find(uuid)
            tasks = await self._watch.tasks(_tasks_of(service))
            if self._watch.seen(service, tasks).state == "stopped":
                image = service["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"]
                await self._api.update(
                    f"services/{service['ID']}",
                    service_specs.started,
                    auth=registry_auth(image, credentials),
                )
                self._watch.poke()
            else:
                self._watch.tell_again(uuid)

    async def stop_container(self, uuid: str) -> None:
        async with self._locks[uuid]:
            service = await self._find(uuid)
            await self._api.update(
                f"services/{service['ID']}",
                lambda spec: (
                    None
                    if service_specs.is_stopped(spec)
                    else service_specs.stopped(spec)
                ),
            )
            self._watch.tell_again(uuid)

    async def remove_container(self, uuid: str, *, volumes: bool) -> None:
        async with self._locks[uuid]:
            service = await self._lookup(uuid)
            if service is None:
                self._forget(uuid)
                self._watch.poke()
                return
            self._watch.leaving.add(uuid)
            try:
                ran_on = await self._end(service)
                with _unless(_NOT_FOUND):
                    await self._api.call("DELETE", f"services/{service['ID']}")
            finally:
                self._watch.leaving.discard(uuid)
                self._watch.poke()
        names = service["Spec"]["Labels"].get(service_specs.VOLUMES, "")
        if volumes and names:
            self._leftovers.volumes(ran_on, names.split(","))
        self._leftovers.networks_of(service)

    async def _end(self, service: Json) -> set[str]:
        """End its task and wait for that: only then its ports and volumes are free.
        Returns the nodes that it has run on.

        Not by taking its replicas away: Swarm then forgets the ended tasks, and dockerd
        20.10 panics when a service is deleted in the middle of that
        (``orchestrator.SetServiceTasksRemove`` finds a task gone).
        """
        tasks = await self._watch.tasks(_tasks_of(service))
        if any(self._watch.goes_on(task) for task in tasks):
            with _unless(_NOT_FOUND):
                await self._api.update(
                    f"services/{service['ID']}", service_specs.stopped
                )
            # The new task that will never run may have pushed an old one out.
            await asyncio.sleep(_FORGETTING)
            with contextlib.suppress(TimeoutError):
                await self._watch.until_over(_tasks_of(service), self._grace + 30)
        return {task["NodeID"] for task in tasks if task.get("NodeID")}

    async def _lookup(self, uuid: str) -> Json | None:
        """The Swarm service of a container, as it is now."""
        params = {"filters": {"label": [f"{service_specs.CONTAINER}={uuid}"]}}
        found = await self._api.call("GET", "services", params=params)
        return found[0] if found else None

    async def _find(self, uuid: str) -> Json:
        service = await self._lookup(uuid)
        if service is None:
            self._locks.pop(uuid, None)
            raise NoSuchContainer(f"No such container: {uuid}")
        return service

    # --- the Engine protocol: logs and exec -------------------------------------------

    async def logs(
        self, uuid: str, *, tail: int | None, follow: bool, since_ns: int = 0
    ) -> AsyncGenerator[LogLine, None]:
        service = await self._find(uuid)
        tasks = await self._watch.tasks(_tasks_of(service))
        ending = logs.Ending()
        self._endings[uuid].add(ending)
        tty = bool(service["Spec"]["TaskTemplate"]["ContainerSpec"].get("TTY"))
        last: LogLine | None = None
        # The last line is read even if none is wanted: new ones come after it.
        wanted = max(tail, 1) if tail is not None and follow else tail
        past = logs.history(
            self._api, tasks, self._watch.nodes, since_ns, tty=tty, tail=wanted
        )
        new = logs.following
        try:
            async with aclosing(past) as lines:
                async for line in lines:
                    if line.missing == 0:  # not a word of ours, stamped with now
                        last = line
                    if tail != 0 and line.time_ns >= since_ns:
                        yield line
            if not follow:
                return
            service_id = service["ID"]
            coming = new(self._api, service_id, ending, since_ns, tty=tty, after=last)
            async with aclosing(coming) as lines:
                async for line in lines:
                    yield line
        finally:
            self._endings[uuid].discard(ending)
            if not self._endings[uuid]:
                del self._endings[uuid]

    def time_ns(self) -> int:
        """By this machine's clock: those of the nodes are taken to agree with it."""
        return time.time_ns()

    async def exec(self, uuid: str, command: Sequence[str]) -> ExecSession:
        """Run a command in a running container.

        Raises:
            NotSupportedByEngine: The Engine of its node is not known; says how to
                make it known.
        """
        service = await self._find(uuid)
        for task in await self._watch.tasks(_tasks_of(service)):
            status = task["Status"]
            if status["State"] == "running" and task["DesiredState"] == "running":
                api = await self._machines.engine(task["NodeID"])
                container = status["ContainerStatus"]["ContainerID"]
                return await start_command(api, container, command)
        raise EngineError(f"Container {uuid} is not running")

    # --- the Engine protocol: nodes ---------------------------------------------------

    async def add_node(self, node: str, tags: Sequence[str]) -> None:
        """Let a machine that is there take containers (again)."""
        if node not in self._watch.nodes:
            raise EngineError(
                "Swarm makes no machines: bring your own with the join token"
            )
        if observations.is_down(self._watch.nodes[node]):
            where = observations.hostname(self._watch.nodes[node])
            raise EngineError(f"node {where} is down: start its Docker Engine")
        await self._machines.set_availability(node, "active")
        await self._machines.tag(node, tags)
        self._watch.tell_again(node)

    async def remove_node(self, node: str) -> None:
        """Move what can move elsewhere, then take the machine out of the Swarm.

        What is bound to it, or is not restarted, is removed; its volumes stay there.
        """
        async with self._machines.drained(node):
            services = await self._api.call("GET", "services", params=OURS)
            places = observations.places(await self._watch.tasks(OURS["filters"]))
            bound = [
                service["Spec"]["Labels"][service_specs.CONTAINER]
                for service in services
                if service_specs.pinned_to(service["Spec"]) == node
                or (
                    places.get(service["ID"]) == node
                    and service_specs.never_restarts(service["Spec"])
                )
            ]
            await asyncio.gather(
                *(self.remove_container(uuid, volumes=False) for uuid in bound)
            )

    async def tag_node(self, node: str, tags: Sequence[str]) -> None:
        await self._machines.tag(node, tags)

    async def join_token(self) -> str | None:
        """For ``docker swarm join --token TOKEN MANAGER:2377`` on the machine."""
        found = await self._api.call("GET", "swarm")
        return str(found["JoinTokens"]["Worker"])

    async def check_node(self, node: str) -> bool:
        answers = await self._machines.answers(node)
        # Should that change at once, it is not left at what is said now.
        self._watch.tell_again(node)
        return answers


def _tasks_of(service: Json) -> Json:
    """The filter for the tasks of a service."""
    return {"service": [service["ID"]]}


@contextlib.contextmanager
def _unless(status: int) -> Iterator[None]:
    """Let an answer with that status pass."""
    try:
        yield
    except DockerProblem as problem:
        if problem.status != status:
            raise
