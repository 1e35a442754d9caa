"""Paths and resource URIs of both dialects. No I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlsplit

from ..redaction import redact
from .dialects import DOCKER_CLOUD, SUBSYSTEMS, TUTUM, Dialect

__all__ = [
    "GLOBAL_KINDS",
    "SERVER_KINDS",
    "Target",
    "canonical_uri",
    "object_path",
    "path",
    "respell",
    "split_path",
    "stream_url",
    "target_of",
]

#: Kind → how many path segments name one object, when that number is not one.
#: A ``repository`` has all remaining segments: its names contain slashes.
_KEY_SEGMENTS = {"region": 2, "nodetype": 2, "az": 3, "repository": 99, "events": 0}

#: Tutum's name of repositories was images, and Tutum had one additional kind.
_TUTUM_KINDS = {**SUBSYSTEMS, "image": "repo", "volumegroup": "infra"}

#: What programs that watch a server read, by the only part of the path.
SERVER_KINDS = frozenset({"healthz", "readyz", "metrics", "openapi.json"})

#: Kinds that all namespaces share; their paths have no namespace.
GLOBAL_KINDS = SERVER_KINDS | {
    *("account", "action", "backup", "key"),
    *("provider", "region", "az", "nodetype"),
}


def path(
    kind: str,
    *segments: str,
    namespace: str | None = None,
    dialect: Dialect = DOCKER_CLOUD,
    stream: bool = False,
) -> str:
    """Return the path of a list, an object or an operation.

    ``path("service", uuid, "start")`` is ``/api/app/v1/service/<uuid>/start/``. Each
    segment is quoted. A path ends in a slash, as in every write of the official
    clients.

    Args:
        kind: The kind of object.
        segments: The object's key and the operation; none for a list.
        namespace: The namespace, left out of the paths of shared kinds and of Tutum.
        dialect: The dialect of the path.
        stream: Whether the path belongs to the stream API.

    Raises:
        ValueError: A segment is empty, ``.`` or ``..``, which would name another path.
    """
    if kind in SERVER_KINDS:
        return f"/{kind}"
    found = _list_path(kind, namespace, dialect.by_subsystem, stream)
    for segment in segments:
        found += f"{_quoted(segment)}/"
    return found


@lru_cache(1024)  # few kinds, and the namespaces in use
def _list_path(
    kind: str, namespace: str | None, by_subsystem: bool, stream: bool
) -> str:
    dialect = DOCKER_CLOUD if by_subsystem else TUTUM
    found = dialect.prefix(kind, stream=stream)
    if namespace and kind not in GLOBAL_KINDS and by_subsystem:
        found += f"{_quoted(namespace)}/"
    word = "image" if kind == "repository" and not by_subsystem else kind
    return f"{found}{_quoted(word)}/"


#: A segment of letters and digits that stands in a path as it is, such as a uuid.
_is_plain = re.compile(r"[0-9A-Za-z_~-]+").fullmatch


def _quoted(segment: str) -> str:
    """Return a segment of a path, quoted."""
    if _is_plain(segment):
        return segment
    if segment in ("", ".", ".."):
        raise ValueError(f"{segment!r} cannot stand in a path")
    return quote(segment, safe="")


class Target(NamedTuple):
    """The parts of a path, such as ``/api/app/v1/acme/service/<uuid>/start/``.

    Attributes:
        kind: The kind of object, ``service``.
        namespace: The namespace, ``acme``.
        key: The segments that name the object.
        operation: The remaining segments, ``start``.
        dialect: The dialect of the path.
    """

    kind: str
    namespace: str | None
    key: tuple[str, ...]
    operation: tuple[str, ...]
    dialect: Dialect

    @property
    def pk(self) -> str:
        """The object's key as one text: a uuid, a repository's name, …"""
        return "/".join(self.key)


def split_path(raw_path: str) -> Target | None:
    """Return the parts of a path, ``None`` for a path that the API does not have.

    Real clients omit the last slash, double slashes, omit ``/api`` on streams, and send
    a namespace for shared kinds: such paths are parsed too. A trigger's path continues
    the path of its service: the kind is ``trigger``, the key has the service's uuid and
    the trigger's, if any.
    """
    parts = [unquote(part) for part in raw_path.split("/") if part]
    if len(parts) == 1 and parts[0] in SERVER_KINDS:
        return Target(parts[0], None, (), (), DOCKER_CLOUD)
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
    if kinds.get(parts[0]) not in (subsystem, None) and dialect is DOCKER_CLOUD:
        namespace = parts.pop(0)  # the kind of another subsystem
    elif parts[0] not in kinds:
        namespace = parts.pop(0)
    if not parts or kinds.get(parts[0], "") != (subsystem or kinds.get(parts[0])):
        return None
    kind, *rest = parts
    if kind == "image":
        kind = "repository"
    if dialect is TUTUM and rest[1:3] == ["webhook", "handler"]:
        rest[1:3] = ["trigger"]  # The name of triggers before May 2015.
    if kind == "service" and len(rest) > 1 and rest[1] == "trigger":
        service, _, *below = rest
        return Target(
            "trigger", namespace, (service, *below[:1]), tuple(below[1:]), dialect
        )
    count = _KEY_SEGMENTS.get(kind, 1)
    return Target(kind, namespace, tuple(rest[:count]), tuple(rest[count:]), dialect)


def canonical_uri(uri: str) -> str:
    """Return the URI of an object in the spelling of bodies and events.

    A text that is no URI of an object is returned unchanged.
    """
    target = split_path(uri)
    if target is None or not target.key:
        return uri
    kind, _, key, *_ = target
    if kind == "trigger":
        kind, key = "service", (key[0], "trigger", *key[1:])
    try:
        return path(kind, *key)
    except (KeyError, ValueError):  # A kind that only Tutum has; a path with "..".
        return uri


_SUBSYSTEM = rf"/api/(?:{'|'.join(sorted({*SUBSYSTEMS.values()}))})/v1/"


def respell(uri: str, dialect: Dialect) -> str:
    """Return a canonical URI, or a URL with such a path, in a dialect's spelling."""
    if dialect.by_subsystem:
        return uri
    uri = re.sub(_SUBSYSTEM, "/api/v1/", uri, count=1)
    return uri.replace("/api/v1/repository/", "/api/v1/image/", 1)


