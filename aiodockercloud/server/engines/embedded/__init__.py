"""The embedded engine: containers as asyncio tasks of this process.

A container runs an *image*, which is an async function::

    engine = Embedded(nodes=3)

    @engine.image("acme/worker", environment={"QUEUE": "mail"})
    async def worker(container: Container) -> int | None:
        container.print(f"working on {container.environment['QUEUE']}")
        await container.wait_stopped()

The return value is the exit code. Restarts, exit codes, logs and exec follow from what
the function really does. The engine runs no program of the host.
"""

from __future__ import annotations

import asyncio
import uuid as uuids
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from typing import Any

from .... import checks
from .. import (
    ContainerSpec,
    EngineError,
    ImageInfo,
    ImageObservation,
    LogLine,
    NoSuchContainer,
    Observation,
    Observe,
)
from . import supported
from .builtin import BUILT_IN, IDLE
from .clock import Clock, ManualClock
from .containers import EmbeddedContainer
from .exec import ShellSession
from .files import Storage
from .images import Image, ImageFunction, Images
from .logs import Log, Logs
from .network import Network
from .nodes import EmbeddedNode, NumberPool
from .runtime import Container
from .settings import EmbeddedSettings

__all__ = ["Clock", "Container", "Embedded", "EmbeddedSettings", "ManualClock"]


