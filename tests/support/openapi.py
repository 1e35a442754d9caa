"""The OpenAPI document of the server, and its operations by name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

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
