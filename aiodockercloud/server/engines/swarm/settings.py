"""Settings of the Swarm engine: durations, retries and limits."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SwarmSettings:
    """Settings of the Swarm engine. Durations are seconds."""

    # --- requests to an Engine --------------------------------------------------------

    #: For any one response. A Swarm without a leader does not respond for 30 seconds.
    request_timeout: float = 15.0
    #: Without data after which a stream is opened again: neither side is notified when
    #: a device between both drops the connection.
    quiet: float = 600.0
    #: Attempts to change a spec that other clients change at the same time, and the
    #: pause after the first attempt. The pause doubles each time, up to one second.
    update_attempts: int = 20
    update_pause: float = 0.02

    # --- watching the Swarm -----------------------------------------------------------

    #: Of frequent looks after any change.
    busy: float = 5.0
    #: The interval between looks while nothing changes, as a multiple of ``poll``.
    idle_factor: int = 5
    #: The shortest interval between two looks.
    shortest_poll: float = 0.1
    #: The interval before a look, as a multiple of the seconds that the last look took:
    #: the cost of looking stays a fixed part of the time.
    pace: float = 2.0
    #: The shortest interval between two whole looks, likewise: events and partial looks
    #: report most changes sooner, so whole looks cost at most a tenth of the time.
    whole_pace: float = 10.0
    #: Between two attempts to subscribe to the events of the Engine.
    events_retry: float = 1.0
    #: That a task may wait for a node until the container is reported as stopped.
    placing: float = 15.0
    #: In which Swarm creates the task that replaces an ended task. Without a new task,
    #: ``max_attempts`` of the restart policy is used up.
    replacing: float = 2.0
    #: Between two looks at tasks that are about to start or to end.
    ending_poll: float = 0.2

    # --- containers -------------------------------------------------------------------

    #: In which Swarm deletes the tasks that exceed its task history limit.
    forgetting: float = 0.5
    #: For the tasks of a removed container to end, in addition to ``grace``.
    ending: float = 30.0
    #: The pauses before each look at the exit code of a command whose output has ended.
    exit_code_pauses: tuple[float, ...] = (0.0, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
    #: Between two attempts to follow a log.
    log_retry: float = 1.0
    #: Bytes of one line of a log. A longer line is divided into several. Six times as
    #: many, in which JSON writes a control character, fit a frame of 4 MiB, the most
    #: that clients receive.
    longest_line: int = 512 * 1024

    # --- nodes ------------------------------------------------------------------------

    #: For all containers of a drained node to end or to move to other nodes.
    draining: float = 300.0
    #: Between two requests for the facts that only the Engine of a node knows.
    learning: float = 30.0

    # --- removing volumes and networks ------------------------------------------------

    #: Attempts to remove an object that is still in use, and the pause before each.
    cleanup_attempts: int = 20
    cleanup_pause: float = 0.3
    #: For unfinished removals when the engine closes.
    cleanup_timeout: float = 2.0
