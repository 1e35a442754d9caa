"""The load of each node: how many containers, which host ports, which reservations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ...wire import states
from ...wire.service_fields import INGRESS
from . import indexes
from .indexes import Index
from .records import Container

CPU, MEMORY = "CPU", "MB of memory"

HostPort = tuple[int, str]


class Footprint(NamedTuple):
    """What one container that is not terminated adds to the load of its node."""

    node: str
    service: str
    #: Whether the container counts as running: a stopped one reserves no resources.
    runs: bool
    #: ``(port, protocol)`` of each host port, and whether every node publishes it.
    ports: tuple[tuple[HostPort, bool], ...]
    #: ``(resource, amount)``
    reserved: tuple[tuple[str, float], ...]


def reserved(definition: Mapping[str, Any]) -> dict[str, float]:
    """Return the resources that a container reserves."""
    found: dict[str, float] = {}
    if cpus := definition.get("cpu_reservation"):
        found[CPU] = cpus
    if memory := definition.get("memory_reservation"):
        found[MEMORY] = memory
    for one in definition.get("generic_resources") or ():
        units = int(one["value"]) if one["value"].isdecimal() else 1
        found[one["kind"]] = found.get(one["kind"], 0) + units
    return found


def footprints(container: Container) -> tuple[Footprint, ...]:
    """Return the footprint of a container; none of a terminated one."""
    if container.state == states.TERMINATED:
        return ()
    runs = container.state != states.STOPPED
    return (
        Footprint(
            node=container.node,
            service=container.service,
            runs=runs,
            ports=tuple(
                ((outer, protocol), mode == [INGRESS])
                for _, protocol, published, outer, *mode in container.ports
                if published and outer is not None
            ),
            reserved=tuple(reserved(container.definition).items()) if runs else (),
        ),
    )


@dataclass(slots=True)
class Load:
    """What containers take of a node."""

    #: The number of containers that run.
    running: int = 0
    #: Service uuid → the number of its containers that run.
    running_of: Counter[str] = field(default_factory=Counter)
    #: Service uuid → the number of its containers, running or not.
    present_of: Counter[str] = field(default_factory=Counter)
    #: The host ports of the node, each with the number of its containers.
    ports: Counter[HostPort] = field(default_factory=Counter)
    #: The same for the ports that every node publishes.
    ingress: Counter[HostPort] = field(default_factory=Counter)
    #: Resource → the reserved amount.
    reserved: dict[str, float] = field(default_factory=dict)
    #: Resource → the number of reservations.
    _reservations: Counter[str] = field(default_factory=Counter)

    def change(self, footprint: Footprint, by: int) -> None:
        """Add the footprint of a container with 1, remove it with -1."""
        indexes.add(self.present_of, footprint.service, by)
        if footprint.runs:
            self.running += by
            indexes.add(self.running_of, footprint.service, by)
        for port, everywhere in footprint.ports:
            indexes.add(self.ingress if everywhere else self.ports, port, by)
        for name, amount in footprint.reserved:
            self.reserved[name] = self.reserved.get(name, 0) + by * amount
            indexes.add(self._reservations, name, by)
            if name not in self._reservations:
                del self.reserved[name]  # with the rounding errors of the sum


#: The load of a node without containers.
_NOTHING = Load()


class Loads(Index[Container, Footprint]):
    """The load of each node by its containers."""

    def __init__(self) -> None:
        super().__init__(footprints)
        self._loads: dict[str, Load] = {}

    def of(self, node: str) -> Load:
        """Return the load of a node, which must not be changed."""
        return self._loads.get(node, _NOTHING)

    def _enter(self, record: Container, fact: Footprint) -> None:
        self._loads.setdefault(fact.node, Load()).change(fact, 1)

    def _drop(self, record: Container, fact: Footprint) -> None:
        load = self._loads[fact.node]
        load.change(fact, -1)
        if not load.present_of:
            del self._loads[fact.node]
