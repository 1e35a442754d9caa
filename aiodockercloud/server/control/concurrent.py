"""Work on several objects, concurrently or in order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from ..state.errors import OperationFailed

T = TypeVar("T")


async def each(
    items: Sequence[T],
    work: Callable[[T], Awaitable[Any]],
    *,
    one_by_one: bool = False,
) -> None:
    """Run *work* for all items, concurrently or in order.

    Raises:
        OperationFailed: At least one run failed; concurrent runs all end first.
    """
    if one_by_one:
        for item in items:
            await work(item)
        return
    results = await asyncio.gather(*map(work, items), return_exceptions=True)
    errors = [result for result in results if isinstance(result, BaseException)]
    for error in errors:
        if not isinstance(error, OperationFailed):
            raise error
    if errors:
        raise OperationFailed("; ".join(dict.fromkeys(map(str, errors))))
