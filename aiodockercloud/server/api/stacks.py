"""Stacks: services that are created, operated and terminated together.

Source: Docker Cloud API reference, "Stacks".
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from ... import stackfile
from ...exceptions import BadRequest, DockerCloudError, StackFileError
from ...wire import service_fields
from ...wire.images import ImageName
from ...wire.scopes import DEPLOY, READ
from ..control.control_plane import ControlPlane
from ..state.records import Service, Stack, new_uuid
from . import definitions, fields, services, versions
from .fields import Field, listing, mapping, optional_text
from .readonly import Late
from .render import date, inspected, listed, origin, refuse_busy, serve_operations
from .resource import Call, Reply, Resource

FIELDS: Mapping[str, Field] = {
    "name": Field(fields.stack_name),
    "nickname": Field(optional_text),
    "services": Field(listing(mapping), list),
}
READ_ONLY: Mapping[str, str] = {
    **dict.fromkeys(("uuid", "resource_uri", "dockercloud_action_uri"), ""),
    **dict.fromkeys(("deployed_datetime", "destroyed_datetime", "synchronized"), ""),
    "state": "change it with an operation, such as start",
    "version": versions.READ_ONLY,
}

#: The type of a body that is a stack file.
YAML = "application/yaml"
#: The name of that stack file in messages.
_FILE = "stack file"

resource: Resource = Resource("stack")


def render(cloud: ControlPlane, stack: Stack) -> dict[str, Any]:
    """Return the JSON object of a stack; every key is always present."""
    members = cloud.services_of(stack)
    return {
        "deployed_datetime": date(stack.deployed),
        "destroyed_datetime": date(stack.destroyed),
        "name": stack.name,
        "nickname": stack.nickname,
        "resource_uri": stack.uri,
        "services": [service.uri for service in members],
        "state": stack.state,
        "synchronized": all(cloud.synchronized(service) for service in members),
        "uuid": stack.uuid,
        "version": stack.version,
    }


def find(call: Call) -> Stack:
    """Return the stack that the path names.

    Raises:
        ObjectNotFound: The caller's namespace has no such stack.
    """
    stack: Stack = call.get("stack", call.pk)
    return stack


async def _body(call: Call, stack: Stack | None = None) -> dict[str, Any]:
    """Return the body of a stack: JSON or, an addition to the API, a stack file.

    A stack file has the type ``application/yaml``; the parameter ``name`` names the
    stack. The file has no variables: those of the server are not the caller's.

    Args:
        call: The request.
        stack: The stack that the body changes, ``None`` for a new one.

    Raises:
        StackFileError: The stack file has a mistake.
        BadRequest: The body is not valid JSON, or the stack file has variables.
    """
    if call.request.content_type != YAML:
        return _without_compose(await call.body(), stack)
    try:
        text = (await call.request.read()).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise StackFileError("is not UTF-8 text", _FILE) from None
    name = call.query.get("name")
    file = await asyncio.to_thread(
        stackfile.parse,
        text,
        file=_FILE,
        environ={},
        name=stack.name if stack else name,
    )
    if file.unset:
        raise BadRequest("; ".join(file.unset))
    return {**({"name": name} if name else {}), "services": file.services}


def _without_compose(body: dict[str, Any], stack: Stack | None) -> dict[str, Any]:
    """Return a body with the services of a Compose file as those of a stack file.

    The old CLI posts each key at the top level of a file as a service: those of a
    Compose file are ``services``, ``networks`` and others.

    Raises:
        StackFileError: The file has a key that stack files cannot express.
    """
    posted = body.get("services")
    if not isinstance(posted, list) or not all(isinstance(one, dict) for one in posted):
        return body
    data = {
        one["name"]: {key: one[key] for key in one if key != "name"}
        for one in posted
        if isinstance(one.get("name"), str)
    }
    if len(data) < len(posted) or not stackfile.is_compose(data):
        return body
    name = stack.name if stack else body.get("name")
    found = stackfile.compose_services(data, str(name))
    services = [{"name": service, **keys} for service, keys in found.items()]
    return {**body, "services": services}


def _read_services(
    call: Call, bodies: list[dict[str, Any]], stack: Stack | None = None
) -> dict[str, dict[str, Any]]:
    """Return the checked fields of each service in a stack's body, by service name."""
    members = call.cloud.services_of(stack) if stack else []
    rendered = {
        one.name: Late(partial(services.render, call.cloud, one)) for one in members
    }
    new = {**definitions.NEW, "stack": stack.uri if stack else None}
    found: dict[str, dict[str, Any]] = {}
    for i, body in enumerate(bodies):
        place = f"services[{i}]"
        current: Mapping[str, Any] = rendered.get(str(body.get("name")), new)
        try:
            # The old CLI posts each key at the top level of a file as a service.
            keys = {key: body[key] for key in body if key != "name"}
            if section := stackfile.compose_section({body.get("name"): keys}):
                raise BadRequest(f"name: {stackfile.compose_problem(section)}")
            read_only = call.read_only(service_fields.READ_ONLY, current, "service")
            one = definitions.read(body, read_only)
            name = one.setdefault("name", _default_name(one))
        except DockerCloudError as error:
            raise _inside(place, body, error) from None
        if name in found:
            raise BadRequest(f"{place}.name: {name!r} is given twice")
        found[name] = one
    return found


