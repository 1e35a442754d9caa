"""Addresses of published ports, from where the program runs."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from ..exceptions import ObjectNotFound

__all__ = ["Address", "address_of"]


class Address(NamedTuple):
    """Where a published port answers; ``str()`` is ``host:port``, as in a URL.

    Attributes:
        host: The host name or the IP address.
        port: The port on the host.
    """

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


async def address_of(
    container: Mapping[str, Any], port: int, protocol: str, server: str
) -> Address:
    """Return the address of a published port of a container.

    Args:
        container: The container's current dict.
        port: The port in the container.
        protocol: ``"tcp"`` or ``"udp"``.
        server: The URL of the server.

    Raises:
        ObjectNotFound: The container does not publish the port at present.
    """
    published = {
        (one.get("inner_port"), one.get("protocol")): one["outer_port"]
        for one in container.get("container_ports") or ()
        if one.get("outer_port")
    }
    outer = published.get((port, protocol))
    if outer is None:
        others = ", ".join(f"{inner}/{kind}" for inner, kind in published) or "none"
        raise ObjectNotFound(
            f"the container {container.get('name')} ({container.get('state')})"
            f" publishes no port {port}/{protocol}; published ports: {others};"
            f' container_ports=["{port}"] publishes the port'
        )
    return Address(await _host(container.get("public_dns") or "", server), outer)


async def _host(public: str, server: str) -> str:
    """Return the public name of a container, if that name leads to the node from here.

    A name that does not resolve, and a loopback address of another machine, are
    replaced by the host of the server.
    """
    host = urlsplit(server).hostname or ""
    if not public or (_is_loopback(public) and not _is_loopback(host)):
        return host
    try:
        await asyncio.get_running_loop().getaddrinfo(public, None)
    except (OSError, UnicodeError):  # a name that no DNS can have, too
        return host
    return public


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
