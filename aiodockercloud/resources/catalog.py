"""The catalogue of nodes: providers, regions, availability zones and node types.

Source: Docker Cloud API reference, "Providers", "Regions", "Availability Zones" and
"Node Types".
"""

from __future__ import annotations

from ..types import AvailabilityZone, NodeType, Provider, Region
from .managed import Readable

__all__ = ["AvailabilityZones", "NodeTypes", "Providers", "Regions"]


class Providers(Readable[Provider]):
    """Providers of nodes: ``cloud.providers``.

    The argument is a provider: its dict, its ``resource_uri`` or its name.

    Source: Docker Cloud API reference, "Providers".
    """

    kind = "provider"
    key = "name"


class Regions(Readable[Region]):
    """Regions of providers: ``cloud.regions``.

    The argument is a region: its dict, its ``resource_uri`` or ``"provider/region"``.

    Source: Docker Cloud API reference, "Regions".
    """

    kind = "region"


class AvailabilityZones(Readable[AvailabilityZone]):
    """Availability zones of regions: ``cloud.azs``.

    The argument is a zone: its dict, its ``resource_uri`` or
    ``"provider/region/zone"``.

    Source: Docker Cloud API reference, "Availability Zones".
    """

    kind = "az"


class NodeTypes(Readable[NodeType]):
    """Types of nodes that providers offer: ``cloud.nodetypes``.

    The argument is a node type: its dict, its ``resource_uri`` or
    ``"provider/nodetype"``.

    Source: Docker Cloud API reference, "Node Types".
    """

    kind = "nodetype"
