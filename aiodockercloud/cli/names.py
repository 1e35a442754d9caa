"""What a person types for an object: a name, a uuid, the beginning of one, or a kind.

``web``, ``web.shop`` and ``7eaf7fff`` are identifiers of ``find``; ``stack/shop`` names
the kind as well, where one identifier matches objects of several kinds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ..client import DockerCloud
from ..exceptions import NonUniqueIdentifier, ObjectNotFound
from ..wire import states

__all__ = ["RUNNABLE", "Found", "find", "find_all", "service_of", "stacks_of"]

#: The kinds of objects that run: those of most commands.
RUNNABLE: Final = ("service", "stack", "container")
_KINDS: Final = (*RUNNABLE, "node", "nodecluster", "action")


@dataclass(frozen=True, eq=False)
class Found:
    """An object that was found.

    Attributes:
        kind: The kind of the object, such as ``"service"``.
        api: The sub-API of the kind.
        object: The object's dict.
    """

    kind: str
    api: Any
    object: Mapping[str, Any]

    @property
    def title(self) -> str:
        """The kind and the name, for messages."""
        return f"{self.kind} {self.object.get('name') or self.object.get('uuid')}"


async def find(
    cloud: DockerCloud, identifier: str, kinds: Sequence[str] = RUNNABLE
) -> Found:
    """Return the one object of some kinds that an identifier matches.

    A terminated object matches only when no other object does.

    Raises:
        ObjectNotFound: No object matches.
        NonUniqueIdentifier: Several objects match; the message lists them.
        ValueError: The identifier is empty, or the kind before the slash is not one of
            *kinds*.
    """
    kind, slash, rest = identifier.partition("/")
    if slash and kind in _KINDS and "/" not in rest:
        if kind not in kinds:
            raise ValueError(f"{identifier}: must be a {_any(kinds)}")
        return Found(kind, *await _one(cloud, kind, rest))
    if slash:  # a resource_uri names its kind
        kinds = [one for one in kinds if f"/{one}/" in identifier]
    tried = await asyncio.gather(
        *(_one(cloud, one, identifier) for one in kinds), return_exceptions=True
    )
    found = []
    for kind, outcome in zip(kinds, tried, strict=True):
        if isinstance(outcome, ObjectNotFound):
            continue
        if isinstance(outcome, BaseException):
            raise outcome
        found.append(Found(kind, *outcome))
    found = [
        one for one in found if one.object.get("state") != states.TERMINATED
    ] or found
    if not found:
        raise ObjectNotFound(f"there is no {_any(kinds)} {identifier!r}")
    if len(found) > 1:
        raise NonUniqueIdentifier(
            f"{identifier!r} is the {' and the '.join(one.title for one in found)};"
            f" write {' or '.join(f'{one.kind}/{identifier}' for one in found)}"
        )
    return found[0]


def _any(kinds: Sequence[str]) -> str:
    """Return kinds as text: ``a, b or c``."""
    *others, last = kinds
    return f"{', '.join(others)} or {last}" if others else last


async def find_all(
    cloud: DockerCloud, identifiers: Sequence[str], kinds: Sequence[str] = RUNNABLE
) -> list[Found]:
    """Return the objects of several identifiers, all found before any is used."""
    return [await find(cloud, one, kinds) for one in identifiers]


async def _one(
    cloud: DockerCloud, kind: str, identifier: str
) -> tuple[Any, Mapping[str, Any]]:
    api: Any = getattr(cloud, f"{kind}s")
    if kind != "action":
        return api, await api.find(identifier)
    listed = await cloud.actions.list(uuid__startswith=identifier, limit=2)
    if not listed or not identifier:
        raise ObjectNotFound(f"there is no action {identifier!r}")
    if len(listed) > 1:
        raise NonUniqueIdentifier(f"several actions begin with {identifier!r}")
    return api, listed[0]


async def service_of(cloud: DockerCloud, identifier: str) -> Mapping[str, Any]:
    """Return the service that an identifier matches."""
    return (await find(cloud, identifier, ["service"])).object


async def stacks_of(
    cloud: DockerCloud, services: Iterable[Mapping[str, Any]]
) -> dict[str, Mapping[str, Any]]:
    """Return the stacks of services by their URIs, for the names in a table."""
    uris = sorted({str(one["stack"]) for one in services if one.get("stack")})
    stacks = await asyncio.gather(*map(cloud.stacks.inspect, uris))
    return dict(zip(uris, stacks, strict=True))
