"""One fault and the requests that meet it.

:mod:`aiodockercloud.server.faults` has what it can be and what it does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from fnmatch import fnmatchcase
from random import Random
from typing import Literal, Protocol, Self, TypedDict

from aiohttp import web

When = Literal["before", "after", "body"]


class Which(TypedDict, total=False):
    """Which requests meet a fault; see the module."""

    method: str | None
    path: str | None
    times: int | None
    chance: float


class Owner(Protocol):
    """What keeps rules: told when one is used up, and when one is removed."""

    def new_random(self) -> Random: ...
    def use_up(self, rule: Rule) -> None: ...
    def forget(self, rule: Rule) -> None: ...


class Rule:
    """A fault and the requests that meet it.

    Attributes:
        hits: How often it has happened.
    """

    def __init__(
        self,
        owner: Owner,
        what: str,
        act: Act,
        moment: When | Literal["duplicate", "reorder"],
        *,
        after: int | range | None = None,
        method: str | None = None,
        path: str | None = None,
        times: int | None = None,
        chance: float = 1.0,
    ) -> None:
        if times is not None and times < 1:
            raise ValueError(f"times must be 1 or more, got {times}")
        if not 0 <= chance <= 1:
            raise ValueError(f"chance must be from 0 to 1, got {chance}")
        self.hits = 0
        self._owner = owner
        self._what = what
        self.act = act
        self.moment = moment
        self._after = after
        self._method = method and method.upper()
        self._path = path
        self._times = times
        self._chance = chance
        self.random = owner.new_random()
        self._removed = False
        self._hit = asyncio.Event()

    def __repr__(self) -> str:
        which = f"{self._method or '*'} {self._path or '*'}"
        return f"<fault {self._what} {which} hits={self.hits}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    def remove(self) -> None:
        """End it: what it holds up goes on, half-open connections are reset."""
        self._removed = True
        self._owner.forget(self)

    async def met(self, hits: int = 1) -> None:
        """Wait until it has happened so often."""
        while self.hits < hits:
            await self._hit.wait()

    def fits(self, request: web.Request) -> bool:
        return (
            not self._removed
            and self.hits != self._times
            and self._method in (None, request.method)
            and (self._path is None or fnmatchcase(request.path, self._path))
        )

    def meets(self, request: web.Request) -> bool:
        """Whether it happens to this request now; then it counts."""
        if not self.fits(request) or self.random.random() >= self._chance:
            return False
        self.hits += 1
        if self.hits == self._times:
            self._owner.use_up(self)
        self._hit.set()  # wakes all who wait now
        self._hit.clear()
        return True

    def part(self, default: int) -> int:
        """How much is let through before it happens."""
        if isinstance(self._after, range):
            return self.random.choice(self._after)
        return default if self._after is None else self._after


#: What happens to a request: another answer, or None to go on.
Act = Callable[[Rule, web.Request], Awaitable[web.StreamResponse | None]]
