"""What the control plane asks of an engine: one container, one node at a time.

An engine knows no service, stack, state table or name rule. It makes a container be
there, stops it, starts it, removes it, hands out its logs, runs a command in it, and
tells what it sees: observations, which the control plane turns into states and events.
Which node a container goes to is decided above: ``ContainerSpec.node``.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol


class EngineError(Exception):
    """The engine cannot do what was asked; the text is for the action's log."""


class NoSuchContainer(EngineError):
    """The engine has no container of this uuid."""


class EngineUnavailable(EngineError):
    """The engine cannot be reached now; the same request may work later."""


class NotSupportedByEngine(EngineError):
    """The engine can never do this, whatever the fields are."""


class UnsupportedField(EngineError):
    """The engine cannot do what a field of a definition says.

    The text is ``"field: what is wrong, what is allowed"``.
    """


class PortSpec(NamedTuple):
    """One port of a container. ``outer`` is None for a host port of engine's choice."""

    inner: int
    protocol: str
    published: bool
    outer: int | None


class MountSpec(NamedTuple):
    """One volume of a container: a named volume or a path of the node."""

    container_path: str
    volume: str | None
    host_path: str | None
    writable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSpec:
    """All that makes a container. ``None`` leaves a thing as the image has it."""

    uuid: str
    name: str
    service: str
    stack: str | None
    namespace: str
    #: The node it goes to. Unless it is *pinned* there, because of its volumes or its
    #: strategy, the engine may choose and later move it among nodes with all *tags*.
    node: str
    pinned: bool = True
    tags: Sequence[str] = ()
    image: str
    #: User and password for the image's registry.
    credentials: tuple[str, str] | None = field(default=None, repr=False)
    command: str | None = None
    entrypoint: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    #: Variables that get its private address, ``10.7.0.3/16``, as far as the engine
    #: knows it before the container runs.
    address_variables: Sequence[str] = ()
    ports: Sequence[PortSpec] = ()
    mounts: Sequence[MountSpec] = ()
    #: Containers (uuids) whose volumes this one shares; they are on the same node.
    volumes_from: Sequence[str] = ()
    #: Names under which others reach it on the private network.
    aliases: Sequence[str] = ()
    autorestart: Literal["OFF", "ON_FAILURE", "ALWAYS"] = "OFF"
    #: The remaining fields of the API under their own names: ``memory`` in MB, …
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerObservation:
    """A container as it is now. ``stopped`` is final: restarts were tried before."""

    uuid: str
    state: Literal["starting", "running", "stopped", "gone"]
    exit_code: int | None = None
    #: Why it stopped or could not start, in the engine's words.
    message: str = ""
    docker_id: str | None = None
    #: The node it is on, where the engine may have chosen another one.
    node: str | None = None
    private_ip: str | None = None
    #: ``(inner port, protocol)`` → host ports.
    ports: Mapping[tuple[int, str], Sequence[int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeObservation:
    """A machine as it is now. Memory is in MB, disk in GB."""

    id: str
    hostname: str
    address: str
    state: Literal["ready", "unreachable", "gone"]
    cpu: int
    memory: int
    disk: int
    docker_version: str
    storage_driver: str = ""
    tags: Sequence[str] = ()
    #: Why it takes no containers although it answers, in a word; empty: it takes them.
    unschedulable: str = ""


@dataclass(frozen=True, slots=True)
class ImageObservation:
    """The tag of an image now means another image: somebody pushed it."""

    name: str


Observation = ContainerObservation | NodeObservation | ImageObservation
Observe = Callable[[Observation], None]


class ImageInfo(NamedTuple):
    """What an image brings: its variables, its command, its exposed ports."""

    environment: Mapping[str, str]
    command: str
    entrypoint: str
    ports: Sequence[tuple[int, str]]


class LogLine(NamedTuple):
    """One line of output; ``time_ns`` is nanoseconds since 1970, no newline in text.

    Those of one container have growing stamps. In place of lines that cannot be had
    there is a word of the engine's own: how many of them are missing, None if unknown.
    """

    time_ns: int
    stream: Literal["stdout", "stderr"]
    text: str
    missing: int | None = 0


class ExecSession(Protocol):
    """A command running in a container. Closing it ends the command."""

    #: None until the output has ended.
    exit_code: int | None

    def output(self) -> AsyncIterator[tuple[Literal["stdout", "stderr"], str]]: ...
    async def write(self, data: str) -> None: ...
    async def close(self) -> None: ...


class Engine(Protocol):
    """The whole contract; ``tests/contract/test_engine_contract.py`` tests it."""

    name: str
    #: It has machines to give: nodes can be deployed, upgraded, taken out.
    provisions: bool
    #: A container keeps its private address as long as it is there.
    fixed_addresses: bool
    #: Containers end with the server's process: what should run is created again.
    volatile: bool

    async def start(self, observe: Observe) -> None:
        """Begin to observe. All that is there has been told when this returns."""

    async def close(self) -> None:
        """Stop observing; a volatile engine ends its containers. Safe to repeat."""

    async def image_info(self, name: str) -> ImageInfo | None:
        """What is known about an image, None when nothing is known before a pull."""

    def check(self, options: Mapping[str, Any], ports: Sequence[PortSpec]) -> None:
        """Raise ``BadRequest`` naming the field this engine cannot honour."""

    async def create(self, spec: ContainerSpec) -> None:
        """Make it be there and run. Repeating it for a uuid that is there is safe."""

    async def image_digest(
        self, name: str, credentials: tuple[str, str] | None
    ) -> str | None:
        """What the tag of an image means now, ``sha256:…``, as its registry says.

        None when that cannot be told, or when the engine tells of pushes by itself
        (``ImageObservation``).
        """

    async def start_container(
        self, uuid: str, *, credentials: tuple[str, str] | None = None
    ) -> None:
        """Run a stopped container again, same container, same volumes. One that runs
        is told of again.

        Args:
            credentials: For its image's registry as they are now; None: as they were.

        Raises:
            NoSuchContainer: It is not there; a volatile engine may have lost it.
        """

    async def stop_container(self, uuid: str) -> None:
        """Stop it and keep it; its restart policy does not bring it back. One that is
        stopped is told of again."""

    async def remove_container(self, uuid: str, *, volumes: bool) -> None:
        """Remove it, running or not, and with *volumes* the ones it owns."""

    def logs(
        self, uuid: str, *, tail: int | None, follow: bool, since_ns: int = 0
    ) -> AsyncGenerator[LogLine, None]:
        """Its last *tail* lines (None: all kept) that are not older than *since_ns*,
        then, with *follow*, new ones until the container is removed.

        What is left of the log of a container that was removed can be read for a while
        where the engine keeps it.

        Raises (now or on the first step):
            NoSuchContainer: It is not there.
        """

    def time_ns(self) -> int:
        """Now, by the clock that log lines are stamped with."""

    async def exec(self, uuid: str, command: Sequence[str]) -> ExecSession:
        """Run a command in a running container."""

    async def add_node(self, node: str, tags: Sequence[str]) -> None:
        """Bring up a machine under this id, for an engine that has some to give."""

    async def remove_node(self, node: str) -> None:
        """Take a machine out; its containers go with it."""

    async def tag_node(self, node: str, tags: Sequence[str]) -> None:
        """Give a machine these tags instead of those it had."""

    async def join_token(self) -> str | None:
        """What a machine that somebody brings joins with; None: there is no way."""

    async def check_node(self, node: str) -> bool:
        """Whether the machine answers just now."""
