"""The origin of an operation, and the record of the operation as an action."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ... import wire
from ..state.records import Action, Record


class Origin(NamedTuple):
    """The origin of an operation, for the action's record."""

    user: str = ""
    method: str = ""
    path: str = ""
    ip: str = ""
    user_agent: str = ""
    request_id: str = ""
    is_user_action: bool = False


def action_of(
    operation: str, record: Record, origin: Origin, params: Mapping[str, Any]
) -> Action:
    """Return a new action for an operation on an object, without adding the action."""
    kind = {"nodecluster": "Node Cluster"}.get(record.kind, record.kind.title())
    return Action(
        namespace=record.namespace or origin.user,
        action=f"{kind} {operation.replace('-', ' ').title()}",
        object=record.uri,
        operation=operation,
        params=dict(params),
        method=origin.method,
        path=wire.valid_text(origin.path),
        user=origin.user,
        user_agent=wire.valid_text(origin.user_agent),
        ip=origin.ip,
        request_id=origin.request_id,
        is_user_action=origin.is_user_action,
    )
