"""Names of the platform: DNS names, endpoints, names of well-known ports."""

from __future__ import annotations

from ..state.records import Container, Node, Service
from ..state.state import State

#: Names of inner ports; other ports are named ``unknown``.
_PORT_NAMES = {
    21: "ftp",
    22: "ssh",
    25: "smtp",
    53: "domain",
    80: "http",
    443: "https",
    3306: "mysql",
    5432: "postgresql",
    6379: "redis",
    8080: "http-alt",
    27017: "mongodb",
}
_URI_PROTOCOLS = {80: "http", 8080: "http", 443: "https"}


def service_dns(cloud: State, service: Service) -> str:
    """Return the DNS name of a service, ``web[.shop].8d7e1615.svc.dockerapp.io``."""
    return _dns(cloud, service.name, service, service.uuid, "svc")


def container_dns(cloud: State, container: Container) -> str:
    """Return a container's DNS name, ``web-1[.shop].c3c1a3ca.cont.dockerapp.io``."""
    service = cloud.services[container.service]
    return _dns(cloud, container.name, service, container.uuid, "cont")


def node_dns(cloud: State, node: Node) -> str:
    """Return the DNS name of a node, ``<uuid>.node.dockerapp.io``."""
    return f"{node.uuid}.node.{cloud.domain}"


def _dns(cloud: State, name: str, service: Service, uuid: str, word: str) -> str:
    stack = cloud.stack_of(service)
    middle = f".{stack.name}" if stack else ""
    return f"{name}{middle}.{uuid[:8]}.{word}.{cloud.domain}"


def port_name(inner: int) -> str:
    """Return the name of a port, for example ``http``."""
    return _PORT_NAMES.get(inner, "unknown")


def uri_protocol(inner: int) -> str:
    """Return the scheme of a port's endpoint."""
    return _URI_PROTOCOLS.get(inner, "tcp")


def endpoint(inner: int, host: str, outer: int | None) -> str | None:
    """Return the endpoint ``http://HOST:PORT/``; ``None`` without a known host port.

    The final slash is required: a client appends paths that do not begin with a slash.
    """
    return None if outer is None else f"{uri_protocol(inner)}://{host}:{outer}/"


def alias(name: str) -> str:
    """Return the name of a link as in variables: ``MY_DB`` for ``my-db``."""
    return name.upper().replace("-", "_").replace(".", "_")
