"""The machines of the embedded engine: loopback addresses and their ports.

Each node has an address of its own, 127.0.0.1, 127.0.0.2…, so that two of them can
publish the same port. What listens does so on a real socket of that address.
"""

from __future__ import annotations

import heapq
import socket
from collections.abc import Container as Collection
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Literal

from .. import EngineError, NodeObservation, PortSpec

PortKey = tuple[int, str]

#: Where Linux, and Docker with it, takes ports from that nobody asked for.
_FIRST_PORT, _LAST_PORT = 32768, 60999
_BACKLOG = 100
_LOOPBACK = IPv4Address("127.0.0.1")


class NumberPool:
    """Hands out the lowest number that is free, from 0 on."""

    def __init__(self) -> None:
        self._free: list[int] = []
        self._next = 0

    def take(self) -> int:
        if self._free:
            return heapq.heappop(self._free)
        self._next += 1
        return self._next - 1

    def give_back(self, number: int) -> None:
        heapq.heappush(self._free, number)


def listen(address: str, port: int) -> socket.socket:
    """A TCP socket that listens on this address; port 0 takes a free one.

    Who connects before the container's function accepts is kept waiting, not refused:
    a container can be reached as soon as it is told to be running.

    Raises:
        OSError: The node has no such address, or the port is taken or reserved.
    """
    bound = socket.socket()
    try:
        bound.setblocking(False)
        if port:  # as asyncio does: connections of the one before may linger
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((address, port))
        bound.listen(_BACKLOG)
    except OSError:
        bound.close()
        raise
    return bound


@dataclass(slots=True)
class HostPorts:
    """The host ports of one container, and sockets that hold some of them for it."""

    numbers: dict[PortKey, list[int]] = field(default_factory=dict)
    sockets: dict[int, socket.socket] = field(default_factory=dict)

    def open(self, address: str, number: int) -> socket.socket:
        """The socket for one of the numbers; the caller closes it."""
        return self.sockets.pop(number, None) or listen(address, number)


class EmbeddedNode:
    """One node: its address, whether it answers, who has which port."""

    def __init__(self, id: str, index: int, tags: Sequence[str]) -> None:
        self.id = id
        self.index = index
        self.tags = tuple(tags)
        self.hostname = f"embedded-{index + 1}"
        self.address = _usable(str(_LOOPBACK + index))
        self.state: Literal["ready", "unreachable", "gone"] = "ready"
        self._taken: set[PortKey] = set()
        self._next_port = _FIRST_PORT

    def observation(self) -> NodeObservation:
        return NodeObservation(
            id=self.id,
            hostname=self.hostname,
            address=self.address,
            state=self.state,
            cpu=2,
            memory=2048,
            disk=60,
            docker_version="1.11.2-embedded",
            tags=self.tags,
        )

    def claim(
        self, ports: Sequence[PortSpec], listening: Collection[PortKey]
    ) -> HostPorts:
        """Reserve the published ones; those in *listening* get a number that a real
        socket can listen on.

        Raises:
            EngineError: A fixed one is another container's, or none is left.
        """
        claimed = HostPorts()
        try:
            for port in ports:
                if port.published:
                    self._claim(port, claimed, (port.inner, port.protocol) in listening)
        except EngineError:
            self.release(claimed)
            raise
        return claimed

    def _claim(self, port: PortSpec, claimed: HostPorts, listening: bool) -> None:
        if port.outer is not None:
            number = port.outer
            if (number, port.protocol) in self._taken:
                raise EngineError(
                    f"Bind for {self.address}:{number} failed: port is already"
                    " allocated"
                )
            if listening and port.protocol == "tcp":
                # What the system refuses is tried, and told, once it is needed.
                with suppress(OSError):
                    claimed.sockets[number] = listen(self.address, number)
        elif listening and port.protocol == "tcp":
            number = self._free_socket(claimed)
        else:
            number = self._free_number(port.protocol)
        self._taken.add((number, port.protocol))
        key = (port.inner, port.protocol)
        claimed.numbers.setdefault(key, []).append(number)

    def _free_socket(self, claimed: HostPorts) -> int:
        """A number from the system, its socket kept so that nobody else gets it."""
        refused = []
        try:
            while True:
                bound = listen(self.address, 0)
                number: int = bound.getsockname()[1]
                if (number, "tcp") not in self._taken:
                    claimed.sockets[number] = bound
                    return number
                refused.append(bound)  # held, or it would be offered again
        except OSError as error:
            raise EngineError(f"no free port on {self.address}: {error}") from error
        finally:
            for bound in refused:
                bound.close()

    def _free_number(self, protocol: str) -> int:
        """The next number that nobody here has; nothing will listen on it."""
        for _ in range(_FIRST_PORT, _LAST_PORT + 1):
            number = self._next_port
            self._next_port = _FIRST_PORT if number == _LAST_PORT else number + 1
            if (number, protocol) not in self._taken:
                return number
        raise EngineError(f"no free port on {self.address}")

    def release(self, ports: HostPorts) -> None:
        for (_, protocol), numbers in ports.numbers.items():
            self._taken.difference_update((number, protocol) for number in numbers)
        for bound in ports.sockets.values():
            bound.close()
        ports.numbers.clear()
        ports.sockets.clear()


def _usable(address: str) -> str:
    """The address, or 127.0.0.1 where that is the only loopback address there is."""
    try:
        listen(address, 0).close()
    except OSError:
        return str(_LOOPBACK)
    return address
