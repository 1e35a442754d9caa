"""The objects in fields of services that the hosted API did not have."""

from collections.abc import Mapping, Sequence
from typing import Literal, Required, TypedDict

from .parts import Platform, Spread

__all__ = [
    "FileFields",
    "GenericResourceFields",
    "HealthcheckFields",
    "LogDriverFields",
    "NetworkFields",
    "PlacementFields",
    "PlatformFields",
    "RestartPolicyFields",
    "RolloutFields",
    "TmpfsFields",
    "UlimitFields",
]


class FileFields(TypedDict, total=False):
    """A secret or a config that containers have as a file.

    Attributes:
        source: The name of the secret or config, its uuid or its ``resource_uri``;
            required.
        target: The path of the file, by default the name. A relative path begins in
            ``/run/secrets/`` for a secret, in ``/`` for a config.
        mode: The permissions of the file, as a number or as an octal text such as
            ``"0440"``; 0444 by default.
        uid: The id of the owner; 0 by default.
        gid: The id of the group; 0 by default.
    """

    source: Required[str]
    target: str | None
    mode: int | str | None
    uid: str | int | None
    gid: str | int | None


class HealthcheckFields(TypedDict, total=False):
    """How the health of the containers is checked; each key may be left out.

    Durations are seconds, or texts such as ``"30s"`` and ``"1m30s"``.

    Attributes:
        test: The command that succeeds in a healthy container: a line for its shell,
            ``["CMD", word, …]``, ``["CMD-SHELL", line]``, or ``["NONE"]`` for no
            check; by default that of the image.
        interval: The time between two checks; 30 seconds by default.
        timeout: The time after which a check has failed; 30 seconds by default.
        retries: How many failed checks in a row make a container unhealthy; 3 by
            default.
        start_period: The time after the start in which failed checks do not count; 0 by
            default.
        start_interval: The time between two checks in that time; 5 seconds by default.
    """

    test: str | Sequence[str] | None
    interval: float | str | None
    timeout: float | str | None
    retries: int | None
    start_period: float | str | None
    start_interval: float | str | None


class RolloutFields(TypedDict, total=False):
    """How the containers are replaced by new ones; each key may be left out.

    Durations are seconds, or texts such as ``"30s"`` and ``"1m30s"``.

    Attributes:
        parallelism: How many containers are replaced at once: 1 by default where more
            than one runs; 0 or ``"all"`` replaces all at once.
        delay: The time between two batches; 0 by default.
        order: ``"stop-first"`` (by default) removes the old container before the new
            one starts, ``"start-first"`` after the new one counts as running.
        failure_action: What follows too many failures: ``"pause"`` (by default) leaves
            the rest unchanged, ``"continue"`` goes on, ``"rollback"`` (of
            ``update_config`` only) restores the definition deployed before.
        monitor: How long a new container must run, and be healthy, to count; by default
            0.5 seconds.
        max_failure_ratio: The part of the containers, 0 to 1, that may fail; 0 by
            default.
    """

    parallelism: int | Literal["all"] | None
    delay: float | str | None
    order: Literal["stop-first", "start-first"] | None
    failure_action: Literal["pause", "continue", "rollback"] | None
    monitor: float | str | None
    max_failure_ratio: float | None


class RestartPolicyFields(TypedDict, total=False):
    """How containers that end are restarted, beside ``autorestart``.

    Attributes:
        delay: The time between an end and the restart, in seconds or as ``"1m30s"``; by
            default as the engine: one second on Swarm, growing pauses from 0.1 seconds
            on the embedded engine.
        max_attempts: The most restarts; by default any number.
        window: The time in which restarts count for ``max_attempts``, in seconds or as
            ``"1m30s"``; by default all restarts count.
    """

    delay: float | str | None
    max_attempts: int | None
    window: float | str | None


class PlatformFields(TypedDict, total=False):
    """A platform of nodes.

    Attributes:
        os: The operating system, such as ``"linux"``; required.
        architecture: The architecture, such as ``"amd64"``; by default any.
    """

    os: Required[str]
    architecture: str | None


class NetworkFields(TypedDict, total=False):
    """A network of one's own that the containers of a service join.

    Attributes:
        name: The name, unique in the namespace; ``"default"`` is the private network
            that a service without ``networks`` has. Required.
        aliases: Further names of the containers on the network.
    """

    name: Required[str]
    aliases: Sequence[str]


class PlacementFields(TypedDict, total=False):
    """The nodes on which containers may run, beside ``tags``.

    Attributes:
        constraints: Comparisons with ``==`` or ``!=`` that a node must meet, of
            ``node.id``, ``node.hostname``, ``node.role``, ``node.platform.os``,
            ``node.platform.arch``, ``node.labels.NAME`` or ``engine.labels.NAME``:
            ``["node.labels.zone==a"]``.
        preferences: The attributes over whose values containers are spread, the first
            one first: ``["spread=node.labels.zone"]``, or a list of :class:`Spread`.
        max_replicas_per_node: The most containers of the service on one node; by
            default any number.
        platforms: The platforms of which a node must have one: ``["linux/amd64"]``, or
            a list of :class:`PlatformFields`.
    """

    constraints: Sequence[str]
    preferences: Sequence[Spread | str]
    max_replicas_per_node: int | None
    platforms: Sequence[PlatformFields | Platform | str]


class UlimitFields(TypedDict, total=False):
    """A limit of processes.

    Attributes:
        name: The name of the limit, such as ``"nofile"``; required.
        soft: The soft limit, -1 for no limit; required.
        hard: The hard limit; by default that of the soft limit.
    """

    name: Required[str]
    soft: Required[int]
    hard: int | None


class GenericResourceFields(TypedDict):
    """A resource of nodes that each container reserves.

    Attributes:
        kind: The kind of the resource, such as ``"gpu"``.
        value: The number of units, or the name of one unit.
    """

    kind: str
    value: str | int


class TmpfsFields(TypedDict, total=False):
    """A file system in memory.

    Attributes:
        container_path: The path in the container; required.
        size: The most MB, or a text such as ``"64m"``; by default no limit.
        mode: The mode of the directory in octal, such as ``"1770"``.
    """

    container_path: Required[str]
    size: int | str | None
    mode: str | None


class LogDriverFields(TypedDict, total=False):
    """The driver that stores the logs of containers.

    Attributes:
        name: The name of the driver, such as ``"json-file"``; required.
        options: The options of the driver.
    """

    name: Required[str]
    options: Mapping[str, str | int | float | bool]
