"""Settings of the embedded engine: its times and its bounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["EmbeddedSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedSettings:
    """The times and bounds of an embedded engine. Durations are seconds.

    The defaults are those of Docker, where Docker has the same setting.
    """

    #: From the request to stop to the cancellation of a container's function.
    stop_grace: float = 10.0
    #: Between two cancellations of a function that suppresses the first one, in real
    #: time also with a ``ManualClock``.
    cancel_again: float = 10.0
    #: Before the first restart of a container. Each further pause is twice as long as
    #: the pause before, up to ``longest_restart_pause``.
    first_restart_pause: float = 0.1
    #: Before a restart, at most.
    longest_restart_pause: float = 60.0
    #: The length of a run after which the next pause is ``first_restart_pause`` again.
    good_run: float = 10.0
    #: Lines kept of the log of each container.
    kept_log_lines: int = 10_000
    #: Bytes of memory for the lines kept of the log of each container. The last line is
    #: kept in any case.
    kept_log_bytes: int = 8 * 1024 * 1024
    #: Lines kept of the logs of all removed containers together: readers that lost
    #: their connection resume in these logs.
    kept_removed_log_lines: int = 20_000
    #: Bytes of memory for the logs of all removed containers together.
    kept_removed_log_bytes: int = 32 * 1024 * 1024
    #: Characters of a log line. A longer line becomes several.
    longest_log_line: int = 16_384
    #: Chunks of output of an exec session that wait for its reader; with more, the
    #: command waits.
    exec_output_chunks: int = 64
    #: For HTTP requests to end after a container has stopped listening.
    http_shutdown: float = 1.0
    #: Connections to a port that wait until the container accepts them.
    backlog: int = 100
    #: Whether containers open published ports below 1024 on their node, which is this
    #: host. Otherwise such a port is published in name only, and a container that
    #: listens reports the refusal on standard error.
    privileged_ports: bool = False
    #: Containers in one engine, not more than the default: each container has an
    #: address of its own in a block such as 127.7.0.0/16.
    most_containers: int = 65_533
    #: The blocks 127.N.0.0/16 from which an engine takes one that no other engine of
    #: the system has; by their N. Without a free block, the addresses of containers are
    #: nominal.
    address_blocks: Sequence[int] = range(7, 255)
    #: Bytes of one volume, and of each ``/tmp``, that commands of the shell can fill.
    #: A function that writes files itself is not bounded.
    most_volume_bytes: int = 16 * 1024 * 1024
    #: Files and directories of one volume that commands of the shell can create.
    most_volume_files: int = 1_000
