"""Lists: filters as in Django, newest objects first, one page per response.

``?state=Running&name__startswith=web&stack__name=shop&limit=10&offset=20``. A filter
applies to any field of the rendered object. A repeated filter selects the objects that
pass with any of its values, and a repeated ``ne`` those that equal none of its values.
A filter on an unknown field is refused, unless its value is empty: without the filter,
the response would contain all objects.

``meta.next`` contains a cursor besides the offset: the place of the last object on the
page. The next page begins behind this place, so no object is missed when objects leave
the list in the meantime, for example because their state changes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar
from urllib.parse import urlencode

from ... import wire
from ...exceptions import BadRequest
from ..settings import Limits
from .fields import integer

R = TypeVar("R")

Getter = Callable[[Any], Any]
#: Returns the place of a record in its list: unique, ascending, and the same for ever.
Place = Callable[[Any], int | str]

#: The parameters that select a page.
PAGING = ("limit", "offset", wire.CURSOR)

#: The lookups that compare a value with a text; ``select`` has the others.
_LOOKUPS: Mapping[str, Callable[[Any, Any], bool]] = {
    "exact": lambda value, wanted: value == wanted,
    "iexact": lambda value, wanted: str(value).lower() == str(wanted).lower(),
    "contains": lambda value, wanted: str(wanted) in str(value),
    "icontains": lambda value, wanted: str(wanted).lower() in str(value).lower(),
    "startswith": lambda value, wanted: str(value).startswith(str(wanted)),
    "istartswith": lambda value, wanted: (
        str(value).lower().startswith(str(wanted).lower())
    ),
    "endswith": lambda value, wanted: str(value).endswith(str(wanted)),
    "iendswith": lambda value, wanted: str(value).lower().endswith(str(wanted).lower()),
    "gt": lambda value, wanted: value > wanted,
    "gte": lambda value, wanted: value >= wanted,
    "lt": lambda value, wanted: value < wanted,
    "lte": lambda value, wanted: value <= wanted,
}
#: Lookups that compare texts, for fields of any type.
_TEXT_LOOKUPS = frozenset(
    name for name in _LOOKUPS if name.endswith(("contains", "with", "iexact"))
)
#: The texts with which clients select objects whose field has no value.
_NOTHING = frozenset({"", "null", "None"})


def newest_first(record: Any) -> int:
    """Return the place of a record in a list with the newest record first."""
    return -int(record.number)


def matcher(
    query: Mapping[str, str],
    *,
    getters: Mapping[str, Getter],
    render: Callable[[R], Mapping[str, Any]],
    known: Sequence[str],
    reserved: Sequence[str] = (),
) -> Callable[[R], bool] | None:
    """Return the function that selects the records which pass all filters of *query*.

    Args:
        query: The parameters of the request; of several pairs with one name, any may
            apply.
        getters: Functions that return a field of a record, for the most used fields:
            rendering a whole record only for a filter is slow.
        render: Returns the rendered object, for filters on all other fields.
        known: The names of the rendered fields.
        reserved: Parameters that are not filters.

    Returns:
        The function, which raises ``BadRequest`` when a value has the wrong type; None
        for a query without filters.

    Raises:
        BadRequest: A field is unknown.
    """
    given: dict[str, list[str]] = {}
    for parameter, text in query.items():
        if parameter not in (*PAGING, *reserved):
            given.setdefault(parameter, []).append(text)
    passes = []
    for parameter, texts in given.items():
        field, lookup = parameter, "exact"
        if field not in getters and "__" in field:
            head, _, tail = field.rpartition("__")
            if tail in wire.LOOKUPS:
                field, lookup = head, tail
        if field not in getters and field not in known:
            if not any(texts):
                continue
            raise BadRequest(
                f"{parameter}: there is no such filter; fields are"
                f" {', '.join(sorted({*known, *getters}))}"
            )
        if field == "state" and lookup in ("exact", "ne"):
            # No state contains a comma, so a comma separates states.
            texts = [state for text in texts for state in text.split(",")]
        get = getters.get(field) or rendered_field(render, field)
        passes.append(_filter(get, lookup, texts, parameter))
    if not passes:
        return None
    return lambda record: all(passing(record) for passing in passes)


def _filter(
    get: Getter, lookup: str, texts: Sequence[str], parameter: str
) -> Callable[[Any], bool]:
    """Return the function of one parameter, whose values are alternatives."""
    excluding = lookup == "ne"
    lookup = "exact" if excluding else lookup

    def passing(record: Any) -> bool:
        value = get(record)
        found = any(_passes(value, lookup, text, parameter) for text in texts)
        return found is not excluding

    return passing


def rendered_field(render: Callable[[R], Mapping[str, Any]], field: str) -> Getter:
    """Return a function that returns a field of a record by rendering the record."""
    return lambda record: render(record).get(field)


def _passes(value: Any, lookup: str, text: str, parameter: str) -> bool:
    """Return whether a field's value passes a filter with the text of *parameter*."""
    if lookup == "isnull":
        return (value is None) is bool(_typed(True, text, parameter))
    if lookup == "in":
        return any(_passes(value, "exact", t, parameter) for t in text.split(","))
    if lookup in _TEXT_LOOKUPS and not isinstance(value, list | None):
        return _LOOKUPS[lookup](value, text)
    if isinstance(value, list):
        elements = [
            v["name"] if isinstance(v, dict) and "name" in v else v for v in value
        ]
        return any(_passes(element, lookup, text, parameter) for element in elements)
    if lookup == "exact" and text in _NOTHING and not isinstance(value, str):
        return value is None or value == {}
    if lookup == "exact" and isinstance(value, dict):
        return _contains(value, text, parameter)
    if value is None or isinstance(value, dict):
        return False
    if lookup == "exact" and isinstance(value, str):
        if parameter.partition("__")[0] == "state":
            return value.lower() == text.lower()
        if value.startswith("/api/"):
            return _named(value) == _named(text) or text in keys_of(value)
    return bool(_LOOKUPS[lookup](value, _typed(value, text, parameter)))


