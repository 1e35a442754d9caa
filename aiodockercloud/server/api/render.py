"""Functions that all resources share: lists, replies to operations, dates."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any, TypeVar

from ... import wire
from ...exceptions import OperationNotAllowed
from ...wire import states
from ...wire.scopes import DEPLOY
from ..control import plan
from ..control.origin import Origin
from ..log import REQUEST_ID
from ..state.records import Action, Record, Service, Stack
from ..state.relations import NAMED
from . import filters, plans, registry_auth, request_log, versions
from .pieces import PIECES, Json, Render, joined
from .resource import Call, Reply, Resource

T = TypeVar("T")


def date(moment: float | None) -> str | None:
    """Return a date in the format of the API, from seconds since 1970."""
    return None if moment is None else _date(int(moment))


@lru_cache(maxsize=4096)  # many objects begin and end in the same second
def _date(seconds: int) -> str | None:
    return wire.format_date(datetime.fromtimestamp(seconds, UTC))


def moment(seconds: float | None) -> datetime | None:
    """Return a date for filters: whole seconds, as in rendered dates."""
    return None if seconds is None else datetime.fromtimestamp(int(seconds), UTC)


async def listed(
    call: Call,
    kind: str,
    render: Render,
    getters: Mapping[str, filters.Getter],
    known: Sequence[str],
    *,
    records: Sequence[Any] | None = None,
    reserved: Sequence[str] = (),
    place: filters.Place = filters.newest_first,
) -> Reply:
    """Return one page of a kind's objects, filtered, newest first.

    Args:
        call: The request, with filters and page in its query.
        kind: The kind of the records.
        render: Renders a record.
        getters: Functions that return a field of a record, without rendering it.
        known: The names of all fields.
        records: The records to select from, in the order of the list; by default all
            of the kind in the namespace.
        reserved: Parameters that are not filters.
        place: Returns the place of a record: the order of the list.
    """
    pieces = call.request.app[PIECES]
    # A page of chosen records is not kept, nor one with credentials in its address.
    kept = records is None and call.credentials.isdisjoint(call.query)
    address = call.request.raw_path if kept else ""
    if (page := pieces.page(kind, call.namespace, address)) is not None:
        return Reply(page)
    number = call.cloud.stamps.number

    def rendered(record: Any) -> Mapping[str, Any]:
        return render(call.cloud, record)

    if records is None:
        records = _candidates(call, kind)
    dates: dict[str, filters.Getter] = {
        "deployed_datetime": lambda r: moment(r.deployed),
        "started_datetime": lambda r: moment(r.started),
        "stopped_datetime": lambda r: moment(r.stopped),
        "destroyed_datetime": lambda r: moment(r.destroyed),
    }
    getters = {**{k: v for k, v in dates.items() if k in known}, **getters}

    def getter(field: str) -> filters.Getter:
        return getters.get(field) or filters.rendered_field(rendered, field)

    if "state" in known and kind != "action":
        state = getter("state")
        getters["terminated"] = lambda r: state(r) == states.TERMINATED
    if "tags" in known:
        getters["tags__name"] = getter("tags")
    matches = filters.matcher(
        call.query,
        getters=getters,
        render=rendered,
        known=known,
        reserved=(*reserved, *call.credentials),
    )
    found = records
    if matches is not None:
        passing = await _in_turns(call, matches, records)
        found = [record for record, passes in passing if passes]
    if "name" in call.query:
        # Old clients find an object by its name: a terminated object must not hide a
        # live object of the same name, or make the name ambiguous.
        live = [r for r in found if getattr(r, "state", "") != states.TERMINATED]
        found = live or found
    # Always from /api/ on: the Go client removes a prefix of that length.
    parts = [part for part in call.request.rel_url.raw_path.split("/") if part]
    path = f"/api/{'/'.join(parts[parts[0] == 'api' :])}/"
    limits = call.cloud.settings.limits
    body = filters.page(found, call.query, path, lambda record: record, limits, place)
    piece = partial(pieces.of, render=render)
    objects = await _in_turns(call, piece, body["objects"])
    page = joined(body["meta"], [text for _, text in objects])
    pieces.keep_page(kind, call.namespace, address, number, page)
    return Reply(page)


def _candidates(call: Call, kind: str) -> Sequence[Any]:
    """Return the records that may pass the filters of a list, newest first.

    Most clients find an object by its name, and containers by their service: indexes
    answer both.
    """
    cloud, namespace = call.cloud, call.namespace
    named, of = (
        [text for key, text in call.query.items() if key == parameter]
        for parameter in ("name", "service")
    )
    if kind in NAMED and len(named) == 1 and next(iter(call.query)) == "name":
        return cloud.called(kind, namespace, named[0])
    if kind == "container" and len(of) == 1:
        target = wire.split_path(of[0])
        service = cloud.services.get(target.pk if target else of[0])
        if service is not None and service.namespace == namespace:
            return cloud.members(service)[::-1]
    return cloud.newest(kind, namespace)


async def _in_turns(
    call: Call, work: Callable[[Any], T], records: Sequence[Any]
) -> list[tuple[Any, T]]:
    """Return each record with its result; other requests run from time to time.

    A record that is removed in the meantime is left out.
    """
    done: list[tuple[Any, T]] = []
    turn = call.cloud.settings.timings.read_turn
    until = time.perf_counter() + turn
    paused = False
    for record in list(records):
        if time.perf_counter() > until:
            paused = True
            await asyncio.sleep(0)
            until = time.perf_counter() + turn
        if not (paused and call.cloud.removed(record)):
            done.append((record, work(record)))
    return done


def inspected(
    call: Call,
    record: Record,
    render: Render,
    status: int = 200,
    action: Action | None = None,
) -> Reply:
    """Return the reply to a request for one object, or that has changed the object."""
    text = call.request.app[PIECES].of(record, render)
    return Reply(Json(text, getattr(record, "version", None)), status, action)


def refuse_terminated(record: Record) -> None:
    """Refuse an update of a terminated or terminating object.

    Raises:
        OperationNotAllowed: The object is terminated or terminating.
    """
    if record.state in (states.TERMINATING, states.TERMINATED):
        name = getattr(record, "name", record.uuid)
        raise OperationNotAllowed(f"update: the {record.kind} {name} is {record.state}")


def refuse_busy(stack: Stack, operation: str) -> None:
    """Refuse to change a stack during one of its operations, or terminated.

    Raises:
        OperationNotAllowed: The stack is in such a state.
    """
    if stack.state in states.TRANSITIONAL_STATES or stack.state == states.TERMINATED:
        raise OperationNotAllowed(
            f"{operation}: the stack {stack.name} is {stack.state}"
        )


def submitted(
    call: Call, record: Record, operation: str, render: Render, **params: Any
) -> Reply:
    """Submit an operation; reply 202 with the object in its transitional state.

    Raises:
        VersionConflict: The request is for another version of the object.
        BadRequest: The credentials of the request are malformed.
        NotAllowedNow: The state forbids the operation, or the plan cannot work.
    """
    versions.check(call, record)
    if operation == "redeploy":
        call.cloud.operations.check(operation, record, origin(call))
        keep = params.get("reuse_volumes", True)
        with call.cloud.operations.recorded(operation, record, origin(call)):
            plan.redeploy(call.cloud, record, keep_volumes=keep)
    if isinstance(record, Service):
        # First: an operation that the state forbids changes no credentials.
        call.cloud.operations.check(operation, record, origin(call))
        definition = params.get("definition", record.definition)
        registry_auth.take(call, record, definition["image"])
    action = call.cloud.operations.submit(operation, record, origin(call), **params)
    return inspected(call, record, render, 202, action)


def serve_operations(
    resource: Resource,
    find: Callable[[Call], Record],
    render: Render,
    *operations: str,
    scope: str = DEPLOY,
) -> None:
    """Add a route for each operation, for operations without fields in the body.

    ``terminate`` is DELETE; ``redeploy`` has a parameter ``reuse_volumes``, true by
    default, and ``dry_run``, which returns the plan of a service's redeploy.
    """

    def route(operation: str) -> None:
        async def handler(call: Call) -> Reply:
            params = {}
            if operation == "redeploy":
                body = await call.body()
                params["reuse_volumes"] = call.parameter("reuse_volumes", body, True)
                if call.parameter("dry_run", body, False):
                    return await plans.reply(call, find(call), **params)
            return submitted(call, find(call), operation, render, **params)

        if operation == "terminate":
            resource.route("DELETE", scope=scope)(handler)
        else:
            resource.route("POST", operation, scope=scope)(handler)

    for operation in operations:
        route(operation)


def origin(call: Call) -> Origin:
    """Return the origin of a request, for the record of an action."""
    request = call.request
    return Origin(
        user=call.access.user,
        method=request.method,
        # The uuid of a trigger is a credential: a call needs no other.
        path=request_log.redacted(request.path),
        ip=request.remote or "",
        # Bytes that are not UTF-8 arrive as lone surrogates, which JSON cannot contain.
        user_agent=request.headers.get("User-Agent", "")
        .encode(errors="replace")
        .decode(),
        request_id=REQUEST_ID.get(),
        is_user_action=True,
    )
