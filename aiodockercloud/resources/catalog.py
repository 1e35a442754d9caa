"""The catalogue of nodes: providers, regions, availability zones and node types.

Source: Docker Cloud API reference, "Providers", "Regions", "Availability Zones" and
"Node Types".
"""

from __future__ import annotations

import builtins
from collections.abc import AsyncIterator
from typing import ClassVar, Unpack

from .. import types
from .filters import Filters
from .managed import Readable

__all__ = ["AvailabilityZones", "NodeTypes", "Providers", "Regions"]


class Providers(Readable["types.Provider"]):
    """Providers of nodes: ``cloud.providers``.

    The argument is a provider: its dict, its ``resource_uri`` or its name.

    Source: Docker Cloud API reference, "Providers".
    """

    kind = "provider"
    filters: ClassVar[Filters | None] = Filters("ProviderFilters", "Provider")
    key = "name"

    async def list(
        self, **filters: Unpack[types.ProviderFilters]
    ) -> builtins.list[types.Provider]:
        return await super().list(**filters)

    def iterate(
        self, **filters: Unpack[types.ProviderFilters]
    ) -> AsyncIterator[types.Provider]:
        return super().iterate(**filters)


class Regions(Readable["types.Region"]):
    """Regions of providers: ``cloud.regions``.

    The argument is a region: its dict, its ``resource_uri`` or ``"provider/region"``.

    Source: Docker Cloud API reference, "Regions".
    """

    kind = "region"
    filters: ClassVar[Filters | None] = Filters("RegionFilters", "Region")

    async def list(
        self, **filters: Unpack[types.RegionFilters]
    ) -> builtins.list[types.Region]:
        return await super().list(**filters)

    def iterate(
        self, **filters: Unpack[types.RegionFilters]
    ) -> AsyncIterator[types.Region]:
        return super().iterate(**filters)


class AvailabilityZones(Readable["types.AvailabilityZone"]):
    """Availability zones of regions: ``cloud.azs``.

    The argument is a zone: its dict, its ``resource_uri`` or
    ``"provider/region/zone"``.

    Source: Docker Cloud API reference, "Availability Zones".
    """

    kind = "az"
    filters: ClassVar[Filters | None] = Filters(
        "AvailabilityZoneFilters", "AvailabilityZone"
    )

    async def list(
        self, **filters: Unpack[types.AvailabilityZoneFilters]
    ) -> builtins.list[types.AvailabilityZone]:
        return await super().list(**filters)

    def iterate(
        self, **filters: Unpack[types.AvailabilityZoneFilters]
    ) -> AsyncIterator[types.AvailabilityZone]:
        return super().iterate(**filters)


class NodeTypes(Readable["types.NodeType"]):
    """Types of nodes that providers offer: ``cloud.nodetypes``.

    The argument is a node type: its dict, its ``resource_uri`` or
    ``"provider/nodetype"``.

    Source: Docker Cloud API reference, "Node Types".
    """

    kind = "nodetype"
    filters: ClassVar[Filters | None] = Filters("NodeTypeFilters", "NodeType")

    async def list(
        self, **filters: Unpack[types.NodeTypeFilters]
    ) -> builtins.list[types.NodeType]:
        return await super().list(**filters)

    def iterate(
        self, **filters: Unpack[types.NodeTypeFilters]
    ) -> AsyncIterator[types.NodeType]:
        return super().iterate(**filters)
