"""Tutum v1, the same API under its first name: translated here, at the edge.

Every rule is Docker Cloud's and every object comes from the resources' own handlers;
this module respells requests on their way in and answers on their way out. States and
operations are those of late 2015: a new service is ``Not running``, not ``Init``.

Source: Tutum API reference, "Services"; what Tutum's SDK and command line do.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from aiohttp import WSCloseCode, web
from multidict import MultiDict

from .... import wire
from ....exceptions import BadRequest
from ....wire import states
from ...control.control_plane import ControlPlane
from .. import actions, containers, log_streams, services, streams
from ..fields import choice, optional
from ..render import submitted
from ..resource import Call, Handler, Reply
from .kinds import image_tag, tag_uri, used_images

#: Tutum shows these as well. What a client sends back of them is dropped.
_EXTRA = frozenset(
    {
        *("actions", "image_tag", "is_dead_backend", "last_metric", "layer"),
        *("tutum_action_uri", "unique_name", "web_public_dns"),
    }
)
#: What Tutum said of an image beside a repository's fields.
_IMAGE_EXTRA: Mapping[str, Any] = {
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
#: Filters of image lists, and what is true of all images here.
_IMAGE_FILTERS = {"is_user_image": True, "is_private_image": True, "jumpstart": False}

#: Keys that hold URIs, and keys that hold objects with such keys. Nothing else is
#: looked into: the values of variables and labels are the user's own.
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

#: A service in one of these scales as soon as its target is changed.
_SCALES_AT_ONCE = (states.RUNNING, states.PARTLY_RUNNING)


# --- in -----------------------------------------------------------------------------


class TutumCall(Call):
    """A request in Tutum's words, read as if it were in Docker Cloud's."""

    __slots__ = ()

    @property
    def query(self) -> Mapping[str, str]:
        query = MultiDict(self.request.query)
        for name in list(query):
            if name.partition("__")[0] == "unique_name":
                query[name.removeprefix("unique_")] = query.pop(name)
        if self.target.kind == "repository":
            for name, fact in _IMAGE_FILTERS.items():
                if (
                    self.request.query.get(name)
                    and _flag(name, query.pop(name)) != fact
                ):
                    query["name__in"] = ""  # there are none
        return query

    async def body(self) -> dict[str, Any]:
        body = await super().body()
        if self.target.kind == "stack" and isinstance(body.get("services"), list):
            body["services"] = [
                _read(service) if isinstance(service, dict) else service
                for service in body["services"]
            ]
        if self.target.kind == "repository":
            body = {k: v for k, v in body.items() if k not in _IMAGE_EXTRA}
        return _read(body)

    def event(self, frame: str) -> str:
        """Without the two keys that Docker Cloud added, and the one of ours."""
        event = _respelled(wire.loads(frame))
        del event["uuid"], event["datetime"], event["id"]
        return wire.dumps(event).decode()


def _flag(name: str, text: str) -> bool:
    try:
        return wire.parse_bool(text)
    except ValueError:
        raise BadRequest(f"{name}: must be true or false") from None


def _read(body: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a body, without those that Tutum only shows.

    ``autoreplace`` becomes ``autorestart``, unless that is given too: the container
    comes back in either case, here the same one.
    """
    found = {key: value for key, value in body.items() if key not in _EXTRA}
    parse = optional(choice("OFF", "ON_FAILURE", "ALWAYS"))
    wanted = parse("autoreplace", found.pop("autoreplace", None)) or "OFF"
    if wanted != "OFF" and found.get("autorestart") in (None, "OFF"):
        found["autorestart"] = wanted
    return found


async def refuse(request: web.Request) -> web.WebSocketResponse:
    """Wrong credentials on a stream: Tutum said so in a frame, not by a status."""
    ws = web.WebSocketResponse()
    await ws.prepare(request)
    word = "UNAUTHORIZED"
    frame = {"type": "error", "message": word, "data": {"errorMessage": word}}
    await ws.send_str(wire.dumps(frame).decode())
    await ws.close(code=WSCloseCode.POLICY_VIOLATION, message=word.encode())
    return ws


