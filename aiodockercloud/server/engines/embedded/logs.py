"""The logs of embedded containers: their stamps, their readers, their bounds."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing

from ...journal import Journal, Missed
from .. import LogLine
from .clock import Clock
from .settings import EmbeddedSettings
from .text import Stream, to_valid

__all__ = ["Log", "Logs"]


class Log(Journal[LogLine]):
    """The log of one container.

    Attributes:
        size: The bytes of memory of all texts.
    """

    def __init__(self, logs: Logs) -> None:
        super().__init__(logs.settings.kept_log_lines)
        self._logs = logs
        self.size: int = 0

    def write(self, stream: Stream, text: str, partial: bool) -> None:
        """Append a line, or a piece of a line, stamped with the present time."""
        line = LogLine(self._logs.stamp(), stream, to_valid(text), partial=partial)
        self.append(line)
        self.size += sys.getsizeof(line.text)
        while self.size > self._logs.settings.kept_log_bytes and len(self) > 1:
            self.drop_oldest()

    def drop_oldest(self) -> LogLine:
        """Remove the oldest line and return the line; the log must have one."""
        line = super().drop_oldest()
        self.size -= sys.getsizeof(line.text)
        return line

    async def lines(
        self, *, tail: int | None, follow: bool, since_ns: int
    ) -> AsyncGenerator[LogLine, None]:
        """Yield lines as ``Engine.logs`` documents."""
        since = self.first(lambda line: line.time_ns >= since_ns)
        if tail is not None:
            since = max(since, self.end - tail)
        elif since_ns and since == self.start > 0:
            # The line before this one has been dropped; the reader may have wanted it.
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
    """What the logs of one engine share: the stamps, and room for removed ones."""

    def __init__(self, clock: Clock, settings: EmbeddedSettings) -> None:
        self.settings = settings
        self._clock = clock
        self._last_stamp = 0
        #: The logs of removed containers by uuid, oldest first; their lines and bytes.
        self._removed: dict[str, Log] = {}
        self._lines = self._size = 0

    def stamp(self) -> int:
        """Return the present time in nanoseconds, later than every stamp before.

        Stamps grow also while a ``ManualClock`` stands still.
        """
        self._last_stamp = max(self._last_stamp + 1, self._clock.time_ns())
        return self._last_stamp

    def removed(self, uuid: str) -> Log | None:
        """Return the log of a removed container, None when the log is not kept."""
        return self._removed.get(uuid)

    def keep(self, uuid: str, log: Log) -> None:
        """Keep the log of a removed container; drop the oldest logs to make room."""
        self._drop(uuid)
        self._removed[uuid] = log
        self._lines += len(log) + 1
        self._size += log.size
        while (
            self._lines > self.settings.kept_removed_log_lines
            or self._size > self.settings.kept_removed_log_bytes
        ):
            self._drop(next(iter(self._removed)))

    def _drop(self, uuid: str) -> None:
        if (log := self._removed.pop(uuid, None)) is not None:
            self._lines -= len(log) + 1
            self._size -= log.size


def _missing(count: int | None, time_ns: int) -> LogLine:
    """Return a line in place of lines that are not kept, stamped as the next line.

    Args:
        count: The number of missing lines; None: unknown.
        time_ns: The stamp.
    """
    text = "lines are missing: older ones are not kept"
    if count is not None:
        text = f"{count} lines are missing: they came faster than they were read"
    return LogLine(time_ns, "stderr", f"[{text}]", count)
