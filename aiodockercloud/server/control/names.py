"""Names of the platform: public names and addresses, endpoints, names of ports.

Without a domain, the default, the addresses of nodes take the place of DNS names: an
address answers without any DNS server.
"""

from __future__ import annotations

from itertools import chain

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
    """Return the public name of a service, ``web[.shop].8d7e1615.svc.DOMAIN``.

    Without a domain: the address of the node of its first container, or of the first
    node.
    """
    if cloud.domain:
        return _dns(cloud, service.name, service, service.uuid, "svc")
    containers = cloud.containers_of(service)
    nodes = (cloud.nodes[c.node] for c in containers if c.node in cloud.nodes)
    return next((node.address for node in chain(nodes, cloud.live_nodes())), "")


def container_dns(cloud: State, container: Container) -> str:
    """Return a container's public name, ``web-1[.shop].c3c1a3ca.cont.DOMAIN``.

    Without a domain: the address of its node.
    """
    if not cloud.domain:
        node = cloud.nodes.get(container.node)
        return node.address if node is not None else ""
    service = cloud.services[container.service]
    return _dns(cloud, container.name, service, container.uuid, "cont")


def node_dns(cloud: State, node: Node) -> str:
    """Return the public name of a node, ``<uuid>.node.DOMAIN``, else its address."""
    return f"{node.uuid}.node.{cloud.domain}" if cloud.domain else node.address


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
