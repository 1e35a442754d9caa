"""Constants, and waiting for facts; this module imports nothing of the server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared"

#: Seconds to wait for one fact; a test that waits longer fails.
PATIENCE = 60.0

#: A UUID without an object.
UUID = "7eaf7fff-882c-4f3d-9a8f-a22317ac00ce"

#: The image with the small shell, and an unregistered image, which idles.
SHELL, IDLE = "busybox", "acme/unknown"


async def until(fact: Callable[[], bool]) -> None:
    """Wait for a fact without an event, such as the contents of a client's buffer."""
    async with asyncio.timeout(PATIENCE):
        while not fact():  # noqa: ASYNC110 - what is watched has no event
            await asyncio.sleep(0.001)


async def within(seconds: float, awaitable: Awaitable[T]) -> T:
    """Return a result that timers of this loop must produce within some seconds.

    Only time in which the loop runs counts. A busy machine, on which the loop stands
    still for seconds, delays the timers and this time limit alike.
    """
    wanted = asyncio.ensure_future(awaitable)
    for _ in range(100):
        if wanted.done():
            break
        await asyncio.sleep(seconds / 100)
    if not wanted.done():
        wanted.cancel()
        raise AssertionError(f"no result within {seconds} s")
    return await wanted


def tasks() -> set[asyncio.Task[Any]]:
    """Return all tasks of the loop: the server's and the client's."""
    return asyncio.all_tasks()


async def ended_except(before: set[asyncio.Task[Any]]) -> None:
    """Wait until every task that did not exist *before* has ended.

    Tasks of kept-alive connections do not count; they end with the connection.
    """
    async with asyncio.timeout(PATIENCE):
        while left := [task for task in tasks() - before if not _of_connection(task)]:
            await asyncio.wait(left)


def _of_connection(task: asyncio.Task[Any]) -> bool:
    name = getattr(task.get_coro(), "__qualname__", "")
    return name == "RequestHandler.start"
