"""Settings of the server: limits, how long things are kept, and times.

Each group is a frozen dataclass that is passed down; a test passes its own. Durations
are seconds. Engines have settings of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Limits", "Retention", "Settings", "Timings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How large or how many things may be."""

    #: Bytes of a request body, and of the body of a trigger call, which needs no
    #: credentials.
    largest_body: int = 4 * 2**20
    largest_trigger_body: int = 64 * 1024
    #: Objects on a page of a list: by default, and at most.
    page: int = 25
    largest_page: int = 1000
    #: Events that are kept for readers that fall behind.
    event_history: int = 10_000
    #: Lines that are kept of the log of one action.
    action_log_lines: int = 1000
    #: Answers that are kept for the idempotency keys of one account, and the characters
    #: of these answers together.
    kept_answers: int = 20_000
    kept_answer_characters: int = 64 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long, and how many, objects stay readable after their end."""

    #: Seconds for terminated objects and ended actions.
    ended: float = 3600.0
    #: The largest number of ended actions.
    ended_actions: int = 10_000
    #: Seconds for the answer to an idempotency key.
    answers: float = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """How long the server waits, and how often it looks."""

    #: Between two pings on a stream.
    heartbeat: float = 30.0
    #: For the client's half of closing a stream.
    close_handshake: float = 10.0
    #: For the end of a connection whose client does not read any more.
    linger: float = 2.0
    #: Between two looks at a log that could not be read.
    log_retry: float = 1.0
    #: For an engine to bring a container up, image pull included.
    container_up: float = 600.0
    #: For an engine to stop or remove a container.
    container_down: float = 120.0
    #: For an engine to deploy, upgrade or remove a node.
    node: float = 900.0
    #: Between two attempts to remove what was left on an engine.
    cleanup_retry: float = 10.0
    #: Between two looks for pushed images, on engines that report no pushes. Some
    #: registries count each look as a pull.
    image_poll: float = 300.0
    #: Between two looks for what has been kept long enough.
    sweep: float = 60.0
    #: For another server to let go of the data directory.
    database_lock: float = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings of a server."""

    limits: Limits = field(default_factory=Limits)
    retention: Retention = field(default_factory=Retention)
    timings: Timings = field(default_factory=Timings)
