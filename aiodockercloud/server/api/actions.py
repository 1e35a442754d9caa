"""Actions: each requested operation, its user and its result.

Source: Docker Cloud API reference, "Actions".
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from ... import wire
from ...exceptions import BadRequest, ObjectNotFound
from ...wire import states
from ...wire.scopes import DEPLOY, READ
from ..control import rollout
from ..control.control_plane import ControlPlane
from ..state.records import Action, Service
from . import log_selection, log_streams, rights, streams
from .filters import keys_of
from .render import date, listed, moment, origin
from .resource import Call, Reply, Resource

_KEYS = (
    *("action", "body", "can_be_canceled", "can_be_retried", "end_date", "ip"),
    *("is_user_action", "location", "method", "object", "path", "progress"),
    *(
        "request_id",
        "resource_uri",
        "start_date",
        "state",
        "user",
        "user_agent",
        "uuid",
    ),
)

resource: Resource = Resource("action")


def render(cloud: ControlPlane, action: Action) -> dict[str, Any]:
    """Return the JSON object of an action; every key is always present.

    Tutum's key ``logs`` is left out: in the official SDK that key would hide the method
    of the same name.
    """
    ended = action.state in states.ENDED
    return {
        "action": action.action,
        # A request may contain passwords: its body is not stored.
        "body": "",
        "can_be_canceled": action.state in (states.PENDING, states.IN_PROGRESS),
        "can_be_retried": ended and cloud.operations.repeatable(action),
        "end_date": date(action.ended),
        "ip": action.ip,
        "is_user_action": action.is_user_action,
        "location": "",
        "method": action.method,
        "object": action.object,
        "path": action.path,
        "progress": _progress(cloud, action),
        "request_id": action.request_id,
        "resource_uri": action.uri,
        "start_date": date(action.created),
        "state": action.state,
        "user": action.user,
        "user_agent": action.user_agent,
        "uuid": action.uuid,
    }


def _progress(cloud: ControlPlane, action: Action) -> dict[str, int] | None:
    """Return the progress of the action's rollout, or of its parts together."""
    parts = [action, *(cloud.actions.get(uuid) for uuid in action.parts.values())]
    found = [
        progress
        for part in parts
        if part is not None and (progress := rollout.progress(part)) is not None
    ]
    if not found:
        return None
    return {key: sum(one[key] for one in found) for key in found[0]}


def _reachable(call: Call) -> list[Action]:
    """Return the actions that the caller may read, newest first.

    An action's path has no namespace. Without a namespace, an account that is not
    limited to one reads the actions of all namespaces.
    """
    if call.access.scoped or call.target.namespace:
        return call.cloud.all("action", call.namespace)
    return list(reversed(call.cloud.actions.values()))


def find(call: Call) -> Action:
    """Return the action that the path names.

    Raises:
        ObjectNotFound: The caller may not read such an action, or none exists.
    """
    action = call.cloud.actions.get(call.pk.lower())
    if action is None:
        raise ObjectNotFound(f"there is no action {call.pk}")
    if call.access.scoped or call.target.namespace:
        found: Action = call.get("action", action.uuid)
        return found
    return action


@resource.route("GET", key=False, scope=READ)
async def index(call: Call) -> Reply:
    cloud = call.cloud
    records = _reachable(call)
    if wanted := [v for k, v in call.query.items() if k == "object" and v]:
        try:
            related = wire.parse_bool(call.query.get("include_related") or "false")
        except ValueError:
            raise BadRequest("include_related: must be true or false") from None
        uris = {wire.canonical_uri(uri) for uri in wanted}
        if uuids := {uuid for uuid in wanted if "/" not in uuid}:
            named = {action.object for action in records}
            uris |= {uri for uri in named if not uuids.isdisjoint(keys_of(uri))}
        if related:
            uris = {found for uri in uris for found in _related(cloud, uri)}
        records = [action for action in records if action.object in uris]
    getters = {
        "uuid": lambda a: a.uuid,
        "state": lambda a: a.state,
        "start_date": lambda a: moment(a.created),
        "end_date": lambda a: moment(a.ended),
    }
    return await listed(
        call,
        "action",
        render,
        getters,
        _KEYS,
        records=records,
        reserved=("object", "include_related"),
    )


def _related(cloud: ControlPlane, uri: str) -> set[str]:
    """Return the URIs of an object, its members, and the objects that contain it.

    Those are the service and the stack of a container, the stack of a service, and the
    cluster of a node; not the node of a container.
    """
    uri = wire.canonical_uri(uri)
    record = cloud.by_uri(uri)
    if record is None:
        return {uri}
    owners = [] if record.kind == "action" else cloud.parents(record)
    if record.kind == "container":
        owners = [owner for owner in owners if "/api/app/" in owner]
    return {uri, *(member.uri for member in cloud.members(record)), *owners}


@resource.route("GET", scope=READ)
async def inspect(call: Call) -> Reply:
    return Reply(render(call.cloud, find(call)))


@resource.route("POST", "cancel", scope=DEPLOY)
async def cancel(call: Call) -> Reply:
    action = find(call)
    rights.check_action(call.access, action)
    call.cloud.operations.cancel(action)
    return Reply(render(call.cloud, action), 202, action)


@resource.route("POST", "retry", scope=DEPLOY)
async def retry(call: Call) -> Reply:
    """Start the same operation again and answer with the new action."""
    action = find(call)
    rights.check_action(call.access, action)
    record = call.cloud.by_uri(action.object)
    if record is None:
        raise ObjectNotFound(f"retry: {action.object} does not exist any more")
    if isinstance(record, Service) and "definition" in action.params:  # a rollback
        rights.check_definition(
            call.cloud, call.access, action.params["definition"], record.definition
        )
    again = call.cloud.operations.retry(action, record, origin(call))
    return Reply(render(call.cloud, again), 202, again)


@resource.route("GET", "logs", scope=READ)
async def logs(call: Call) -> web.StreamResponse:
    journal = call.cloud.operations.journal(find(call))
    frames = log_streams.action_log(journal, log_selection.selection(call))
    return await streams.serve(call, frames)
