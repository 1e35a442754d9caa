"""Answers of Docker Cloud in Tutum's spelling and with Tutum's fields."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .... import wire
from ....wire import states
from ....wire.service_fields import BY_NAME, TUTUM_NAMES
from ...control.control_plane import ControlPlane
from ..resource import Call
from .kinds import image_tag, tag_uri, used_images

#: Read-only fields that only Tutum has → the field to write instead.
EXTRA: Mapping[str, str] = {
    **dict.fromkeys(("actions", "is_dead_backend", "last_metric", "layer"), ""),
    **dict.fromkeys(("tutum_action_uri", "web_public_dns"), ""),
    "image_tag": "image",
    "unique_name": "name",
}
#: The fields of a Tutum image that a repository does not have.
IMAGE_EXTRA: Mapping[str, Any] = {
    "build_source": None,
    "description": "",
    "icon_url": "",
    "is_private_image": True,
    "jumpstart": False,
    "last_build_date": None,
    "public_url": "",
    "star_count": 0,
    "state": states.SUCCESS,
    "tags": [],
}
#: Fields that no object of Tutum has.
_NEW_FIELDS = frozenset({"version"})
#: Keys of URIs, and keys of objects with such keys. All other values stay unchanged:
#: the values of variables and labels belong to the user.
_URIS = frozenset(
    {
        *("availability_zone", "availability_zones", "containers", "from_container"),
        *("from_service", "image", "node", "node_cluster", "node_type", "node_types"),
        *("nodes", "object", "provider", "region", "regions", "registry"),
        *("resource_uri", "service", "services", "stack", "tags", "to_container"),
        *("to_service", "url", "volume", "volume_group", "volumes", "volumes_from"),
        "parents",
    }
)
_OBJECTS = frozenset(
    {
        *("bindings", "linked_from_service", "linked_to_container"),
        *("linked_to_service", "objects"),
    }
)


def translated(call: Call, body: dict[str, Any], kind: str = "") -> dict[str, Any]:
    """Return an answer with Tutum's URIs and fields: an object or a page of a list.

    Args:
        call: The request.
        body: The answer of Docker Cloud.
        kind: The kind of the objects, by default the kind of the path.
    """
    add = _ADDITIONS.get(kind or call.target.kind)
    listing = "meta" in body and "objects" in body
    found: list[dict[str, Any]] = body["objects"] if listing else [body]
    # The tags of an object are no objects of the path's kind.
    if add is not None and all("resource_uri" in one for one in found):
        index = _actions_of(call.cloud, (one["resource_uri"] for one in found))
        found = [{**one, **add(call, one, index)} for one in found]
    found = [
        respelled({key: one[key] for key in one if key not in _NEW_FIELDS})
        for one in found
    ]
    return {**body, "objects": found} if listing else found[0]


def respelled(value: Any) -> Any:
    """Return a copy of *value* whose URIs have Tutum's spelling."""
    if isinstance(value, list):
        return [respelled(one) for one in value]
    if not isinstance(value, dict):
        return value
    found = dict(value)
    for key, inner in value.items():
        if key in _OBJECTS:
            found[key] = respelled(inner)
        elif key in _URIS and isinstance(inner, str):
            found[key] = wire.respell(inner, wire.TUTUM)
        elif key in _URIS and isinstance(inner, list):
            found[key] = [
                wire.respell(one, wire.TUTUM) if isinstance(one, str) else one
                for one in inner
            ]
    return found


Index = Mapping[str, list[str]]


def _actions_of(cloud: ControlPlane, uris: Iterable[str]) -> Index:
    """Return the URIs of the actions of each object, oldest first, by its URI."""
    return {
        uri: [wire.respell(one.uri, wire.TUTUM) for one in cloud.actions_on(uri)]
        for uri in uris
    }


Addition = Callable[[Call, Mapping[str, Any], Index], dict[str, Any]]


def _with_actions(_: Call, one: Mapping[str, Any], index: Index) -> dict[str, Any]:
    return {"actions": index.get(one["resource_uri"], [])}


def _deployed(call: Call, one: Mapping[str, Any], index: Index) -> dict[str, Any]:
    """Return Tutum's additional fields of a service or container."""
    web_ports = [
        port
        for port in one["container_ports"]
        if port["published"] and port["uri_protocol"] in ("http", "https")
    ]
    return {
        **_with_actions(call, one, index),
        # Requests set the field itself, see ``requests``.
        **{name: BY_NAME[field].default for name, field in TUTUM_NAMES.items()},
        "image_tag": image_tag(one["image_name"]),
        "link_variables": {
            key.replace("_DOCKERCLOUD_API_URL", "_TUTUM_API_URL"): (
                wire.respell(value, wire.TUTUM)
                if key.endswith("_DOCKERCLOUD_API_URL")
                else value
            )
            for key, value in one["link_variables"].items()
        },
        "unique_name": one["name"],
        "web_public_dns": one["public_dns"] if web_ports else None,
    }


def _container(call: Call, one: Mapping[str, Any], index: Index) -> dict[str, Any]:
    return {**_deployed(call, one, index), "last_metric": None, "layer": None}


def _node(call: Call, one: Mapping[str, Any], index: Index) -> dict[str, Any]:
    return {**_with_actions(call, one, index), "last_metric": None}


def _registry(_: Call, one: Mapping[str, Any], __: Index) -> dict[str, Any]:
    return {"icon_url": "", "is_tutum_registry": False}


def _image(call: Call, one: Mapping[str, Any], _: Index) -> dict[str, Any]:
    """Return the additional fields of an image; its tags are those in use by services.

    An answer about a single tag has no key ``in_use`` and gets no fields.
    """
    if "in_use" not in one:
        return {}
    name = one["name"]
    used = {t for n, t in used_images(call) if n == name}
    return {**IMAGE_EXTRA, "tags": [tag_uri(name, tag) for tag in sorted(used)]}


_ADDITIONS: Mapping[str, Addition] = {
    "service": _deployed,
    "container": _container,
    "stack": _with_actions,
    "node": _node,
    "nodecluster": _with_actions,
    "registry": _registry,
    "repository": _image,
}
