"""The engine protocol: what the control plane asks of the place that runs containers.

An engine creates, starts, stops and removes single containers, reads their logs, runs
commands in them, and reports observations, from which the control plane derives states
and events. Services, stacks, states and names are unknown to engines. The control plane
chooses the node of each container: :attr:`ContainerSpec.node`.
"""

from __future__ import annotations

from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Collection,
    Mapping,
    Sequence,
)
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

from ...wire.service_fields import HOST


class EngineError(Exception):
    """The engine cannot carry out the request; the text is for the action's log."""


class NoSuchContainer(EngineError):
    """The engine has no container with the uuid."""


class EngineUnavailable(EngineError):
    """The engine cannot be reached at the moment; the request may be repeated."""


class NotSupportedByEngine(EngineError):
    """The engine has no such operation, whatever the arguments are."""


class UnsupportedField(EngineError):
    """The engine does not support the value of a field of a definition.

    The text is ``"field: what is wrong, what is allowed"``.
    """


class PortSpec(NamedTuple):
    """One port of a container. Without *outer*, the engine chooses a host port.

    *mode* is ``host`` for a port of the container's node, ``ingress`` for a port of all
    nodes.
    """

    inner: int
    protocol: str
    published: bool
    outer: int | None
    mode: str = HOST


class MountSpec(NamedTuple):
    """One volume of a container: a volume, or a path of the node.

    A volume is the container's own (the uuid *volume*), or has a *name* in the engine.
    *driver* and *options* are those of a volume that does not exist yet.
    """

    container_path: str
    volume: str | None
    host_path: str | None
    writable: bool
    name: str | None = None
    driver: str | None = None
    options: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSpec:
    """A secret or a config that a container has as a file.

    *uuid* and *version* identify the content. *mode* is the permissions.
    """

    kind: Literal["secret", "config"]
    uuid: str
    version: int
    name: str
    content: bytes = field(repr=False)
    path: str
    mode: int
    uid: str
    gid: str


class LinkTarget(NamedTuple):
    """The names of a service to which a container is linked, and of its stack."""

    service: str
    stack: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSpec:
    """All properties of a container to create. ``None`` stands for the image's value.

    *uuid* identifies the container; *service*, *stack* and *namespace* are names.
    """

    uuid: str
    name: str
    service: str
    stack: str | None
    namespace: str
    #: The id of the node. Unless the container is *pinned* to the node, by its volumes
    #: or its strategy, the engine may choose another node with all *tags*, and may move
    #: the container later.
    node: str
    pinned: bool = True
    tags: Sequence[str] = ()
    image: str
    #: User and password for the image's registry; the user of an identity token is
    #: ``wire.registry_auth.TOKEN_USER``.
    credentials: tuple[str, str] | None = field(default=None, repr=False)
    #: Commands may contain passwords, as variables do.
    command: str | None = field(default=None, repr=False)
    entrypoint: str | None = field(default=None, repr=False)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    #: The private address that the container had before the engine lost the container.
    #: An engine with fixed addresses gives this address again if possible.
    private_ip: str | None = None
    #: Variables that receive the container's private address, for example
    #: ``10.7.0.3/16``, if the engine knows the address before the container runs.
    address_variables: Sequence[str] = ()
    ports: Sequence[PortSpec] = ()
    mounts: Sequence[MountSpec] = ()
    files: Sequence[FileSpec] = ()
    #: The uuids of the containers whose volumes this container shares; all of them are
    #: on the same node.
    volumes_from: Sequence[str] = ()
    #: Names of the container on the private network.
    aliases: Sequence[str] = ()
    #: The links of the container by their names, as of its creation. An engine may use
    #: the *aliases* of the targets instead.
    links: Mapping[str, LinkTarget] = field(default_factory=dict)
    autorestart: Literal["OFF", "ON_FAILURE", "ALWAYS"] = "OFF"
    #: The remaining fields of the API by name, for example ``memory`` in MB.
    options: Mapping[str, Any] = field(default_factory=dict)


