"""The forms in which callers may give the fields of a service or a stack."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from .. import types

__all__ = ["api_fields", "stack_fields"]


def api_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a service with their values in the API's form.

    Args:
        fields: The fields by name. Ports, variables, links and volumes may be given as
            docker writes them.
    """
    return _translation()(fields)


def stack_fields(fields: types.StackFields | types.StackChanges) -> dict[str, Any]:
    """Return the fields of a stack, with those of its services in the API's form."""
    body: dict[str, Any] = {**fields}
    if services := fields.get("services"):
        body["services"] = [api_fields(service) for service in services]
    return body


@cache
def _translation() -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    # Here, because a program that creates and changes no service never needs the
    # translation of stack files.
    from .. import stackfile  # noqa: PLC0415

    return stackfile.api_fields
