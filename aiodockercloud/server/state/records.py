"""The records of the control plane: what is kept, and nothing derivable.

Everything in a record is JSON: the store writes it as it is. Dates are seconds since
1970. References are uuids. ``definition`` holds a resource's writable fields, checked.
"""

from __future__ import annotations

import time
import uuid as uuid_module
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

from ... import wire
from ...wire import states

#: The namespace of records that all namespaces share: the machines.
EVERYBODY = ""


def new_uuid() -> str:
    """Version 4: the official clients take the short way only for those."""
    return str(uuid_module.uuid4())


@dataclass(slots=True, kw_only=True, repr=False)
class Record:
    """What all have. ``number`` counts up over all records: the order of creation."""

    kind: ClassVar[str]

    namespace: str
    uuid: str = field(default_factory=new_uuid)
    number: int = 0
    created: float = field(default_factory=time.time)
    state: str = ""

    @property
    def uri(self) -> str:
        """The one spelling used in bodies, events, headers and variables."""
        return wire.path(self.kind, self.uuid)

    def __repr__(self) -> str:
        # Not the fields: definitions and variables hold secrets, a trigger's uuid is.
        return f"<{self.kind} {getattr(self, 'name', self.uuid)} {self.state}>"

    def as_json(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in fields(self)}


@dataclass(slots=True, kw_only=True, repr=False)
class Deployed(Record):
    """What comes up and ends; it is readable for a while after that."""

    deployed: float | None = None
    destroyed: float | None = None


@dataclass(slots=True, kw_only=True, repr=False)
class Run(Deployed):
    """What is started and stopped as well."""

    started: float | None = None
    stopped: float | None = None


@dataclass(slots=True, kw_only=True, repr=False)
class Stack(Deployed):
    kind = "stack"

    name: str
    nickname: str
    state: str = states.NOT_RUNNING


@dataclass(slots=True, kw_only=True, repr=False)
class Service(Run):
    kind = "service"

    name: str
    stack: str | None = None
    definition: dict[str, Any]
    #: What ``rollback`` goes back to.
    previous: dict[str, Any] | None = None
    #: Counts changes of the definition; containers remember theirs.
    revision: int = 0
    #: target_num_containers was changed and nobody has scaled yet.
    scale_pending: bool = False
    state: str = states.NOT_RUNNING


@dataclass(slots=True, kw_only=True, repr=False)
class Container(Run):
    kind = "container"

    name: str
    #: The n of ``web-n``.
    ordinal: int
    service: str
    node: str
    #: The service's definition when this container was deployed.
    definition: dict[str, Any]
    revision: int
    #: The action that deployed it: a redeploy replaces what is not its own.
    deployment: str
    #: The action that put, or is about to put, another one in its place.
    replaced_by: str = ""
    #: All variables it got: the user's, the platform's, the links'.
    environment: dict[str, str] = field(default_factory=dict)
    #: Those that its image brings, as far as the engine knew them.
    image_environment: dict[str, str] = field(default_factory=dict)
    command: str = ""
    entrypoint: str = ""
    #: ``[container path, volume uuid]`` of each volume it owns.
    volumes: list[list[str]] = field(default_factory=list)
    #: ``[inner, protocol, published, outer or None]``; outer is what is really bound.
    ports: list[list[Any]] = field(default_factory=list)
    state: str = states.STARTING
    exit_code: int | None = None
    message: str = ""
    #: What its image's tag meant when it was deployed, for ``autoredeploy``.
    image_digest: str | None = None
    docker_id: str | None = None
    private_ip: str | None = None


@dataclass(slots=True, kw_only=True, repr=False)
class Node(Deployed):
    """A machine; its uuid is also its name towards the engine."""

    kind = "node"

    engine_id: str
    hostname: str
    nickname: str
    cluster: str | None = None
    tags: list[str] = field(default_factory=list)
    #: Tags the platform set: the clients show them, users cannot take them away.
    auto_tags: list[str] = field(default_factory=list)
    address: str = ""
    cpu: int = 0
    memory: int = 0
    disk: int = 0
    docker_version: str = ""
    storage_driver: str = ""
    #: Why it takes no containers although it answers.
    unschedulable: str = ""
    last_seen: float | None = None


@dataclass(slots=True, kw_only=True, repr=False)
class NodeCluster(Deployed):
    """Machines of one kind. ``node_type`` and ``region`` are keys of the catalogue."""

    kind = "nodecluster"

    name: str
    nickname: str
    node_type: str
    region: str
    disk: int = 60
    target_num_nodes: int = 1
    tags: list[str] = field(default_factory=list)
    provider_options: dict[str, Any] = field(default_factory=dict)
    state: str = states.INIT


@dataclass(slots=True, kw_only=True, repr=False)
class Trigger(Record):
    """A way to redeploy or scale up a service without credentials: its uuid is one."""

    kind = "trigger"

    service: str
    name: str
    operation: str

    @property
    def uri(self) -> str:
        return wire.path("service", self.service, "trigger", self.uuid)


@dataclass(slots=True, kw_only=True, repr=False)
class Repository(Record):
    """Credentials for the images of one name on a registry."""

    kind = "repository"

    name: str
    username: str
    password: str

    @property
    def uri(self) -> str:
        return wire.path("repository", *self.name.split("/"))


@dataclass(slots=True, kw_only=True, repr=False)
class Token(Record):
    """Lets a machine that somebody brings join."""

    kind = "token"

    token: str


@dataclass(slots=True, kw_only=True, repr=False)
class Action(Record):
    kind = "action"

    action: str
    object: str
    operation: str = ""
    params: dict[str, Any] = field(default_factory=dict)
    #: Object (uuid) → the action that does it to this part of the whole.
    parts: dict[str, str] = field(default_factory=dict)
    method: str = ""
    path: str = ""
    user: str = ""
    user_agent: str = ""
    ip: str = ""
    is_user_action: bool = True
    #: ``[seconds, text]``
    log: list[list[Any]] = field(default_factory=list)
    state: str = states.IN_PROGRESS
    ended: float | None = None


RECORDS: tuple[type[Record], ...] = (
    *(Stack, Service, Container, Node, NodeCluster),
    *(Trigger, Repository, Token, Action),
)

#: Kinds of which every change of state is an event.
EVENT_KINDS = frozenset(
    {"stack", "service", "container", "node", "nodecluster", "action"}
)
