"""What nodes can be made of: providers, regions, availability zones, node types.

Source: Docker Cloud API reference, "Providers", "Regions", "Availability Zones" and
"Node Types".
"""

from __future__ import annotations

from ..types import AvailabilityZone, NodeType, Provider, Region
from .managed import Readable

__all__ = ["AvailabilityZones", "NodeTypes", "Providers", "Regions"]


class Providers(Readable[Provider]):
    """The argument is a provider's dict, its ``resource_uri`` or its name."""

    kind = "provider"
    key = "name"


class Regions(Readable[Region]):
    """The argument is a dict, a ``resource_uri`` or ``"provider/region"``."""

    kind = "region"


class AvailabilityZones(Readable[AvailabilityZone]):
    """The argument is a dict, a ``resource_uri`` or ``"provider/region/zone"``."""

    kind = "az"


class NodeTypes(Readable[NodeType]):
    """The argument is a dict, a ``resource_uri`` or ``"provider/nodetype"``."""

    kind = "nodetype"
