"""Secrets and configs: files for containers, whose content no answer contains.

Source: Docker Engine API, "Secrets" and "Configs".
"""

from __future__ import annotations

import binascii
import time
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

from ...exceptions import BadRequest, ConflictError, ObjectNotFound
from ...wire.scopes import DEPLOY, READ
from ..control import stored_files
from ..control.control_plane import ControlPlane
from ..state.records import Config, Secret, StoredFile
from . import fields, versions
from .fields import Field
from .readonly import Late
from .render import date, listed, origin
from .resource import Call, Reply, Resource

#: Docker's limit: a content is shorter.
_TOO_MANY_BYTES = 500 * 1024


def _data(place: str, value: Any) -> str:
    """Return a content as canonical base64. No message contains the value.

    Raises:
        BadRequest: The value is not base64, or is empty or too large.
    """
    encoded = fields.text(place, value) if isinstance(value, str) else ""
    try:
        # The alphabet of URLs, as Docker writes base64, is accepted, too.
        content = b64decode(encoded.translate(_FROM_URL), validate=True)
    except (binascii.Error, ValueError):
        content = b""
    if not 0 < len(content) < _TOO_MANY_BYTES:
        raise BadRequest(f"{place}: must be base64 of 1 to {_TOO_MANY_BYTES - 1} bytes")
    return b64encode(content).decode()


_FROM_URL = str.maketrans("-_", "+/")

FIELDS: Mapping[str, Field] = {"name": Field(fields.name), "data": Field(_data)}
READ_ONLY: Mapping[str, str] = {
    **dict.fromkeys(("uuid", "resource_uri", "dockercloud_action_uri"), ""),
    "created_datetime": "",
    "updated_datetime": "data",
    "services": "write the field of the service",
    "version": versions.READ_ONLY,
}


def render(cloud: ControlPlane, stored: StoredFile) -> dict[str, Any]:
    """Return the JSON object of a secret or a config, without its content."""
    return {
        "created_datetime": date(stored.created),
        "name": stored.name,
        "resource_uri": stored.uri,
        "services": [service.uri for service in stored_files.users(cloud, stored)],
        "updated_datetime": date(stored.updated),
        "uuid": stored.uuid,
        "version": stored.version,
    }


def _find(call: Call, kind: str) -> StoredFile:
    found = stored_files.find(call.cloud, kind, call.pk, call.namespace)
    if found is None:
        raise ObjectNotFound(f"there is no {kind} {call.pk}")
    return found


def _resource(record: type[StoredFile]) -> Resource:
    """Return the routes of secrets or of configs."""
    kind = record.kind
    resource = Resource(kind)

    @resource.route("GET", key=False, scope=READ)
    async def index(call: Call) -> Reply:
        getters = {"uuid": lambda r: r.uuid, "name": lambda r: r.name}
        return await listed(call, kind, render, getters, ["name", *READ_ONLY])

    @resource.route("POST", key=False, scope=DEPLOY)
    async def create(call: Call) -> Reply:
        body = fields.read(
            await call.body(), FIELDS, read_only=call.read_only(READ_ONLY, {})
        )
        for name in FIELDS:
            if name not in body:
                raise BadRequest(f"{name}: is missing")
        if stored_files.find(call.cloud, kind, body["name"], call.namespace):
            raise fields.duplicated_name(kind, body["name"])
        stored = record(namespace=call.namespace, **body)
        call.cloud.add(stored)
        action = call.cloud.operations.record("create", stored, origin(call))
        return Reply(render(call.cloud, stored), 201, action)

    @resource.route("GET", scope=READ)
    async def inspect(call: Call) -> Reply:
        return Reply(render(call.cloud, _find(call, kind)))

    @resource.route("PATCH", scope=DEPLOY)
    async def update(call: Call) -> Reply:
        given, stored = await call.body(), _find(call, kind)
        versions.check(call, stored)
        read_only = call.read_only(READ_ONLY, Late(lambda: render(call.cloud, stored)))
        body = fields.read(given, FIELDS, read_only=read_only)
        if body.get("name", stored.name) != stored.name:
            raise BadRequest(f"name: cannot be changed; create another {kind}")
        if body.get("data", stored.data) != stored.data:
            stored_files.change(call.cloud, stored, body["data"], time.time())
        action = call.cloud.operations.record("update", stored, origin(call))
        return Reply(render(call.cloud, stored), 200, action)

    @resource.route("DELETE", scope=DEPLOY)
    async def delete(call: Call) -> Reply:
        stored = _find(call, kind)
        versions.check(call, stored)
        if users := stored_files.users(call.cloud, stored):
            raise ConflictError(
                f"the {kind} {stored.name} is used by"
                f" {', '.join(service.name for service in users)}: take the {kind} from"
                " the services and redeploy or terminate them first"
            )
        action = call.cloud.operations.record("delete", stored, origin(call))
        call.cloud.remove(stored)
        return Reply(None, 204, action)

    return resource


RESOURCES = (_resource(Secret), _resource(Config))
