"""Turns of the small shell: busy commands run one after the other.

A command that computes without a pause would block the event loop, which serves the
API, too. Commands therefore ask for a turn after each short step. However many commands
are busy, one of them does one step before all other tasks of the loop run: together
they slow the API no more than one of them would.
"""

from __future__ import annotations

import asyncio

__all__ = ["turn"]

#: Event loop → the last turn that was asked for, while there is one.
_last: dict[asyncio.AbstractEventLoop, asyncio.Future[None]] = {}


async def turn() -> None:
    """Let all other tasks run, and then each busy command that asked before."""
    loop = asyncio.get_running_loop()
    before, mine = _last.get(loop), loop.create_future()
    _last[loop] = mine
    try:
        if before is not None and not before.done():
            await before
        await asyncio.sleep(0)
    finally:
        if not mine.done():  # a cancelled command cancels the future that it awaits
            mine.set_result(None)
        if _last.get(loop) is mine:
            del _last[loop]
