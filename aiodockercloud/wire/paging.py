"""Lists: pages, and the lookups of filters. No I/O.

A page has ``objects`` and ``meta``: ``limit``, ``next``, ``offset``, ``previous`` and
``total_count``. ``next`` is a link with the offset of the next page. Our server adds a
cursor, which stays right when objects leave the list between two pages.

Source: the requests of the official clients; the reference has no page about lists.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from ..exceptions import InvalidResponse

__all__ = ["CURSOR", "LOOKUPS", "Page", "next_offset", "read_page"]

#: The parameter with the place of the last object of the former page.
CURSOR = "after"

#: What may follow the name of a filter, as in ``name__startswith``.
LOOKUPS = frozenset(
    {
        *("exact", "iexact", "contains", "icontains", "in", "isnull", "ne"),
        *("startswith", "istartswith", "endswith", "iendswith"),
        *("gt", "gte", "lt", "lte"),
    }
)


class Page(NamedTuple):
    """One page of a list.

    Attributes:
        objects: The objects.
        limit: The largest number of objects on a page.
        next_offset: The offset of the next page; None on the last page.
        cursor: The cursor of the next page; None on the last page, and when the server
            has no cursors.
        by_position: Whether a page can be requested from any offset on. Where ``next``
            is only a flag, and behind a page that is not full, the next page begins at
            ``next_offset`` and nowhere else.
        total: The number of objects in the list; None when the server does not state
            the number.
    """

    objects: list[dict[str, Any]]
    limit: int
    next_offset: int | None
    cursor: str | None
    by_position: bool
    total: int | None


def next_offset(page: Mapping[str, Any]) -> int | None:
    """Return the offset of the next page of a list, ``None`` after the last page.

    ``meta.next`` is only tested for truth, as the official SDK does.
    """
    meta = page["meta"]
    return meta["offset"] + meta["limit"] if meta.get("next") else None


def read_page(body: Mapping[str, Any]) -> Page:
    """Return the page in the body of a response.

    Raises:
        InvalidResponse: The body is not a page of a list.
    """
    objects = body.get("objects")
    meta = body.get("meta")
    if not isinstance(objects, list) or not isinstance(meta, dict):
        raise InvalidResponse("the answer is not a page of a list")
    if not {*map(type, objects)} <= {dict}:
        raise InvalidResponse("the answer is a list of values that are not objects")
    link = meta.get("next")
    if not link:
        return Page(objects, len(objects), None, None, by_position=True, total=None)
    if not all(type(meta.get(name)) is int for name in ("offset", "limit")):
        raise InvalidResponse("a page of the list has no whole offset and limit")
    total = meta.get("total_count")
    query = parse_qs(link.partition("?")[2]) if isinstance(link, str) else {}
    return Page(
        objects,
        meta["limit"],
        next_offset(body),
        query[CURSOR][0] if CURSOR in query else None,
        len(objects) == meta["limit"] and ("total_count" in meta or "offset" in query),
        total if type(total) is int else None,
    )
