"""Kinds that only Tutum has: images with tags, volumes and volume groups.

An image is a view of a repository.
Source: the requests of Tutum's SDK and command line.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any, NamedTuple

from aiohttp import web

from .... import wire
from ....exceptions import NotSupported, ObjectNotFound
from ....wire import states
from ....wire.images import ImageName
from ....wire.scopes import DEPLOY, READ
from ...state.records import Service
from .. import repositories
from ..render import listed
from ..resource import Call, Reply, Resource

images: Resource = Resource("repository")
volumes: Resource = Resource("volume")
volumegroups: Resource = Resource("volumegroup")

RESOURCES = {one.kind: one for one in (images, volumes, volumegroups)}

#: More volumes than a container has.
_MOST_VOLUMES = 10_000

# The handlers of repositories serve images.
images.route("GET", key=False, scope=READ)(repositories.index)
images.route("POST", key=False, scope=DEPLOY)(repositories.create)
images.route("PATCH", scope=DEPLOY)(repositories.update)
images.route("DELETE", scope=DEPLOY)(repositories.delete)


def _name_and_tag(image: str) -> tuple[str, str]:
    name = ImageName.parse(image)
    return name.repository, name.tag or "latest"


def tag_uri(name: str, tag: str) -> str:
    """Return the URI of a tag of an image."""
    parts = name.split("/")
    return wire.path("repository", *parts, "tag", tag, dialect=wire.TUTUM)


def image_tag(image: str) -> str:
    """Return the URI of the tag in an image reference."""
    return tag_uri(*_name_and_tag(image))


def used_images(call: Call) -> set[tuple[str, str]]:
    """Return name and tag of the images of all services that are not terminated."""
    return {
        _name_and_tag(service.definition["image"])
        for service in call.cloud.all("service", call.namespace)
        if service.state != states.TERMINATED
    }


@images.route("GET", scope=READ)
async def inspect_image(call: Call) -> Reply | web.StreamResponse:
    """Answer with an image or, for a path ``…/tag/<tag>/``, with a tag of the image."""
    if call.target.key[-2:-1] != ("tag",):
        return await repositories.inspect(call)
    *parts, _, tag = call.target.key
    name = "/".join(parts)
    registered = {r.name for r in call.cloud.all("repository", call.namespace)}
    if name not in registered and (name, tag) not in used_images(call):
        raise ObjectNotFound(f"there is no image {name}:{tag}")
    return Reply(
        {
            "buildsetting": None,
            "full_name": f"{name}:{tag}",
            "image": wire.path("repository", *parts),
            "name": tag,
            "resource_uri": tag_uri(name, tag),
        }
    )


@images.route("POST", scope=DEPLOY)
async def build_image(call: Call) -> Reply:
    """Refuse ``…/tag/<tag>/build/``."""
    raise NotSupported("build: this server builds no images; push them to a registry")


class _Entry(NamedTuple):
    """A volume or a group under its uuid, with the number that orders the list."""

    key: str
    rendered: dict[str, Any]
    number: int


def _volumes(call: Call) -> list[_Entry]:
    """Return the volumes of all containers, newest first.

    A container redeployed with its volumes shares these with its predecessor.
    """
    found: dict[str, _Entry] = {}
    for container in reversed(call.cloud.all("container", call.namespace)):
        for index, (_, uuid) in enumerate(container.volumes):
            volume: dict[str, Any] = {
                "containers": [],
                "node": wire.path("node", container.node),
                "resource_uri": wire.path("volume", uuid),
                "state": states.TERMINATED,
                "uuid": uuid,
                "volume_group": _group_uri(container.service),
            }
            number = container.number * _MOST_VOLUMES + index
            volume = found.setdefault(uuid, _Entry(uuid, volume, number)).rendered
            if container.state != states.TERMINATED:
                volume["state"] = states.CREATED
                volume["containers"].append(container.uri)
    return list(reversed(found.values()))


def _group_uri(service: str) -> str:
    return wire.path("volumegroup", service, dialect=wire.TUTUM)


def _groups(call: Call) -> list[_Entry]:
    """Return the volume groups.

    A group has the volumes of one service, the service's name and the service's uuid.
    """
    members: dict[str, list[str]] = defaultdict(list)
    for entry in _volumes(call):
        members[entry.rendered["volume_group"]].append(entry.rendered["resource_uri"])
    return [
        _Entry(
            service.uuid,
            _group(service, members[_group_uri(service.uuid)]),
            service.number,
        )
        for service in call.cloud.all("service", call.namespace)
        if _group_uri(service.uuid) in members
    ]


def _group(service: Service, volumes: list[str]) -> dict[str, Any]:
    terminated = service.state == states.TERMINATED
    return {
        "name": service.name,
        "resource_uri": _group_uri(service.uuid),
        "services": [service.uri],
        "state": states.TERMINATED if terminated else states.CREATED,
        "uuid": service.uuid,
        "volumes": volumes,
    }


def _serve_reading(
    resource: Resource, entries: Callable[[Call], list[_Entry]], *known: str
) -> None:
    """Add the routes of a read-only kind: list and inspect."""

    @resource.route("GET", key=False, scope=READ)
    async def index(call: Call) -> Reply:
        return await listed(
            call,
            resource.kind,
            lambda _, entry: entry.rendered,
            {},
            [*known, "resource_uri", "state", "uuid"],
            records=entries(call),
        )

    @resource.route("GET", scope=READ)
    async def inspect(call: Call) -> Reply:
        for entry in entries(call):
            if entry.key == call.pk.lower():
                return Reply(entry.rendered)
        raise ObjectNotFound(f"there is no {resource.kind} {call.pk}")


_serve_reading(volumes, _volumes, "containers", "node", "volume_group")
_serve_reading(volumegroups, _groups, "name", "services", "volumes")
