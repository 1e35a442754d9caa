"""What travels between the two halves: paths, headers, bodies, dates. No I/O.

Both sides read this module, so a rule about the wire stands once. Where a rule comes
from real clients rather than from the API's text, the comment says so.

Source: Docker Cloud API reference, "Authentication" and "Errors".
"""

from __future__ import annotations

import base64
import binascii
import json
import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlsplit

from ..exceptions import ApiError, ConnectError, StreamClosed, error_class
from ..redaction import redact

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

__all__ = [
    "DOCKER_CLOUD",
    "TUTUM",
    "Dialect",
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
    "next_offset",
    "parse_authorization",
    "parse_bool",
    "parse_date",
    "path",
    "redact",
    "respell",
    "split_path",
    "stream_url",
    "target_of",
]


# --- paths ------------------------------------------------------------------------

#: kind → the subsystem that serves it.
SUBSYSTEMS = {
    "stack": "app",
    "service": "app",
    "container": "app",
    "node": "infra",
    "nodecluster": "infra",
    "provider": "infra",
    "region": "infra",
    "az": "infra",
    "nodetype": "infra",
    "token": "infra",
    "tag": "infra",
    "volume": "infra",
    "action": "audit",
    "events": "audit",
    "registry": "repo",
    "repository": "repo",
}

#: kind → how many path segments name one object, where that is not one.
#: ``repository`` takes all that is left: its names contain slashes.
_KEY_SEGMENTS = {"region": 2, "nodetype": 2, "az": 3, "repository": 99, "events": 0}

#: In Tutum repositories were called images, and there was one kind more.
_TUTUM_KINDS = {**SUBSYSTEMS, "image": "repo", "volumegroup": "infra"}

#: Kinds that belong to everybody; their paths carry no namespace.
GLOBAL_KINDS = frozenset({"action", "provider", "region", "az", "nodetype"})


@dataclass(frozen=True)
class Dialect:
    """How one generation of the API spells what both mean."""

    name: str
    env_prefix: str
    rest_host: str
    stream_host: str
    action_header: str
    #: The error and log vocabulary is the same; paths are not.
    by_subsystem: bool

    def prefix(self, kind: str, *, stream: bool = False) -> str:
        """The path up to the namespace, e.g. ``/api/app/v1/``."""
        if self.by_subsystem:
            return f"/api/{SUBSYSTEMS[kind]}/v1/"
        return "/v1/" if stream else "/api/v1/"


DOCKER_CLOUD = Dialect(
    name="dockercloud",
    env_prefix="DOCKERCLOUD",
    rest_host="https://cloud.docker.com",
    stream_host="wss://ws.cloud.docker.com",
    action_header="X-DockerCloud-Action-URI",
    by_subsystem=True,
)
TUTUM = Dialect(
    name="tutum",
    env_prefix="TUTUM",
    rest_host="https://dashboard.tutum.co",
    stream_host="wss://stream.tutum.co",
    action_header="X-Tutum-Action-URI",
    by_subsystem=False,
)


def path(
    kind: str,
    *segments: str,
    namespace: str | None = None,
    dialect: Dialect = DOCKER_CLOUD,
    stream: bool = False,
) -> str:
    """The path of a list, an object or an operation, each segment quoted.

    ``path("service", uuid, "start")`` is ``/api/app/v1/service/<uuid>/start/``.
    It always ends in a slash, as every write of the official clients does.

    Raises:
        ValueError: A segment is empty, ``.`` or ``..``: it would name another path.
    """
    word = "image" if kind == "repository" and not dialect.by_subsystem else kind
    parts = [word, *segments]
    if namespace and kind not in GLOBAL_KINDS and dialect.by_subsystem:
        parts.insert(0, namespace)
    for part in parts:
        if part in ("", ".", ".."):
            raise ValueError(f"{part!r} cannot stand in a path")
    quoted = "/".join(quote(part, safe="") for part in parts)
    return f"{dialect.prefix(kind, stream=stream)}{quoted}/"


