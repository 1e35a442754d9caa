"""The OpenAPI document, from the table of routes and the table of operations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

from .... import wire
from ....exceptions.api import error_class
from ..resource import PUBLIC, SAFE, Resource
from .operation import Media, Operation, Page
from .operations import OPERATIONS, TAGS
from .own import Failure, Meta
from .parameters import HEADERS, PARAMETERS, filters_of, path_parameter
from .schemas import Schema, Schemas, plain

__all__ = ["Endpoint", "document", "endpoints"]

#: The parts of a path that name an object, of kinds whose objects have no uuid.
_KEYS: Mapping[str, tuple[str, ...]] = {
    "account": ("user",),
    "az": ("provider", "region", "zone"),
    "nodetype": ("provider", "type"),
    "provider": ("provider",),
    "region": ("provider", "region"),
    "registry": ("host",),
    "repository": ("name",),
}
#: The scope of a path that every key may read.
_ANY = ""

_ACTION = wire.DOCKER_CLOUD.action_header
_SECURITY: Mapping[str, Schema] = {
    "basic": {
        "type": "http",
        "scheme": "basic",
        "description": "A user and an API key.",
    },
    "apikey": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "`ApiKey user:key`",
    },
}
#: Statuses without a class of errors.
_STATUSES: Mapping[int, str] = {
    408: "The body did not arrive in time.",
    421: "The server does not serve the host of the request.",
}
_VERSIONED_BY = "version"

_ABOUT = """\
The API of Docker Cloud, as the server of aiodockercloud answers it.

**Credentials**: a user with an API key, as HTTP Basic authentication, or as
`Authorization: ApiKey user:key`. Websockets may have them in the query, as `auth`, or
as `user` with `token`. The scopes of a request are those of its key: `read`, `deploy`,
`exec` or `admin`. `operate` is the scope `admin` of an operator's account.

**Namespaces**: where an operation has `x-namespaced: true`, the name of a namespace may
stand between the version and the kind, as in `/api/app/v1/acme/service/`. Without a
namespace, the request is for the default one of the account.

**Bodies**: a body may also contain read-only keys of the object with unchanged values,
so a client may send a whole object back. The bodies of services may have the keys of a
stack file.

**Methods**: HEAD is answered wherever GET is, and OPTIONS with the allowed methods. Any
request may fail with a status 500, a fault of the server.

**Streams**: a GET with a websocket upgrade. `x-frames` has the schemas of the frames.

