"""The frames of logs: one for each line, and one with the position of the request."""

from __future__ import annotations

import time
from functools import lru_cache
from typing import Any

from ... import wire
from ...wire import loglines
from ..control.control_plane import ControlPlane
from ..engines import EngineError, LogLine
from ..state.records import Container
from .log_selection import UNTIL_STOPPED, Selection


def frame(line: LogLine, source: str | None, wanted: Selection) -> str:
    """Return the frame of a line.

    As in the hosted service, the text begins with the stamp of the engine and ends with
    a newline. A frame with the key ``missed`` replaces lines that cannot be read; one
    with the key ``partial`` is a piece of a line that the next frame continues.
    """
    render = _kept if len(line.text) <= _SHORT else _rendered
    return render(line, source, wanted.timestamps, wanted.details)


def _rendered(
    line: LogLine, source: str | None, timestamps: bool, details: bool
) -> str:
    frame: dict[str, Any] = {"type": "log"}
    if source is not None:
        frame["source"] = source
    stamp = f"{loglines.format_stamp(line.time_ns)} " if timestamps else ""
    frame["log"] = f"{stamp}{line.text}\n"
    frame["streamType"] = line.stream
    frame["timestamp"] = line.time_ns // loglines.NANOSECONDS
    if line.missing != 0:
        frame["missed"] = line.missing
    if line.partial:
        frame["partial"] = True
    if details and line.missing == 0:
        frame["details"] = dict(line.details)
    return wire.dumps(frame).decode()


#: Characters of a line whose frame is kept for other readers of the log.
_SHORT = 4096
_kept = lru_cache(maxsize=1024)(_rendered)


def position(cloud: ControlPlane, wanted: Selection) -> str:
    """Return the frame with the time of the client's first request."""
    at = wanted.at_ns or cloud.engine.time_ns()
    frame = {"type": "position", "at": loglines.format_stamp(at)}
    if wanted.until_stopped:
        frame["until"] = UNTIL_STOPPED
    return wire.dumps(frame).decode()


def unreadable(container: Container, error: EngineError) -> LogLine:
    """Return a line that replaces the log of a container."""
    text = f"[log of {container.name}: {error}]"
    return LogLine(time.time_ns(), "stderr", text, None)
