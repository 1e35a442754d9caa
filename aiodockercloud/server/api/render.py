"""What the resources share in showing objects and taking requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ... import wire
from ...exceptions import OperationNotAllowed
from ...wire import states
from ..control.control_plane import ControlPlane
from ..control.operations import Origin
from ..state.records import Record
from . import filters
from .resource import Call, Reply, Resource

Render = Callable[[ControlPlane, Any], dict[str, Any]]


def date(moment: float | None) -> str | None:
    """Seconds since 1970 as the API writes dates."""
    if moment is None:
        return None
    return wire.format_date(datetime.fromtimestamp(moment, UTC))


def moment(seconds: float | None) -> datetime | None:
    """Seconds since 1970 as filters compare dates: whole seconds, as they are shown."""
    return None if seconds is None else datetime.fromtimestamp(int(seconds), UTC)


def listed(
    call: Call,
    kind: str,
    render: Render,
    getters: Mapping[str, filters.Getter],
    known: Sequence[str],
    *,
    records: Sequence[Any] | None = None,
    reserved: Sequence[str] = (),
) -> Reply:
    """One page of a kind, filtered, newest first."""

    def show(record: Any) -> dict[str, Any]:
        return render(call.cloud, record)

    if records is None:
        records = call.cloud.all(kind, call.namespace)
    dates: dict[str, filters.Getter] = {
        "deployed_datetime": lambda r: moment(r.deployed),
        "started_datetime": lambda r: moment(r.started),
        "stopped_datetime": lambda r: moment(r.stopped),
        "destroyed_datetime": lambda r: moment(r.destroyed),
    }
    found = filters.select(
        records,
        call.query,
        getters={**{k: v for k, v in dates.items() if k in known}, **getters},
        render=show,
        known=known,
        # Credentials in the query, as on streams; ``user`` alone may be a field.
        reserved=(
            *reserved,
            *("auth", "token"),
            *(("user",) if "token" in call.query else ()),
        ),
    )
    if "name" in call.query:
        # Old clients find objects by name: a terminated one must not hide, or make
        # ambiguous, the one that has its name now.
        live = [r for r in found if getattr(r, "state", "") != states.TERMINATED]
        found = live or found
    # Always from /api/: the Go client cuts that off by its length.
    parts = [part for part in call.request.rel_url.raw_path.split("/") if part]
    path = f"/api/{'/'.join(parts[parts[0] == 'api' :])}/"
    limits = call.cloud.settings.limits
    return Reply(filters.page(found, call.query, path, show, limits))


def refuse_terminated(record: Record) -> None:
    """Refuse to change what is gone or about to go.

    Raises:
        OperationNotAllowed: The record is.
    """
    if record.state in (states.TERMINATING, states.TERMINATED):
        name = getattr(record, "name", record.uuid)
        raise OperationNotAllowed(f"update: the {record.kind} {name} is {record.state}")


def submitted(
    call: Call, record: Record, operation: str, render: Render, **params: Any
) -> Reply:
    """The answer to an operation: 202, the object in its intermediate state."""
    action = call.cloud.operations.submit(operation, record, origin(call), **params)
    return Reply(render(call.cloud, record), 202, action)


def serve_operations(
    resource: Resource,
    find: Callable[[Call], Record],
    render: Render,
    *operations: str,
) -> None:
    """Make a route of each operation that takes no more than its object.

    ``terminate`` is DELETE; ``redeploy`` takes ``reuse_volumes``, true by default.
    """

    def route(operation: str) -> None:
        async def handler(call: Call) -> Reply:
            params = {}
            if operation == "redeploy":
                body = await call.body()
                params["reuse_volumes"] = call.parameter("reuse_volumes", body, True)
            return submitted(call, find(call), operation, render, **params)

        if operation == "terminate":
            resource.route("DELETE")(handler)
        else:
            resource.route("POST", operation)(handler)

    for operation in operations:
        route(operation)


def origin(call: Call) -> Origin:
    """Who is asking, for the action's record."""
    request = call.request
    return Origin(
        user=call.account.user,
        method=request.method,
        # The uuid of a trigger is all the credentials it needs.
        path=wire.redact(request.path),
        ip=request.remote or "",
        # Bytes that are no text come as lone surrogates, which JSON cannot hold.
        user_agent=request.headers.get("User-Agent", "")
        .encode(errors="replace")
        .decode(),
        is_user_action=True,
    )
