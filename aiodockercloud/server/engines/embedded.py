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
import secrets
import traceback
import uuid as uuids
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from . import (
    ContainerSeen,
    ContainerSpec,
    EngineError,
    ImageInfo,
    ImageSeen,
    LogLine,
    NoSuchContainer,
    Observation,
    Observe,
    PortSpec,
)
from .clock import Clock, ManualClock
from .embedded_logs import Log, Logs
from .images import IDLE, Container, Image, ImageFunction, Images, command_line
from .machine import HostPorts, Machine, Numbers
from .session import ShellSession

__all__ = ["Clock", "Container", "Embedded", "ManualClock"]

#: Seconds from being asked to stop to being made to.
_GRACE = 10.0
#: Docker's pauses between restarts, in seconds: doubled each time, back to the first
#: after a run of ten.
_FIRST_PAUSE, _LONGEST_PAUSE, _GOOD_RUN = 0.1, 60.0, 10.0
#: Exit codes of a process ended by SIGTERM and by SIGKILL.
_TERMINATED, _KILLED = 143, 137
_MOST_CONTAINERS = 65_534


@dataclass(slots=True, eq=False)
class _Held:
    """A container and what it is doing."""

    spec: ContainerSpec
    machine: Machine
    image: Image
    command: Sequence[str]
    environment: dict[str, str]
    hostname: str
    user: str
    number: int
    log: Log
    docker_id: str = field(default_factory=partial(secrets.token_hex, 32))
    ports: HostPorts = field(default_factory=HostPorts)
    state: Literal["starting", "running", "stopped", "gone"] = "stopped"
    exit_code: int | None = None
    message: str = ""
    task: asyncio.Task[int] | None = None
    run: Container | None = None
    #: Exit code for a run that is cancelled: by stopping it, or by ``crash``.
    ending: int | None = None
    crash: int | None = None
    sessions: set[ShellSession] = field(default_factory=set)

    @property
    def private_ip(self) -> str:
        number = self.number + 1
        return f"10.7.{number >> 8}.{number & 255}"

    def seen(self) -> ContainerSeen:
        return ContainerSeen(
            uuid=self.spec.uuid,
            state=self.state,
            exit_code=self.exit_code,
            message=self.message,
            docker_id=self.docker_id,
            private_ip=self.private_ip,
            ports={key: tuple(found) for key, found in self.ports.numbers.items()},
        )


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
        self._containers: dict[str, _Held] = {}
        self._logs = Logs(self._clock)
        self._machines: dict[str, Machine] = {}
        self._machine_numbers = Numbers()
        self._container_numbers = Numbers()
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
        held = self._running(uuid)
        held.crash = exit_code & 255
        if held.task is not None and held.run is not None:  # else it has not begun
            held.task.cancel()

    def push(self, name: str) -> None:
        """Pretend that an image was pushed: services with ``autoredeploy`` that run it
        are redeployed."""
        self._tell(ImageSeen(name))

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
        await asyncio.gather(*(self._end(held, grace=0) for held in ending))
        for held in ending:
            self._forget(held)

    def _tell(self, observation: Observation) -> None:
        if self._observe is not None:
            self._observe(observation)

    def _change(
        self,
        held: _Held,
        state: Literal["starting", "running", "stopped", "gone"],
        exit_code: int | None = None,
    ) -> None:
        held.state, held.exit_code = state, exit_code
        if held.machine.state != "unreachable":
            self._tell(held.seen())

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
        image = self._images.get(spec.image) or IDLE
        hostname = str(spec.options.get("hostname") or spec.name)
        held = _Held(
            spec=spec,
            machine=machine,
            image=image,
            command=command_line(spec, image.info),
            environment={
                "PATH": "/usr/local/bin:/usr/bin:/bin",
                "HOSTNAME": hostname,
                "HOME": "/root",
                **image.info.environment,
                **spec.environment,
            },
            hostname=hostname,
            user=str(spec.options.get("user") or "root"),
            number=self._container_numbers.take(),
            log=Log(self._logs),
        )
        for variable in spec.address_variables:
            held.environment[variable] = f"{held.private_ip}/16"
        self._containers[spec.uuid] = held
        try:
            self._launch(held)
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
        if held.task is None:
            self._launch(held)
        else:
            self._tell(held.seen())

    async def stop_container(self, uuid: str) -> None:
        held = self._reachable(uuid)
        if held.task is None:
            self._tell(held.seen())
        await self._end(held, grace=_GRACE)

    async def remove_container(self, uuid: str, *, volumes: bool) -> None:
        if uuid in self._containers:
            held = self._reachable(uuid)
            await self._end(held, grace=0)
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
        held = self._running(uuid)
        session = ShellSession(
            command,
            environment=held.environment,
            clock=self._clock,
            hostname=held.hostname,
            user=held.user,
        )
        held.sessions.add(session)
        session.when_done(held.sessions.discard)
        return session

    def _launch(self, held: _Held) -> None:
        held.ports = held.machine.claim(held.spec.ports, held.image.info.ports)
        held.ending = held.crash = None
        held.message = ""
        self._change(held, "running")
        held.task = asyncio.create_task(self._keep_running(held))
        # Not the end of _keep_running: a task cancelled early never gets that far.
        held.task.add_done_callback(partial(self._ended, held))

    async def _keep_running(self, held: _Held) -> int:
        """Run it as often as its restart policy wants; the last exit code."""
        pause = _FIRST_PAUSE
        while True:
            began = self._clock.monotonic()
            code = await self._run(held)
            policy = held.spec.autorestart
            if held.ending is not None or not (
                policy == "ALWAYS" or (policy == "ON_FAILURE" and code)
            ):
                return code
            if self._clock.monotonic() - began >= _GOOD_RUN:
                pause = _FIRST_PAUSE
            self._change(held, "starting", code)
            await self._clock.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
            held.message = ""
            self._change(held, "running")

    async def _run(self, held: _Held) -> int:
        held.run = container = Container(
            held.spec,
            command=held.command,
            environment=held.environment,
            hostname=held.hostname,
            user=held.user,
            address=held.machine.address,
            ports=held.ports,
            clock=self._clock,
            log=held.log.write,
        )
        code: object = None
        try:
            if held.crash is None:
                code = await held.image.function(container)
        except SystemExit as exit:
            code = exit.code if isinstance(exit.code, int | None) else 1
        except asyncio.CancelledError:
            code = held.ending
            if code is None and held.crash is None:  # it has cancelled itself
                code = 1
        except Exception as error:
            code = 1
            held.message = traceback.format_exception_only(error)[-1].strip()
            container.error(held.message)
        finally:
            held.run = None
            for session in list(held.sessions):
                session.kill()
        if held.crash is not None and held.ending is None:
            code, held.crash = held.crash, None
            if (task := asyncio.current_task()) is not None:
                task.uncancel()
        return code & 255 if isinstance(code, int) else 0

    def _ended(self, held: _Held, task: asyncio.Task[int]) -> None:
        held.task = None
        held.machine.release(held.ports)
        if not task.cancelled():
            code = task.result()
        elif held.exit_code is not None:  # while it waited to be restarted
            code = held.exit_code
        else:
            code = held.ending or _KILLED
        self._change(held, "stopped", code)

    async def _end(self, held: _Held, *, grace: float) -> None:
        """End its task: ask, where the function listens, then cancel it."""
        task = held.task
        if task is None:
            return
        sessions = list(held.sessions)
        held.ending = _TERMINATED if grace else _KILLED
        if grace and held.run is not None:
            held.run.stopping.set()
            if held.run.stops_itself:
                timer = asyncio.create_task(self._clock.sleep(grace))
                try:
                    await asyncio.wait({task, timer}, return_when="FIRST_COMPLETED")
                finally:
                    timer.cancel()
                await asyncio.wait({timer})
                held.ending = _KILLED
        while not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=_GRACE)
        for session in sessions:
            await session.close()

    def _remove(self, held: _Held) -> None:
        if held.state != "gone":
            self._forget(held)
            self._logs.keep(held.spec.uuid, held.log)
            self._change(held, "gone", held.exit_code)

    def _forget(self, held: _Held) -> None:
        if self._containers.pop(held.spec.uuid, None):
            self._container_numbers.give_back(held.number)
        held.log.close()

    def _reachable(self, uuid: str) -> _Held:
        held = self._containers.get(uuid)
        if held is None:
            raise NoSuchContainer(f"No such container: {uuid}")
        self._check_reachable(held.machine)
        return held

    def _running(self, uuid: str) -> _Held:
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
        await asyncio.gather(*(self._end(held, grace=0) for held in leaving))
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
