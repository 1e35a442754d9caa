"""Paths and resource URIs: how they are made and taken apart. No I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlsplit

from ..redaction import redact
from .dialects import DOCKER_CLOUD, SUBSYSTEMS, TUTUM, Dialect

__all__ = [
    "GLOBAL_KINDS",
    "Target",
    "canonical_uri",
    "path",
    "respell",
    "split_path",
    "stream_url",
    "target_of",
]

#: kind → how many path segments name one object, where that is not one.
#: ``repository`` takes all that is left: its names contain slashes.
_KEY_SEGMENTS = {"region": 2, "nodetype": 2, "az": 3, "repository": 99, "events": 0}

#: In Tutum repositories were called images, and there was one kind more.
_TUTUM_KINDS = {**SUBSYSTEMS, "image": "repo", "volumegroup": "infra"}

#: Kinds that belong to everybody; their paths carry no namespace.
GLOBAL_KINDS = frozenset({"action", "provider", "region", "az", "nodetype"})


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
