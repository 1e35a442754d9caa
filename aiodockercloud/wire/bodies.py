"""Bodies of responses: JSON and errors. No I/O.

Source: Docker Cloud API reference, "Errors".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from ..exceptions import InvalidResponse, error_class
from .dialects import DOCKER_CLOUD, Dialect

__all__ = [
    "IDEMPOTENCY_KEPT",
    "IDEMPOTENCY_KEY",
    "decode_response",
    "dumps",
    "loads",
]

dumps: Callable[[Any], bytes]
loads: Callable[[bytes | str], Any]
try:
    import orjson
except ImportError:

    def dumps(value: Any) -> bytes:
        """Return a value as JSON."""
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()

    loads = json.loads
else:
    dumps = orjson.dumps
    loads = orjson.loads


#: A repeated write has the key of the first attempt. A server that stores its responses
#: executes the write once, and states in each response for how many seconds the
#: responses are stored.
IDEMPOTENCY_KEY = "Idempotency-Key"
IDEMPOTENCY_KEPT = "Idempotency-Kept"


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
        raise error_class(status)(
            _error_message(body), status, method=method, url=url, headers=headers
        )
    problem = ""
    try:
        data = loads(body) if body.strip() else {}
    except ValueError:
        problem = "the response is not JSON"
    else:
        if not isinstance(data, dict):
            problem = "the response is not a JSON object"
    if problem:
        raise InvalidResponse(problem, status=status, method=method, url=url)
    if action := headers.get(dialect.action_header):
        data["dockercloud_action_uri"] = action
    return data


def _error_message(body: bytes) -> str:
    text = body.decode("utf-8", "replace").strip()
    try:
        data = loads(text)
    except ValueError:
        return "" if text.startswith("<") else text[:500]
    if isinstance(data, dict):
        data = data.get("error") or data.get("message") or data
    return data if isinstance(data, str) else text[:500]
