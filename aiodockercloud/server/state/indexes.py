"""Indexes: what a scan of all records would find, kept at each change of a record.

An index derives *facts* from a record, such as the services to which a service links.
The facts of the last change are kept beside the record, so a change of a record costs
its own facts, whatever the number of records.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any, Generic, TypeVar, overload

from .records import Record

R = TypeVar("R", bound=Record)
F = TypeVar("F", bound=Hashable)


class Index(ABC, Generic[R, F]):
    """The facts of records, as of the last ``update`` of each.

    Args:
        facts: Returns the different facts of a record; none for a record that the index
            leaves out.
    """

    def __init__(self, facts: Callable[[R], Collection[F]]) -> None:
        self._facts = facts
        #: Uuid → the facts of the record.
        self._known: dict[str, Collection[F]] = {}

    def update(self, record: R) -> None:
        """Enter a new record, or the changed facts of a record."""
        self._replace(record, self._facts(record))

    def discard(self, record: R) -> None:
        """Forget a record."""
        self._replace(record, ())

    def _replace(self, record: R, facts: Collection[F]) -> None:
        before = self._known.get(record.uuid, ())
        if facts == before:
            return
        for fact in before:
            self._drop(record, fact)
        for fact in facts:
            self._enter(record, fact)
        if facts:
            self._known[record.uuid] = facts
        else:
            self._known.pop(record.uuid, None)

    @abstractmethod
    def _enter(self, record: R, fact: F) -> None:
        """Add a fact of a record."""

    @abstractmethod
    def _drop(self, record: R, fact: F) -> None:
        """Remove a fact of a record."""


class Groups(Index[R, Hashable]):
    """The records of each key, in order.

    Args:
        keys: Returns the different keys of a record.
        place: Returns the place of a record in its groups, which is unique and never
            changes; by default the order of creation.
    """

    def __init__(
        self,
        keys: Callable[[R], Collection[Hashable]],
        place: Callable[[R], Any] = attrgetter("number"),
    ) -> None:
        super().__init__(keys)
        self._place = place
        self._groups: dict[Hashable, list[R]] = {}

    def of(self, key: Hashable) -> Sequence[R]:
        """Return the records of a key: a view, valid until the next change."""
        return self._groups.get(key, ())

    def of_place(self, key: Hashable, start: Any, end: Any) -> Sequence[R]:
        """Return the records of a key from place *start* on, before place *end*."""
        group = self._groups.get(key, [])
        first = bisect_left(group, start, key=self._place)
        return group[first : bisect_left(group, end, lo=first, key=self._place)]

    def _enter(self, record: R, fact: Hashable) -> None:
        insort(self._groups.setdefault(fact, []), record, key=self._place)

    def _drop(self, record: R, fact: Hashable) -> None:
        group = self._groups[fact]
        del group[bisect_left(group, self._place(record), key=self._place)]
        if not group:
            del self._groups[fact]


class NewestFirst(Sequence[R]):
    """A list of records in reverse, without a copy."""

    def __init__(self, records: Sequence[R]) -> None:
        self._records = records

    def __len__(self) -> int:
        return len(self._records)

    @overload
    def __getitem__(self, at: int) -> R: ...

    @overload
    def __getitem__(self, at: slice) -> list[R]: ...

    def __getitem__(self, at: int | slice) -> R | list[R]:
        if isinstance(at, slice):
            return [self._records[~place] for place in range(len(self))[at]]
        return self._records[~at]

    def __iter__(self) -> Iterator[R]:
        return reversed(self._records)


class Tally(Index[R, tuple[str, Hashable]]):
    """How many records of an owner have each value.

    Args:
        values: Returns pairs of an owner's uuid and a value.
    """

    def __init__(self, values: Callable[[R], Collection[tuple[str, Hashable]]]) -> None:
        super().__init__(values)
        self._counts: dict[str, Counter[Any]] = {}

    def of(self, owner: str) -> Mapping[Any, int]:
        """Return the values of an owner's records, each with its number of records."""
        return self._counts.get(owner, {})

    def _enter(self, record: R, fact: tuple[str, Hashable]) -> None:
        owner, value = fact
        add(self._counts.setdefault(owner, Counter()), value, 1)

    def _drop(self, record: R, fact: tuple[str, Hashable]) -> None:
        owner, value = fact
        counts = self._counts[owner]
        add(counts, value, -1)
        if not counts:
            del self._counts[owner]


def add(counts: Counter[Any], value: Hashable, number: int) -> None:
    """Change a count; a count of zero leaves no entry."""
    counts[value] += number
    if not counts[value]:
        del counts[value]
