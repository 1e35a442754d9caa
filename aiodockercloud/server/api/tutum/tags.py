"""The tags of one object below its path, as Tutum had them until early 2015.

``…/tags/`` lists and adds tags, ``…/tags/<name>/`` removes one. Both changes are
updates of the object's field ``tags``.
Source: the requests of Tutum's SDK of 2014.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .... import wire
from ....exceptions import BadRequest, ObjectNotFound
from ....wire.scopes import DEPLOY, READ
from .. import fields, nodeclusters, nodes, services
from ..catalog import Entry
from ..render import listed
from ..resource import OPERATE, Call, Handler, Reply, Resource
from .requests import TutumCall

_TAGS = "tags"
_names = fields.listing(fields.tag)


class _Update(TutumCall):
    """A request that reads like the update of an object's tags."""

    __slots__ = ("tags",)
    tags: list[str]

    async def body(self) -> dict[str, Any]:
        return {"tags": self.tags}


async def _updated(call: Call, update: Handler, tags: list[str]) -> Any:
    changed = _Update(
        call.request, call.cloud, call.target, call.access, call.namespace
    )
    changed.tags = tags
    return await update(changed)


async def _given(call: Call) -> list[str]:
    """Return the tags in a body, which is a list, an object, or one name.

    Raises:
        BadRequest: The body has no tags.
    """
    try:
        body = wire.loads(await call.request.read())
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"body: is not valid JSON: {error}") from None
    found: list[str] = _names("tags", body if isinstance(body, list) else [body])
    return found


def tagged(
    base: Resource, update: Handler, tags_of: Callable[[Call], list[str]], scope: str
) -> Resource:
    """Return a kind with the routes of another one, and with those of its tags.

    Args:
        base: The kind.
        update: The handler that updates an object.
        tags_of: Returns the user's tags of the object that a path names.
        scope: The scope that changes need.
    """
    resource = Resource(base.kind, dict(base.routes))

    @resource.route("GET", _TAGS, scope=READ)
    async def index(call: Call) -> Reply:
        names = tags_of(call)
        records = [Entry(name, {"name": name}) for name in names]
        return await listed(
            call,
            "tag",
            lambda _, one: one.rendered,
            {},
            ["name"],
            records=records,
            place=lambda one: names.index(one.key),
        )

    @resource.route("POST", _TAGS, scope=scope)
    async def add(call: Call) -> Any:
        tags = dict.fromkeys([*tags_of(call), *await _given(call)])
        return await _updated(call, update, list(tags))

    @resource.route("DELETE", _TAGS, "*", scope=scope)
    async def remove(call: Call) -> Any:
        tags, name = tags_of(call), call.target.operation[1]
        if name not in tags:
            raise ObjectNotFound(f"the {base.kind} has no tag {name!r}")
        return await _updated(call, update, [tag for tag in tags if tag != name])

    return resource


def _of_service(call: Call) -> list[str]:
    return list(services.find(call).definition["tags"])


RESOURCES = {
    one.kind: one
    for one in (
        tagged(services.resource, services.update, _of_service, DEPLOY),
        tagged(
            nodes.resource, nodes.update, lambda call: nodes.find(call).tags, OPERATE
        ),
        tagged(
            nodeclusters.resource,
            nodeclusters.update,
            lambda call: nodeclusters.find(call).tags,
            OPERATE,
        ),
    )
}
