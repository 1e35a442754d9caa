"""The vocabulary that client and server share: paths, headers, bodies, dates. No I/O.

Both halves import this package, so that each rule of the API is written once. A comment
states when a rule comes from real clients and not from the API's reference. The most
used names are exported here; ``states``, ``images``, ``service_fields``, ``loglines``,
``exec`` and ``window`` are imported as modules.

Source: Docker Cloud API reference, "Authentication" and "Errors".
"""

from __future__ import annotations

from ..exceptions.api import REQUEST_ID
from ..redaction import redact
from .auth import basic_auth, parse_authorization
from .bodies import (
    ETAG,
    IDEMPOTENCY_KEPT,
    IDEMPOTENCY_KEY,
    decode_response,
    dumps,
    loads,
)
from .dialects import DOCKER_CLOUD, SUBSYSTEMS, TUTUM, Dialect
from .paging import CURSOR, LOOKUPS, Page, next_offset, read_page
from .paths import (
    GLOBAL_KINDS,
    SERVER_KINDS,
    Target,
    canonical_uri,
    object_path,
    path,
    respell,
    split_path,
    stream_url,
    target_of,
)
from .reasons import reason
from .retries import RETRY_STATUSES, backoff, is_transient
from .text import loads_mended, valid_text
from .values import format_date, format_event_date, parse_bool, parse_date

__all__ = [
    "CURSOR",
    "DOCKER_CLOUD",
    "ETAG",
    "GLOBAL_KINDS",
    "IDEMPOTENCY_KEPT",
    "IDEMPOTENCY_KEY",
    "LOOKUPS",
    "REQUEST_ID",
    "RETRY_STATUSES",
    "SERVER_KINDS",
    "SUBSYSTEMS",
    "TUTUM",
    "Dialect",
    "Page",
    "Target",
    "backoff",
    "basic_auth",
    "canonical_uri",
    "decode_response",
    "dumps",
    "format_date",
    "format_event_date",
    "is_transient",
    "loads",
    "loads_mended",
    "next_offset",
    "object_path",
    "parse_authorization",
    "parse_bool",
    "parse_date",
    "path",
    "read_page",
    "reason",
    "redact",
    "respell",
    "split_path",
    "stream_url",
    "target_of",
    "valid_text",
]