class Target(NamedTuple):
    """What a path names: ``/api/app/v1/acme/service/<uuid>/start/`` taken apart."""

    kind: str
    namespace: str | None
    key: tuple[str, ...]
    operation: tuple[str, ...]
    dialect: Dialect

    @property
    def pk(self) -> str:
        """The object's key: a uuid, a repository's name, ``provider/region``…"""
        return "/".join(self.key)


def split_path(raw_path: str) -> Target | None:
    """Take a path apart; ``None`` when it names nothing of this API.

    Real clients leave the last slash out, double slashes, leave ``/api`` out on
    streams and put a namespace where there should be none: all of that is read.
    Triggers hang below their service: kind ``trigger``, ``key`` is the service's
    uuid and the trigger's, if any.
    """
    parts = [unquote(part) for part in raw_path.split("/") if part]
    if parts and parts[0] == "api":
        del parts[0]
    if parts == ["auth"]:
        return Target("auth", None, (), (), DOCKER_CLOUD)
    dialect, subsystem = DOCKER_CLOUD, None
    if len(parts) > 2 and parts[1] == "v1":
        subsystem = parts[0]
        del parts[:2]
    elif len(parts) > 1 and parts[0] == "v1":
        dialect = TUTUM
        del parts[0]
    else:
        return None
    if parts == ["auth"]:
        return Target("auth", None, (), (), dialect)
    kinds = SUBSYSTEMS if dialect is DOCKER_CLOUD else _TUTUM_KINDS
    namespace = None
    if parts[0] not in kinds:
        namespace = parts.pop(0)
    if not parts or kinds.get(parts[0], "") != (subsystem or kinds.get(parts[0])):
        return None
    kind, *rest = parts
    if kind == "image":
        kind = "repository"
    if dialect is TUTUM and rest[1:3] == ["webhook", "handler"]:
        rest[1:3] = ["trigger"]  # as triggers were called before May 2015
    if kind == "service" and len(rest) > 1 and rest[1] == "trigger":
        service, _, *below = rest
        return Target(
            "trigger", namespace, (service, *below[:1]), tuple(below[1:]), dialect
        )
    count = _KEY_SEGMENTS.get(kind, 1)
    return Target(kind, namespace, tuple(rest[:count]), tuple(rest[count:]), dialect)


def canonical_uri(uri: str) -> str:
    """The URI of an object in the one spelling that bodies and events have.

    Whatever spelling it comes in; what names no object comes back as it is.
    """
    target = split_path(uri)
    if target is None or not target.key:
        return uri
    kind, _, key, *_ = target
    if kind == "trigger":
        kind, key = "service", (key[0], "trigger", *key[1:])
    try:
        return path(kind, *key)
    except (KeyError, ValueError):  # Tutum's own kind; a path with ..
        return uri


_SUBSYSTEM = re.compile(rf"/api/(?:{'|'.join(sorted({*SUBSYSTEMS.values()}))})/v1/")


def respell(uri: str, dialect: Dialect) -> str:
    """A canonical URI, or a URL that ends in one, as a dialect spells it."""
    if dialect.by_subsystem:
        return uri
    uri = _SUBSYSTEM.sub("/api/v1/", uri, count=1)
    return uri.replace("/api/v1/repository/", "/api/v1/image/", 1)


