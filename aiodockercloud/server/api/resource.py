"""What every resource's routes are made of: a call, a reply, a table of routes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from ... import wire
from ...exceptions import BadRequest, ObjectNotFound, UnsupportedMediaType
from ..control.control_plane import ControlPlane
from ..state.accounts import Account
from ..state.records import Action


@dataclass(slots=True)
class Call:
    """One authenticated request, taken apart."""

    request: web.Request
    cloud: ControlPlane
    target: wire.Target
    account: Account
    namespace: str

    @property
    def query(self) -> Mapping[str, str]:
        return self.request.query

    @property
    def pk(self) -> str:
        return self.target.pk

    async def body(self) -> dict[str, Any]:
        """The JSON object sent; an empty body is an empty object.

        The Go and PHP clients send JSON without saying so: a missing type is JSON.

        Raises:
            UnsupportedMediaType: It says it is something else.
            BadRequest: It is not a JSON object.
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

    def event(self, frame: str) -> str:
        """An event's frame as it is sent to this caller."""
        return frame

    def parameter(self, name: str, body: Mapping[str, Any], default: bool) -> bool:
        """A boolean from the query or, as the PHP client has it, from the body."""
        value = self.query.get(name, body.get(name))
        if value is None or value == "":
            return default
        try:
            return value if isinstance(value, bool) else wire.parse_bool(str(value))
        except ValueError:
            raise BadRequest(f"{name}: must be true or false") from None


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; ``action`` is named in the action header."""

    body: dict[str, Any] | None
    status: int = 200
    action: Action | None = None


Handler = Callable[[Call], Awaitable[Reply | web.StreamResponse]]


@dataclass(slots=True)
class Resource:
    """The routes of one kind: what follows the kind in a path → method → handler."""

    kind: str
    #: Operations that need no credentials.
    public: frozenset[tuple[str, ...]] = frozenset()
    routes: dict[tuple[bool, tuple[str, ...]], dict[str, Handler]] = field(
        default_factory=dict
    )

    def route(
        self, method: str, *operation: str, key: bool = True
    ) -> Callable[[Handler], Handler]:
        """Register a handler; *key* says whether the path names one object.

        An operation may hold ``*`` for a part that varies.
        """

        def register(handler: Handler) -> Handler:
            self.routes.setdefault((key, operation), {})[method] = handler
            return handler

        return register

    def find(self, target: wire.Target) -> tuple[Mapping[str, Handler], bool]:
        """The handlers of a path by method, and whether it needs no credentials.

        Raises:
            ObjectNotFound: There is no such path.
        """
        # A trigger's key begins with its service's.
        key = len(target.key) > (target.kind == "trigger")
        operation = target.operation
        if (key, operation) not in self.routes and operation:
            operation = (*operation[:-1], "*")
        if (key, operation) not in self.routes:
            raise ObjectNotFound(f"the kind {self.kind} has no such path")
        return self.routes[key, operation], operation in self.public