class Embedded:
    """An engine whose containers are asyncio tasks of this process.

    Every image that is not registered with ``image`` runs as a simulation, which is
    idle until it is stopped. These images are registered from the beginning:

    - ``dockercloud/hello-world`` and ``tutum/hello-world`` answer HTTP on port 80;
    - ``busybox`` and ``alpine`` run their command in a small shell.

    Args:
        nodes: The first nodes: their number, or tags, as ``[["web"], ["web", "db"]]``.
        clock: The time of the containers; a ``ManualClock`` in tests.
        settings: Times and bounds.

    Raises:
        ValueError: The number of nodes is negative or above 10,000.
    """

    name = "embedded"
    volatile = True
    provisions = True
    log_details = False
    fixed_addresses = True

    def __init__(
        self,
        *,
        nodes: int | Sequence[Sequence[str]] = 1,
        clock: Clock | None = None,
        settings: EmbeddedSettings | None = None,
    ) -> None:
        self._clock = clock or Clock()
        self._settings = settings or EmbeddedSettings()
        self._images = Images(BUILT_IN)
        self._observe: Observe | None = None
        self._containers: dict[str, EmbeddedContainer] = {}
        self._logs = Logs(self._clock, self._settings)
        self._nodes: dict[str, EmbeddedNode] = {}
        #: Node → the uuids of its volumes.
        self._volumes: dict[str, set[str]] = defaultdict(set)
        self._node_numbers = NumberPool()
        self._network = Network(self._settings)
        self._storage = Storage(self._settings)
        for tags in [()] * checks.nodes(nodes) if isinstance(nodes, int) else nodes:
            self._create_node(str(uuids.uuid4()), tags)

    # --- for programs that use the engine from Python ---------------------------------

    @property
    def nodes(self) -> Sequence[str]:
        """The ids of the nodes, in the order of their creation."""
        return tuple(self._nodes)

    def image(
        self,
        name: str,
        *,
        environment: Mapping[str, str] | None = None,
        command: str = "",
        entrypoint: str = "",
        ports: Sequence[int | tuple[int, str]] = (),
        healthcheck: bool = False,
    ) -> Callable[[ImageFunction], ImageFunction]:
        """Register the decorated function as an image.

        The function receives a ``Container`` for each run and returns the exit code;
        None means 0. An exception means exit code 1 and is reported on standard error.

        Args:
            name: The name of the image. A name without a tag stands for each tag that
                is not registered by itself. An image of the same name is replaced.
            environment: The variables of the image.
            command: The command of containers whose service states none.
            entrypoint: The entrypoint of containers whose service states none.
            ports: The ports that the image exposes: ``80`` for TCP, or
                ``(53, "udp")``. A published TCP port among them gets a host port that
                ``Container.listen`` can open.
            healthcheck: Whether the function reports its health with
                ``Container.healthy``. Until then, the health is ``starting``.

        Returns:
            A decorator that returns the function unchanged.

        Raises:
            ValueError: On decoration, when *name* is no name of an image.
        """
        exposed = tuple((p, "tcp") if isinstance(p, int) else p for p in ports)
        info = ImageInfo(dict(environment or {}), command, entrypoint, exposed)

        def register(function: ImageFunction) -> ImageFunction:
            self._images.add(name, Image(function, info, healthcheck))
            return function

        return register

    def crash(self, uuid: str, exit_code: int = 1) -> None:
        """End the run of a container, as if its function had returned an exit code.

        The restart policy applies.

        Args:
            uuid: The uuid of the container.
            exit_code: The exit code; the lowest eight bits count.

        Raises:
            EngineError: The container does not exist or is not running.
        """
        self._running(uuid).crash(exit_code)

    def push(self, name: str) -> None:
        """Report an image as pushed to its registry.

        The control plane then redeploys the services with ``autoredeploy`` that run the
        image.

        Args:
            name: The name of the image.
        """
        self._report(ImageObservation(name))

    def lose_node(self, node: str) -> None:
        """Make a node unreachable.

        The containers of the node run on. Until ``recover_node`` the engine reports
        nothing about them, and each operation on them fails.

        Args:
            node: The id of the node.

        Raises:
            EngineError: The node does not exist.
        """
        lost = self._node(node)
        lost.state = "unreachable"
        self._report(lost.observation())

    def recover_node(self, node: str) -> None:
        """Make a lost node reachable again, and report its containers as they are.

        Args:
            node: The id of the node.

        Raises:
            EngineError: The node does not exist.
        """
        recovered = self._node(node)
        recovered.state = "ready"
        self._report(recovered.observation())
        for container in self._containers.values():
            if container.node is recovered:
                self._report(container.observation())

    # --- the Engine protocol: observing -----------------------------------------------

    async def start(self, observe: Observe) -> None:
        """Begin to report, first all nodes and containers; see ``Engine``."""
        self._observe = observe
        for node in self._nodes.values():
            self._report(node.observation())
        for container in self._containers.values():
            self._report(container.observation())

    async def close(self) -> None:
        """Stop reporting, and remove all containers; see ``Engine``."""
        self._observe = None
        ending = list(self._containers.values())
        await asyncio.gather(*(container.kill() for container in ending))
        for container in ending:
            self._forget(container)
        self._network.close()
        self._storage.close()

    async def ping(self) -> None:
        """Do nothing: the engine is in this process; see ``Engine``."""

    def _report(self, observation: Observation) -> None:
        if self._observe is not None:
            self._observe(observation)

    # --- the Engine protocol: containers ----------------------------------------------

    async def image_info(self, name: str) -> ImageInfo | None:
        """Return the facts of a registered image, else None; see ``Engine``."""
        return image.info if (image := self._images.get(name)) else None

    async def has_image(
        self, name: str, credentials: tuple[str, str] | None
    ) -> bool | None:
        """Return True: an image that is not registered runs as a simulation."""
        return True

    check: staticmethod[..., None] = staticmethod(supported.check)

    async def create(self, spec: ContainerSpec) -> None:
        """Create and start a container; see ``Engine``.

        Raises:
            EngineError: The node does not exist or is unreachable, a container of
                ``volumes_from`` is not on the node, the command cannot be split into
                words, or no address or host port is free.
        """
        if existing := self._containers.get(spec.uuid):
            self._report(existing.observation())
            return
        (node := self._node(spec.node)).check_reachable()
        shared = []
        for peer in spec.volumes_from:
            found = self._containers.get(peer)
            if found is None or found.node is not node:
                raise EngineError(f"volumes_from: {peer} is not on {node.hostname}")
            shared.append(found.files)
        if len(self._containers) >= self._settings.most_containers:
            raise EngineError("no free address in the private network")
        container = EmbeddedContainer(
            spec,
            self._images.get(spec.image) or IDLE,
            node,
            network=self._network,
            files=self._storage.files(spec, shared),
            log=Log(self._logs),
            clock=self._clock,
            settings=self._settings,
            report=self._report,
        )
        self._containers[spec.uuid] = container
        self._volumes[spec.node] |= {m.volume for m in spec.mounts if m.volume}
        try:
            container.launch()
        except EngineError:
            self._forget(container)
            raise

    async def image_digest(
        self, name: str, credentials: tuple[str, str] | None
    ) -> str | None:
        """Return None, because ``push`` reports each push."""
        return None

    async def start_container(
        self, uuid: str, *, credentials: tuple[str, str] | None = None
    ) -> None:
        """Start a stopped container; see ``Engine``.

        Raises:
            NoSuchContainer: The container does not exist.
            EngineError: The node is unreachable, or a host port is taken.
        """
        container = self._reachable(uuid)
        if container.active:
            self._report(container.observation())
        else:
            container.launch()

    async def stop_container(self, uuid: str) -> None:
        """Stop a container; see ``Engine``.

        Raises:
            NoSuchContainer: The container does not exist.
            EngineError: The node is unreachable.
        """
        container = self._reachable(uuid)
        if container.active:
            await container.stop()
        else:
            self._report(container.observation())

    @property
    def volumes(self) -> frozenset[str]:
        """The uuids of the volumes of all nodes."""
        return frozenset().union(*self._volumes.values())

    async def remove_volumes(self, node: str, volumes: Collection[str]) -> None:
        """Remove volumes; see ``Engine``.

        Raises:
            EngineError: The node does not exist or is unreachable.
        """
        self._node(node).check_reachable()
        self._remove_volumes(node, volumes)

    def _remove_volumes(self, node: str, volumes: Collection[str]) -> None:
        self._volumes[node].difference_update(volumes)
        self._storage.remove_volumes(node, volumes)

    async def remove_container(self, uuid: str, *, volumes: Collection[str]) -> None:
        """Stop a container if it exists, and remove the container; see ``Engine``.

        Raises:
            EngineError: The node is unreachable.
        """
        if uuid in self._containers:
            container = self._reachable(uuid)
            await container.stop()
            self._remove(container)
            self._remove_volumes(container.spec.node, volumes)

    def logs(
        self, uuid: str, *, tail: int | None, follow: bool, since_ns: int = 0, **_: Any
    ) -> AsyncGenerator[LogLine, None]:
        """Yield the lines of a log, which have no details; see ``Engine``.

        Raises:
            NoSuchContainer: The container does not exist, and its log is not kept.
            EngineError: The node is unreachable.
        """
        if uuid in self._containers or (log := self._logs.removed(uuid)) is None:
            log = self._reachable(uuid).log
        return log.lines(tail=tail, follow=follow, since_ns=since_ns)

    def time_ns(self) -> int:
        """Return the time of the log's clock in nanoseconds since 1970."""
        return self._logs.stamp()

    async def exec(self, uuid: str, command: Sequence[str]) -> ShellSession:
        """Run a command of the small shell in a container; see ``Engine``.

        Raises:
            NoSuchContainer: The container does not exist.
            EngineError: The container is not running, or the node is unreachable.
        """
        self._reachable(uuid)
        return self._running(uuid).exec(command)

    def _remove(self, container: EmbeddedContainer) -> None:
        if container.state != "gone":
            self._forget(container)
            self._logs.keep(container.spec.uuid, container.log)
            container.report_removed()

    def _forget(self, container: EmbeddedContainer) -> None:
        if self._containers.pop(container.spec.uuid, None):
            container.leave()
            self._storage.remove_container(container.spec.uuid)
        container.log.close()

    def _reachable(self, uuid: str) -> EmbeddedContainer:
        container = self._containers.get(uuid)
        if container is None:
            raise NoSuchContainer(f"No such container: {uuid}")
        container.node.check_reachable()
        return container

    def _running(self, uuid: str) -> EmbeddedContainer:
        container = self._containers.get(uuid)
        if container is None or container.state != "running":
            raise EngineError(f"Container {uuid} is not running")
        return container

    # --- the Engine protocol: nodes ---------------------------------------------------

    async def add_node(self, node: str, tags: Sequence[str]) -> None:
        """Create a node under an id and report the node; see ``Engine``."""
        if node not in self._nodes:
            self._create_node(node, tags)
        self._report(self._nodes[node].observation())

    async def remove_node(self, node: str) -> None:
        """Remove a node and its containers; see ``Engine``.

        Raises:
            EngineError: The node does not exist.
        """
        removed = self._node(node)
        reachable = removed.state == "ready"
        removed.state = "gone"
        leaving = [c for c in self._containers.values() if c.node is removed]
        await asyncio.gather(*(c.stop() if reachable else c.kill() for c in leaving))
        for container in leaving:
            self._remove(container)
        if self._nodes.pop(node, None):
            self._node_numbers.give_back(removed.index)
        self._volumes.pop(node, None)
        self._storage.remove_node(node)
        self._report(removed.observation())

    async def tag_node(self, node: str, tags: Sequence[str]) -> None:
        """Replace the tags of a node; see ``Engine``.

        Raises:
            EngineError: The node does not exist.
        """
        self._node(node).tags = tuple(tags)
        self._report(self._node(node).observation())  # tags are labels, too

    async def join_token(self) -> str | None:
        """Return None: no node joins this engine from outside."""
        return None

    async def check_node(self, node: str) -> bool:
        """Return whether a node exists and is reachable; see ``Engine``."""
        return node in self._nodes and self._nodes[node].state == "ready"

    def _create_node(self, node: str, tags: Sequence[str]) -> None:
        index = self._node_numbers.take()
        self._nodes[node] = EmbeddedNode(node, index, tags, self._settings)

    def _node(self, node: str) -> EmbeddedNode:
        if node not in self._nodes:
            raise EngineError(f"No such node: {node}")
        return self._nodes[node]
