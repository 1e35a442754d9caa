"""The filters that a caller gives: their names and the types of their values."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from functools import cached_property
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from .. import types, wire
from ..exceptions import UnknownFilter
from ..transport.urls import SEVERAL

__all__ = ["Filters"]

_WORDS = {
    str: "a text",
    int: "an int",
    bool: "a bool",
    datetime: "a datetime",
    Mapping: "a dict",
}


class Filters:
    """The filters of one kind of object.

    A filter of *typed* has a value of its type there. Any field of an object is a
    filter as well, and all have the lookups of the API, as in ``cpu_shares__gt``.

    The types are evaluated when a filter is checked for the first time: at the import,
    programs would wait for the types of all kinds.

    Args:
        typed: The name of the type of the filters, as in ``types``.
        shape: The name of the type of an object.
    """

    def __init__(self, typed: str, shape: str) -> None:
        self._typed = typed
        self._shape = shape

    @cached_property
    def _types(self) -> dict[str, Any]:
        return get_type_hints(getattr(types, self._typed))

    @cached_property
    def fields(self) -> set[str]:
        """The names of all filters, without lookups."""
        shape = getattr(types, self._shape)
        return {*map(_field, self._types), *shape.__annotations__}

    @cached_property
    def states(self) -> frozenset[str]:
        """The states of such objects."""
        return frozenset(_literals(self._types.get("state")))

    def check(self, given: Mapping[str, Any]) -> None:
        """Check the names of filters and the types of their values.

        Args:
            given: The filters by name.

        Raises:
            UnknownFilter: There is no such filter.
            TypeError: A filter has a value of another type.
        """
        for name, value in given.items():
            if _field(name) not in self.fields:
                # Here, because only this error needs the module.
                from difflib import get_close_matches  # noqa: PLC0415

                near = get_close_matches(name, {*self.fields, *self._types})
                hint = f"; did you mean {' or '.join(near)}?" if near else ""
                raise UnknownFilter(f"{name}: there is no such filter{hint}")
            allowed = self._types.get(name)
            if allowed is not None and value is not None and not _fits(value, allowed):
                words = " or ".join(dict.fromkeys(_words(allowed)))
                raise TypeError(f"{name}: must be {words}, not {_type_words(value)}")


def _field(name: str) -> str:
    """Return the name of a filter without its lookup."""
    field, _, lookup = name.rpartition("__")
    return field if lookup in wire.LOOKUPS else name


def _fits(value: Any, allowed: Any) -> bool:
    """Return whether a value has an allowed type."""
    origin, inner = get_origin(allowed), get_args(allowed)
    if origin in (Union, UnionType):
        return any(_fits(value, one) for one in inner)
    if origin is Collection:
        return isinstance(value, SEVERAL) and all(_fits(one, *inner) for one in value)
    if origin is Literal or allowed is str:
        return isinstance(value, str | UUID)
    if allowed is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if origin is Mapping and isinstance(value, Mapping):
        # An object's dict has values of any type, labels have texts.
        return inner[1] is Any or all(_fits(one, inner[1]) for one in value.values())
    return isinstance(value, origin or allowed)


def _literals(allowed: Any) -> Iterator[str]:
    """Yield the texts of a ``Literal`` among the allowed types."""
    for one in get_args(allowed):
        yield from [one] if isinstance(one, str) else _literals(one)


def _words(allowed: Any) -> Iterator[str]:
    """Yield the allowed types in words."""
    origin = get_origin(allowed)
    if origin in (Union, UnionType):
        for one in get_args(allowed):
            yield from _words(one)
    elif origin is Collection:
        yield "a list of these"
    elif origin is Literal:
        yield "a text"
    elif allowed is not type(None):
        of_texts = " of texts" if get_args(allowed)[1:] == (str,) else ""
        yield _WORDS[origin or allowed] + of_texts


def _type_words(value: Any) -> str:
    """Return the type of a value, and the types of the elements of a list."""
    name = type(value).__name__
    if not isinstance(value, SEVERAL):
        return name
    return f"{name} of {' and '.join(sorted({type(one).__name__ for one in value}))}"
