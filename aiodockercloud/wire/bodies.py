"""Bodies of answers: JSON, pages of lists, errors. No I/O.

Source: Docker Cloud API reference, "Errors".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from ..exceptions import error_class
from .dialects import DOCKER_CLOUD, Dialect

__all__ = [
    "IDEMPOTENCY_KEPT",
    "IDEMPOTENCY_KEY",
    "decode_response",
    "dumps",
    "loads",
    "next_offset",
]

dumps: Callable[[Any], bytes]
loads: Callable[[bytes | str], Any]
try:
    import orjson
except ImportError:

    def dumps(value: Any) -> bytes:
        """JSON as bytes."""
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()

    loads = json.loads
else:
    dumps = orjson.dumps
    loads = orjson.loads


#: A write that is sent again has the same key as the first time, and is done once by
#: a server that says with each answer for how many seconds it keeps its answers.
IDEMPOTENCY_KEY = "Idempotency-Key"
IDEMPOTENCY_KEPT = "Idempotency-Kept"


def next_offset(page: Mapping[str, Any]) -> int | None:
    """Where the next page of a list starts, ``None`` after the last.

    As the official SDK does: ``meta.next`` is only tested for truth.
    """
    meta = page["meta"]
    return meta["offset"] + meta["limit"] if meta.get("next") else None


def decode_response(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    method: str = "",
    url: str = "",
    dialect: Dialect = DOCKER_CLOUD,
) -> dict[str, Any]:
    """The object in an answer, or the exception that it means.

    A 2xx without a body is an empty dict. Where the answer names an action, the
    dict has it under ``dockercloud_action_uri``, as in the official SDK.
    """
    problem = ""
    if 200 <= status < 300:
        try:
            data = loads(body) if body.strip() else {}
        except ValueError:
            problem = "the answer is not JSON"
        else:
            if isinstance(data, dict):
                if action := headers.get(dialect.action_header):
                    data["dockercloud_action_uri"] = action
                return data
            problem = "the answer is not a JSON object"
    raise error_class(status)(
        problem or _error_message(body),
        status,
        method=method,
        url=url,
        headers=headers,
    )


def _error_message(body: bytes) -> str:
    text = body.decode("utf-8", "replace").strip()
    try:
        data = loads(text)
    except ValueError:
        return "" if text.startswith("<") else text[:500]
    if isinstance(data, dict):
        data = data.get("error") or data.get("message") or data
    return data if isinstance(data, str) else text[:500]
