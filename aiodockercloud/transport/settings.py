"""Settings of a client: durations and bounds that rarely need another value.

Each group is a frozen dataclass that ``DockerCloud`` receives and passes down to its
sub-APIs and streams.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from .. import wire
from ..wire.window import WINDOW

__all__ = ["DEFAULT_LIMITS", "DEFAULT_TIMINGS", "Limits", "Timings", "user_agent"]


@cache
def user_agent() -> str:
    """Return the value of ``User-Agent``: the name and the version of the client."""
    # Here, because the module takes longer to import than the client's own settings.
    from importlib import metadata  # noqa: PLC0415

    try:
        return f"aiodockercloud/{metadata.version('aiodockercloud')}"
    except (
        metadata.PackageNotFoundError
    ):  # run from a source tree that is not installed
        return "aiodockercloud"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """How long a client waits, in seconds.

    Attributes:
        heartbeat: Without a message on a stream, before a ping; an eighth of that time
            more at most. A connection whose peer does not answer a ping within half of
            that time is broken.
        close: For the server's half of the closing handshake of a stream.
        stream_close: For closing one stream as a whole. When that time is up, the
            connection is terminated.
        first_pause: Before the first attempt to reconnect a stream. Each further
            pause is twice as long.
        longest_pause: The upper bound of these pauses.
        lasting_connection: After that time, a connection of a stream proves that the
            server works: when the connection is lost later, the pauses start with
            ``first_pause`` again, and the loss does not count as fruitless.
        credential_helper: For the answer of a credential helper of Docker; some ask
            the user to unlock a key chain.
        event_confirmation: For a server to confirm that it continues an event stream
            from a position. A server that does not confirm cannot continue.
        failure_log: For reading the end of a failed action's log, which an error
            quotes.
    """

    heartbeat: float = 30.0
    close: float = 1.0
    stream_close: float = 2.0
    first_pause: float = 0.2
    longest_pause: float = 30.0
    lasting_connection: float = 30.0
    credential_helper: float = 60.0
    event_confirmation: float = 2.0
    failure_log: float = 10.0

    def pauses(self) -> Iterator[float]:
        """Return the pauses before each further attempt, as seconds.

        They grow from ``first_pause`` to ``longest_pause`` and have a jitter.

        :meta private:
        """
        return wire.backoff(self.first_pause, cap=self.longest_pause)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much a client sends, keeps or requests at most.

    Attributes:
        concurrency: Requests at the same time; further requests wait for their turn.
            Streams do not count: a client with many streams could not send a request
            otherwise.
        buffer: Frames of one stream that are read before they are used, from servers
            without flow control. A stream with flow control keeps one window.
        buffer_bytes: The size of these frames together, from all servers. One frame
            may exceed the bound, because the frame is read as a whole.
        merged_lines: Lines of each service that the log of several services reads
            ahead of its reader. Each line may have ``frame_bytes``.
        frame_bytes: The size of one frame. A longer frame breaks the connection:
            ``StreamClosed`` with code 1009.
        fruitless_connections: Connections in a row that were opened and lost without
            a new item. After so many, a stream that reconnects raises the last error.
        failed_attempts: Attempts in a row to open a connection, or to list the objects
            of a snapshot, that failed for a reason that may pass, for example while
            the server is down. After so many, a stream that reconnects raises the last
            error. With the default ``Timings`` that takes about 40 minutes.
        resumed_lines: Past log lines to request after a reconnect, from servers that
            cannot continue a log from a point in time.
        resume_query: Characters of the query that lists the last line of each
            container for a log to continue from.
        snapshot_page: Objects on one page of the lists of a snapshot. Few pages leave
            little time for changes between two pages.
        response_bytes: Bytes of the body of one response, after decompression. A
            larger body raises ``InvalidResponse``.
        credential_bytes: Bytes of a file with credentials, and of the output of a
            credential helper.
        error_bytes: Bytes of the body of an error response. The client leaves out the
            rest of a larger body.
        output_bytes: Bytes of the output that ``containers.run``, ``communicate()`` and
            ``services.run(until="stopped")`` collect, standard output and standard
            error together, text as UTF-8. More output raises ``OutputTooLarge``.
        repeated_objects: Objects that the pages of a list may repeat without a new one,
            in addition to the number of objects that were yielded. When more are
            repeated, the pages do not end: ``InvalidResponse`` is raised.
        failure_log_lines: Last lines of a failed action's log that an error quotes.
        failure_parts: Containers that one error lists.
    """

    concurrency: int = 100
    buffer: int = WINDOW
    buffer_bytes: int = 8 * 2**20
    merged_lines: int = 4
    frame_bytes: int = 4 * 2**20
    fruitless_connections: int = 5
    failed_attempts: int = 100
    resumed_lines: int = 10_000
    resume_query: int = 4000
    snapshot_page: int = 1000
    response_bytes: int = 64 * 2**20
    error_bytes: int = 64 * 2**10
    output_bytes: int = 64 * 2**20
    repeated_objects: int = 1000
    credential_bytes: int = 2**20
    failure_log_lines: int = 5
    failure_parts: int = 5


DEFAULT_TIMINGS = Timings()
DEFAULT_LIMITS = Limits()
