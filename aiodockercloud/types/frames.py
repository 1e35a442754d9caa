"""Frames of streams: events, lines of logs and output of commands."""

from typing import Any, Generic, Literal, NotRequired, TypedDict, TypeVar, final

from .objects import Service
from .words import (
    ActionState,
    ContainerState,
    Health,
    NodeClusterState,
    NodeState,
    ServiceState,
    StackState,
)

__all__ = [
    "ActionEvent",
    "ActionLogLine",
    "ChangeEvent",
    "ContainerEvent",
    "Event",
    "ExecBytesFrame",
    "ExecBytesResult",
    "ExecFrame",
    "ExecResult",
    "GapEvent",
    "LogLine",
    "MergedLogLine",
    "NodeClusterEvent",
    "NodeEvent",
    "ObjectEvent",
    "RunResult",
    "ServiceEvent",
    "ServiceLogLine",
    "SnapshotEvent",
    "SnapshotGapEvent",
    "StackEvent",
]

# Final, so that type checkers tell the types apart by ``"objects" in event``, too.

K = TypeVar("K")
S = TypeVar("S")


@final
class ChangeEvent(TypedDict, Generic[K, S]):
    """A change of an object.

    Attributes:
        type: The kind of the object.
        action: What happened to the object.
        parents: The parents of the object, as resource URIs.
        resource_uri: The URI of the object.
        state: The state of the object after the change.
        health: The health of a container or a service after the change, else ``None``.
            Servers other than aiodockercloud's do not send the key.
        uuid: The identifier of the event, not of the object.
        datetime: When the object changed, as ISO 8601 text.
        id: The position from which a stream can continue. Servers other than
            aiodockercloud's do not send the key.
    """

    type: K
    action: Literal["create", "update", "delete"]
    parents: list[str]
    resource_uri: str
    state: S
    health: NotRequired[Health | None]
    uuid: str
    datetime: str
    id: NotRequired[str]


StackEvent = ChangeEvent[Literal["stack"], StackState]
ServiceEvent = ChangeEvent[Literal["service"], ServiceState]
ContainerEvent = ChangeEvent[Literal["container"], ContainerState]
NodeEvent = ChangeEvent[Literal["node"], NodeState]
NodeClusterEvent = ChangeEvent[Literal["nodecluster"], NodeClusterState]
ActionEvent = ChangeEvent[Literal["action"], ActionState]


@final
class GapEvent(TypedDict):
    """An item that stands for missing events; see ``cloud.events``.

    Attributes:
        type: ``"gap"``.
        id: The position from which a stream can continue, or ``None``.
        missed: The number of missing events, or ``None`` when the number is unknown.
    """

    type: Literal["gap"]
    id: str | None
    missed: int | None


@final
class SnapshotEvent(TypedDict):
    """The first item of ``cloud.events.snapshot``: all objects.

    Attributes:
        type: ``"snapshot"``.
        id: The position from which a stream can continue, or ``None``.
        objects: The current objects, of several kinds.
    """

    type: Literal["snapshot"]
    id: str | None
    objects: list[dict[str, Any]]


@final
class SnapshotGapEvent(TypedDict):
    """An item of ``cloud.events.snapshot`` that replaces all former objects.

    Attributes:
        type: ``"gap"``.
        id: The position from which a stream can continue, or ``None``.
        missed: The number of missing events, or ``None`` when the number is unknown.
        objects: The current objects, of several kinds.
    """

    type: Literal["gap"]
    id: str | None
    missed: int | None
    objects: list[dict[str, Any]]


#: A change of an object of any kind; the key ``type`` distinguishes the kinds.
ObjectEvent = (
    StackEvent
    | ServiceEvent
    | ContainerEvent
    | NodeEvent
    | NodeClusterEvent
    | ActionEvent
)
#: An item of a stream of events; the key ``type`` distinguishes changes and gaps.
Event = ObjectEvent | GapEvent


class ActionLogLine(TypedDict):
    """A line of the log of an action, or an item that stands for lost lines.

    Attributes:
        type: ``"log"``.
        log: The text with its newline.
        timestamp: When the line was written, in seconds since 1970.
        missed: The number of lost lines that the item stands for, or ``None`` when the
            number is unknown. Other lines do not have the key.
    """

    type: Literal["log"]
    log: str
    timestamp: int
    missed: NotRequired[int | None]


class LogLine(ActionLogLine):
    """A line of the log of a container, or an item that stands for lost lines.

    Attributes:
        type: ``"log"``.
        log: The text with its newline. ``aiodockercloud.log_text`` removes the time
            stamp of the engine.
        streamType: The output that the container wrote to.
        timestamp: When the line was written, in seconds since 1970.
        missed: The number of lost lines that the item stands for, or ``None`` when the
            number is unknown. Other lines do not have the key.
        partial: True for a piece of a long line, which the next line of the same
            container and output continues. Whole lines, and the last piece, do not have
            the key.
        details: Names and values from the engine, with the option ``details`` only.
    """

    streamType: Literal["stdout", "stderr"]
    partial: NotRequired[bool]
    details: NotRequired[dict[str, str]]


class ServiceLogLine(LogLine):
    """A line of the log of a service, or an item that stands for lost lines.

    Attributes:
        type: ``"log"``.
        source: The name of the container.
        log: The text with its newline. ``aiodockercloud.log_text`` removes the time
            stamp of the engine.
        streamType: The output that the container wrote to.
        timestamp: When the line was written, in seconds since 1970.
        missed: The number of lost lines that the item stands for, or ``None`` when the
            number is unknown. Other lines do not have the key.
        partial: True for a piece of a long line, as for :class:`LogLine`.
        details: Names and values from the engine, as for :class:`LogLine`.
    """

    source: str


class MergedLogLine(ServiceLogLine):
    """A line of the logs of several services as one stream.

    Attributes:
        service: The name of the service.
        service_uri: The URI of the service, which tells services of one name apart.
        container: The name of the container, as ``source``; empty when the server does
            not report the container.
        type: As in :class:`ServiceLogLine`.
        source: As in :class:`ServiceLogLine`.
        log: As in :class:`ServiceLogLine`.
        streamType: As in :class:`ServiceLogLine`.
        timestamp: As in :class:`ServiceLogLine`.
        missed: As in :class:`ServiceLogLine`.
        partial: As in :class:`ServiceLogLine`.
        details: As in :class:`ServiceLogLine`.
    """

    service: str
    service_uri: str
    container: str


class ExecFrame(TypedDict):
    """A piece of the output of a command.

    Attributes:
        type: The type of the frame; absent in text that is no frame.
        streamType: The output that the command wrote to.
        output: The text.
    """

    type: NotRequired[str]
    streamType: Literal["stdout", "stderr"]
    output: str


class ExecBytesFrame(TypedDict):
    """A piece of the output of a command, as bytes.

    Attributes:
        type: The type of the frame; absent in text that is no frame.
        streamType: The output that the command wrote to.
        output: The bytes.
    """

    type: NotRequired[str]
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
