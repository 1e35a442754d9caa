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
from .nodes import Machine, NumberPool

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
        self._machines: dict[str, Machine] = {}
        self._machine_numbers = NumberPool()
        self._container_numbers = NumberPool()
        for tags in [()] * nodes if isinstance(nodes, int) else nodes:
            self._add_machine(str(uuids.uuid4()), tags)

    # --- for those who use it from Python ---------------------------------------------

    @property
    def nodes(self) -> Sequence[str]:
        """The ids of its nodes."""
        return tuple(self._machines)

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
        self._tell(ImageObservation(name))

    def lose_node(self, node: str) -> None:
        """Cut a node off: its containers go on, but nothing is heard of them and
        nothing can be done to them.

        Raises:
            EngineError: There is no such node.
        """
        machine = self._machine(node)
        machine.state = "unreachable"
        self._tell(machine.seen())

    def recover_node(self, node: str) -> None:
        """Bring a lost node back and tell what its containers are now.

        Raises:
            EngineError: There is no such node.
        """
        machine = self._machine(node)
        machine.state = "ready"
        self._tell(machine.seen())
        for held in self._containers.values():
            if held.machine is machine:
                self._tell(held.seen())

    # --- the Engine protocol: observing -----------------------------------------------

    async def start(self, observe: Observe) -> None:
        self._observe = observe
        for machine in self._machines.values():
            self._tell(machine.seen())
        for held in self._containers.values():
            self._tell(held.seen())

    async def close(self) -> None:
        self._observe = None
        ending = list(self._containers.values())
        await asyncio.gather(*(held.stop(grace=0) for held in ending))
        for held in ending:
            self._forget(held)

    def _tell(self, observation: Observation) -> None:
        if self._observe is not None:
            self._observe(observation)

    # --- the Engine protocol: containers ----------------------------------------------

    async def image_info(self, name: str) -> ImageInfo | None:
        image = self._images.get(name)
        return image.info if image else None

    def check(self, options: Mapping[str, Any], ports: Sequence[PortSpec]) -> None:
        """Every option is taken; those that limit a process mean nothing here."""

    async def create(self, spec: ContainerSpec) -> None:
        if held := self._containers.get(spec.uuid):
            self._tell(held.seen())
            return
        machine = self._machine(spec.node)
        self._check_reachable(machine)
        for peer in spec.volumes_from:
            found = self._containers.get(peer)
            if found is None or found.machine is not machine:
                raise EngineError(f"volumes_from: {peer} is not on {machine.hostname}")
        if len(self._containers) >= _MOST_CONTAINERS:
            raise EngineError("no free address in 10.7.0.0/16")
        held = EmbeddedContainer(
            spec,
            self._images.get(spec.image) or IDLE,
            machine,
            number=self._container_numbers.take(),
            log=Log(self._logs),
            clock=self._clock,
            tell=self._tell,
        )
        self._containers[spec.uuid] = held
        try:
            held.launch()
        except EngineError:
            self._forget(held)
            raise

    async def image_digest(
        self, name: str, credentials: tuple[str, str] | None
    ) -> str | None:
        """Not known: ``push`` tells."""
        return None

    async def start_container(
        self, uuid: str, *, credentials: tuple[str, str] | None = None
    ) -> None:
        held = self._reachable(uuid)
        if held.active:
            self._tell(held.seen())
        else:
            held.launch()

    async def stop_container(self, uuid: str) -> None:
        held = self._reachable(uuid)
        if held.active:
            await held.stop()
        else:
            self._tell(held.seen())

    async def remove_container(self, uuid: str, *, volumes: bool) -> None:
        if uuid in self._containers:
            held = self._reachable(uuid)
            await held.stop(grace=0)
            self._remove(held)

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

    def _remove(self, held: EmbeddedContainer) -> None:
        if held.state != "gone":
            self._forget(held)
            self._logs.keep(held.spec.uuid, held.log)
            held.leave()

    def _forget(self, held: EmbeddedContainer) -> None:
        if self._containers.pop(held.spec.uuid, None):
            self._container_numbers.give_back(held.number)
        held.log.close()

    def _reachable(self, uuid: str) -> EmbeddedContainer:
        held = self._containers.get(uuid)
        if held is None:
            raise NoSuchContainer(f"No such container: {uuid}")
        self._check_reachable(held.machine)
        return held

    def _running(self, uuid: str) -> EmbeddedContainer:
        held = self._containers.get(uuid)
        if held is None or held.state != "running":
            raise EngineError(f"Container {uuid} is not running")
        return held

    # --- the Engine protocol: nodes ---------------------------------------------------

    async def add_node(self, node: str, tags: Sequence[str]) -> None:
        if node not in self._machines:
            self._add_machine(node, tags)
        self._tell(self._machines[node].seen())

    async def remove_node(self, node: str) -> None:
        machine = self._machine(node)
        machine.state = "gone"
        leaving = [h for h in self._containers.values() if h.machine is machine]
        await asyncio.gather(*(held.stop(grace=0) for held in leaving))
        for held in leaving:
            self._remove(held)
        if self._machines.pop(node, None):
            self._machine_numbers.give_back(machine.index)
        self._tell(machine.seen())

    async def tag_node(self, node: str, tags: Sequence[str]) -> None:
        self._machine(node).tags = tuple(tags)

    async def join_token(self) -> str | None:
        return None

    async def check_node(self, node: str) -> bool:
        return node in self._machines and self._machines[node].state == "ready"

    def _add_machine(self, node: str, tags: Sequence[str]) -> None:
        self._machines[node] = Machine(node, self._machine_numbers.take(), tags)

    def _machine(self, node: str) -> Machine:
        if node not in self._machines:
            raise EngineError(f"No such node: {node}")
        return self._machines[node]

    def _check_reachable(self, machine: Machine) -> None:
        if machine.state != "ready":
            raise EngineError(f"node {machine.hostname} is {machine.state}")