def target_of(
    kind: str, reference: str | Mapping[str, Any], *, key: str = "uuid"
) -> Target:
    """Return the object that the first argument of a method names.

    Args:
        kind: The expected kind. A URI of another kind is an error here, not a response
            404 later.
        reference: An object's dict, its ``resource_uri``, or its key, mostly a uuid.
        key: The key of the dict that names the object when the dict has no URI.

    Raises:
        ValueError: The argument names no object of the kind.
        TypeError: The argument is neither a dict nor a text.
    """
    return _named(kind, _text_of(kind, reference, key))


def object_path(
    kind: str,
    reference: str | Mapping[str, Any],
    operation: tuple[str, ...] = (),
    *,
    key: str = "uuid",
    namespace: str | None = None,
    dialect: Dialect = DOCKER_CLOUD,
    stream: bool = False,
) -> str:
    """Return the path of an object that a reference names, or of an operation on it.

    Programs ask for the same objects again and again, so the paths are kept.

    Args:
        kind: The kind of object.
        reference: As for :func:`target_of`.
        operation: The segments of the operation.
        key: As for :func:`target_of`.
        namespace: The namespace of an object whose URI has none.
        dialect: The dialect of the path.
        stream: Whether the path belongs to the stream API.

    Raises:
        ValueError, TypeError: As for :func:`target_of` and :func:`path`.
    """
    text = reference if type(reference) is str else _text_of(kind, reference, key)
    return _object_path(kind, text, operation, namespace, dialect.by_subsystem, stream)


@lru_cache(1024)
def _object_path(
    kind: str,
    reference: str,
    operation: tuple[str, ...],
    namespace: str | None,
    by_subsystem: bool,
    stream: bool,
) -> str:
    target = _named(kind, reference)
    return path(
        kind,
        *target.key,
        *operation,
        # The namespace of the object's URI precedes the other one.
        namespace=target.namespace or namespace,
        dialect=DOCKER_CLOUD if by_subsystem else TUTUM,
        stream=stream,
    )


def _text_of(kind: str, reference: str | Mapping[str, Any], key: str) -> str:
    """Return the URI or the key that a reference contains."""
    if isinstance(reference, str):
        return reference
    if not isinstance(reference, Mapping):
        raise TypeError(
            f"a {kind} is given as its dict, its resource_uri or its {key},"
            f" not as {type(reference).__name__}"
        )
    found = reference.get("resource_uri") or reference.get(key) or ""
    if not isinstance(found, str) or not found:
        raise ValueError(f"the {kind} has neither resource_uri nor {key}")
    return found


def _named(kind: str, reference: str) -> Target:
    """Return the object that a URI or a key names."""
    if "/" in reference and (reference.startswith("/") or "://" in reference):
        target = split_path(urlsplit(reference).path)
        if target is None or not target.key or target.kind != kind:
            raise ValueError(f"{redact(reference)!r} is not the URI of a {kind}")
        return target
    if not reference:
        raise ValueError(f"an empty text names no {kind}")
    count = _KEY_SEGMENTS.get(kind, 1)
    parts = tuple(reference.split("/")) if count > 1 else (reference,)
    return Target(kind, None, parts, (), DOCKER_CLOUD)


def stream_url(rest_url: str) -> str:
    """Return the address of the stream API for a REST address: ws instead of http."""
    return "ws" + rest_url.removeprefix("http") if rest_url else ""
