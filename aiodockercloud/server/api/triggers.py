"""Triggers: URLs that redeploy or scale up a service without credentials.

Source: Docker Cloud API reference, "Triggers".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...exceptions import BadRequest, ObjectNotFound
from ...wire import states
from ...wire.scopes import DEPLOY
from ..control.control_plane import ControlPlane
from ..control.scaling import ADDED
from ..state.records import Service, Trigger
from . import definitions, fields
from .fields import Field, choice, integer, optional
from .render import listed, origin
from .resource import PUBLIC, Call, Reply, Resource

REDEPLOY, SCALEUP = "REDEPLOY", "SCALEUP"

FIELDS: Mapping[str, Field] = {
    "name": Field(optional(fields.required_text, unset=(None, ""))),
    "operation": Field(optional(choice(REDEPLOY, SCALEUP), unset=(None, ""))),
}
READ_ONLY: Mapping[str, str] = dict.fromkeys(("url", "resource_uri", "uuid"), "")

#: The key is (service, trigger). A call needs no credentials but the trigger's uuid.
resource: Resource = Resource("trigger")


def render(cloud: ControlPlane, trigger: Trigger) -> dict[str, Any]:
    """Return the JSON object of a trigger; every key is always present."""
    return {
        "name": trigger.name,
        "operation": trigger.operation,
        "resource_uri": trigger.uri,
        "url": f"{trigger.uri}call/",
        "uuid": trigger.uuid,
    }


def _service(call: Call) -> Service:
    service: Service = call.get("service", call.target.key[0])
    return service


def _visible(call: Call, service: Service) -> list[Trigger]:
    """Return the triggers of a service; for a container's key, those that it created.

    A trigger outlives the container, so that its key must not read others' triggers.
    """
    return [
        trigger
        for trigger in call.cloud.triggers_of(service)
        if call.access.container in ("", trigger.container)
    ]


def _find(call: Call, service: Service) -> Trigger:
    uuid = call.target.key[1].lower()
    for trigger in _visible(call, service):
        if trigger.uuid == uuid:
            return trigger
    raise ObjectNotFound(f"the service {service.name} has no such trigger")


@resource.route("GET", key=False, scope=DEPLOY)
async def index(call: Call) -> Reply:
    records = _visible(call, _service(call))
    getters = {"uuid": lambda t: t.uuid, "name": lambda t: t.name}
    return listed(
        call,
        "trigger",
        render,
        getters,
        [*FIELDS, *READ_ONLY],
        records=records,
        place=lambda trigger: trigger.number,  # oldest first
    )


@resource.route("POST", key=False, scope=DEPLOY)
async def create(call: Call) -> Reply:
    service = _service(call)
    body = fields.read(
        await call.body(), FIELDS, read_only=call.read_only(READ_ONLY, {})
    )
    if service.state in (states.TERMINATING, states.TERMINATED):
        raise ObjectNotFound(f"the service {service.name} is {service.state}")
    operation = body.get("operation") or REDEPLOY
    trigger = Trigger(
        namespace=service.namespace,
        service=service.uuid,
        name=body.get("name") or operation.lower(),
        operation=operation,
        container=call.access.container,
    )
    call.cloud.add(trigger)
    action = call.cloud.operations.record("trigger-create", service, origin(call))
    return Reply(render(call.cloud, trigger), 201, action)


@resource.route("GET", scope=DEPLOY)
async def inspect(call: Call) -> Reply:
    return Reply(render(call.cloud, _find(call, _service(call))))


@resource.route("DELETE", scope=DEPLOY)
async def delete(call: Call) -> Reply:
    """Delete a trigger and answer with its object, which the Go clients decode."""
    service = _service(call)
    trigger = _find(call, service)
    call.cloud.remove(trigger)
    action = call.cloud.operations.record("trigger-delete", service, origin(call))
    return Reply(render(call.cloud, trigger), 200, action)


@resource.route("POST", "call", scope=PUBLIC)
async def call_once(call: Call) -> Reply:
    return await _call(call, 1)


@resource.route("POST", "call", "*", scope=PUBLIC)
async def call_by(call: Call) -> Reply:
    return await _call(call, integer(1, 1000)("call", call.target.operation[1]))


async def _call(call: Call, count: int) -> Reply:
    """Redeploy the service, or scale it up by *count* containers.

    During an action on the service or its containers, the call waits as a Pending
    action. New containers have the body of a redeploying call in the variable
    ``DOCKERCLOUD_TRIGGER_BODY``. Any content type is accepted.

    Raises:
        ObjectNotFound: No trigger or service has this uuid.
        BadRequest: The body is too large, or the target would be out of bounds.
        OperationNotAllowed: The service is being terminated.
    """
    cloud = call.cloud
    service = cloud.services.get(call.target.key[0].lower())
    if service is None or service.state == states.TERMINATED:
        raise ObjectNotFound("there is no such trigger")
    trigger = _find(call, service)
    body = await call.request.read()
    params: dict[str, Any]
    if trigger.operation == SCALEUP:
        target = cloud.calls.coming_target(service) + count
        found = definitions.FIELDS["target_num_containers"].parse(
            "target_num_containers", target
        )
        # Refuses a service that cannot be scaled.
        definitions.changed(
            cloud, service, {"target_num_containers": found}, access=call.access
        )
        operation, params = "scale", {ADDED: count}
    else:
        largest = cloud.settings.limits.largest_trigger_body
        if len(body) > largest:
            raise BadRequest(f"body: must be at most {largest} bytes")
        text = body.decode("utf-8", "replace").replace("\0", "")
        operation = "redeploy"
        params = {"environment": {"DOCKERCLOUD_TRIGGER_BODY": text}}
    action = cloud.calls.submit(operation, service, origin(call), **params)
    return Reply(render(cloud, trigger), 202, action)
