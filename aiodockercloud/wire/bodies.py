"""Bodies of responses: JSON and errors. No I/O.

Source: Docker Cloud API reference, "Errors".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import unquote

from ..exceptions import (
    ConflictError,
    InvalidResponse,
    ObjectNotFound,
    VersionConflict,
    error_class,
)
from ..exceptions.api import reason
from . import json_text
from .dialects import DOCKER_CLOUD, Dialect

__all__ = [
    "ETAG",
    "IDEMPOTENCY_KEPT",
    "IDEMPOTENCY_KEY",
    "decode_response",
    "dumps",
    "loads",
]

dumps: Callable[[Any], bytes] = json_text.dumps
loads: Callable[[bytes | str], Any] = json_text.loads
with suppress(ImportError):  # faster, with the same results
    import orjson

    dumps, loads = orjson.dumps, orjson.loads


#: A repeated write has the key of the first attempt. A server that stores its responses
#: executes the write once, and states in each response for how many seconds the
#: responses are stored.
IDEMPOTENCY_KEY = "Idempotency-Key"
IDEMPOTENCY_KEPT = "Idempotency-Kept"


#: The header with the version of an object, of an answer and of a refused change.
ETAG = "ETag"


def decode_response(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    method: str = "",
    url: str = "",
    dialect: Dialect = DOCKER_CLOUD,
) -> dict[str, Any]:
    """Return the object in a response, or raise the error of its status.

    A response with a status 2xx and without a body is an empty dict. When the response
    names an action, the dict has the action's URI under ``dockercloud_action_uri``, as
    in the official SDK.

    Args:
        status: The response's status.
        headers: The response's headers.
        body: The response's body.
        method: The request's method, for the error.
        url: The request's URL, for the error.
        dialect: The dialect of the request.

    Raises:
        ApiError: The status is no 2xx. The class of the error is the class of the
            status.
        InvalidResponse: The status is 2xx, and the body is no JSON object.
    """
    if not 200 <= status < 300:
        kind = error_class(status)
        if kind is ConflictError and ETAG in headers:
            kind = VersionConflict  # a name that is in use has no version
        message = _error_message(body)
        if kind is ObjectNotFound:
            message = (message or reason(status)) + _advice(url)
        raise kind(message, status, method=method, url=url, headers=headers)
    data: Any = None
    problem = "the response is not a JSON object"
    try:
        data = loads(body) if body.strip() else {}
    except ValueError:
        problem = "the response is not JSON"
    if not isinstance(data, dict):
        raise InvalidResponse(problem, status=status, method=method, url=url)
    if action := headers.get(dialect.action_header):
        data["dockercloud_action_uri"] = action
    return data


#: The kinds with ``find``, and the key of an object in a URL.
_KEY = r"/(service|stack|container|node|nodecluster)/([^/?#]+)/"
_UUID = r"(?i)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def _advice(url: str) -> str:
    """Return how to look up an object whose URL has a name in place of the uuid."""
    found = re.search(_KEY, url)
    if found is None or re.fullmatch(_UUID, found[2]):
        return ""
    name = unquote(found[2])
    return f"; {name!r} is no uuid: await cloud.{found[1]}s.find({name!r}) finds a name"


def _error_message(body: bytes) -> str:
    text = body.decode("utf-8", "replace").strip()
    try:
        data = loads(text)
    except ValueError:
        return "" if text.startswith("<") else text[:500]
    if isinstance(data, dict):
        data = data.get("error") or data.get("message") or data
    return data if isinstance(data, str) else text[:500]
