"""Reading a list page by page while objects join and leave the list."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Generic, TypeVar, cast

from .. import wire
from ..exceptions import InvalidResponse
from ..transport.urls import SEVERAL
from ..wire import states

__all__ = ["Pages"]

Request = Callable[[Mapping[str, Any]], Awaitable[dict[str, Any]]]
Dict = dict[str, Any]
T = TypeVar("T")


class Pages(Generic[T]):
    """The pages of a list, each with the objects that no former page had.

    A page is requested by the cursor in ``meta.next`` of the former page. A server
    without cursors has offsets only, which move when objects leave the list: there, a
    page is requested from the last object of the former page on. When the page begins
    with another object, pages from lower offsets are requested, each twice as far
    back, until one begins with an object that was returned before. From there on, the
    list is read again.

    Args:
        request: Requests a page by its parameters.
        params: The filters, and the ``offset`` and ``limit`` of the first page.
        most_repeated: The number of objects without a new one that a server may send
            in addition to the number of objects that were returned.

    Attributes:
        ended: Whether no further page has objects.
    """

    def __init__(
        self, request: Request, params: Mapping[str, Any], *, most_repeated: int
    ) -> None:
        self._request = request
        self._filters = dict(params)
        #: The parameters of the page to request, besides the filters.
        self._position: Dict = {
            name: self._filters.pop(name)
            for name in ("offset", "limit")
            if name in params
        }
        self._first = self._offset = int(params.get("offset") or 0)
        self._once = _Once(most_repeated)
        self._cursors: set[str] = set()
        self._last: wire.Page | None = None
        #: Whether the page to request begins with the last object of the former page.
        self._overlapping = False
        # No object matches any of no values.
        self.ended: bool = any(
            isinstance(value, SEVERAL) and not value and not name.endswith("__ne")
            for name, value in params.items()
        )

    async def next(self) -> list[T]:
        """Return the new objects of the next page.

        Raises:
            InvalidResponse: An answer is not a page of a list, or the pages do not end.
        """
        if self._last is not None:
            self._go_on(self._last)
        if self.ended:
            return []
        self._last = page = await self._read()
        self.ended = page.next_offset is None
        found = self._once.new(page.objects)
        terminated = self._filters.get("terminated")
        if terminated is not None:  # a filter that other servers do not know
            found = [
                one
                for one in found
                if (one.get("state") == states.TERMINATED) is terminated
            ]
        return cast(list[T], found)

    async def _read(self) -> wire.Page:
        """Request a page, from lower offsets while the page begins too late."""
        back = 0
        while True:
            params = {**self._filters, **self._position}
            page = wire.read_page(await self._request(params))
            self._once.count(page)
            if (
                not self._overlapping
                or self._offset <= self._first
                or self._once.knows_first(page.objects)
            ):
                return page
            back = 2 * back or self._position["limit"]
            self._offset = max(self._first, self._offset - back)
            self._position = {**self._position, "offset": self._offset}

    def _go_on(self, page: wire.Page) -> None:
        """Set the parameters of the page that follows a page, or end the list.

        Raises:
            InvalidResponse: The next page is a former page.
        """
        if page.cursor is not None:
            if page.cursor in self._cursors:
                raise InvalidResponse("the next page of the list is a former page")
            self._cursors.add(page.cursor)
            self._position = {"limit": page.limit, wire.CURSOR: page.cursor}
        elif page.next_offset is None or not page.objects:
            self.ended = True
        elif page.next_offset <= self._offset:
            raise InvalidResponse("the next page of the list is a former page")
        elif page.by_position:
            self._overlapping = True
            self._offset += len(page.objects) - 1
            # One more than the object that was returned.
            self._position = {"offset": self._offset, "limit": max(2, page.limit)}
        else:
            self._overlapping = False
            self._offset = page.next_offset
            self._position = {"offset": self._offset, "limit": page.limit}


class _Once:
    """The objects that were returned, and the bound on repeated ones.

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

    def new(self, objects: list[Dict]) -> list[Dict]:
        """Return the objects that were not returned before."""
        names: list[Any] = [one.get("resource_uri") for one in objects]
        if not ({*map(type, names)} <= {str} and all(names)):
            names = [*map(_identity, objects)]
        known, given = self._known, {*names}
        if len(given) == len(objects) and known.isdisjoint(given):
            found = objects  # as on most pages
        else:
            first = dict(zip(reversed(names), reversed(objects), strict=True))
            found = [first[name] for name in dict.fromkeys(names) if name not in known]
        if found:
            known |= given
            self._since_new = 0
        return found

    def knows_first(self, objects: list[Dict]) -> bool:
        """Return whether the first object was returned before."""
        return bool(objects) and _identity(objects[0]) in self._known


def _identity(one: Dict) -> str:
    """Return a text that is equal for all dicts of one object."""
    uri = one.get("resource_uri") or one.get("uuid")
    return uri if isinstance(uri, str) else wire.dumps(one).decode()
