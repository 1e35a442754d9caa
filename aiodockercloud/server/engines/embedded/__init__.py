"""The embedded engine: containers as asyncio tasks of this process.

A container runs an *image*, which is an async function::

    engine = Embedded(nodes=3)

    @engine.image("acme/worker", environment={"QUEUE": "mail"})
    async def worker(container: Container) -> int | None:
        container.print(f"working on {container.environment['QUEUE']}")
        await container.wait_stopped()

Its return value is the exit code. Restarts, exit codes, logs and exec follow from what
the function really does. Nothing of the host is run.
"""

from __future__ import annotations

import asyncio
import uuid as uuids
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Any

from .. import (
    ContainerSpec,
    EngineError,
    ImageInfo,
    ImageObservation,
    LogLine,
    NoSuchContainer,
    Observation,
    Observe,
    PortSpec,
)
from .clock import Clock, ManualClock
from .containers import EmbeddedContainer
from .exec import ShellSession
from .images import IDLE, Container, Image, ImageFunction, Images
from .logs import Log, Logs
from .nodes import EmbeddedNode, NumberPool

__all__ = ["Clock", "Container", "Embedded", "ManualClock"]

_MOST_CONTAINERS = 65_534


class Embedded:
    """An engine in this process.

    Args:
        nodes: How many nodes it starts with, or the tags of each of them:
            ``nodes=[["web"], ["web", "db"]]``.
        clock: The time its containers live in; a ``ManualClock`` in tests.
    """

    name = "embedded"
    volatile = True
    provisions = True
    fixed_addresses = True

    def __init__(
        self, *, nodes: int | Sequence[Sequence[str]] = 1, clock: Clock | None = None
    ) -> None:
        self._clock = clock or Clock()
        self._images = Images()
        self._observe: Observe | None = None
        self._containers: dict[str, EmbeddedContainer] = {}
        self._logs = Logs(self._clock)
        self._nodes: dict[str, EmbeddedNode] = {}
        self._node_numbers = NumberPool()
        self._container_numbers = NumberPool()
        for tags in [()] * nodes if isinstance(nodes, int) else nodes:
            self._create_node(str(uuids.uuid4()), tags)

    # --- for those who use it from Python ---------------------------------------------

    @property
    def nodes(self) -> Sequence[str]:
        """The ids of its nodes."""
        return tuple(self._nodes)

    def image(
        self,
        name: str,
        *,
        environment: Mapping[str, str] | None = None,
        command: str = "",
        entrypoint: str = "",
        ports: Sequence[int | tuple[int, str]] = (),
    ) -> Callable[[ImageFunction], ImageFunction]:
        """Register the decorated function as the image *name*.

        A name without a tag answers for every tag. *ports* are those it exposes; TCP
        ones among them are given host ports that ``Container.listen`` can open.
        """
        exposed = tuple((p, "tcp") if isinstance(p, int) else p for p in ports)
        info = ImageInfo(dict(environment or {}), command, entrypoint, exposed)

        def register(function: ImageFunction) -> ImageFunction:
            self._images.add(name, Image(function, info))
            return function

        return register

    def crash(self, uuid: str, exit_code: int = 1) -> None:
        """Make a running container end with this exit code, as if by itself.

        Raises:
            EngineError: It is not there or not running.
        """
        self._running(uuid).crash(exit_code)

    def push(self, name: str) -> None:
        """Pretend that an image was pushed: services with ``autoredeploy`` that run it
        are redeployed."""
        self._report(ImageObservation(name))

    def lose_node(self, node: str) -> None:
        """Cut a node off: its containers go on, but nothing is heard of them and
        nothing can be done to them.

        Raises:
            EngineError: There is no such node.
        """
        lost = self._node(node)
        lost.state = "unreachable"
        self._report(lost.observation())

    def recover_node(self, node: str) -> None:
        """Bring a lost node back and tell what its containers are now.

        Raises:
            EngineError: There is no such node.
        """
        recovered = self._node(node)
        recovered.state = "ready"
        self._report(recovered.observation())
        for container in self._containers.values():
            if container.node is recovered:
                self._report(container.observation())

    # --- the Engine protocol: observing -----------------------------------------------

    async def start(self, observe: Observe) -> None:
        self._observe = observe
        for node in self._nodes.values():
            self._report(node.observation())
        for container in self._containers.values():
            self._report(container.observation())

    async def close(self) -> None:
        self._observe = None
        ending = list(self._containers.values())
        await asyncio.gather(*(container.stop(grace=0) for container in ending))
        for container in ending:
            self._forget(container)

    def _report(self, observation: Observation) -> None:
        if self._observe is not None:
            self._observe(observation)

    # --- the Engine protocol: containers ----------------------------------------------

    async def image_info(self, name: str) -> ImageInfo | None:
        image = self._images.get(name)
        return image.info if image else None

    def check(self, options: Mapping[str, Any], ports: Sequence[PortSpec]) -> None:
        """Every option is taken; those that limit a process mean nothing here."""

    async def create(self, spec: ContainerSpec) -> None:
        if container := self._containers.get(spec.uuid):
            self._report(container.observation())
            return
        node = self._node(spec.node)
        self._check_reachable(node)
        for peer in spec.volumes_from:
            found = self._containers.get(peer)
            if found is None or found.node is not node:
                raise EngineError(f"volumes_from: {peer} is not on {node.hostname}")
        if len(self._containers) >= _MOST_CONTAINERS:
            raise EngineError("no free address in 10.7.0.0/16")
        container = EmbeddedContainer(
            spec,
            self._images.get(spec.image) or IDLE,
            node,
            number=self._container_numbers.take(),
            log=Log(self._logs),
            clock=self._clock,
            report=self._report,
        )
        self._containers[spec.uuid] = container
        try:
            container.launch()
        except EngineError:
            self._forget(container)
            raise

    async def image_digest(
        self, name: str, credentials: tuple[str, str] | None
    ) -> str | None:
        """Not known: ``push`` tells."""
        return None

    async def start_container(
        self, uuid: str, *, credentials: tuple[str, str] | None = None
    ) -> None:
        container = self._reachable(uuid)
        if container.active:
            self._report(container.observation())
        else:
            container.launch()

    async def stop_container(self, uuid: str) -> None:
        container = self._reachable(uuid)
        if container.active:
            await container.stop()
        else:
            self._report(container.observation())

    async def remove_container(self, uuid: str, *, volumes: bool) -> None:
        if uuid in self._containers:
            container = self._reachable(uuid)
            await container.stop(grace=0)
            self._remove(container)

    def logs(
        self, uuid: str, *, tail: int | None, follow: bool, since_ns: int = 0
    ) -> AsyncGenerator[LogLine, None]:
        if uuid in self._containers or (log := self._logs.removed(uuid)) is None:
            log = self._reachable(uuid).log
        return log.lines(tail=tail, follow=follow, since_ns=since_ns)

    def time_ns(self) -> int:
        return self._logs.stamp()

    async def exec(self, uuid: str, command: Sequence[str]) -> ShellSession:
        self._reachable(uuid)
        return self._running(uuid).exec(command)

    def _remove(self, container: EmbeddedContainer) -> None:
        if container.state != "gone":
            self._forget(container)
            self._logs.keep(container.spec.uuid, container.log)
            container.report_removed()

    def _forget(self, container: EmbeddedContainer) -> None:
        if self._containers.pop(container.spec.uuid, None):
            self._container_numbers.give_back(container.number)
        container.log.close()

    def _reachable(self, uuid: str) -> EmbeddedContainer:
        container = self._containers.get(uuid)
        if container is None:
            raise NoSuchContainer(f"No such container: {uuid}")
        self._check_reachable(container.node)
        return container

    def _running(self, uuid: str) -> EmbeddedContainer:
        container = self._containers.get(uuid)
        if container is None or container.state != "running":
            raise EngineError(f"Container {uuid} is not running")
        return container

    # --- the Engine protocol: nodes ---------------------------------------------------

    async def add_node(self, node: str, tags: Sequence[str]) -> None:
        if node not in self._nodes:
            self._create_node(node, tags)
        self._report(self._nodes[node].observation())

    async def remove_node(self, node: str) -> None:
        removed = self._node(node)
        removed.state = "gone"
        leaving = [c for c in self._containers.values() if c.node is removed]
        await asyncio.gather(*(container.stop(grace=0) for container in leaving))
        for container in leaving:
            self._remove(container)
        if self._nodes.pop(node, None):
            self._node_numbers.give_back(removed.index)
        self._report(removed.observation())

    async def tag_node(self, node: str, tags: Sequence[str]) -> None:
        self._node(node).tags = tuple(tags)

    async def join_token(self) -> str | None:
        return None

    async def check_node(self, node: str) -> bool:
        return node in self._nodes and self._nodes[node].state == "ready"

    def _create_node(self, node: str, tags: Sequence[str]) -> None:
        self._nodes[node] = EmbeddedNode(node, self._node_numbers.take(), tags)

    def _node(self, node: str) -> EmbeddedNode:
        if node not in self._nodes:
            raise EngineError(f"No such node: {node}")
        return self._nodes[node]

    def _check_reachable(self, node: EmbeddedNode) -> None:
        if node.state != "ready":
            raise EngineError(f"node {node.hostname} is {node.state}")