**Tutum**: the same server answers the API of Tutum, before 2016, under `/api/v1/` and
`/v1/`, without the part `app`, `infra`, `audit` or `repo` of the path. This document
does not repeat these paths.
"""


class Endpoint(NamedTuple):
    """A path with a method, as the routes of the server have both.

    Attributes:
        kind: The kind of the path.
        method: The HTTP method.
        short: The path behind the version, as in the table of operations.
        scope: The scope that a request needs.
    """

    kind: str
    method: str
    short: str
    scope: str

    @property
    def path(self) -> str:
        """The whole path, a template."""
        if self.kind in wire.SERVER_KINDS:
            return f"/{self.short}"
        if self.kind == "auth":
            return "/api/auth/"
        prefix = wire.DOCKER_CLOUD.prefix(
            "service" if self.kind == "trigger" else self.kind
        )
        return f"{prefix}{self.short}/"


def endpoints(resources: Mapping[str, Resource]) -> Iterator[Endpoint]:
    """Yield each path and method that the routes of the server have."""
    for kind, resource in resources.items():
        start = "service/{service}/trigger" if kind == "trigger" else kind
        for (keyed, operation), routes in resource.routes.items():
            keys = _KEYS.get(kind, ("uuid",)) if keyed else ()
            rest = ("{count}" if part == "*" else part for part in operation)
            short = "/".join([start, *(f"{{{key}}}" for key in keys), *rest])
            for method, route in routes.items():
                yield Endpoint(kind, method, short, route.scope)
    # The application answers this path itself.
    yield Endpoint("auth", "GET", "auth", _ANY)


def document(resources: Mapping[str, Resource], version: str) -> dict[str, Any]:
    """Return the OpenAPI document of the routes.

    Args:
        resources: The routes, by kind.
        version: The version of the server.

    Raises:
        KeyError: A route is not in the table of operations.
    """
    schemas = Schemas()
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints(resources):
        operation = OPERATIONS[f"{endpoint.method} {endpoint.short}"]
        item = paths.setdefault(endpoint.path, _path_item(endpoint))
        item[endpoint.method.lower()] = _operation(endpoint, operation, schemas)
    responses = {
        str(status): _failure(status, schemas)
        for status in sorted(
            {status for row in OPERATIONS.values() for status in row.errors}
            | {*_EVERY, *_AUTHENTICATED, *_CHANGES, *_STREAMS, *_OTHERS}
        )
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Docker Cloud API",
            "version": version,
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "The server of this document"}],
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.components.items())),
            "parameters": dict(PARAMETERS),
            "headers": dict(HEADERS),
            "responses": responses,
            "securitySchemes": _SECURITY,
        },
    }


def _path_item(endpoint: Endpoint) -> dict[str, Any]:
    names = [part[1:-1] for part in endpoint.short.split("/") if part[0] == "{"]
    if not names:
        return {}
    return {"parameters": [path_parameter(name, endpoint.kind) for name in names]}


def _operation(endpoint: Endpoint, operation: Operation, schemas: Schemas) -> Schema:
    parameters = [_reference("parameters", name) for name in operation.parameters]
    if endpoint.method not in SAFE:
        parameters.append(_reference("parameters", wire.IDEMPOTENCY_KEY))
    if operation.filters is not None:
        parameters += filters_of(operation.filters)
    responses = {
        str(status): _response(status, answer, operation, schemas)
        for status, answer in operation.answers.items()
    }
    if operation.stream is not None:
        responses["101"] = {"description": "The upgrade to a websocket."}
    for status in _errors(endpoint, operation):
        responses.setdefault(str(status), _reference("responses", str(status)))
    found: Schema = {
        "operationId": operation.id,
        "tags": [endpoint.kind if endpoint.kind in TAGS else "server"],
        "summary": operation.summary,
        **({"description": operation.description} if operation.description else {}),
        "parameters": parameters,
        "responses": dict(sorted(responses.items())),
        "security": _security(endpoint.scope),
    }
    if operation.body is not None:
        found["requestBody"] = _body(endpoint, operation, schemas)
    if endpoint.kind not in wire.GLOBAL_KINDS | {"auth"}:
        found["x-namespaced"] = True
    if operation.stream is not None:
        frames = [schemas.answer(one) for one in operation.stream.frames]
        found["x-frames"] = {"server": frames, "client": operation.stream.input}
    return found


def _security(scope: str) -> list[dict[str, list[str]]]:
    if scope == PUBLIC:
        return []
    scopes = [scope] if scope else []
    return [{"basic": scopes}, {"apikey": scopes}]


def _body(endpoint: Endpoint, operation: Operation, schemas: Schemas) -> Schema:
    if isinstance(operation.body, Media):
        return {"content": _media(operation.body)}
    schema = schemas.body(operation.body)
    other = _media(operation.other_body) if operation.other_body else {}
    example = {} if operation.example is None else {"example": operation.example}
    required = "required" in schemas.components[schema["$ref"].rpartition("/")[2]]
    return {
        "required": endpoint.method == "POST" and required,
        "content": {"application/json": {"schema": schema, **example}, **other},
    }


def _media(media: Media) -> Schema:
    return {media.type: {"schema": dict(media.schema)}}


# --- answers --------------------------------------------------------------------------

#: Statuses that every request may have.
_EVERY = (400, 421)
#: Statuses of requests that need credentials.
_AUTHENTICATED = (401, 403, 429)
#: Statuses of requests that change something.
_CHANGES = (408, 413, 422, 503)
_STREAMS = (429, 503)
#: Statuses of paths with a key, and of bodies of JSON.
_OTHERS = _UNKNOWN, _NOT_JSON = (404, 415)


def _errors(endpoint: Endpoint, operation: Operation) -> Iterator[int]:
    """Yield the statuses of errors that a request may have."""
    yield from _EVERY
    yield from operation.errors
    if endpoint.scope != PUBLIC:
        yield from _AUTHENTICATED
    if "{" in endpoint.short:
        yield _UNKNOWN
    if endpoint.method not in SAFE:
        yield from _CHANGES
        if not isinstance(operation.body, Media):
            yield _NOT_JSON
    if operation.stream is not None or endpoint.scope == PUBLIC:
        yield from _STREAMS


def _response(
    status: int, answer: Any, operation: Operation, schemas: Schemas
) -> Schema:
    found: Schema = {"description": HTTPStatus(status).phrase}
    headers = [wire.REQUEST_ID]
    if answer is None:
        content = {}
    elif isinstance(answer, Media):
        content = _media(answer)
    else:
        schema = (
            _page(answer.of, schemas)
            if isinstance(answer, Page)
            else (schemas.of(answer))
        )
        content = {"application/json": {"schema": schema}}
        if _VERSIONED_BY in getattr(answer, "__annotations__", {}):
            headers.append(wire.ETAG)
    if operation.acts and not (status == 200 and 202 in operation.answers):
        headers.append(_ACTION)
    found["headers"] = {name: _reference("headers", name) for name in headers}
    return {**found, "content": content} if content else found


def _page(kind: Any, schemas: Schemas) -> Schema:
    return schemas.named(
        f"{kind.__name__}Page",
        {
            "type": "object",
            "description": f"A page of a list; see {kind.__name__}.",
            "properties": {
                "meta": schemas.answer(Meta),
                "objects": {"type": "array", "items": schemas.answer(kind)},
            },
            "required": ["meta", "objects"],
        },
    )


def _failure(status: int, schemas: Schemas) -> Schema:
    doc = error_class(status).__doc__ or ""
    text = _STATUSES.get(status) or plain(doc.partition("\n")[0].partition(": ")[2])
    headers = [wire.REQUEST_ID, *(["Retry-After"] if status == 429 else [])]
    return {
        "description": text[0].upper() + text[1:],
        "headers": {name: _reference("headers", name) for name in headers},
        "content": {"application/json": {"schema": schemas.answer(Failure)}},
    }


def _reference(place: str, name: str) -> Schema:
    return {"$ref": f"#/components/{place}/{name}"}
