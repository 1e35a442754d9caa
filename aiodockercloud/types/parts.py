"""Parts of objects, such as a port or an environment variable."""

from typing import Literal, NotRequired, TypedDict

__all__ = [
    "Binding",
    "CalculatedEnvVar",
    "Changed",
    "ContainerBinding",
    "ContainerLink",
    "EnvVar",
    "FileMount",
    "GenericResource",
    "Healthcheck",
    "Link",
    "LogDriver",
    "Network",
    "Placement",
    "PlannedContainer",
    "Platform",
    "Port",
    "Progress",
    "RestartPolicy",
    "Rollout",
    "RolloutPlan",
    "Spread",
    "Tag",
    "Tmpfs",
    "Ulimit",
]


class Port(TypedDict):
    """A port of a container.

    Attributes:
        protocol: ``"tcp"`` or ``"udp"``.
        inner_port: The port in the container.
        outer_port: The port on the node; ``None`` for a dynamic port, or for none.
        published: Whether the node publishes the port. Other containers reach a port
            that is not published through links.
        port_name: The usual service of the port, such as ``"http"``.
        uri_protocol: The scheme of ``endpoint_uri``, such as ``"http"``.
        endpoint_uri: The address of the published port, or ``None``.
        mode: ``"host"`` for a port of the container's node, ``"ingress"`` for a port of
            all nodes of the Swarm.
    """

    protocol: Literal["tcp", "udp"]
    inner_port: int
    outer_port: int | None
    published: bool
    port_name: str
    uri_protocol: str
    endpoint_uri: str | None
    mode: Literal["host", "ingress"]


class EnvVar(TypedDict):
    """An environment variable.

    Attributes:
        key: The name of the variable.
        value: The value of the variable.
    """

    key: str
    value: str


class CalculatedEnvVar(EnvVar):
    """An environment variable of the containers of a service.

    Attributes:
        key: The name of the variable.
        value: The value of the variable.
        origin: Where the variable comes from, such as ``"user"`` or ``"image"``.
    """

    origin: str


class Link(TypedDict):
    """A link from one service to another.

    Attributes:
        name: The name of the target in the containers of the origin.
        from_service: The origin, as its ``resource_uri``.
        to_service: The target, as its ``resource_uri``.
    """

    name: str
    from_service: str
    to_service: str


class ContainerLink(TypedDict):
    """A link from one container to another.

    Attributes:
        name: The name of the target in the origin.
        from_container: The origin, as its ``resource_uri``.
        to_container: The target, as its ``resource_uri``.
        endpoints: The addresses of the target by port, as in ``{"80/tcp":
            "tcp://10.7.0.3:80"}``.
    """

    name: str
    from_container: str
    to_container: str
    endpoints: dict[str, str]


class Binding(TypedDict):
    """A volume of the containers of a service.

    Attributes:
        host_path: The path on the node, or ``None`` for a new volume.
        container_path: The path in the container; ``None`` with *volumes_from*.
        rewritable: Whether the container may write to the volume.
        volumes_from: The service whose volumes the containers use, as its
            ``resource_uri``, or ``None``.
        volume_name: The name of a volume that exists beside the containers, or
            ``None``.
        volume_driver: The driver of the volume; ``None`` for the driver of the Engine.
        volume_options: The options of the driver, or ``None``.
    """

    host_path: str | None
    container_path: str | None
    rewritable: bool
    volumes_from: str | None
    volume_name: str | None
    volume_driver: str | None
    volume_options: dict[str, str] | None


class ContainerBinding(TypedDict):
    """A volume of a container, its own or one of ``volumes_from``.

    Attributes:
        host_path: The path on the node, or ``None`` for a volume.
        container_path: The path in the container.
        rewritable: Whether the container may write to the volume.
        volume: The URI of the volume, or ``None`` for a path on the node and for a
            volume that the container does not own.
        volume_name: The name of a volume that exists beside the containers, or
            ``None``.
        volume_driver: The driver of the volume; ``None`` for the driver of the Engine.
        volume_options: The options of the driver, or ``None``.
    """

    host_path: str | None
    container_path: str
    rewritable: bool
    volume: str | None
    volume_name: str | None
    volume_driver: str | None
    volume_options: dict[str, str] | None


class FileMount(TypedDict):
    """A secret or a config that containers have as a file.

    Attributes:
        source: The name of the secret or config.
        target: The path of the file; a relative path begins in ``/run/secrets/`` for a
            secret, in ``/`` for a config.
        mode: The permissions of the file, as a number: 292 is 0444.
        uid: The id of the owner.
        gid: The id of the group.
    """

    source: str
    target: str
    mode: int
    uid: str
    gid: str


class Tag(TypedDict):
    """A tag of a node, or of the nodes on which a service may run.

    Attributes:
        name: The tag.
        origin: Who set the tag: the platform or, without the key, the user.
    """

    name: str
    origin: NotRequired[str]


