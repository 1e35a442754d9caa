"""Async context managers that are entered in a thread with its own event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any, TypeVar

__all__ = ["in_thread"]

T = TypeVar("T")


@contextmanager
def in_thread(
    enter: Callable[[], AbstractAsyncContextManager[T]], *, name: str
) -> Iterator[tuple[T, asyncio.AbstractEventLoop]]:
    """Enter an async context manager in a new thread, and leave it with the block.

    Args:
        enter: Returns the context manager; called in the thread.
        name: The name of the thread.

    Yields:
        The value of the context manager, and the event loop of the thread.

    Raises:
        BaseException: Each exception of entering and of leaving.
    """
    entered: Future[tuple[T, asyncio.AbstractEventLoop]] = Future()
    leave: Future[None] = Future()
    ended: Future[None] = Future()

    async def stay() -> None:
        async with enter() as value:
            entered.set_result((value, asyncio.get_running_loop()))
            await asyncio.wrap_future(leave)

    def run() -> None:
        try:
            asyncio.run(stay())
        except BaseException as error:  # raised again in the thread of the caller
            ended.set_exception(error)
        else:
            ended.set_result(None)

    # A daemon: a program that never leaves the block can end all the same.
    threading.Thread(target=run, name=name, daemon=True).start()
    either: list[Future[Any]] = [entered, ended]
    try:
        wait(either, return_when=FIRST_COMPLETED)
        if entered.done():
            yield entered.result()
    finally:
        leave.set_result(None)
        ended.result()
