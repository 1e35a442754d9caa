"""Parts of objects, such as a port or an environment variable."""

from __future__ import annotations

from typing import Literal, TypedDict

__all__ = [
    "Binding",
    "Changed",
    "ContainerLink",
    "EnvVar",
    "Link",
    "Port",
    "Tag",
]


class Port(TypedDict, total=False):
    """A port of a container; a caller sets the first four keys.

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


class EnvVar(TypedDict, total=False):
    """An environment variable.

    Attributes:
        key: The name of the variable.
        value: The value of the variable.
        origin: Where the variable comes from, such as ``"user"`` or ``"image"``; in
            ``calculated_envvars`` only.
    """

    key: str
    value: str
    origin: str


class Link(TypedDict, total=False):
    """A link from one service to another.

    Attributes:
        name: The name of the target in the containers of the origin.
        from_service: The origin, as its ``resource_uri``; in results only.
        to_service: The target, as its ``resource_uri``; a caller may set its name.
    """

    name: str
    from_service: str
    to_service: str


class ContainerLink(TypedDict, total=False):
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


class Binding(TypedDict, total=False):
    """A volume of the containers of a service.

    A caller sets ``container_path``, or ``volumes_from`` alone.

    Attributes:
        host_path: The path on the node, or ``None`` for a new volume.
        container_path: The path in the container.
        rewritable: Whether the container may write to the volume; ``True`` by default.
        volumes_from: The service whose volumes the containers use, as its
            ``resource_uri``; on services only.
        volume: The URI of the volume; on containers only. The bindings of a container
            include the shared ones of ``volumes_from``.
    """

    host_path: str | None
    container_path: str | None
    rewritable: bool
    volumes_from: str | None
    volume: str | None


class Tag(TypedDict, total=False):
    """A tag of a node, or of the nodes on which a service may run.

    Attributes:
        name: The tag.
        origin: Who set the tag: the platform or, without the key, the user.
    """

    name: str
    origin: str


class Changed(TypedDict, total=False):
    """The key that the client adds to the result of a changing call."""

    dockercloud_action_uri: str
