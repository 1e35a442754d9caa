"""What a container demands of its node: resources, constraints, platforms.

Source: Docker Engine API, "ServiceCreate": ``Placement`` and ``Reservations``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..state.loads import CPU, MEMORY, reserved

__all__ = ["NO_DEMAND", "Demand", "capacity", "demand", "reserved"]

_COMPARISON = re.compile(r"\s*(\S+?)\s*(==|!=)\s*(.*?)\s*")
#: Names of architectures in Docker's platforms of images → those of nodes.
_ARCHITECTURES = {"amd64": "x86_64", "arm64": "aarch64", "386": "i686"}


@dataclass(frozen=True, slots=True)
class Demand:
    """What containers that are placed together demand of their node.

    Attributes:
        resources: Resource → the amount that must be left.
        constraints: Comparisons with the attributes of the node.
        platforms: Lists of platforms, of each of which the node must have one.
        most_per_node: The most containers of the service on the node.
        spread: The attributes over whose values the containers are spread.
    """

    resources: Mapping[str, float] = field(default_factory=dict)
    constraints: Sequence[str] = ()
    platforms: Sequence[Sequence[Mapping[str, Any]]] = ()
    most_per_node: int | None = None
    spread: Sequence[str] = ()

    def unmet(self, attributes: Mapping[str, str]) -> str:
        """Return the first constraint that a node does not meet, or an empty text."""
        for constraint in self.constraints:
            if not _meets(attributes, constraint):
                return constraint
        for wanted in self.platforms:
            if not any(_has_platform(attributes, one) for one in wanted):
                names = (f"{one['os']}/{one['architecture'] or '*'}" for one in wanted)
                return f"platform {' or '.join(names)}"
        return ""

    def lacking(self, free: Mapping[str, float]) -> str:
        """Return the first resource of which too little is left, or an empty text."""
        for name, amount in self.resources.items():
            # A sum of fractions of CPUs may be slightly below the whole number.
            if free.get(name, 0) < amount - 1e-6:
                return f"{amount:g} {name}"
        return ""


#: The demand of a container that runs on every node.
NO_DEMAND = Demand()


def demand(
    definition: Mapping[str, Any], together: Iterable[Mapping[str, Any]] = ()
) -> Demand:
    """Return the demand of a container, and of containers on the same node.

    Args:
        definition: The definition of the container.
        together: The definitions of the other containers.
    """
    others = list(together)
    placements = [one.get("placement") or {} for one in (definition, *others)]
    resources: Counter[str] = Counter()
    for one in (definition, *others):
        resources.update(reserved(one))
    return Demand(
        resources=resources,
        constraints=[c for one in placements for c in one.get("constraints", ())],
        platforms=[one["platforms"] for one in placements if one.get("platforms")],
        most_per_node=placements[0].get("max_replicas_per_node"),
        spread=[one["spread"] for one in placements[0].get("preferences", ())],
    )


def capacity(cpu: int, memory: int, generic: Mapping[str, int]) -> dict[str, float]:
    """Return the resources of a node without containers."""
    return {CPU: cpu, MEMORY: memory, **generic}


def _meets(attributes: Mapping[str, str], constraint: str) -> bool:
    """Return whether a node meets a constraint; Swarm ignores case, too."""
    match = _COMPARISON.fullmatch(constraint)
    if match is None:
        return False
    name, operator, value = match.groups()
    found = attributes.get(name)
    equal = found is not None and found.casefold() == value.casefold()
    return equal == (operator == "==")


def _has_platform(attributes: Mapping[str, str], wanted: Mapping[str, Any]) -> bool:
    if attributes.get("node.platform.os", "").casefold() != wanted["os"].casefold():
        return False
    architecture = (wanted["architecture"] or "").casefold()
    found = attributes.get("node.platform.arch", "").casefold()
    return not architecture or found in (
        architecture,
        _ARCHITECTURES.get(architecture),
    )
