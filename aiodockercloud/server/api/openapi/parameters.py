"""Parameters of requests and headers of answers.

The filters of a list come from the types of the client, which have them by name.
"""

from __future__ import annotations

import collections.abc
from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args, get_origin, get_type_hints

from .... import wire
from ....wire import registry_auth
from ..log_selection import UNTIL_STOPPED
from .schemas import Schema, descriptions

__all__ = ["HEADERS", "PARAMETERS", "filters_of", "path_parameter"]

_TEXT: Schema = {"type": "string"}
_FLAG: Schema = {"type": "boolean"}
_COUNT: Schema = {"type": "integer", "minimum": 0, "maximum": 2**31}
_DATE = "RFC 2822 or ISO 8601"
_MOMENT = (
    "as ISO 8601 text such as 2016-05-04T12:00:00.123456789Z, or in seconds since 1970"
)

#: What a lookup after a filter's name selects.
_LOOKUPS: Mapping[str, str] = {
    "in": "One of several values, separated by commas.",
    "ne": "Not this value.",
    "startswith": "Begins with the value.",
    "endswith": "Ends with the value.",
    "contains": "Contains the value.",
    "gte": f"The date ({_DATE}) or a later one.",
    "lte": f"The date ({_DATE}) or an earlier one.",
}


def _query(name: str, description: str, schema: Schema) -> Schema:
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _header(name: str, description: str, schema: Schema = _TEXT) -> Schema:
    return {**_query(name, description, schema), "in": "header"}


def _flag(name: str, description: str, *, default: bool) -> Schema:
    return _query(name, description, {**_FLAG, "default": default})


