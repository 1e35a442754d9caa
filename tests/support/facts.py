"""Constants, and facts that a test can wait for; nothing of the server is loaded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared"

#: Seconds that any one fact may take; a test that waits this long has failed.
PATIENCE = 20.0

#: The UUID of nothing.
UUID = "7eaf7fff-882c-4f3d-9a8f-a22317ac00ce"

#: The image that runs the tiny shell, and one nobody knows, which idles.
SHELL, IDLE = "busybox", "acme/unknown"


async def until(fact: Callable[[], bool]) -> None:
    """A fact of which nobody tells, such as what a client has in its hands."""
    async with asyncio.timeout(PATIENCE):
        while not fact():  # noqa: ASYNC110 - what is watched has no event
            await asyncio.sleep(0.001)


def tasks() -> set[asyncio.Task[Any]]:
    """All tasks of the loop: the server's and the client's."""
    return asyncio.all_tasks()


async def gone_but(before: set[asyncio.Task[Any]]) -> None:
    """Every task that was not there *before* has ended; those of kept-alive
    connections, which come and go with the connection, do not count."""
    async with asyncio.timeout(PATIENCE):
        while left := [task for task in tasks() - before if not _of_connection(task)]:
            await asyncio.wait(left)


def _of_connection(task: asyncio.Task[Any]) -> bool:
    name = getattr(task.get_coro(), "__qualname__", "")
    return name == "RequestHandler.start"
