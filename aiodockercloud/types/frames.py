"""Frames of streams: events, lines of logs and output of commands."""

from typing import Any, Literal, TypedDict

from .objects import Service

__all__ = [
    "Event",
    "ExecBytesFrame",
    "ExecBytesResult",
    "ExecFrame",
    "ExecResult",
    "LogLine",
    "RunResult",
]


class Event(TypedDict, total=False):
    """A change of an object, or an item that the client adds to the stream.

    The client adds items of the types ``gap`` and ``snapshot``, which have the last
    three keys only; see ``cloud.events``.

    Attributes:
        type: The kind of the object, ``"gap"`` or ``"snapshot"``.
        action: What happened to the object.
        parents: The parents of the object, as resource URIs.
        resource_uri: The URI of the object.
        state: The state of the object after the change.
        uuid: The identifier of the event, not of the object.
        datetime: When the object changed, as ISO 8601 text.
        id: The position from which a stream can continue, or ``None``.
        missed: The number of missing events, or ``None`` when the number is unknown; of
            ``gap`` only.
        objects: The current objects; with ``cloud.events.snapshot`` only.
    """

    type: Literal[
        "stack",
        "service",
        "container",
        "nodecluster",
        "node",
        "action",
        "gap",
        "snapshot",
    ]
    action: Literal["create", "update", "delete"]
    parents: list[str]
    resource_uri: str
    state: str
    uuid: str
    datetime: str
    id: str | None
    missed: int | None
    objects: list[dict[str, Any]]


class LogLine(TypedDict, total=False):
    """A line of a log, or an item that stands for lost lines.

    Attributes:
        type: ``"log"``.
        source: The name of the container; in the logs of services only.
        log: The text with its newline. ``aiodockercloud.log_text`` removes the time
            stamp of the engine.
        streamType: The output that the container wrote to.
        timestamp: When the line was written, in seconds since 1970.
        missed: The number of lost lines that the item stands for, or ``None`` when the
            number is unknown. Other lines do not have the key.
        partial: True for a piece of a long line, which the next line of the same
            container and output continues. Whole lines, and the last piece, do not have
            the key.
    """

    type: str
    source: str
    log: str
    streamType: Literal["stdout", "stderr"]
    timestamp: int
    missed: int | None
    partial: bool


class ExecFrame(TypedDict, total=False):
    """A piece of the output of a command.

    Attributes:
        type: The type of the frame.
        streamType: The output that the command wrote to.
        output: The text.
    """

    type: str
    streamType: Literal["stdout", "stderr"]
    output: str


class ExecBytesFrame(TypedDict, total=False):
    """A piece of the output of a command, as bytes.

    Attributes:
        type: The type of the frame.
        streamType: The output that the command wrote to.
        output: The bytes.
    """

    type: str
    streamType: Literal["stdout", "stderr"]
    output: bytes


class ExecResult(TypedDict):
    """The result of a command.

    Attributes:
        stdout: The whole output.
        stderr: The whole error output.
        exit_code: The exit code, or ``None`` when the server reports none.
    """

    stdout: str
    stderr: str
    exit_code: int | None


class ExecBytesResult(TypedDict):
    """The result of a command whose input was bytes.

    Attributes:
        stdout: The whole output.
        stderr: The whole error output.
        exit_code: The exit code, or ``None`` when the server reports none.
    """

    stdout: bytes
    stderr: bytes
    exit_code: int | None


class RunResult(ExecResult):
    """The result of a service that ran to its end.

    Attributes:
        stdout: What the containers wrote to standard output.
        stderr: What the containers wrote to standard error.
        exit_code: The first exit code of a container other than 0, in the order of the
            containers; 0 if every container ended with 0. ``None`` if a container was
            lost with its node.
        service: The service, in the state ``"Stopped"``.
    """

    service: Service