_ALL: tuple[Schema, ...] = (
    _query("limit", "The most objects on the page; 0 for the largest page.", _COUNT),
    _query("offset", "The number of objects before the page.", _COUNT),
    _query(
        wire.CURSOR,
        "The place of the last object of the former page, from `meta.next`. Precedes"
        " `offset`, and stays right when objects leave the list between two pages.",
        _TEXT,
    ),
    _query(
        "version",
        "The version that the client has read; 409 if the object has another one.",
        {"type": "integer", "minimum": 0},
    ),
    _header(
        "If-Match",
        'The entity tags of versions that the client has read, such as `"5"`, or `*`;'
        " 412 if the object has another version.",
        {"type": "string", "pattern": r'^(\*|"[0-9]{1,18}")$'},
    ),
    _header(
        wire.IDEMPOTENCY_KEY,
        "A text of the client's choice that names the request. The same request with"
        " the same key is carried out once; a repetition receives the first answer.",
        {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    ),
    _header(
        registry_auth.HEADER,
        "The credentials for the registry of the image, as Docker encodes them: base64"
        " of a JSON object with `username` and `password`, or `identitytoken`.",
    ),
    _query(
        registry_auth.AUTH_FROM,
        "Which stored credentials stay when the request has no"
        f" `{registry_auth.HEADER}`: the current ones, or those before the last"
        " change.",
        {
            "type": "string",
            "enum": [registry_auth.SPEC, registry_auth.PREVIOUS_SPEC],
            "default": registry_auth.SPEC,
        },
    ),
    _flag(
        "reuse_volumes",
        "Whether the new containers receive the volumes of the old ones.",
        default=True,
    ),
    _flag(
        "dry_run",
        "Whether the plan of a service's redeploy is returned, and nothing changes.",
        default=False,
    ),
    _flag(
        "prune",
        "Whether services that the body leaves out are terminated.",
        default=False,
    ),
    _query(
        "tail",
        "The most past lines, or `all`. By default 300; all with `since` or `until`.",
        {"type": "string", "pattern": "^(all|[0-9]{1,18})$"},
    ),
    _flag("follow", "Whether new lines follow the past ones.", default=True),
    _query("since", f"The time of the first line, {_MOMENT}.", _TEXT),
    _query(
        "at",
        "For a client that continues a log: the time of the first request, as the frame"
        " `position` reports the time.",
        _TEXT,
    ),
    _query(
        "seen",
        "For a client that continues a log: the stamp of the last received line of each"
        " container, as `name:stamp`, separated by commas.",
        _TEXT,
    ),
    _query(
        "until",
        "Ends a followed log when nothing runs any more.",
        {"type": "string", "enum": [UNTIL_STOPPED]},
    ),
    _flag("stdout", "Whether lines of the standard output are sent.", default=True),
    _flag("stderr", "Whether lines of the standard error are sent.", default=True),
    _flag("timestamps", "Whether each line begins with its stamp.", default=True),
    _flag(
        "details",
        "Whether lines have details of the engine; 501 if its lines have none.",
        default=False,
    ),
    _query("service", "The container's service, as its resource_uri or uuid.", _TEXT),
    _query("command", "The command, split into words as a shell does.", _TEXT),
    _query(
        "encoding",
        "The encoding of input and output: base64 for bytes, by default text.",
        {"type": "string", "enum": ["base64"]},
    ),
    _query(
        "type",
        "The kinds of the objects, separated by commas; by default all kinds.",
        _TEXT,
    ),
    _query("object", "The objects, as URIs, separated by commas.", _TEXT),
    _query(
        "parent", "The parents of the objects, as URIs, separated by commas.", _TEXT
    ),
    _query("parents", "Another name of `parent`.", _TEXT),
)
#: Name → parameter, for ``components`` of the document. Names of a repository and of
#: a stack, and the position of events, have names that other parameters have, too.
PARAMETERS: Mapping[str, Schema] = {
    **{one["name"]: one for one in _ALL},
    "position": _query(
        "since",
        "Where the stream begins: `now`, or the `id` of the event after which the"
        " stream continues. The first frame is then a `position`.",
        _TEXT,
    ),
    "stack": _query("name", "The name of the stack of a stack file.", _TEXT),
    "repository": {
        **_query("name", "The name of the repository.", {**_TEXT, "minLength": 1}),
        "required": True,
    },
}

_ACTION = wire.DOCKER_CLOUD.action_header
#: Name → header of answers, for ``components`` of the document.
HEADERS: Mapping[str, Schema] = {
    name: {"description": description, "required": True, "schema": _TEXT}
    for name, description in {
        wire.REQUEST_ID: "The id of the request, which the log of the server has, too.",
        wire.ETAG: "The version of the object, for If-Match.",
        _ACTION: "The action that carries out the request, as its resource_uri.",
        "Retry-After": "The seconds after which another attempt may succeed.",
    }.items()
}


def path_parameter(name: str, kind: str) -> Schema:
    """Return a part of a path that names an object.

    Args:
        name: The name of the parameter.
        kind: The kind of the object that the whole path names.
    """
    text = {"type": "string", "minLength": 1}
    schema, description = text, f"The key of the {name}."
    if name == "uuid":
        schema, description = {**text, "format": "uuid"}, f"The uuid of the {kind}."
        if kind in ("secret", "config"):
            schema, description = text, f"The uuid or the name of the {kind}."
    elif name == "service":
        schema, description = {**text, "format": "uuid"}, "The uuid of the service."
    elif name == "count":
        schema = {"type": "integer", "minimum": 1, "maximum": 1000}
        description = "How many containers are added."
    elif name == "name":
        description = "The host and the path, with each slash written as %2F."
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": schema,
    }


def filters_of(kind: Any) -> Iterator[Schema]:
    """Yield the filters of a list as parameters, from the type of the client."""
    described = descriptions(kind)
    for name, hint in get_type_hints(kind).items():
        if name in ("limit", "offset"):
            continue
        field, _, lookup = name.partition("__")
        text = described.get(name) or described.get(field, "")
        if lookup in _LOOKUPS:
            text = f"{text} {_LOOKUPS[lookup]}"
        elif lookup:
            text = f"The {lookup.replace('__', ' of its ')} of the {field}."
        schema = _TEXT if lookup == "in" else _filter(hint)
        yield _query(name, text.strip(), schema)


def _filter(hint: Any) -> Schema:
    """Return the schema of a filter's value; several values repeat the parameter."""
    members = get_args(hint)
    words = [
        word for one in members if get_origin(one) is Literal for word in get_args(one)
    ]
    schema: Schema = {"type": "string", "enum": words} if words else _TEXT
    if bool in members:
        schema = _FLAG
    elif int in members:
        schema = {"type": "integer"}
    several = any(get_origin(one) is collections.abc.Collection for one in members)
    return {"type": "array", "items": schema} if several else schema
