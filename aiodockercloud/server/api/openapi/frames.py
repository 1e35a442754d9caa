"""The frames of streams.

OpenAPI has no websockets: the document describes a stream as a GET with the answer 101,
and the frames, which are texts of JSON, in the extension ``x-frames``.
"""

# This module lacks "from __future__ import annotations", as aiodockercloud.types does.

from dataclasses import dataclass
from typing import Any, Literal, NotRequired, TypedDict

from .... import types

__all__ = ["ACTION_LOG", "EVENTS", "EXEC", "LOG", "SERVICE_LOG", "Stream"]


@dataclass(frozen=True, slots=True)
class Stream:
    """The frames of one stream.

    Attributes:
        frames: The types of the frames that the server sends.
        input: What the client may send.
    """

    frames: tuple[Any, ...]
    input: str = ""


class LogPosition(TypedDict):
    """The first frame of a log for a client that offers a window.

    Attributes:
        type: The type of the frame.
        at: The time of the first request, for the parameter ``at``.
        until: The confirmed parameter ``until``.
    """

    type: Literal["position"]
    at: str
    until: NotRequired[str]


class EventPosition(TypedDict):
    """A frame with the position of a stream of events.

    Attributes:
        type: The type of the frame.
        id: The position, for the parameter ``since``.
    """

    type: Literal["position"]
    id: str


class Output(TypedDict):
    """A piece of the output of a command.

    Attributes:
        type: The type of the frame.
        streamType: The output that the command wrote to.
        output: The text, or base64.
    """

    type: Literal["exec"]
    streamType: Literal["stdout", "stderr"]
    output: str


class Exit(TypedDict):
    """The last frame of a command.

    Attributes:
        type: The type of the frame.
        streamType: Empty.
        output: Empty.
        exit_code: The exit code, or ``None`` when the engine knows none.
    """

    type: Literal["exit"]
    streamType: Literal[""]
    output: Literal[""]
    exit_code: int | None


LOG = Stream((types.LogLine, LogPosition))
SERVICE_LOG = Stream((types.ServiceLogLine, LogPosition))
ACTION_LOG = Stream((types.ActionLogLine,))
EVENTS = Stream(
    (
        *(types.StackEvent, types.ServiceEvent, types.ContainerEvent),
        *(types.NodeEvent, types.NodeClusterEvent, types.ActionEvent),
        *(types.GapEvent, EventPosition),
    )
)
EXEC = Stream(
    (Output, Exit),
    "Each text is input of the command, as text or as base64. \\x04 in a text, or an"
    " empty base64 text, ends the input.",
)
