"""The number of containers that a scaling action adds to a service's target.

An action adds its containers when it begins, and only once: an interrupted or repeated
action does not have the number any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...wire.service_fields import BY_NAME
from ..state.errors import InvalidField
from ..state.records import Action, Record, Service

#: The parameter of an action: the number of containers to add.
ADDED = "added_containers"

_TARGET = "target_num_containers"


def check(record: Record, params: Mapping[str, Any]) -> None:
    """Check the target that the parameters of an action result in.

    Raises:
        InvalidField: The target would be too large.
    """
    added = params.get(ADDED, 0)
    if not added or not isinstance(record, Service):
        return
    _, largest = BY_NAME[_TARGET].bounds
    target = record.definition[_TARGET] + added
    if target > largest:
        raise InvalidField(f"{_TARGET}: must be at most {largest}, not {target}")


def apply(record: Record, action: Action) -> None:
    """Add the containers of an action to the target of its service."""
    added = action.params.get(ADDED, 0)
    if not added or not isinstance(record, Service):
        return
    target = record.definition[_TARGET] + added
    record.definition = {**record.definition, _TARGET: target}
    record.scale_pending = True
    action.params = {k: v for k, v in action.params.items() if k != ADDED}
