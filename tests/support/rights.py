"""The scope of each route, from the server's own table.

``docs/rights.csv`` is this table in words. ``python -m tests.support.rights`` writes
the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from aiodockercloud import wire
from aiodockercloud.server.api.app import SERVED
from aiodockercloud.server.api.resource import OPERATE, PUBLIC
from aiodockercloud.wire.scopes import ADMIN, DEPLOY, EXEC, READ
from tests.support.facts import ROOT

PAGE = ROOT / "docs" / "rights.csv"
UUID = "0b5b5a2e-2f0a-4f0f-8c8e-2b9a1ee0d3aa"
#: How the documentation names a scope.
WORDS = {
    PUBLIC: "no key",
    READ: "read",
    DEPLOY: "deploy",
    EXEC: "exec",
    ADMIN: "admin",
    OPERATE: "admin, of an operator",
}


class Route(NamedTuple):
    """One route.

    Attributes:
        dialect: The dialect of the path.
        kind: The kind of the path.
        method: The HTTP method.
        key: Whether the path has the key of an object.
        operation: The operation.
        scope: The scope that a request needs.
    """

    dialect: wire.Dialect
    kind: str
    method: str
    key: bool
    operation: str
    scope: str

    def path(self, namespace: str | None = None) -> str:
        """Return a path of the route, to an object that does not exist."""
        if self.kind == "trigger":
            parts = ("service", UUID, "trigger", *([UUID] if self.key else []))
        else:
            count = {"region": 2, "nodetype": 2, "az": 3}.get(self.kind, 1)
            parts = (self.kind, *(["x" * 8] * count if self.key else []))
            if self.key and count == 1:
                parts = (self.kind, UUID)
        parts += tuple(self.operation.replace("*", "2").split("/"))
        return wire.path(
            *(part for part in parts if part),
            namespace=namespace,
            dialect=self.dialect,
        )


def routes() -> Iterator[Route]:
    """Yield each route of both dialects."""
    for dialect, resources in SERVED.items():
        for kind, resource in resources.items():
            for (key, operation), methods in resource.routes.items():
                for method, route in methods.items():
                    yield Route(
                        dialect, kind, method, key, "/".join(operation), route.scope
                    )


def table() -> str:
    """Return the scopes of all routes as CSV: the request, and the scope."""
    lines = {}
    for route in routes():
        key = "(trigger)" if route.kind == "trigger" else "(key)"
        parts = [route.kind, key if route.key else "", route.operation]
        if route.kind == "trigger":
            parts.insert(0, "service/(key)")
        path = "/".join(part for part in parts if part)
        lines[f"``{route.method} {path}/``"] = WORDS[route.scope]
    rows = sorted(lines.items(), key=lambda row: (row[0].split()[1], row[0]))
    return "".join(f'"{request}","{scope}"\n' for request, scope in rows)


if __name__ == "__main__":
    PAGE.write_text(table())
