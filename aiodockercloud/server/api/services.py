"""Services: routes and rendering.

Source: Docker Cloud API reference, "Services".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from ... import wire
from ...exceptions import BadRequest, OperationNotAllowed
from ...wire import states
from ...wire.scopes import DEPLOY, READ
from ...wire.service_fields import BINDING_SINCE, EVERY_NODE, PORT_SINCE, READ_ONLY
from ..control import image_digests, links, names, rollout
from ..control.control_plane import ControlPlane
from ..state.errors import NoSuchObject
from ..state.records import Container, Service, Stack
from . import (
    definitions,
    fields,
    log_selection,
    log_streams,
    registry_auth,
    rights,
    streams,
    versions,
)
from .definitions import FIELDS, NEW
from .pieces import Halves
from .readonly import Late
from .render import (
    date,
    inspected,
    listed,
    origin,
    refuse_busy,
    refuse_terminated,
    serve_operations,
    submitted,
)
from .resource import Call, Reply, Resource

resource: Resource = Resource("service")


# --- rendering ----------------------------------------------------------------------


#: Fields of the definition that the first half of an object does not have.
_ELSEWHERE = (
    *("image", image_digests.PINNED),
    *("bindings", "container_ports", "linked_to_service"),
)


def _own(_: ControlPlane, service: Service) -> dict[str, Any]:
    """Return the fields that come from the record of the service alone."""
    definition = service.definition
    rendered = {
        **definition,
        "cgroup_name": definition["cgroup_parent"],
        "deployed_datetime": date(service.deployed),
        "destroyed_datetime": date(service.destroyed),
        "image_name": definition["image"],
        "name": service.name,
        "nickname": definition["nickname"] or service.name,
        "resource_uri": service.uri,
        "started_datetime": date(service.started),
        "state": service.state,
        "stopped_datetime": date(service.stopped),
        "tags": [{"name": name} for name in definition["tags"]],
        "target_num_containers": 0
        if definition["deployment_strategy"] == EVERY_NODE
        else definition["target_num_containers"],
        "uuid": service.uuid,
        "version": service.version,
    }
    for name in _ELSEWHERE:
        rendered.pop(name, None)
    return rendered


def _of_parts(cloud: ControlPlane, service: Service) -> dict[str, Any]:
    """Return the fields that also come from containers and from other objects.

    ``_shown`` returns what these fields contain of the service itself.
    """
    definition = service.definition
    containers = cloud.containers_of(service)
    dns = names.service_dns(cloud, service)
    stack = cloud.stack_of(service)
    in_state = [container.state for container in containers]
    return {
        "bindings": [_rendered_binding(cloud, b) for b in definition["bindings"]],
        "calculated_envvars": _calculated(cloud, service),
        "container_ports": [
            {
                **PORT_SINCE,
                **port,
                "port_name": names.port_name(port["inner_port"]),
                "uri_protocol": names.uri_protocol(port["inner_port"]),
                "endpoint_uri": names.endpoint(
                    port["inner_port"], dns, port["outer_port"]
                ),
            }
            for port in definition["container_ports"]
        ],
        "containers": [container.uri for container in containers],
        "current_num_containers": len(containers),
        "health": cloud.health_of(service),
        "image_digest": _digest(service, containers),
        "link_variables": links.variables(cloud, service.name, service, containers),
        "linked_from_service": _linked_from(cloud, service),
        "linked_to_service": [
            _rendered_link(service, name, target)
            for name, target in links.targets(cloud, service)
        ],
        "public_dns": dns,
        "running_num_containers": in_state.count(states.RUNNING),
        "stack": stack.uri if stack else None,
        "stopped_num_containers": in_state.count(states.STOPPED),
        "synchronized": cloud.synchronized(service),
        "warnings": list(dict.fromkeys(w for c in containers for w in c.warnings)),
    }


def _shown(service: Service) -> object:
    """Return the changing values of a service that ``_of_parts`` renders."""
    definition = service.definition
    return (
        *(definition["container_envvars"], definition["container_ports"]),
        *(definition["bindings"], definition["linked_to_service"]),
        *(definition["image"], definition["pin_images"]),
        definition.get(image_digests.PINNED),
        *(service.revision, service.scale_pending),
    )


#: Returns the JSON object of a service; every key is always present.
render: Halves = Halves(_own, _of_parts, _shown)


def _digest(service: Service, containers: Sequence[Container]) -> str | None:
    """Return the digest of the deployment, if all containers have one digest."""
    if pinned := image_digests.pinned(service.definition):
        return pinned.digest
    found = {container.image_digest for container in containers}
    return found.pop() if len(found) == 1 else None


def _rendered_binding(
    cloud: ControlPlane, binding: Mapping[str, Any]
) -> dict[str, Any]:
    owner = cloud.services.get(binding["volumes_from"] or "")
    return {**BINDING_SINCE, **binding, "volumes_from": owner.uri if owner else None}


def _rendered_link(source: Service, name: str, target: Service) -> dict[str, Any]:
    return {"from_service": source.uri, "name": name, "to_service": target.uri}


def _linked_from(cloud: ControlPlane, service: Service) -> list[dict[str, Any]]:
    return [
        _rendered_link(source, name, target)
        for source in cloud.linking_to(service)
        for name, target in links.targets(cloud, source)
        if target is service
    ]


def _calculated(cloud: ControlPlane, service: Service) -> list[dict[str, str]]:
    """Return all variables of the containers with their origin.

    When several origins set a variable, the first one wins: user, link, image.
    The origin of link variables is still named ``tutum``: the CLI selects by that name.
    """
    linked: dict[str, str] = {}
    for name, target in links.targets(cloud, service):
        containers = cloud.containers_of(target)
        linked |= links.variables(cloud, name, target, containers)
    images: dict[str, str] = {}
    for container in cloud.containers_of(service):
        images |= container.image_environment
    found: dict[str, dict[str, str]] = {}
    for source, variables in (
        ("user", links.user_environment(service.definition)),
        ("tutum", linked),
        ("image", images),
    ):
        for key, value in variables.items():
            found.setdefault(key, {"key": key, "value": value, "origin": source})
    return list(found.values())


# --- routes -------------------------------------------------------------------------


def find(call: Call) -> Service:
    """Return the service that the path names.

    Raises:
        ObjectNotFound: The caller's namespace has no such service.
    """
    service: Service = call.get("service", call.pk)
    return service


@resource.route("GET", key=False, scope=READ)
async def index(call: Call) -> Reply:
    def stack_name(service: Service) -> str | None:
        stack = call.cloud.stack_of(service)
        return stack.name if stack else None

    getters = {
        "uuid": lambda s: s.uuid,
        "id": lambda s: s.uuid,  # Docker's name
        "name": lambda s: s.name,
        "state": lambda s: s.state,
        "health": call.cloud.health_of,
        "image": lambda s: s.definition["image"],
        "cgroup_name": lambda s: s.definition["cgroup_parent"],
        "stack__name": stack_name,
    }
    return await listed(call, "service", render, getters, [*FIELDS, *READ_ONLY])


@resource.route("POST", key=False, scope=DEPLOY)
async def create(call: Call) -> Reply:
    """Create a service, inside of a stack if the body has the stack's URI or uuid."""
    body = await call.body()
    stack = _stack(call, body.pop("stack", None))
    found = definitions.read(body, call.read_only(READ_ONLY, NEW))
    service = definitions.build(
        call.cloud, found, call.namespace, stack, access=call.access
    )
    registry_auth.take(call, service, service.definition["image"])
    call.cloud.add(service)
    if stack is not None:
        call.cloud.touch(stack)
        call.cloud.settle_stack(stack)
    action = call.cloud.operations.record("create", service, origin(call))
    return inspected(call, service, render, 201, action)


