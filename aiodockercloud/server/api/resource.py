"""The parts of every resource: calls, replies and the table of routes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from aiohttp import web

from ... import wire
from ...exceptions import BadRequest, ObjectNotFound, UnsupportedMediaType
from ..control.control_plane import ControlPlane
from ..state.access import Access
from ..state.errors import AccessRefused
from ..state.records import SHARED, Action
from .pieces import Json
from .readonly import ReadOnly

#: Methods that change nothing.
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

#: Routes that need no credentials.
PUBLIC = "public"
#: Routes that change what all namespaces share: an operator's key with the scope admin.
OPERATE = "operate"


@dataclass(slots=True)
class Call:
    """An authenticated request, as its handler receives the request.

    Attributes:
        request: The request.
        cloud: The control plane.
        target: The path, parsed: dialect, kind, key and operation.
        access: What the credentials allow.
        namespace: The namespace that the request reads and changes.
    """

    request: web.Request
    cloud: ControlPlane
    target: wire.Target
    access: Access
    namespace: str

    def get(self, kind: str, uuid: str) -> Any:
        """Return the record with a uuid in the namespace, or a shared record.

        Raises:
            NoSuchObject: The namespace has no such record.
            AccessRefused: The request would change a record that all namespaces share.
        """
        record = self.cloud.get(kind, uuid, self.namespace)
        changes = self.request.method not in SAFE
        if changes and record.namespace == SHARED and not self.access.operator:
            raise AccessRefused(f"only an operator may change this {kind}")
        return record

    @property
    def query(self) -> Mapping[str, str]:
        """The parameters of the query; of a repeated parameter, the first value."""
        return self.request.query

    @property
    def credentials(self) -> frozenset[str]:
        """The names of the parameters that can contain credentials.

        ``user`` is one with ``token`` only; otherwise, ``user`` may be a field.
        """
        names = ("auth", "token", "user") if "token" in self.query else ("auth",)
        return frozenset(names)

    def refuse_parameters_except(self, *known: str) -> None:
        """Refuse a parameter that the path does not have; an empty one may pass.

        Raises:
            BadRequest: Such a parameter has a value.
        """
        for name, text in self.query.items():
            if text and name not in known and name not in self.credentials:
                raise BadRequest(
                    f"{name}: there is no such parameter; parameters are"
                    f" {', '.join(known)}"
                )

    @property
    def pk(self) -> str:
        """The key of the object as one text: a uuid, a repository's name, …"""
        return self.target.pk

    async def body(self) -> dict[str, Any]:
        """Return the JSON object in the body; an empty body is an empty object.

        The Go and PHP clients send JSON without a content type: a missing type is JSON.

        Raises:
            UnsupportedMediaType: The content type is not JSON.
            BadRequest: The body is not a JSON object.
        """
        raw = await self.request.read()
        if not raw.strip():
            return {}
        declared = self.request.headers.get("Content-Type", "")
        media = declared.partition(";")[0].strip().lower()
        if media and not (media.endswith("json") or media == "text/plain"):
            raise UnsupportedMediaType(
                f"the body is {media}; send it as application/json"
            )
        try:
            data = wire.loads(raw)
        except (ValueError, RecursionError) as error:
            raise BadRequest(f"body: is not valid JSON: {error}") from None
        if not isinstance(data, dict):
            raise BadRequest("body: must be a JSON object")
        return data

    def read_only(
        self, instead: Mapping[str, str], rendered: Mapping[str, Any], kind: str = ""
    ) -> ReadOnly:
        """Return the read-only fields for the check of a body.

        Args:
            instead: Read-only field → the field to write instead.
            rendered: The object; for a new object, the values that it will have.
            kind: The kind of the object, by default the kind of the path.
        """
        return ReadOnly(instead, rendered)

    def event(self, frame: str) -> str:
        """Return the frame of an event in the dialect of the request."""
        return frame

    def parameter(self, name: str, body: Mapping[str, Any], default: bool) -> bool:
        """Return a boolean from the query or, for the PHP client, from the body.

        Raises:
            BadRequest: The value is not a boolean.
        """
        value = self.query.get(name, body.get(name))
        if value is None or value == "":
            return default
        try:
            return value if isinstance(value, bool) else wire.parse_bool(str(value))
        except ValueError:
            raise BadRequest(f"{name}: must be true or false") from None


@dataclass(frozen=True, slots=True)
class Reply:
    """The reply of a handler, before it becomes a response.

    Attributes:
        body: The JSON object, perhaps as bytes; None for a response without a body.
        status: The HTTP status.
        action: The action for the response's action header.
        once: Whether the body has a secret that is readable only now: the server does
            not keep such an answer for its idempotency key.
    """

    body: dict[str, Any] | Json | None
    status: int = 200
    action: Action | None = None
    once: bool = False


Handler = Callable[[Call], Awaitable[Reply | web.StreamResponse]]


class Route(NamedTuple):
    """The handler of a path and method, and the scope that a request needs."""

    handler: Handler
    scope: str


@dataclass(slots=True)
class Resource:
    """The routes of one kind of objects.

    Attributes:
        kind: The kind, as in paths.
        routes: The handlers and scopes by HTTP method, by the rest of the path: whether
            a key follows the kind, and the operation.
    """

    kind: str
    routes: dict[tuple[bool, tuple[str, ...]], dict[str, Route]] = field(
        default_factory=dict
    )

    def route(
        self, method: str, *operation: str, scope: str, key: bool = True
    ) -> Callable[[Handler], Handler]:
        """Return a decorator that registers a handler.

        Args:
            method: The HTTP method.
            *operation: The parts of the path after the key. The last part may be ``*``,
                which stands for any text.
            scope: The scope that the key of a request needs, ``PUBLIC`` or ``OPERATE``.
            key: Whether the path contains the key of an object.
        """

        def register(handler: Handler) -> Handler:
            self.routes.setdefault((key, operation), {})[method] = Route(handler, scope)
            return handler

        return register

    def find(self, target: wire.Target) -> Mapping[str, Route]:
        """Return the handlers and scopes of a path by HTTP method.

        Raises:
            ObjectNotFound: The kind has no such path.
        """
        # The key of a trigger begins with the key of its service.
        key = len(target.key) > (target.kind == "trigger")
        operation = target.operation
        if (key, operation) not in self.routes and operation:
            operation = (*operation[:-1], "*")
        if (key, operation) not in self.routes:
            raise ObjectNotFound(f"the kind {self.kind} has no such path")
        return self.routes[key, operation]
