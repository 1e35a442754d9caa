"""Triggers: URLs that redeploy or scale up a service without credentials.

Source: Docker Cloud API reference, "Triggers".
"""

from __future__ import annotations

import hashlib
import hmac
import logging
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from ...exceptions import BadRequest, Forbidden, ObjectNotFound
from ...wire import states
from ...wire.scopes import DEPLOY
from ..control import pushes
from ..control.control_plane import ControlPlane
from ..control.scaling import ADDED
from ..state.records import Service, Trigger
from . import definitions, fields
from .fields import Field, choice, integer, optional
from .render import listed, origin
from .resource import PUBLIC, Call, Reply, Resource

log: logging.Logger = logging.getLogger(__name__)

REDEPLOY, SCALEUP = "REDEPLOY", "SCALEUP"
#: The header with the signature of a call, as GitHub sends it.
SIGNATURE = "X-Hub-Signature-256"

FIELDS: Mapping[str, Field] = {
    "name": Field(optional(fields.required_text, unset=(None, ""))),
    "operation": Field(optional(choice(REDEPLOY, SCALEUP), unset=(None, ""))),
    "secret": Field(optional(fields.text, unset=(None, ""))),
}
READ_ONLY: Mapping[str, str] = dict.fromkeys(
    ("url", "resource_uri", "uuid", "signed"), ""
)

#: The key is (service, trigger). A call needs no credentials but the trigger's uuid.
resource: Resource = Resource("trigger")


def render(cloud: ControlPlane, trigger: Trigger) -> dict[str, Any]:
    """Return the JSON object of a trigger, without its secret.

    Every key is always present.
    """
    return {
        "name": trigger.name,
        "operation": trigger.operation,
        "resource_uri": trigger.uri,
        "signed": bool(trigger.secret),
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
    return await listed(
        call,
        "trigger",
        render,
        getters,
        ["name", "operation", *READ_ONLY],
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
        secret=body.get("secret") or "",
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


def called(call: Call) -> tuple[Service, Trigger]:
    """Return the trigger that a call names, with its service.

    A call has no credentials but the uuid of the trigger: without the right uuid, every
    call has the same answer, whether or not the service exists.

    Raises:
        ObjectNotFound: There is no such trigger.
    """
    cloud, (wanted, uuid) = call.cloud, call.target.key
    service = cloud.services.get(wanted.lower())
    given = uuid.lower().encode(errors="surrogatepass")
    if (
        service is not None
        and service.state != states.TERMINATED
        and call.target.namespace in (None, service.namespace)
    ):
        for trigger in cloud.triggers_of(service):
            if hmac.compare_digest(trigger.uuid.encode(), given):
                return service, trigger
    raise ObjectNotFound("there is no such trigger")


def _check_signature(request: web.Request, trigger: Trigger, body: bytes) -> None:
    """Check the signature of a call of a trigger with a secret.

    Raises:
        Forbidden: The signature is missing or wrong.
    """
    if not trigger.secret:
        return
    digest = hmac.new(trigger.secret.encode(), body, hashlib.sha256).hexdigest()
    given = request.headers.get(SIGNATURE, "").encode(errors="surrogatepass")
    if not hmac.compare_digest(f"sha256={digest}".encode(), given):
        raise Forbidden(
            f"{SIGNATURE}: must be sha256= and the HMAC-SHA256 of the body, with the"
            " secret of the trigger"
        )


async def _call(call: Call, count: int) -> Reply:
    """Redeploy the service, or scale it up by *count* containers.

    During an action on the service or its containers, the call waits as a Pending
    action. New containers have the body of a redeploying call in the variable
    ``DOCKERCLOUD_TRIGGER_BODY``. Any content type is accepted.

    Raises:
        ObjectNotFound: There is no such trigger.
        Forbidden: The trigger has a secret, and the signature is missing or wrong.
        BadRequest: The body is too large, or the target would be out of bounds.
        OperationNotAllowed: The service is being terminated.
    """
    service, trigger = called(call)
    body = await call.request.read()
    _check_signature(call.request, trigger, body)
    if trigger.operation == SCALEUP:
        return _scale_up(call, service, trigger, count)
    return _redeploy(call, service, trigger, body)


def _scale_up(call: Call, service: Service, trigger: Trigger, count: int) -> Reply:
    cloud = call.cloud
    target = cloud.calls.coming_target(service) + count
    found = definitions.FIELDS["target_num_containers"].parse(
        "target_num_containers", target
    )
    # Refuses a service that cannot be scaled.
    definitions.changed(
        cloud, service, {"target_num_containers": found}, access=call.access
    )
    action = cloud.calls.submit("scale", service, origin(call), **{ADDED: count})
    return Reply(render(cloud, trigger), 202, action)


def _redeploy(call: Call, service: Service, trigger: Trigger, body: bytes) -> Reply:
    """Redeploy the service, unless a registry reports the push of another image."""
    cloud = call.cloud
    largest = cloud.settings.limits.largest_trigger_body
    if len(body) > largest:
        raise BadRequest(f"body: must be at most {largest} bytes")
    report = pushes.read(body)
    if report is not None and not report.has(service.definition["image"]):
        return _ignored(call, service, trigger, report)
    text = body.decode("utf-8", "replace").replace("\0", "")
    environment = {"DOCKERCLOUD_TRIGGER_BODY": text}
    action = cloud.calls.submit(
        "redeploy", service, origin(call), environment=environment
    )
    return Reply(render(cloud, trigger), 202, action)


def _ignored(
    call: Call, service: Service, trigger: Trigger, report: pushes.Report
) -> Reply:
    """Record that a push was ignored, for the user who expected a redeploy."""
    why = f"{report}; the service runs another image"
    log.info("a call of a trigger of %s was ignored: %s", service.name, why)
    operations = call.cloud.operations
    action = operations.record("trigger-ignore", service, origin(call))
    operations.write(action, f"ignored: {why}")
    return Reply({**render(call.cloud, trigger), "ignored": why}, 200, action)
