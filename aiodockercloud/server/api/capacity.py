"""How many connections and streams a server accepts, with the files it may open."""

from __future__ import annotations

import resource
from typing import NamedTuple

from ..settings import Limits

__all__ = ["Capacity", "allow_files"]

#: Files that the server needs besides its connections: the database, sockets of
#: containers and engines, connections that wait to be counted.
_OTHER_FILES = 256


class Capacity(NamedTuple):
    """How many connections a server accepts.

    Attributes:
        connections: All connections.
        streams: Open streams of all keys; the other connections are left for requests.
        streams_of_key: Open streams of one key.
    """

    connections: int
    streams: int
    streams_of_key: int

    @classmethod
    def of_process(cls, limits: Limits) -> Capacity:
        """Return the capacity that the limits and the process's open files allow."""
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        number = limits.connections
        if files != resource.RLIM_INFINITY:
            number = min(number, max(files - _OTHER_FILES, files // 2))
        streams = number * 7 // 8
        return cls(number, streams, min(limits.streams, streams * 2 // 3))


def allow_files(limits: Limits) -> str:
    """Let the process open as many files as its hard limit allows.

    Returns:
        A warning when these are too few for the limits, else an empty text.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    capacity = Capacity.of_process(limits)
    if capacity.connections >= limits.connections:
        return ""
    return (
        f"the process may open {hard} files only, so that the server accepts"
        f" {capacity.connections} connections in place of {limits.connections};"
        " raise the limit (ulimit -n, LimitNOFILE=)"
    )