#: The health of a container that runs and has a health check.
Health = Literal["starting", "healthy", "unhealthy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerObservation:
    """The present state of a container.

    ``stopped`` is final: the engine reports a container that its restart policy will
    restart as ``starting``, with its last *exit_code*.
    """

    uuid: str
    state: Literal["starting", "running", "stopped", "gone"]
    exit_code: int | None = None
    #: ``None`` without a health check, or while the container does not run.
    health: Health | None = None
    #: The engine's reason why the container stopped or could not start.
    message: str = ""
    docker_id: str | None = None
    #: The id of the container's node, if the engine may have chosen another one.
    node: str | None = None
    private_ip: str | None = None
    #: The digest of the image, ``sha256:…``, if the engine knows the digest.
    image_digest: str | None = None
    #: ``(inner port, protocol)`` → host ports.
    ports: Mapping[tuple[int, str], Sequence[int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeObservation:
    """The present state of a node. *memory* is in MB, *disk* in GB."""

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
    #: The reason, in one word, why a ready node accepts no containers; empty if the
    #: node accepts containers.
    unschedulable: str = ""
    #: The attributes that constraints of placement compare, by the names that these
    #: constraints have: ``node.hostname``, ``node.role``, ``node.labels.zone``.
    attributes: Mapping[str, str] = field(default_factory=dict)
    #: Kind → units of each generic resource, such as ``gpu``.
    generic_resources: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ImageObservation:
    """A push: the tag of the image *name* now refers to another image."""

    name: str


@dataclass(frozen=True, slots=True)
class WarningObservation:
    """A warning of the engine about a container that the engine creates or changes."""

    uuid: str
    text: str


Observation = (
    ContainerObservation | NodeObservation | ImageObservation | WarningObservation
)
Observe = Callable[[Observation], None]


class ImageInfo(NamedTuple):
    """The variables, the command and the exposed ports of an image."""

    environment: Mapping[str, str]
    command: str
    entrypoint: str
    ports: Sequence[tuple[int, str]]


class LogLine(NamedTuple):
    """One line of a container's output, without its newline.

    *time_ns* is nanoseconds since 1970; the stamps of one container increase. *text* is
    valid Unicode. A line that stands for unavailable lines has their number in
    *missing*, or ``None`` if the number is unknown, and a text of the engine. A
    *partial* line is a piece of a long line, which the next line of the same stream
    continues. *details* are pairs of names and values.
    """

    time_ns: int
    stream: Literal["stdout", "stderr"]
    text: str
    missing: int | None = 0
    partial: bool = False
    details: tuple[tuple[str, str], ...] = ()


class ExecSession(Protocol):
    """A command that runs in a container."""

    #: The exit code; ``None`` until the output has ended.
    exit_code: int | None

    def output(self) -> AsyncIterator[tuple[Literal["stdout", "stderr"], bytes]]:
        """Yield the output in pieces, each with its stream, until the command ends."""
        ...

    async def write(self, data: bytes) -> None:
        """Write to the command's standard input; wait while the input is full.

        Data after the end of the input or of the command is dropped.
        """

    async def end_input(self) -> None:
        """End the command's standard input. Safe to repeat."""

    async def close(self) -> None:
        """End the session, and the command if it still runs. Safe to repeat."""


class Engine(Protocol):
    """The contract of engines; ``tests/contract/test_engine_contract.py`` tests it.

    A method that fails raises :class:`EngineError` or a subclass.
    """

    name: str
    #: The engine deploys, upgrades and removes nodes itself.
    provisions: bool
    #: Whether log lines can have details.
    log_details: bool
    #: A container keeps its private address until the container is removed.
    fixed_addresses: bool
    #: Containers end with the server's process; the next start creates them again.
    volatile: bool

    async def start(self, observe: Observe) -> None:
        """Start to observe; on return, each existing object has been reported."""

    async def close(self) -> None:
        """Stop observing; a volatile engine ends its containers. Safe to repeat."""

    async def ping(self) -> None:
        """Return if the engine answers and can run containers.

        Raises:
            EngineUnavailable: The engine cannot be reached.
        """

    async def image_info(self, name: str) -> ImageInfo | None:
        """Return the properties of an image; ``None`` if unknown before a pull."""

    def check(
        self,
        options: Mapping[str, Any],
        ports: Sequence[PortSpec],
        mounts: Sequence[MountSpec] = (),
    ) -> None:
        """Check fields of a definition; while the engine runs, the result stays.

        Raises:
            UnsupportedField: The engine does not support a field's value.
        """

    async def create(self, spec: ContainerSpec) -> None:
        """Create and start a container. Idempotent by uuid."""

    async def image_digest(
        self, name: str, credentials: tuple[str, str] | None
    ) -> str | None:
        """Return the digest, ``sha256:…``, that an image's tag has in its registry.

        ``None`` if the digest is unknown, or if the engine reports pushes itself
        (:class:`ImageObservation`).
        """

    async def has_image(
        self, name: str, credentials: tuple[str, str] | None
    ) -> bool | None:
        """Return whether containers can use an image.

        ``True`` if a node has the image or its registry does. ``False`` only if no node
        has the image, and the registry states that no such image exists or refuses the
        credentials. ``None`` if neither is known.
        """
        ...

    async def start_container(
        self, uuid: str, *, credentials: tuple[str, str] | None = None
    ) -> None:
        """Start a stopped container, with its volumes, or report a running one again.

        Args:
            uuid: The container.
            credentials: The present user and password for the image's registry;
                ``None`` leaves the credentials of the container's creation.

        Raises:
            NoSuchContainer: The container does not exist; a volatile engine may have
                lost it.
        """

    async def stop_container(self, uuid: str) -> None:
        """Stop a container, or report a stopped one again.

        The container continues to exist, and its restart policy does not restart it.
        """

    async def remove_container(self, uuid: str, *, volumes: Collection[str]) -> None:
        """Stop and remove a container, and remove volumes of the container.

        Idempotent. Other volumes of the container stay on the node.

        Args:
            uuid: The container.
            volumes: The uuids of the volumes to remove.

        Raises:
            EngineError: The container cannot be removed.
        """

    async def remove_volumes(self, node: str, volumes: Collection[str]) -> None:
        """Remove volumes that no container uses any more.

        Args:
            node: The node that has the volumes.
            volumes: The uuids of the volumes.

        Raises:
            EngineError: The node cannot be reached.
        """

    def logs(
        self,
        uuid: str,
        *,
        tail: int | None,
        follow: bool,
        since_ns: int = 0,
        details: bool = False,
    ) -> AsyncGenerator[LogLine, None]:
        """Yield the log of a container, oldest line first.

        An engine may keep the log of a removed container for a while.

        Args:
            uuid: The container.
            tail: The number of last lines to yield; ``None`` yields all kept lines.
            follow: Yield new lines as well, until the container is removed.
            since_ns: The stamp of the oldest line to yield.
            details: Whether lines have details, of an engine with ``log_details``.

        Raises:
            NoSuchContainer: No such container or log exists; raised by the call or by
                the first step.
        """
        ...

    def time_ns(self) -> int:
        """Return the time of the clock that stamps log lines."""
        ...

    async def exec(self, uuid: str, command: Sequence[str]) -> ExecSession:
        """Run a command in a running container."""
        ...

    async def add_node(self, node: str, tags: Sequence[str]) -> None:
        """Deploy a node with this id, if the engine provisions nodes."""

    async def remove_node(self, node: str) -> None:
        """Remove a node and its containers."""

    async def tag_node(self, node: str, tags: Sequence[str]) -> None:
        """Replace the tags of a node."""

    async def join_token(self) -> str | None:
        """Return the token with which a node joins; ``None`` if nodes cannot join."""

    async def check_node(self, node: str) -> bool:
        """Return whether a node responds at the moment."""
        ...