class Healthcheck(TypedDict):
    """How the health of containers is checked; an absent key has its default.

    Attributes:
        test: ``["CMD", word, …]``, ``["CMD-SHELL", line]`` or ``["NONE"]``.
        interval: The seconds between two checks.
        timeout: The seconds after which a check has failed.
        retries: How many failed checks in a row make a container unhealthy.
        start_period: The seconds after the start in which failed checks do not count.
        start_interval: The seconds between two checks in that time.
    """

    test: NotRequired[list[str]]
    interval: NotRequired[float]
    timeout: NotRequired[float]
    retries: NotRequired[int]
    start_period: NotRequired[float]
    start_interval: NotRequired[float]


class Progress(TypedDict):
    """How far a redeploy or a rollback has come.

    Attributes:
        done: How many new containers count.
        total: How many containers are deployed.
        failed: How many containers have failed.
    """

    done: int
    total: int
    failed: int


class PlannedContainer(TypedDict):
    """One new container of a planned redeploy.

    Attributes:
        name: The name of the new container.
        node: The node, as its ``resource_uri``.
        replaces: The old container, as its ``resource_uri``; ``None`` of an additional
            container.
    """

    name: str
    node: str
    replaces: str | None


class RolloutPlan(TypedDict):
    """The plan of a redeploy.

    Attributes:
        order: Whether the old or the new container comes first.
        parallelism: How many containers are replaced at once.
        image: The image of the new containers.
        batches: The new containers, batch by batch.
        warnings: What could not be checked.
    """

    order: Literal["stop-first", "start-first"]
    parallelism: int
    image: str
    batches: list[list[PlannedContainer]]
    warnings: list[str]


class Rollout(TypedDict):
    """How containers are replaced by new ones; an absent key has its default.

    Attributes:
        parallelism: How many containers are replaced at once; 0 for all.
        delay: The seconds between two batches.
        order: Whether the old or the new container comes first.
        failure_action: What follows too many failures.
        monitor: How many seconds a new container must run to count.
        max_failure_ratio: The part of the containers, 0 to 1, that may fail.
    """

    parallelism: NotRequired[int]
    delay: NotRequired[float]
    order: NotRequired[Literal["stop-first", "start-first"]]
    failure_action: NotRequired[Literal["pause", "continue", "rollback"]]
    monitor: NotRequired[float]
    max_failure_ratio: NotRequired[float]


class RestartPolicy(TypedDict):
    """How containers that end are restarted, beside ``autorestart``.

    Attributes:
        delay: The seconds between an end and the restart; ``None`` leaves the delay to
            the engine.
        max_attempts: The most restarts, or ``None`` for any number.
        window: The seconds in which restarts count for ``max_attempts``; ``None``
            counts all restarts.
    """

    delay: float | None
    max_attempts: int | None
    window: float | None


class Spread(TypedDict):
    """A preference of placement.

    Attributes:
        spread: The attribute of nodes over whose values the containers are spread, such
            as ``"node.labels.zone"``.
    """

    spread: str


class Platform(TypedDict):
    """A platform of nodes.

    Attributes:
        os: The operating system, such as ``"linux"``.
        architecture: The architecture, such as ``"amd64"``; ``None`` for any.
    """

    os: str
    architecture: str | None


class Placement(TypedDict):
    """The nodes on which containers may run, beside ``tags``.

    Attributes:
        constraints: Comparisons that a node must meet, such as
            ``"node.labels.zone==a"`` or ``"node.role!=manager"``.
        preferences: The attributes over whose values containers are spread.
        max_replicas_per_node: The most containers of the service on one node, or
            ``None``.
        platforms: The platforms of which a node must have one; empty for any.
    """

    constraints: list[str]
    preferences: list[Spread]
    max_replicas_per_node: int | None
    platforms: list[Platform]


class Network(TypedDict):
    """A network that the containers of a service join.

    Attributes:
        name: The name; ``"default"`` is the private network.
        aliases: Further names of the containers on the network.
    """

    name: str
    aliases: list[str]


class Ulimit(TypedDict):
    """A limit of processes.

    Attributes:
        name: The name of the limit, such as ``"nofile"``.
        soft: The soft limit; -1 for no limit.
        hard: The hard limit; ``None`` for the value of the soft limit.
    """

    name: str
    soft: int
    hard: int | None


class GenericResource(TypedDict):
    """A resource of nodes that each container reserves.

    Attributes:
        kind: The kind of the resource, such as ``"gpu"``.
        value: The number of units, or the name of one unit, as a text.
    """

    kind: str
    value: str


class Tmpfs(TypedDict):
    """A file system in memory.

    Attributes:
        container_path: The path in the container.
        size: The most MB, or ``None`` for no limit.
        mode: The mode of the directory in octal, such as ``"1770"``, or ``None``.
    """

    container_path: str
    size: int | None
    mode: str | None


class LogDriver(TypedDict):
    """The driver that stores the logs of containers.

    Attributes:
        name: The name of the driver, such as ``"json-file"``.
        options: The options of the driver.
    """

    name: str
    options: dict[str, str]


class Changed(TypedDict):
    """The key that the client adds to the result of a changing call.

    Attributes:
        dockercloud_action_uri: The action of the call, as its ``resource_uri``.
    """

    dockercloud_action_uri: NotRequired[str]
