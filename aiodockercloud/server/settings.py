"""Settings of the server: limits, retention and timings.

Each group is a frozen dataclass that :func:`aiodockercloud.server.running` passes down;
a test passes its own. Durations are seconds. Engines have settings of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Limits", "Retention", "Settings", "Storage", "Timings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The largest sizes and numbers."""

    #: Bytes of a request body.
    largest_body: int = 4 * 2**20
    #: Bytes of the body of a request without credentials: a login of the page, or a
    #: trigger call, whose body becomes a variable of the new containers.
    largest_trigger_body: int = 64 * 1024
    #: Objects on a page of a list, unless the request sets ``limit``.
    page: int = 25
    #: The largest ``limit`` of a list.
    largest_page: int = 1000
    #: Events kept in memory for readers that fall behind or reconnect.
    event_history: int = 10_000
    #: Log lines of each container that are read ahead of the reader of a service's log.
    lines_ahead: int = 50
    #: The number of last lines kept of the log of one action.
    action_log_lines: int = 1000
    #: Attempts with a wrong key that a user may make at once from one address. Users
    #: at one address together may make ten times as many.
    failed_logins: int = 10
    #: Open connections of all clients, as far as the process may open as many files.
    connections: int = 10_000
    #: Open streams of one key, as far as ``connections`` leaves room for others.
    streams: int = 5000
    #: Commands that run in containers at once for one key.
    execs: int = 500
    #: Sessions of the page that are open at once; a further one closes the oldest.
    sessions: int = 1000
    #: Sessions of the page that one key has at once.
    sessions_of_key: int = 50
    #: Calls of one trigger at once; ``Timings.trigger_call`` is the rate after that.
    trigger_calls: int = 60
    #: Answers kept for the idempotency keys of one account.
    kept_answers: int = 20_000
    #: Characters of all answers kept for one account.
    kept_answer_characters: int = 64 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long the server keeps objects, actions and answers."""

    #: Seconds for which terminated objects and ended actions stay readable.
    ended: float = 3600.0
    #: The largest number of ended actions that stay readable.
    ended_actions: int = 10_000
    #: Seconds for which the answer to an idempotency key is repeated.
    answers: float = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """Time limits and intervals, in seconds."""

    #: Time for which a list holds the event loop before other requests run.
    read_turn: float = 0.002
    #: Interval between two pings on a stream.
    heartbeat: float = 30.0
    #: Time limit for a client to complete the closing handshake of a stream.
    close_handshake: float = 10.0
    #: Time limit for a client to close the connection of an ended exec.
    linger: float = 2.0
    #: Interval between two attempts to read a log that could not be read.
    log_retry: float = 1.0
    #: Time limit for an engine to start a container, image pull included.
    container_up: float = 600.0
    #: Time for which a new container must run, and be healthy, to count, unless the
    #: ``monitor`` of the service's ``update_config`` states another time. An engine
    #: reports a container as running before the program in the container can fail.
    #: With 0, only an end that the engine has reported already is a failure.
    settle: float = 0.5
    #: Time that a canceled redeploy gives the containers that are being replaced.
    last_batch: float = 5.0
    #: Time limit for an engine to stop or remove a container.
    container_down: float = 120.0
    #: Time limit for an engine to deploy, upgrade or remove a node.
    node: float = 900.0
    #: Interval between two attempts to remove a container that is left on an engine.
    cleanup_retry: float = 10.0
    #: Interval between two checks for pushed images, on engines that do not report
    #: pushes. Some registries count each check as a pull.
    image_poll: float = 300.0
    #: Interval between two removals of objects and answers whose retention has ended.
    sweep: float = 60.0
    #: Time after which a user may make another attempt with a wrong key.
    failed_login: float = 6.0
    #: Delay of the answer to an attempt beyond the limit, so that a client that guesses
    #: keys costs the server little.
    refusal: float = 1.0
    #: Time after which a session of the page ends.
    session: float = 12 * 3600.0
    #: Interval between two measurements of the delay of the event loop.
    loop_lag: float = 1.0
    #: Time limit for the engine to answer when a request asks whether the server is
    #: ready, and the time for which the answer is repeated.
    ready: float = 2.0
    #: Time limit for a client to send the headers of a request.
    headers: float = 20.0
    #: Time limit for a client to send the body of a request.
    body: float = 60.0
    #: Time after which a connection without a further request is closed.
    idle: float = 75.0
    #: Time after which a trigger that was called too often accepts another call.
    trigger_call: float = 1.0
    #: Time limit for requests and streams in progress when the server ends.
    shutdown: float = 10.0
    #: Time limit for another server to release the database.
    database_lock: float = 2.0
    #: Interval between two attempts to write to a database that could not be written.
    database_retry: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """How the database of a data directory is written."""

    #: Whether a response waits until its changes have left the caches of the operating
    #: system. Without this, an acknowledged change survives the end of the process,
    #: ``kill -9`` included; a loss of power may undo the last changes, in their order.
    fsync: bool = False
    #: The file with the secret key that encrypts the rows; by default ``secret.key`` in
    #: the data directory. The file is created if necessary.
    secret_key_file: Path | None = None
    #: The secret key itself, instead of a file: 32 random bytes as base64. Several keys
    #: are separated by spaces: the first one encrypts, the others only decrypt.
    secret_key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings of a server."""

    #: Sizes and numbers.
    limits: Limits = field(default_factory=Limits)
    #: How long objects, actions and answers are kept.
    retention: Retention = field(default_factory=Retention)
    #: Time limits and intervals.
    timings: Timings = field(default_factory=Timings)
    #: Whether ``/metrics`` needs no key.
    metrics_public: bool = False
    #: The database.
    storage: Storage = field(default_factory=Storage)
