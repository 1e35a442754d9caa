"""The parameters of logs: which lines a client requests.

Source: Docker Cloud API reference, "Get the logs of a service" and the same sections of
containers and actions. ``since``, ``at``, ``seen`` and ``until`` are additions of this
server.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ...exceptions import BadRequest, NotSupported
from ...wire import loglines
from ...wire.window import WINDOW_PROTOCOL
from .resource import Call

#: Lines from the end of a log in a request without ``tail``, ``since`` and ``until``.
TAIL = 300
#: The value of ``until``, and of the same key of the frame that confirms the parameter.
UNTIL_STOPPED = "stopped"
#: The valid values of ``tail``.
_TAIL = re.compile(r"all|\d{1,18}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The lines of a log that a client requests. Stamps are nanoseconds since 1970.

    Attributes:
        tail: The largest number of past lines; None for all past lines.
        follow: Whether new lines follow.
        until_stopped: Whether the log ends when nothing runs any more.
        since_ns: The smallest stamp; 0 for all lines.
        at_ns: The time of the first request of a client that has reconnected, else 0.
            ``tail`` counts the lines before that time.
        seen: The stamp of the last received line by the name of the container, which is
            ``""`` in the log of a single container.
        send_position: Whether the first frame reports the time of the request.
        stream: The only output to read, ``stdout`` or ``stderr``; None for both.
        timestamps: Whether a line begins with its stamp.
        details: Whether lines have the details of the engine.
    """

    tail: int | None
    follow: bool
    until_stopped: bool = False
    since_ns: int = 0
    at_ns: int = 0
    seen: Mapping[str, int] = field(default_factory=dict)
    send_position: bool = False
    stream: str | None = None
    timestamps: bool = True
    details: bool = False


#: The parameters of every log.
PARAMETERS = ("tail", "follow", "since", "at", "seen")
#: The parameters of the logs of containers and services, besides those of every log.
OUTPUT = ("until", "stdout", "stderr", "timestamps", "details")


def selection(call: Call, *others: str) -> Selection:
    """Return the selection in the query of a request for a log.

    Args:
        call: The request.
        *others: Parameters that this log has besides those of every log, as ``OUTPUT``.

    Raises:
        BadRequest: A parameter is invalid or unknown.
    """
    call.refuse_parameters_except(*PARAMETERS, *others)
    query = call.query
    follow = call.parameter("follow", {}, True)
    until = query.get("until")
    if until and (until != UNTIL_STOPPED or not follow):
        raise BadRequest(f"until: must be {UNTIL_STOPPED}, with follow=true")
    since_ns = _moment("since", query.get("since"))
    tail = query.get("tail") or ("all" if until or query.get("since") else str(TAIL))
    if not _TAIL.fullmatch(tail):
        raise BadRequest("tail: must be a number of lines, or all")
    seen = {}
    for pair in filter(None, query.get("seen", "").split(",")):
        name, _, stamp = pair.rpartition(":")
        seen[name] = _moment("seen", stamp)
    offered = call.request.headers.get("Sec-WebSocket-Protocol", "")
    return Selection(
        tail=None if tail == "all" else int(tail),
        follow=follow,
        until_stopped=bool(until),
        since_ns=since_ns,
        at_ns=_moment("at", query.get("at")),
        seen=seen,
        send_position=WINDOW_PROTOCOL in offered,
        stream=_stream(call),
        timestamps=call.parameter("timestamps", {}, True),
        details=_details(call),
    )


def _stream(call: Call) -> str | None:
    """Return the only output that is requested; None for both."""
    stdout = call.parameter("stdout", {}, True)
    stderr = call.parameter("stderr", {}, True)
    if stdout and stderr:
        return None
    if not (stdout or stderr):
        raise BadRequest("stdout, stderr: one of them must be true")
    return "stdout" if stdout else "stderr"


def _details(call: Call) -> bool:
    """Return whether details are requested.

    Raises:
        NotSupported: The lines of the engine have no details.
    """
    wanted = call.parameter("details", {}, False)
    if wanted and not call.cloud.engine.log_details:
        raise NotSupported(
            f"details: log lines of the {call.cloud.engine.name} engine have none; the"
            " labels are in the container's dict"
        )
    return wanted


def _moment(name: str, text: str | None) -> int:
    try:
        return loglines.parse_stamp(text) if text else 0
    except ValueError:
        raise BadRequest(
            f"{name}: must be a date as 2016-05-04T12:00:00.123456789Z, or seconds"
            " since 1970"
        ) from None
