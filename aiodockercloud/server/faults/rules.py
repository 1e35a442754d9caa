"""Rules: one fault each, with the requests that meet the fault.

:mod:`aiodockercloud.server.faults` describes the faults and adds the rules.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from fnmatch import fnmatchcase
from random import Random
from typing import Literal, Protocol, Self, TypedDict

from aiohttp import web

#: The moment of a fault: before or after the request is carried out, or in the body.
When = Literal["before", "after", "body"]
#: The moment at which a rule applies: also when a frame is sent.
Moment = When | Literal["duplicate", "reorder"]


class Which(TypedDict, total=False):
    """The requests that meet a fault; by default every request."""

    #: The HTTP method, in any case.
    method: str | None
    #: A pattern of :mod:`fnmatch` for the whole path, without the query.
    path: str | None
    #: The number of hits after which the rule is used up; 1 or more.
    times: int | None
    #: The probability of a hit, from 0 to 1.
    chance: float


class Owner(Protocol):
    """The owner of rules, as a rule calls it."""

    def new_random(self) -> Random:
        """Return a random generator for a new rule."""
        ...

    def use_up(self, rule: Rule) -> None:
        """Drop a rule that had its last hit; requests it holds up stay held up."""

    def forget(self, rule: Rule) -> None:
        """Drop a removed rule and release the requests that the rule holds up."""


class Rule:
    """A fault and the requests that meet the fault.

    A rule is a context manager that removes the rule at the end of the block.

    Attributes:
        hits: How often the fault has happened.
    """

    def __init__(
        self,
        owner: Owner,
        what: str,
        act: Act,
        moment: Moment,
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
        self.hits: int = 0
        self._owner = owner
        self._what = what
        self.act = act
        self.moment = moment
        self._after = after
        self._method = method and method.upper()
        self._path = path
        self._times = times
        self._chance = chance
        self.random: Random = owner.new_random()
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
        """End the rule.

        Requests that the rule holds up continue; half-open connections are reset.
        """
        self._removed = True
        self._owner.forget(self)

    async def met(self, hits: int = 1) -> None:
        """Wait until the fault has happened.

        Args:
            hits: The number of hits to wait for, all hits of the rule included.
        """
        while self.hits < hits:
            await self._hit.wait()

    def fits(self, request: web.Request) -> bool:
        """Return whether the rule is in force and selects this request.

        :meta private:
        """
        return (
            not self._removed
            and self.hits != self._times
            and self._method in (None, request.method)
            and (self._path is None or fnmatchcase(request.path, self._path))
        )

    def meets(self, request: web.Request) -> bool:
        """Return whether the fault happens to this request, and count the hit.

        :meta private:
        """
        if not self.fits(request) or self.random.random() >= self._chance:
            return False
        self.hits += 1
        if self.hits == self._times:
            self._owner.use_up(self)
        self._hit.set()  # wakes all tasks that wait in met()
        self._hit.clear()
        return True

    def part(self, default: int) -> int:
        """Return how many bytes or frames pass before the fault happens.

        :meta private:
        """
        if isinstance(self._after, range):
            return self.random.choice(self._after)
        return default if self._after is None else self._after


#: The effect on a request: a response that replaces the answer, or None to continue.
Act = Callable[[Rule, web.Request], Awaitable[web.StreamResponse | None]]


def moment_of(when: When | None, after: int | range | None) -> When:
    """Return the moment of a fault; by default ``"body"`` if *after* is set.

    Raises:
        ValueError: The arguments are invalid or contradict each other.
    """
    if when is None:
        return "before" if after is None else "body"
    if when not in ("before", "after", "body"):
        raise ValueError(f"when must be before, after or body, got {when}")
    if after is not None and when != "body":
        raise ValueError(f"after needs when='body', got {when}")
    return when
