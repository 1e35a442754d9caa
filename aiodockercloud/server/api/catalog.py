"""Providers, regions, availability zones and node types of an engine.

The embedded engine provisions nodes under the names that scripts for the hosted service
use. An engine on bring-your-own nodes has a single provider, without regions.
Source: Docker Cloud API reference, "Providers" to "Node Types".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from ... import wire
from ...exceptions import ObjectNotFound
from ...wire.scopes import READ
from .filters import Getter
from .render import listed
from .resource import Call, Reply, Resource


class Size(NamedTuple):
    """The size of the nodes of one type: their CPUs, and their memory in MB."""

    cpu: int
    memory: int


#: Provider → (label, {region: (label, zones)}, {node type: size}).
_PROVIDERS: dict[str, tuple[str, dict[str, tuple[str, list[str]]], dict[str, Size]]] = {
    "digitalocean": (
        "Digital Ocean (embedded)",
        {
            "ams2": ("Amsterdam 2", []),
            "ams3": ("Amsterdam 3", []),
            "fra1": ("Frankfurt 1", []),
            "lon1": ("London 1", []),
            "nyc1": ("New York 1", []),
            "nyc3": ("New York 3", []),
            "sfo1": ("San Francisco 1", []),
            "sgp1": ("Singapore 1", []),
        },
        {
            "512mb": Size(1, 512),
            "1gb": Size(1, 1024),
            "2gb": Size(2, 2048),
            "4gb": Size(2, 4096),
            "8gb": Size(4, 8192),
            "16gb": Size(8, 16_384),
        },
    ),
    "aws": (
        "Amazon Web Services (embedded)",
        {
            region: (label, [f"{region}{zone}" for zone in "abc"])
            for region, label in (
                ("us-east-1", "US East (N. Virginia)"),
                ("us-west-2", "US West (Oregon)"),
                ("eu-west-1", "EU (Ireland)"),
                ("eu-central-1", "EU (Frankfurt)"),
                ("ap-northeast-1", "Asia Pacific (Tokyo)"),
                ("sa-east-1", "South America (Sao Paulo)"),
            )
        },
        {
            "t2.micro": Size(1, 1024),
            "t2.small": Size(1, 2048),
            "t2.medium": Size(2, 4096),
            "m3.medium": Size(1, 3840),
            "m3.large": Size(2, 7680),
            "m4.large": Size(2, 8192),
            "m4.xlarge": Size(4, 16_384),
            "c4.large": Size(2, 3840),
            "r3.large": Size(2, 15_616),
        },
    ),
}


class Entry(NamedTuple):
    """One object of the catalogue under its key, ``digitalocean/lon1``."""

    key: str
    rendered: dict[str, Any]


def by_key(entry: Entry) -> str:
    """Return the place of an entry in a list that is sorted by the keys."""
    return entry.key


@cache
def entries(kind: str, available: bool) -> dict[str, Entry]:
    """Return all catalogue entries of a kind by their keys.

    Args:
        kind: provider, region, az or nodetype.
        available: Whether the engine provisions nodes.
    """
    build = {
        "provider": _providers,
        "region": _regions,
        "az": _zones,
        "nodetype": _types,
    }
    rendered = build[kind]() if available else _BRING_YOUR_OWN.get(kind, [])
    found = {}
    for one in rendered:
        target = wire.split_path(str(one["resource_uri"]))
        assert target is not None, "made by wire.path below"
        found[target.pk] = Entry(target.pk, {"available": available, **one})
    return found


def uri(kind: str, key: str) -> str | None:
    """Return the URI of an entry by its key; a bring-your-own node has the key ""."""
    return wire.path(kind, *key.split("/")) if key else None


def size(node_type: str) -> Size | None:
    """Return the size of a node type by its key; None for a bring-your-own node."""
    provider, _, name = node_type.partition("/")
    return _PROVIDERS[provider][2].get(name) if provider in _PROVIDERS else None


def zone(region: str, uuid: str) -> str | None:
    """Return the URI of a node's zone in a region, None if the region has no zones.

    The nodes of a cluster are spread over the zones by their uuids.

    Args:
        region: The key of the region.
        uuid: The uuid of the node.
    """
    provider, _, name = region.partition("/")
    _, zones = _PROVIDERS[provider][1].get(name, ("", [])) if provider else ("", [])
    if not zones:
        return None
    return wire.path("az", provider, name, zones[int(uuid[:8], 16) % len(zones)])


#: The catalogue of an engine that runs on bring-your-own nodes.
_BRING_YOUR_OWN = {
    "provider": [
        {
            "label": "Your own machines: bring them with a join token",
            "name": "own",
            "regions": [],
            "resource_uri": wire.path("provider", "own"),
        }
    ]
}


def _providers() -> list[dict[str, Any]]:
    return [
        {
            "label": label,
            "name": name,
            "regions": [wire.path("region", name, region) for region in regions],
            "resource_uri": wire.path("provider", name),
        }
        for name, (label, regions, _) in _PROVIDERS.items()
    ]


def _regions() -> list[dict[str, Any]]:
    return [
        {
            "availability_zones": [
                wire.path("az", provider, name, zone) for zone in zones
            ],
            "label": label,
            "name": name,
            "node_types": [wire.path("nodetype", provider, size) for size in sizes],
            "provider": wire.path("provider", provider),
            "resource_uri": wire.path("region", provider, name),
        }
        for provider, (_, regions, sizes) in _PROVIDERS.items()
        for name, (label, zones) in regions.items()
    ]


def _zones() -> list[dict[str, Any]]:
    return [
        {
            "name": zone,
            "region": wire.path("region", provider, region),
            "resource_uri": wire.path("az", provider, region, zone),
        }
        for provider, (_, regions, _) in _PROVIDERS.items()
        for region, (_, zones) in regions.items()
        for zone in zones
    ]


def _types() -> list[dict[str, Any]]:
    return [
        {
            "availability_zones": [
                wire.path("az", provider, region, zone)
                for region, (_, zones) in regions.items()
                for zone in zones
            ],
            "label": name.upper() if provider == "digitalocean" else name,
            "name": name,
            "provider": wire.path("provider", provider),
            "regions": [wire.path("region", provider, region) for region in regions],
            "resource_uri": wire.path("nodetype", provider, name),
        }
        for provider, (_, regions, sizes) in _PROVIDERS.items()
        for name in sizes
    ]


# --- filters ------------------------------------------------------------------------


def _provider(entry: Entry) -> str:
    return wire.path("provider", entry.key.partition("/")[0])


def _related_regions(entry: Entry) -> Sequence[str]:
    if "regions" in entry.rendered:
        return list(entry.rendered["regions"])
    return [wire.path("region", *entry.key.split("/")[:2])]


def _related_zones(entry: Entry) -> Sequence[str]:
    if "availability_zones" in entry.rendered:
        return list(entry.rendered["availability_zones"])
    zones = entries("az", bool(entry.rendered["available"])).items()
    return [
        str(zone.rendered["resource_uri"])
        for key, zone in zones
        if f"{key}/".startswith(f"{entry.key}/")
    ]


#: The relations of every kind: published clients filter one kind by the relations of
#: another, as in ``nodetype/?region=lon1``.
_RELATIONS: Mapping[str, Getter] = {
    "provider": _provider,
    "region": _related_regions,
    "regions": _related_regions,
    "availability_zones": _related_zones,
}


# --- routes -------------------------------------------------------------------------


def _resource(kind: str, known: Sequence[str]) -> Resource:
    resource = Resource(kind)

    @resource.route("GET", key=False, scope=READ)
    async def index(call: Call) -> Reply:
        found = entries(kind, call.cloud.engine.provisions)
        places = list(found)
        return await listed(
            call,
            kind,
            lambda _, entry: entry.rendered,
            _RELATIONS,
            known,
            records=list(found.values()),
            place=lambda entry: places.index(entry.key),
        )

    @resource.route("GET", scope=READ)
    async def inspect(call: Call) -> Reply:
        entry = entries(kind, call.cloud.engine.provisions).get(call.pk)
        if entry is None:
            raise ObjectNotFound(f"there is no {kind} {call.pk}")
        return Reply(dict(entry.rendered))

    return resource


_KEYS = ("name", "available", "resource_uri")

RESOURCES = [
    _resource("provider", [*_KEYS, "label", "regions"]),
    _resource(
        "region", [*_KEYS, "label", "provider", "node_types", "availability_zones"]
    ),
    _resource("az", [*_KEYS, "region"]),
    _resource(
        "nodetype", [*_KEYS, "label", "provider", "regions", "availability_zones"]
    ),
]