def _default_name(found: Mapping[str, Any]) -> str:
    if "image" not in found:
        raise BadRequest("image: is missing; give the image to run, [host/]name[:tag]")
    return ImageName.parse(found["image"]).base_name


def _inside(place: str, body: Mapping[str, Any], error: DockerCloudError) -> BadRequest:
    message = getattr(error, "message", str(error))
    name = body.get("name")
    named = f" ({name})" if isinstance(name, str) else ""
    return BadRequest(f"{place}{named}.{message}")


@resource.route("GET", key=False, scope=READ)
async def index(call: Call) -> Reply:
    getters = {
        "uuid": lambda s: s.uuid,
        "name": lambda s: s.name,
        "state": lambda s: s.state,
    }
    return await listed(call, "stack", render, getters, [*FIELDS, *READ_ONLY])


@resource.route("POST", key=False, scope=DEPLOY)
async def create(call: Call) -> Reply:
    cloud = call.cloud
    read_only = call.read_only(READ_ONLY, definitions.NEW)
    body = fields.read(await _body(call), FIELDS, read_only=read_only)
    if "name" not in body:
        raise BadRequest("name: is missing; give the stack a name")
    if cloud.named("stack", body["name"], call.namespace):
        raise fields.duplicated_name("stack", body["name"])
    stack = Stack(
        namespace=call.namespace,
        name=body["name"],
        nickname=body.get("nickname") or body["name"],
    )
    wanted = _read_services(call, body.get("services", []))
    own = {name: new_uuid() for name in wanted}
    members = [_build(call, stack, name, found, own) for name, found in wanted.items()]
    # All fields are checked: nothing below can refuse the request.
    cloud.add(stack)
    for service in members:
        cloud.add(service)
    action = cloud.operations.record("create", stack, origin(call))
    return Reply(render(cloud, stack), 201, action)


def _build(
    call: Call,
    stack: Stack,
    name: str,
    found: Mapping[str, Any],
    own: Mapping[str, str],
) -> Service:
    with _prefixed_errors(name):
        return definitions.build(
            call.cloud,
            found,
            stack.namespace,
            stack,
            access=call.access,
            uuid=own[name],
            own=own,
        )


@contextmanager
def _prefixed_errors(name: str) -> Iterator[None]:
    """Put the name of a service in front of the field that an error names."""
    try:
        yield
    except BadRequest as error:
        raise BadRequest(f"services ({name}).{error.message}") from None


