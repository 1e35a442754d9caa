"""The private network of the embedded engine: addresses, names and open ports.

Each engine uses a block of loopback addresses of its own, 127.7.0.0/16 or a later one,
so that engines on one machine do not meet. A socket on the last address of a block
reserves the block. Where the system has no such addresses, containers have nominal
addresses, 10.7.0.1…, and ``Network.connect`` leads to ports of 127.0.0.1.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import weakref
from collections import Counter, defaultdict
from collections.abc import Collection
from contextlib import suppress
from typing import NamedTuple

from ....wire.engine_fields import DEFAULT_NETWORK
from .. import ContainerSpec
from .nodes import LOOPBACK, NumberPool, PortKey, listen
from .settings import EmbeddedSettings

__all__ = ["Connection", "Endpoint", "Network"]

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]

#: The UDP port of the socket that reserves a block.
_RESERVING_PORT = 10_707
_NOMINAL_BLOCK = "10.7"


class Endpoint:
    """One container on the private network.

    Args:
        spec: The specification of the container.
        number: A number of its own in the engine, from 0 on; the address follows from
            the number.
        block: The first half of the address, for example ``127.7``.
        backlog: The number of connections to a port that wait to be accepted.
    """

    def __init__(
        self, spec: ContainerSpec, number: int, block: str, *, backlog: int
    ) -> None:
        high, low = divmod(number + 1, 256)
        self.spec = spec
        self.number = number
        self.address: str = f"{block}.{high}.{low}"
        #: ``(host, port)`` → number of the connections, to use peers in turn.
        self.connected: Counter[tuple[str, int]] = Counter()
        self._nominal = block == _NOMINAL_BLOCK
        self._backlog = backlog
        self._reserved: dict[int, socket.socket] = {}
        #: Port of the container → address and port of the system.
        self._open: dict[int, tuple[str, int]] = {}

    def reserve(self, ports: Collection[PortKey]) -> None:
        """Open the TCP ports that an image exposes.

        Connections wait until the image's function accepts them, so that a container
        accepts connections from the moment it is reported as running.
        """
        for number, protocol in ports:
            if protocol == "tcp" and number not in self._open:
                # The function that listens tries again and reports the refusal.
                with suppress(OSError):
                    self._reserved[number] = self._listen(number)

    def open(self, port: int) -> socket.socket:
        """Return a listening socket for a port; the caller calls ``closed`` later.

        Raises:
            OSError: The container listens on the port already, or the system refuses.
        """
        if (reserved := self._reserved.pop(port, None)) is not None:
            return reserved
        if port in self._open:
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        return self._listen(port)

    def closed(self, port: int) -> None:
        """Note that the socket of a port was closed."""
        self._open.pop(port, None)

    def release(self) -> None:
        """Close the ports that are reserved only."""
        for port, bound in self._reserved.items():
            bound.close()
            self.closed(port)
        self._reserved.clear()

    def place(self, port: int) -> tuple[str, int] | None:
        """Return where a port is open in the system, None for a closed port."""
        return self._open.get(port)

    def _listen(self, port: int) -> socket.socket:
        if self._nominal:
            bound = listen(LOOPBACK, 0, backlog=self._backlog)
        else:
            try:
                bound = listen(self.address, port, backlog=self._backlog)
            except OSError:
                # A port below 1024 may need a privilege; a program of the host may
                # listen on the port of every address.
                bound = listen(self.address, 0, backlog=self._backlog)
        address, number = bound.getsockname()
        self._open[port] = (address, number)
        return bound


class Network:
    """The containers of one engine by their names and addresses.

    Names belong to a namespace. As on the overlay networks of a Swarm, a container
    finds the containers of its stack, those without a stack, and those of other stacks
    as ``name.stack``; a link adds its name. Containers that name ``networks`` find, and
    are found by, only containers that share one of these networks.
    """

    def __init__(self, settings: EmbeddedSettings) -> None:
        self._settings = settings
        self._numbers = NumberPool()
        self._block = ""
        self._release_block = weakref.finalize(self, lambda: None)
        self._by_address: dict[str, Endpoint] = {}
        #: Namespace and name → uuid → endpoint.
        self._by_name: dict[tuple[str, str], dict[str, Endpoint]] = defaultdict(dict)

    def join(self, spec: ContainerSpec) -> Endpoint:
        """Give a container an address and its names."""
        former = _split(spec.private_ip)
        if not self._block:
            self._claim_block(former.block)
        number = former.number
        # Variables of other containers contain the former address.
        if former.block != self._block or not self._numbers.take_exactly(number):
            number = self._numbers.take()
        endpoint = Endpoint(
            spec,
            number,
            self._block,
            backlog=self._settings.backlog,
        )
        self._by_address[endpoint.address] = endpoint
        for key in _keys(spec):
            self._by_name[key][spec.uuid] = endpoint
        return endpoint

    def leave(self, endpoint: Endpoint) -> None:
        """Remove a container; its address is free again."""
        endpoint.release()
        self._numbers.give_back(endpoint.number)
        del self._by_address[endpoint.address]
        for key in _keys(endpoint.spec):
            self._by_name[key].pop(endpoint.spec.uuid, None)
            if not self._by_name[key]:
                del self._by_name[key]

    def close(self) -> None:
        """Make the block of addresses free; no container may be left."""
        self._release_block()
        self._block = ""

    def find(self, client: Endpoint, host: str) -> list[Endpoint]:
        """Return the containers that a name or an address means to a container.

        Raises:
            socket.gaierror: No container has the name.
        """
        spec, name = client.spec, host.lower().rstrip(".")
        if name in ("localhost", LOOPBACK, client.address):
            return [client]
        named = self._by_address.get(name)
        if (
            named is not None
            and named.spec.namespace == spec.namespace
            and _share_network(spec, named.spec)
        ):
            return [named]
        found = self._linked(spec, name) or [
            endpoint
            for endpoint in self._named(spec.namespace, name)
            if _finds(spec, endpoint.spec, name)
        ]
        if not found:
            raise socket.gaierror(
                socket.EAI_NONAME, f"{host} is not the name of a container"
            )
        return [e for e in found if e.spec.stack == spec.stack] or found

    def _linked(self, spec: ContainerSpec, name: str) -> list[Endpoint]:
        links = {alias.lower(): target for alias, target in spec.links.items()}
        alias, _, ordinal = name.rpartition("-")
        if (target := links.get(name)) is not None:
            wanted = target.service
        elif ordinal.isdecimal() and (target := links.get(alias)) is not None:
            wanted = f"{target.service}-{ordinal}"
        else:
            return []
        return [
            endpoint
            for endpoint in self._named(spec.namespace, wanted.lower())
            if endpoint.spec.stack == target.stack
            and endpoint.spec.service == target.service
            and _share_network(spec, endpoint.spec)
        ]

    def _named(self, namespace: str, name: str) -> list[Endpoint]:
        return list(self._by_name.get((namespace, name), {}).values())

    async def connect(self, client: Endpoint, host: str, port: int) -> Connection:
        """Connect a container to a port of another one; several are used in turn.

        Raises:
            socket.gaierror: No container has the name.
            ConnectionRefusedError: No container of the name listens on the port.
        """
        places = [e.place(port) for e in self.find(client, host)]
        turn = client.connected[host, port]
        client.connected[host, port] += 1
        opened = [place for place in places if place is not None]
        for n in range(len(opened)):
            with suppress(ConnectionError):
                return await asyncio.open_connection(*opened[(turn + n) % len(opened)])
        raise ConnectionRefusedError(
            errno.ECONNREFUSED, f"no container listens on {host}:{port}"
        )

    def _claim_block(self, former: str) -> None:
        """Take a block that no other engine has, if possible the former one."""
        self._block = _NOMINAL_BLOCK
        numbers = sorted(
            self._settings.address_blocks, key=lambda n: f"127.{n}" != former
        )
        for number in numbers:
            claim = socket.socket(type=socket.SOCK_DGRAM)
            try:
                claim.bind((f"127.{number}.255.254", _RESERVING_PORT))
            except OSError as error:
                claim.close()
                if error.errno != errno.EADDRINUSE:
                    return  # the system has no such addresses
            else:
                self._block = f"127.{number}"
                # Also closes the socket of an engine that is dropped without a close.
                self._release_block = weakref.finalize(self, claim.close)
                return


class _Address(NamedTuple):
    """The block and the number of an address."""

    block: str
    number: int


def _split(address: str | None) -> _Address:
    """Return the block and the number of an address; for None no block."""
    if not address:
        return _Address("", 0)
    first, second, high, low = map(int, address.split("."))
    return _Address(f"{first}.{second}", 256 * high + low - 1)


def _keys(spec: ContainerSpec) -> set[tuple[str, str]]:
    """Return the namespace with each name of a container."""
    names = _names(spec).union(*_networks(spec).values())
    return {(spec.namespace, name) for name in names}


def _names(spec: ContainerSpec) -> set[str]:
    """Return the names of a container on each of its networks."""
    return {name.lower() for name in (spec.service, spec.name, *spec.aliases)}


def _networks(spec: ContainerSpec) -> dict[str, set[str]]:
    """Return the networks of a container, each with the further names there."""
    return {
        network["name"]: {alias.lower() for alias in network["aliases"]}
        for network in spec.options.get("networks") or ()
    } or {DEFAULT_NETWORK: set()}


def _share_network(one: ContainerSpec, other: ContainerSpec) -> bool:
    return not _networks(one).keys().isdisjoint(_networks(other))


def _finds(client: ContainerSpec, target: ContainerSpec, name: str) -> bool:
    """Return whether a name means a container to another one."""
    theirs = _networks(target)
    for network in _networks(client).keys() & theirs.keys():
        if name not in _names(target) | theirs[network]:
            continue
        if (
            network != DEFAULT_NETWORK
            or target.stack in (client.stack, None)
            or name.endswith(f".{target.stack.lower()}")
        ):
            return True
    return False
