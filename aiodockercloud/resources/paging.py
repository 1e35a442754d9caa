"""Reading a list page by page while objects join and leave the list."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Any

from .. import wire
from ..exceptions import InvalidResponse

__all__ = ["read_objects"]

Request = Callable[[Mapping[str, Any]], Awaitable[dict[str, Any]]]
Dict = dict[str, Any]


async def read_objects(
    request: Request, params: Mapping[str, Any], *, most_repeated: int
) -> AsyncIterator[Dict]:
    """Yield the objects of a list, each of them once.

    A page is requested by the cursor in ``meta.next`` of the former page. A server
    without cursors has offsets only, which move when objects leave the list: there, a
    page is requested from the last object of the former page on. When the page begins
    with another object, pages from lower offsets are requested, each twice as far
    back, until one begins with an object that was yielded before. From there on, the
    list is read again.

    Args:
        request: Requests a page by its parameters.
        params: The filters, and the ``offset`` and ``limit`` of the first page.
        most_repeated: The number of objects without a new one that a server may send
            in addition to the number of objects that were yielded.

    Raises:
        InvalidResponse: An answer is not a page of a list, or the pages do not end.
    """
    filters = {name: v for name, v in params.items() if name not in ("offset", "limit")}
    position = {name: v for name, v in params.items() if name in ("offset", "limit")}
    first = offset = int(params.get("offset") or 0)
    once = _Once(most_repeated)
    cursors: set[str] = set()
    overlapping, back = False, 0
    while True:
        page = wire.read_page(await request({**filters, **position}))
        once.count(page)
        if overlapping and offset > first and not once.knows_first(page.objects):
            back = 2 * back or position["limit"]
            offset = max(first, offset - back)
            position = {**position, "offset": offset}
            continue
        back = 0
        for one in once.new(page.objects):
            yield one
        if page.next_offset is None:
            return
        if page.cursor is not None:
            if page.cursor in cursors:
                raise InvalidResponse("the next page of the list is a former page")
            cursors.add(page.cursor)
            position = {"limit": page.limit, wire.CURSOR: page.cursor}
            continue
        if not page.objects:
            return
        if page.next_offset <= offset:
            raise InvalidResponse("the next page of the list is a former page")
        overlapping = page.by_position
        if overlapping:
            offset += len(page.objects) - 1
            # One more than the object that was yielded.
            position = {"offset": offset, "limit": max(2, page.limit)}
        else:
            offset = page.next_offset
            position = {"offset": offset, "limit": page.limit}


class _Once:
    """The objects that were yielded, and the bound on repeated ones.

    Args:
        most_repeated: The bound, in addition to the number of new objects.
    """

    def __init__(self, most_repeated: int) -> None:
        self._most_repeated = most_repeated
        self._known: set[str] = set()
        self._since_new = 0
        self._total = 0

    def count(self, page: wire.Page) -> None:
        """Count the objects of a page before they are known.

        Raises:
            InvalidResponse: Too many objects were repeated, without a new one, or the
                list has far more objects than the server states.
        """
        self._total = max(self._total, page.total or 0)
        # Other objects may have joined the list while some were leaving.
        most = 2 * self._total + self._most_repeated
        if page.total is not None and len(self._known) > most:
            raise InvalidResponse("the list has more objects than its total_count")
        if self._since_new > len(self._known) + self._most_repeated:
            raise InvalidResponse("the pages of the list do not end")
        self._since_new += max(1, len(page.objects))

    def new(self, objects: list[Dict]) -> Iterator[Dict]:
        """Yield the objects that were not yielded before."""
        for one in objects:
            identity = _identity(one)
            if identity not in self._known:
                self._known.add(identity)
                self._since_new = 0
                yield one

    def knows_first(self, objects: list[Dict]) -> bool:
        """Return whether the first object was yielded before."""
        return bool(objects) and _identity(objects[0]) in self._known


def _identity(one: Dict) -> str:
    """Return a text that is equal for all dicts of one object."""
    uri = one.get("resource_uri") or one.get("uuid")
    return uri if isinstance(uri, str) else wire.dumps(one).decode()
