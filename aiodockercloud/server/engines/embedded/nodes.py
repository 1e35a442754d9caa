"""The nodes of the embedded engine: loopback addresses and their ports.

Each node has an address of its own, 127.0.0.1, 127.0.0.2…, so that two nodes can
publish the same port. Containers that listen use real sockets of that address.
"""

from __future__ import annotations

import errno
import heapq
import platform
import socket
from collections.abc import Callable, Sequence
from collections.abc import Container as Collection
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Literal

from .. import EngineError, NodeObservation, PortSpec
from .settings import EmbeddedSettings

PortKey = tuple[int, str]

#: The range from which Linux, and so Docker, chooses a port when none is given.
_FIRST_PORT, _LAST_PORT = 32768, 60999
#: The first port that needs no privilege.
_FIRST_UNPRIVILEGED = 1024
_PRIVILEGED = (
    "ports below 1024 of the host are opened only with --privileged-ports or"
    " EmbeddedSettings(privileged_ports=True)"
)
LOOPBACK = "127.0.0.1"


class NumberPool:
    """A pool of the numbers from 0 on."""

    def __init__(self) -> None:
        self._free: list[int] = []
        self._next = 0

    def take(self) -> int:
        """Take the lowest number that is free."""
        if self._free:
            return heapq.heappop(self._free)
        self._next += 1
        return self._next - 1

    def take_exactly(self, number: int) -> bool:
        """Take a number if the number is free; return whether it was."""
        if number >= self._next:
            for below in range(self._next, number):
                heapq.heappush(self._free, below)
            self._next = number + 1
            return True
        if number not in self._free:
            return False
        self._free.remove(number)
        heapq.heapify(self._free)
        return True

    def give_back(self, number: int) -> None:
        """Make a taken number free."""
        heapq.heappush(self._free, number)


def listen(address: str, port: int, *, backlog: int) -> socket.socket:
    """Return a TCP socket that listens on an address.

    The socket queues connections until the container's function accepts them, so that
    a container accepts connections from the moment it is reported as running.

    Args:
        address: The loopback address.
        port: The port; 0 takes a free one.
        backlog: The number of connections that wait to be accepted.

    Raises:
        OSError: The system has no such address, or the port is taken or reserved.
    """
    bound = socket.socket()
    try:
        bound.setblocking(False)
        if port:  # as asyncio does: connections of an earlier socket may linger
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((address, port))
        bound.listen(backlog)
    except OSError:
        bound.close()
        raise
    return bound


@dataclass(slots=True)
class HostPorts:
    """The host ports of one container, and sockets that reserve some of the ports.

    Attributes:
        listen: Returns a socket that listens on a port of the node.
        numbers: The host ports of each port of the container.
        sockets: The socket of each reserved host port.
    """

    listen: Callable[[int], socket.socket]
    numbers: dict[PortKey, list[int]] = field(default_factory=dict)
    sockets: dict[int, socket.socket] = field(default_factory=dict)

    def open(self, number: int) -> socket.socket:
        """Return a listening socket for a host port; the caller closes the socket.

        Raises:
            OSError: The system or the settings refuse the port.
        """
        if (reserved := self.sockets.pop(number, None)) is not None:
            return reserved
        return self.listen(number)


class EmbeddedNode:
    """One node: its address, its state, its taken ports.

    Args:
        id: The id of the node in the engine.
        index: A number of its own in the engine, from 0 on; the host name and the
            address follow from the number.
        tags: The tags of the node.
        settings: The settings of the engine.
    """

    def __init__(
        self, id: str, index: int, tags: Sequence[str], settings: EmbeddedSettings
    ) -> None:
        self.id = id
        self.index = index
        self.tags: tuple[str, ...] = tuple(tags)
        self.hostname: str = f"embedded-{index + 1}"
        self.address: str = _usable(str(IPv4Address(LOOPBACK) + index))
        self._settings = settings
        self.state: Literal["ready", "unreachable", "gone"] = "ready"
        self._taken: set[PortKey] = set()
        self._next_port = _FIRST_PORT

    def observation(self) -> NodeObservation:
        """Return the node as the engine reports it."""
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
            attributes=self._attributes(),
        )

    def _attributes(self) -> dict[str, str]:
        """Return what constraints of placement compare.

        A tag ``zone=a`` is a label, too. The first node has the role of a manager.
        """
        labels = (tag.partition("=") for tag in self.tags)
        return {
            "node.id": self.id,
            "node.hostname": self.hostname,
            "node.role": "worker" if self.index else "manager",
            "node.platform.os": "linux",
            "node.platform.arch": platform.machine(),
            **{f"node.labels.{key}": value or "true" for key, _, value in labels},
        }

    def check_reachable(self) -> None:
        """Raise ``EngineError`` unless the node is ready."""
        if self.state != "ready":
            raise EngineError(f"node {self.hostname} is {self.state}")

    def claim(
        self, ports: Sequence[PortSpec], listening: Collection[PortKey]
    ) -> HostPorts:
        """Reserve a host port for each published port.

        Args:
            ports: The ports of a container.
            listening: Ports that the image exposes, as ``(inner port, protocol)``. For
                a TCP port among them a real socket reserves the host port.

        Raises:
            EngineError: Another container has a fixed host port, or no host port is
                free.
        """
        claimed = HostPorts(self._listen)
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
                # The function that listens tries again and reports the refusal.
                with suppress(OSError):
                    claimed.sockets[number] = self._listen(number)
        elif listening and port.protocol == "tcp":
            number = self._free_socket(claimed)
        else:
            number = self._free_number(port.protocol)
        self._taken.add((number, port.protocol))
        key = (port.inner, port.protocol)
        claimed.numbers.setdefault(key, []).append(number)

    def _free_socket(self, claimed: HostPorts) -> int:
        """Return a port that the system chooses; its socket reserves the port."""
        refused = []
        try:
            while True:
                bound = self._listen(0)
                number: int = bound.getsockname()[1]
                if (number, "tcp") not in self._taken:
                    claimed.sockets[number] = bound
                    return number
                refused.append(
                    bound
                )  # kept open, or the system would offer the port again
        except OSError as error:
            raise EngineError(f"no free port on {self.address}: {error}") from error
        finally:
            for bound in refused:
                bound.close()

    def _free_number(self, protocol: str) -> int:
        """Return the next port that no container of the node has; no socket listens."""
        for _ in range(_FIRST_PORT, _LAST_PORT + 1):
            number = self._next_port
            self._next_port = _FIRST_PORT if number == _LAST_PORT else number + 1
            if (number, protocol) not in self._taken:
                return number
        raise EngineError(f"no free port on {self.address}")

    def _listen(self, port: int) -> socket.socket:
        """Return a socket that listens on a host port; 0 takes a free one.

        Raises:
            OSError: The system or the settings refuse the port.
        """
        if 0 < port < _FIRST_UNPRIVILEGED and not self._settings.privileged_ports:
            raise PermissionError(errno.EACCES, _PRIVILEGED)
        return listen(self.address, port, backlog=self._settings.backlog)

    def release(self, ports: HostPorts) -> None:
        """Make host ports free and close the sockets that reserve them."""
        for (_, protocol), numbers in ports.numbers.items():
            self._taken.difference_update((number, protocol) for number in numbers)
        for bound in ports.sockets.values():
            bound.close()
        ports.numbers.clear()
        ports.sockets.clear()


def _usable(address: str) -> str:
    """Return the address, or 127.0.0.1 where the system has no other loopback one."""
    try:
        listen(address, 0, backlog=1).close()
    except OSError:
        return LOOPBACK
    return address