def target_of(
    kind: str, thing: str | Mapping[str, Any], *, key: str = "uuid"
) -> Target:
    """What the first argument of a method means: a dict, a resource URI or a key.

    Args:
        kind: What it must be; a URI of another kind is an error, not a 404 later.
        thing: An object's dict, its ``resource_uri``, or its key (mostly a uuid).
        key: The dict's key that names the object, where it has no URI.
    """
    if isinstance(thing, Mapping):
        thing = thing.get("resource_uri") or thing.get(key) or ""
        if not isinstance(thing, str) or not thing:
            raise ValueError(f"the {kind} has neither resource_uri nor {key}")
    if not isinstance(thing, str):
        raise TypeError(
            f"a {kind} is given as its dict, its resource_uri or its {key},"
            f" not as {type(thing).__name__}"
        )
    if thing.startswith("/") or "://" in thing:
        target = split_path(urlsplit(thing).path)
        if target is None or not target.key or target.kind != kind:
            raise ValueError(f"{redact(thing)!r} is not the URI of a {kind}")
        return target
    if not thing:
        raise ValueError(f"an empty text names no {kind}")
    count = _KEY_SEGMENTS.get(kind, 1)
    parts = tuple(thing.split("/")) if count > 1 else (thing,)
    return Target(kind, None, parts, (), DOCKER_CLOUD)


def stream_url(rest_url: str) -> str:
    """The address of the stream API beside a REST address: http becomes ws."""
    return "ws" + rest_url.removeprefix("http") if rest_url else ""


# --- credentials --------------------------------------------------------------------


def basic_auth(user: str, key: str) -> str:
    """The value of ``Authorization`` for a user with an API key or password."""
    return "Basic " + base64.b64encode(f"{user}:{key}".encode()).decode()


def parse_authorization(value: str) -> tuple[str, str] | None:
    """User and key from an ``Authorization`` value; ``None`` when it is neither.

    ``Basic`` is what all clients send; ``ApiKey user:key`` is Tutum before 2016.
    """
    scheme, _, rest = value.strip().partition(" ")
    rest = rest.strip()
    if scheme.lower() == "basic":
        try:
            rest = base64.b64decode(rest, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return None
    elif scheme.lower() != "apikey":
        return None
    user, colon, key = rest.partition(":")
    return (user, key) if colon else None


# --- values -------------------------------------------------------------------------

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)


def format_date(moment: datetime | None) -> str | None:
    """``Tue, 1 Mar 2016 03:52:18 +0000``: the day of the month is not padded.

    The old CLI parses with exactly this pattern and crashes on any other.
    """
    if moment is None:
        return None
    moment = moment.astimezone(UTC)
    return (
        f"{_DAYS[moment.weekday()]}, {moment.day} {_MONTHS[moment.month - 1]}"
        f" {moment.year:04d} {moment:%H:%M:%S} +0000"
    )


def format_event_date(moment: datetime) -> str:
    """``2016-02-01T16:47:28Z``, as in events."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def parse_date(text: str) -> datetime:
    """Read either form of date, or any ISO 8601; UTC where it names no zone.

    Raises:
        ValueError: It is neither.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = parsedate_to_datetime(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


_WORDS = {"true": True, "1": True, "false": False, "0": False}


def parse_bool(text: str) -> bool:
    """``true``/``True``/``1`` and their opposites, as the clients spell them.

    Raises:
        ValueError: It is another word.
    """
    try:
        return _WORDS[text.strip().lower()]
    except KeyError:
        raise ValueError(f"{text!r} is not true or false") from None


# --- answers ------------------------------------------------------------------------

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


# --- trying again -------------------------------------------------------------------

#: Answers that another attempt may turn into a good one.
RETRY_STATUSES = frozenset({429, 502, 503, 504})


def is_transient(error: BaseException) -> bool:
    """Whether trying again may help: lost connections, overload, restarts."""
    if isinstance(error, ApiError):
        return error.status in RETRY_STATUSES
    if isinstance(error, StreamClosed):
        return error.code not in (1000, 1003, 1007, 1008)
    return isinstance(error, ConnectError)


def backoff(
    first: float = 0.2, *, factor: float = 2.0, cap: float = 30.0
) -> Iterator[float]:
    """Seconds to pause before each further attempt: growing, capped, jittered.

    Jitter is half of the pause, so that clients that lost the same server do not
    come back in step.
    """
    pause = first
    while True:
        yield pause * random.uniform(0.5, 1.0)
        pause = min(cap, pause * factor)