@resource.route("GET", scope=READ)
async def inspect(call: Call) -> Reply:
    return inspected(call, find(call), render)


@resource.route("PATCH", scope=DEPLOY)
async def update(call: Call) -> Reply:
    """Change and add the services of the body; all other services stay.

    The containers of changed services stay unchanged until a redeploy, and new services
    are not started. With the parameter ``prune``, which no old client sends, services
    that the body leaves out are terminated.
    """
    cloud, stack = call.cloud, find(call)
    given = await _body(call, stack)
    refuse_busy(stack, "update")
    versions.check(call, stack)
    prune = call.parameter("prune", given, False)
    given.pop("prune", None)
    read_only = call.read_only(READ_ONLY, Late(lambda: render(cloud, stack)))
    body = fields.read(given, FIELDS, read_only=read_only)
    if body.get("name", stack.name) != stack.name:
        raise BadRequest("name: cannot be changed; use nickname")
    removed: list[Service] = []
    if "services" in body:
        wanted = _read_services(call, body["services"], stack)
        others = _change_services(call, stack, wanted)
        removed = others if prune else []
    stack.nickname = body.get("nickname") or stack.nickname
    cloud.touch(stack)
    action = cloud.operations.record("update", stack, origin(call))
    for service in removed:
        cloud.operations.submit_internal(
            "terminate", service, reason=f"an update of stack {stack.name}"
        )
    if not removed:
        cloud.settle_stack(stack)
    return Reply(render(cloud, stack), 200, action)


def _change_services(
    call: Call, stack: Stack, wanted: Mapping[str, dict[str, Any]]
) -> list[Service]:
    """Change and add services of a stack.

    Args:
        call: The request.
        stack: The stack.
        wanted: The checked fields of each service, by service name.

    Returns:
        The services that *wanted* does not have.

    Raises:
        BadRequest: A definition is invalid; no service has been changed.
    """
    cloud = call.cloud
    present = {service.name: service for service in cloud.services_of(stack)}
    own = {
        name: present[name].uuid if name in present else new_uuid() for name in wanted
    }
    changes: list[tuple[Service, dict[str, Any]]] = []
    new: list[Service] = []
    for name, found in wanted.items():
        if name in present:
            with _prefixed_errors(name):
                definition = definitions.changed(
                    cloud, present[name], found, access=call.access, own=own
                )
            changes.append((present[name], definition))
        else:
            new.append(_build(call, stack, name, found, own))
    for service, definition in changes:
        definitions.apply(service, definition)
        cloud.touch(service)
    for service in new:
        cloud.add(service)
    return [service for name, service in present.items() if name not in wanted]


serve_operations(resource, find, render, "start", "stop", "redeploy", "terminate")


@resource.route("GET", "export", scope=READ)
async def export(call: Call) -> Reply:
    """Return the stack in the form of a stack file: ``{service: {keys}}``."""
    cloud = call.cloud
    return Reply(
        {
            service.name: stackfile.to_stackfile(_named(cloud, service))
            for service in cloud.services_of(find(call))
        }
    )


def _named(cloud: ControlPlane, service: Service) -> dict[str, Any]:
    """Return a definition that names other services as stack files do."""

    def name_of(uuid: str) -> str:
        other = cloud.services[uuid]
        stack = cloud.stack_of(other)
        outside = stack is not None and other.stack != service.stack
        return f"{other.name}.{stack.name}" if outside and stack else other.name

    definition = service.definition
    return {
        **definition,
        "name": service.name,
        "linked_to_service": [
            {**link, "to_service": name_of(link["to_service"])}
            for link in definition["linked_to_service"]
            if link["to_service"] in cloud.services
        ],
        "bindings": [
            {**b, "volumes_from": name_of(b["volumes_from"])}
            if b["volumes_from"] in cloud.services
            else b
            for b in definition["bindings"]
        ],
    }