def _contains(pairs: Mapping[str, Any], text: str, parameter: str) -> bool:
    """Return whether a mapping, such as labels, contains what *text* selects.

    ``a=b`` selects a pair, ``a`` a name, and a JSON object all of its pairs.

    Raises:
        BadRequest: The text begins like a JSON object but is none.
    """
    if not text.startswith("{"):
        name, equals, value = text.partition("=")
        return name in pairs and (not equals or str(pairs[name]) == value)
    try:
        wanted = wire.loads(text)
    except (ValueError, RecursionError):
        raise BadRequest(
            f"{parameter}: must be name=value, a name, or a JSON object"
        ) from None
    return all(item in pairs.items() for item in wanted.items())


@lru_cache(maxsize=1024)
def keys_of(uri: str) -> Collection[str]:
    """Return the texts that stand for an object besides its URI.

    The key, and of a region, a zone or a node type the name alone as well.
    """
    target = wire.split_path(uri)
    return () if target is None else (target.pk, *target.key[-1:])


@lru_cache(maxsize=1024)  # many records refer to few objects
def _named(uri: str) -> tuple[object, ...] | str:
    """Return a key of the object of a URI, equal for all spellings of the URI."""
    target = wire.split_path(uri)
    return uri if target is None else (target.kind, target.key, target.operation)


def _typed(like: Any, text: str, parameter: str) -> Any:
    """Return *text* as a value of the type of *like*; date fields are datetimes.

    Raises:
        BadRequest: The text is no such value.
    """
    try:
        if isinstance(like, bool):
            return wire.parse_bool(text)
        if isinstance(like, int | float):
            return float(text)
        if hasattr(like, "tzinfo"):
            return wire.parse_date(text)
    except (ValueError, OverflowError):
        kind = type(like).__name__
        raise BadRequest(f"{parameter}: {text!r} is not a {kind}") from None
    return text


def page(
    records: Sequence[R],
    query: Mapping[str, str],
    path: str,
    render: Callable[[R], Any],
    limits: Limits,
    place: Place = newest_first,
) -> dict[str, Any]:
    """Return one page of a list, as in the body of the response.

    Args:
        records: All selected records, in the order of their places.
        query: The parameters of the request. A cursor precedes ``offset``.
        path: The path of the list, for the links in ``meta``.
        render: Returns the rendered object; called only for records on the page.
        limits: The default size and the largest size of a page.
        place: Returns the place of a record.

    Raises:
        BadRequest: ``limit`` or ``offset`` is not a number from 0, or the cursor is
            invalid.
    """
    largest = limits.largest_page
    number = integer(0, 2**31)
    limit = number("limit", query.get("limit") or limits.page) or largest
    limit = min(limit, largest)
    offset = number("offset", query.get("offset") or 0)
    if cursor := query.get(wire.CURSOR):
        offset = _behind(records, cursor, place)
    total = len(records)
    found = records[offset : offset + limit]
    filters = [(k, v) for k, v in query.items() if k not in PAGING]

    def link(start: int, *cursor: tuple[str, int | str]) -> str:
        pages = [("limit", limit), ("offset", start), *cursor]
        return f"{path}?{urlencode([*filters, *pages])}"

    following = None
    if offset + limit < total:
        following = link(offset + limit, (wire.CURSOR, place(found[-1])))
    return {
        "meta": {
            "limit": limit,
            "next": following,
            "offset": offset,
            "previous": link(max(0, offset - limit)) if offset else None,
            "total_count": total,
        },
        "objects": [render(record) for record in found],
    }


def _behind(records: Sequence[R], cursor: str, place: Place) -> int:
    """Return the offset of the first record behind the place in a cursor.

    Raises:
        BadRequest: The cursor is not the place of a record of this list.
    """
    if not records:
        return 0
    try:
        former = type(place(records[0]))(cursor)
    except ValueError:
        raise BadRequest(
            f"{wire.CURSOR}: {cursor!r} is no cursor; follow meta.next of a page"
        ) from None
    return bisect_right(records, former, key=place)
