"""The bound on commands that run at the same time in one shell."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from .lexer import ShellError
from .limits import MOST_PROCESSES

__all__ = ["Processes"]


class Processes:
    """Counts the running commands of pipelines; child shells share the count."""

    def __init__(self) -> None:
        self._running = 0

    @contextmanager
    def start(self, number: int) -> Iterator[None]:
        """Count commands while the block runs.

        Raises:
            ShellError: Too many commands would run.
        """
        if self._running + number > MOST_PROCESSES:
            raise ShellError("can't fork: too many processes")
        self._running += number
        try:
            yield
        finally:
            self._running -= number
