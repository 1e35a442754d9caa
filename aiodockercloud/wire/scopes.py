"""The scopes of API keys: what a key may do. No I/O."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["ADMIN", "DEPLOY", "EXEC", "READ", "SCOPES", "with_implied"]

#: Read objects, logs and events.
READ = "read"
#: Create, change, operate and terminate objects.
DEPLOY = "deploy"
#: Run commands in containers.
EXEC = "exec"
#: All of the above, and manage keys.
ADMIN = "admin"

SCOPES = (READ, DEPLOY, EXEC, ADMIN)

_IMPLIED = {READ: (), DEPLOY: (READ,), EXEC: (READ,), ADMIN: SCOPES}


def with_implied(scopes: Iterable[str]) -> frozenset[str]:
    """Return the scopes with those that they include.

    Raises:
        ValueError: There is no such scope, or none is given.
    """
    given = set(scopes)
    unknown = given.difference(SCOPES)
    if unknown or not given:
        wrong = f"{min(unknown)!r} is not a scope" if unknown else "no scope is given"
        raise ValueError(f"{wrong}; scopes are {', '.join(SCOPES)}")
    return frozenset(given.union(*(_IMPLIED[scope] for scope in given)))
