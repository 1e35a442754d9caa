"""The logs of embedded containers: their stamps, how they are read, what is kept."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from ...journal import Journal, Missed
from .. import LogLine
from .clock import Clock
from .shell.grammar import Stream

__all__ = ["Log", "Logs"]

#: Lines kept of each container, and of all those together that were removed: readers
#: who have lost their connection come back for them.
KEPT, KEPT_OF_REMOVED = 10_000, 20_000


class Log(Journal[LogLine]):
    """The log of one container."""

    def __init__(self, logs: Logs) -> None:
        super().__init__(KEPT)
        self._logs = logs

    def write(self, stream: Stream, text: str) -> None:
        self.append(LogLine(self._logs.stamp(), stream, text))

    async def lines(
        self, *, tail: int | None, follow: bool, since_ns: int
    ) -> AsyncGenerator[LogLine, None]:
        since = self.first(lambda line: line.time_ns >= since_ns)
        if tail is not None:
            since = max(since, self.end - tail)
        elif since_ns and since == self.start > 0:
            # The line before it is gone: it may have been wanted, too.
            yield _missing(None, self[since].time_ns)
        missed = 0
        async with aclosing(self.read(since=since, follow=follow)) as lines:
            async for line in lines:
                if isinstance(line, Missed):
                    missed += line.count
                    continue
                if missed:
                    yield _missing(missed, line.time_ns)
                    missed = 0
                yield line


class Logs:
    """What the logs of one engine have in common."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last_stamp = 0
        #: The logs of removed containers by uuid, oldest first, and their lines.
        self._removed: dict[str, Log] = {}
        self._lines = 0

    def stamp(self) -> int:
        """Now, but after all stamps given so far, also where the time stands still."""
        self._last_stamp = max(self._last_stamp + 1, self._clock.time_ns())
        return self._last_stamp

    def removed(self, uuid: str) -> Log | None:
        """The log of a container that was removed not long ago."""
        return self._removed.get(uuid)

    def keep(self, uuid: str, log: Log) -> None:
        """Keep the log of a removed container, as long as there is room."""
        self._drop(uuid)
        self._removed[uuid] = log
        self._lines += len(log) + 1
        while self._lines > KEPT_OF_REMOVED:
            self._drop(next(iter(self._removed)))

    def _drop(self, uuid: str) -> None:
        if (log := self._removed.pop(uuid, None)) is not None:
            self._lines -= len(log) + 1


def _missing(count: int | None, time_ns: int) -> LogLine:
    """A word in place of lines that are no longer kept; stamped as the next one."""
    said = "lines are missing: older ones are not kept"
    if count is not None:
        said = f"{count} lines are missing: they came faster than they were read"
    return LogLine(time_ns, "stderr", f"[{said}]", count)
