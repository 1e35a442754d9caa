"""Parts of objects, such as a port or an environment variable."""

from typing import Literal, NotRequired, TypedDict

__all__ = [
    "Binding",
    "CalculatedEnvVar",
    "Changed",
    "ContainerBinding",
    "ContainerLink",
    "EnvVar",
    "Healthcheck",
    "Link",
    "Port",
    "Rollout",
    "Tag",
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
    """

    protocol: Literal["tcp", "udp"]
    inner_port: int
    outer_port: int | None
    published: bool
    port_name: str
    uri_protocol: str
    endpoint_uri: str | None


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
    """

    host_path: str | None
    container_path: str | None
    rewritable: bool
    volumes_from: str | None


class ContainerBinding(TypedDict):
    """A volume of a container, its own or one of ``volumes_from``.

    Attributes:
        host_path: The path on the node, or ``None`` for a volume.
        container_path: The path in the container.
        rewritable: Whether the container may write to the volume.
        volume: The URI of the volume, or ``None`` for a path on the node.
    """

    host_path: str | None
    container_path: str
    rewritable: bool
    volume: str | None


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


class Changed(TypedDict):
    """The key that the client adds to the result of a changing call.

    Attributes:
        dockercloud_action_uri: The action of the call, as its ``resource_uri``.
    """

    dockercloud_action_uri: NotRequired[str]