def _stack(call: Call, reference: Any) -> Stack | None:
    """Return the stack of a new service.

    Raises:
        BadRequest: The namespace has no such stack.
        OperationNotAllowed: An operation on the stack runs.
    """
    if reference in (None, ""):
        return None
    wanted = fields.text("stack", reference)
    target = wire.split_path(wanted)
    uuid = target.pk if target and target.kind == "stack" else wanted
    try:
        stack: Stack = call.get("stack", uuid)
    except NoSuchObject:
        raise BadRequest(
            f"stack: there is no stack {wanted!r}; give a resource URI or a uuid"
        ) from None
    refuse_busy(stack, "create")
    return stack


@resource.route("GET", scope=READ)
async def inspect(call: Call) -> Reply:
    return inspected(call, find(call), render)


@resource.route("PATCH", scope=DEPLOY)
async def update(call: Call) -> Reply:
    service, body = find(call), await call.body()
    refuse_terminated(service)
    versions.check(call, service)
    read_only = call.read_only(READ_ONLY, Late(lambda: render(call.cloud, service)))
    found = definitions.read(body, read_only)
    definition = definitions.changed(call.cloud, service, found, access=call.access)
    registry_auth.take(call, service, definition["image"])
    definitions.apply(service, definition)
    call.cloud.touch(service)
    action = call.cloud.operations.record("update", service, origin(call))
    return inspected(call, service, render, 200, action)


@resource.route("DELETE", scope=DEPLOY)
async def terminate(call: Call) -> Reply:
    service = find(call)
    users = [
        other.name
        for other in call.cloud.sharing_volumes_of(service)
        if other.state != states.TERMINATING
    ]
    if users:
        raise OperationNotAllowed(
            f"terminate: {', '.join(users)} use the volumes of {service.name};"
            " terminate them first"
        )
    return submitted(call, service, "terminate", render)


serve_operations(resource, find, render, "start", "stop", "scale", "redeploy")


@resource.route("POST", "rollback", scope=DEPLOY)
async def rollback(call: Call) -> Reply:
    """Redeploy the service with the definition that was deployed last.

    When the definition has not changed since the last deployment, the rollback restores
    the definition of the deployment before. The hosted API had no such operation.
    """
    service = find(call)
    restored = service.deployed_definition
    if restored is None or not rollout.definition_differs(restored, service.definition):
        restored = service.previous
    if restored is None:
        raise OperationNotAllowed(
            f"rollback: the service {service.name} was never deployed with another"
            " definition"
        )
    definition = rollout.restored(service, restored)
    rights.check_definition(call.cloud, call.access, definition, service.definition)
    return submitted(call, service, "rollback", render, definition=definition)


@resource.route("GET", "logs", scope=READ)
async def logs(call: Call) -> web.StreamResponse:
    frames = log_streams.service_log(
        call.cloud, find(call), log_selection.selection(call, *log_selection.OUTPUT)
    )
    return await streams.serve(call, frames)
