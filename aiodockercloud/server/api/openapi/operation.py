"""One operation of the API, and the operations that most kinds have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .... import types, wire
from ....wire import registry_auth
from .. import log_selection
from .frames import Stream

__all__ = [
    "LOG",
    "OLD_VERSION",
    "OUTPUT",
    "REGISTRY",
    "VERSION",
    "Media",
    "Operation",
    "Page",
    "Rows",
    "actions",
    "inspection",
    "listing",
    "redeploy",
]


@dataclass(frozen=True, slots=True)
class Page:
    """The answer to the request of a list: one page of objects of a type."""

    of: Any


@dataclass(frozen=True, slots=True)
class Media:
    """An answer or a body that is not JSON."""

    type: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One row of the table.

    Attributes:
        id: The ``operationId`` of the document.
        summary: What the request does, in one sentence.
        description: What else a client must know.
        answers: Status → the type of the answer, a ``Page``, a ``Media``, or None for
            an answer without a body.
        body: The type of the body, a ``Media``, or None for a request without a body.
        other_body: Another form of the body.
        example: A body that the server accepts.
        parameters: The names of the parameters, in ``parameters.PARAMETERS``.
        filters: The type of the filters of a list.
        errors: The statuses of errors, besides those that follow from the route.
        stream: The frames, of a request that opens a websocket.
        acts: Whether the answer names an action.
    """

    id: str
    summary: str
    description: str = ""
    answers: Mapping[int, Any]
    body: Any = None
    other_body: Media | None = None
    example: Mapping[str, Any] | None = None
    parameters: tuple[str, ...] = ()
    filters: Any = None
    errors: tuple[int, ...] = ()
    stream: Stream | None = None
    acts: bool = False


#: The rows of the table, by method and path.
Rows = Iterator[tuple[str, Operation]]

_PAGING = ("limit", "offset", wire.CURSOR)
#: The parameters of a change of a kind with versions.
VERSION = ("version", "If-Match")
#: 409 for the parameter of another version, 412 for the header.
OLD_VERSION = (409, 412)
#: The parameters of what may give a service credentials for its image.
REGISTRY = (registry_auth.HEADER, registry_auth.AUTH_FROM)
#: The parameters of logs, and those of the logs of containers and services.
LOG = log_selection.PARAMETERS
OUTPUT = (*LOG, *log_selection.OUTPUT)


def listing(
    kind: str,
    plural: str,
    of: Any,
    filters: Any = None,
    *,
    where: str = "",
    **more: Any,
) -> Rows:
    """Yield the request of a list."""
    filtered = (
        "Answers one page. Each field of an object is a filter, with the lookups of"
        " Django, as in `name__startswith`; the parameters list the most used ones."
    )
    yield (
        f"GET {where}{kind}",
        Operation(
            id=f"list_{plural.replace(' ', '_')}",
            summary=f"List {plural}.",
            description=filtered,
            answers={200: Page(of)},
            parameters=_PAGING,
            filters=filters,
            **more,
        ),
    )


def inspection(path: str, noun: str, of: Any) -> Rows:
    """Yield the request of one object."""
    article = "an" if noun[0] in "aeiou" else "a"
    yield (
        f"GET {path}",
        Operation(
            id=f"inspect_{noun.replace(' ', '_')}",
            summary=f"Return {article} {noun}.",
            answers={200: of},
        ),
    )


def actions(kind: str, of: Any, *rows: tuple[str, str], **more: Any) -> Rows:
    """Yield operations without a body; ``terminate`` is DELETE."""
    for operation, summary in rows:
        ends = operation == "terminate"
        yield (
            f"DELETE {kind}/{{uuid}}" if ends else f"POST {kind}/{{uuid}}/{operation}",
            Operation(
                id=f"{operation.replace('-', '_')}_{kind}",
                summary=summary,
                description="Answers at once, with the object in its transitional"
                " state; the action reports the end.",
                answers={202: of},
                acts=True,
                **more,
            ),
        )


def redeploy(kind: str, of: Any, summary: str, **more: Any) -> Rows:
    """Yield the redeploy of a kind, which has a plan for services."""
    plan = {200: types.RolloutPlan} if kind == "service" else {}
    yield (
        f"POST {kind}/{{uuid}}/redeploy",
        Operation(
            id=f"redeploy_{kind}",
            summary=summary,
            description="With `dry_run`, answers the plan, and nothing changes."
            if plan
            else "",
            answers={202: of, **plan},
            acts=True,
            **more,
        ),
    )