async def answer(call: Call, handler: Handler) -> Reply | web.StreamResponse:
    """What *handler* answers, in Tutum's words."""
    method, operation = call.request.method, call.target.operation
    reply: Reply | web.StreamResponse | None = None
    if (method, operation) == ("GET", ("logs",)):
        if not streams.is_upgrade(call.request):
            return Reply({"logs": await _text_log(call)})
    elif call.target.kind == "service" and (method, operation) == ("POST", ("scale",)):
        reply = _begun(call)
    reply = reply or await handler(call)
    if call.target.kind == "service" and (method, operation) == ("PATCH", ()):
        service = services.find(call)
        asked = "target_num_containers" in await call.body()
        if asked and service.scale_pending and service.state in _SCALES_AT_ONCE:
            reply = submitted(call, service, "scale", services.render)
    if isinstance(reply, web.StreamResponse) or reply.body is None:
        return reply
    return Reply(_shown(call, reply.body), reply.status, reply.action)


def _begun(call: Call) -> Reply | None:
    """The scaling that a PATCH has begun already: later clients ask for it again."""
    service = services.find(call)
    cloud = call.cloud
    running = cloud.active(service)
    if running is None or running.operation != "scale":
        return None
    changes = (
        action
        for action in cloud.actions.values()
        if action.object == service.uri and action.operation == "update"
    )
    if any(change.number > running.number for change in changes):
        return None
    return Reply(services.render(cloud, service), 202, running)


async def _text_log(call: Call) -> str:
    """A log as it was before May 2015: one text, each line of a service's log after
    the name of its container; *tail* counts as on the websocket."""
    cloud, kind = call.cloud, call.target.kind
    wanted = replace(log_streams.selection(call), follow=False, tell=False)
    if kind == "service":
        frames = log_streams.service_log(cloud, services.find(call), wanted)
    elif kind == "container":
        frames = log_streams.container_log(cloud, containers.find(call), wanted)
    else:
        frames = log_streams.action_log(cloud, actions.find(call), wanted)
    lines = []
    async with aclosing(frames):
        async for frame in frames:
            line = wire.loads(frame)
            source = f"[{line['source']}] " if "source" in line else ""
            lines.append(source + line["log"].removesuffix("\n"))
    return "".join(f"{line}\n" for line in lines)


# --- out ----------------------------------------------------------------------------


def _shown(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    """An answer in Tutum's spelling and with Tutum's fields."""
    add = _ADDITIONS.get(call.target.kind)
    listing = "meta" in body and "objects" in body
    found: list[dict[str, Any]] = body["objects"] if listing else [body]
    if add is not None and (listing or "resource_uri" in body):
        index = _actions_of(call.cloud, (one["resource_uri"] for one in found))
        found = [{**one, **add(call, one, index)} for one in found]
    found = [_respelled(one) for one in found]
    return {**body, "objects": found} if listing else found[0]


def _respelled(value: Any) -> Any:
    """*value* with the URIs in it as Tutum spells them."""
    if isinstance(value, list):
        return [_respelled(one) for one in value]
    if not isinstance(value, dict):
        return value
    found = dict(value)
    for key, inner in value.items():
        if key in _OBJECTS:
            found[key] = _respelled(inner)
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
    """URI of an object → the URIs of its actions, oldest first."""
    wanted = set(uris)
    index: dict[str, list[str]] = defaultdict(list)
    for action in cloud.actions.values():
        if action.object in wanted:
            index[action.object].append(wire.respell(action.uri, wire.TUTUM))
    return index


Addition = Callable[[Call, Mapping[str, Any], Index], dict[str, Any]]


def _with_actions(_: Call, one: Mapping[str, Any], index: Index) -> dict[str, Any]:
    return {"actions": index.get(one["resource_uri"], [])}


def _deployed(call: Call, one: Mapping[str, Any], index: Index) -> dict[str, Any]:
    """What services and containers have in common."""
    web_ports = [
        port
        for port in one["container_ports"]
        if port["published"] and port["uri_protocol"] in ("http", "https")
    ]
    return {
        **_with_actions(call, one, index),
        "autoreplace": "OFF",
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
    """A repository as an image; its tags are those that services use."""
    if "in_use" not in one:
        return {}  # one of its tags
    name = one["name"]
    used = {t for n, t in used_images(call) if n == name}
    return {**_IMAGE_EXTRA, "tags": [tag_uri(name, tag) for tag in sorted(used)]}


_ADDITIONS: Mapping[str, Addition] = {
    "service": _deployed,
    "container": _container,
    "stack": _with_actions,
    "node": _node,
    "nodecluster": _with_actions,
    "registry": _registry,
    "repository": _image,
}
