"""The OpenAPI document of the server, and its operations by name."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import openapi_schema_validator

from aiodockercloud.server.api.app import RESOURCES
from aiodockercloud.server.api.openapi.document import document

DOCUMENT: Mapping[str, Any] = document(RESOURCES, "1")

#: Method and path → the operation of the document.
OPERATIONS: Mapping[str, Mapping[str, Any]] = {
    f"{method.upper()} {path}": operation
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
    if method != "parameters"
}
STREAMS = {name: one for name, one in OPERATIONS.items() if "x-frames" in one}

#: A value of each parameter in a path.
VALUES = {"count": "2", "name": "example.com%2Fteam%2Fapp"}


def filled(path: str, values: Mapping[str, str] = VALUES) -> str:
    """Return a path with a value in place of each parameter."""
    return re.sub(r"\{(\w+)\}", lambda one: values.get(one[1], "x" * 8), path)


def component(reference: Mapping[str, str]) -> Any:
    """Return what a reference leads to."""
    found: Any = DOCUMENT
    for part in reference["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return found


def closed() -> dict[str, Any]:
    """Return the document with schemas of objects that have no further keys.

    The document itself lets a later server add keys.
    """
    found: dict[str, Any] = json.loads(json.dumps(DOCUMENT))
    for schema in found["components"]["schemas"].values():
        schema["additionalProperties"] = False
    return found


_CLOSED = closed()["components"]


def check(value: object, *schemas: Any) -> None:
    """Compare a value with schemas of the document, any of which may apply.

    Raises:
        ValidationError: The value has another form, or further keys.
    """
    schema = {"anyOf": list(schemas), "components": _CLOSED}
    openapi_schema_validator.validate(
        value, schema, cls=openapi_schema_validator.OAS31Validator
    )


def named(method: str, path: str) -> str:
    """Return the name of the operation to which a request belongs."""
    for name in OPERATIONS:
        # Clients write the slashes in the name of a repository unquoted.
        expression = re.escape(name).replace(r"\{name\}", ".+")
        expression = re.sub(r"\\{\w+\\}", "[^/]+", expression)
        if re.fullmatch(expression, f"{method} {path}"):
            return name
    raise AssertionError(f"the document has no {method} {path}")


def check_answer(
    name: str, status: int, headers: Mapping[str, str], body: bytes
) -> None:
    """Compare the answer to an operation with the document: status, headers, body."""
    answer = OPERATIONS[name]["responses"][str(status)]
    answer = component(answer) if "$ref" in answer else answer
    received = {header.lower() for header in headers}
    for header in answer["headers"]:
        assert header.lower() in received, f"{status} without {header}"
    if not (content := answer.get("content")):
        assert body == b""
        return
    ((media, described),) = content.items()
    assert headers["Content-Type"].partition(";")[0] == media
    if media == "application/json":
        check(json.loads(body), described["schema"])
