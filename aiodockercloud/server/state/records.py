"""The records of the control plane. A record has no value that others determine.

All fields are JSON values, which the store writes unchanged. Dates are seconds since
1970, references are uuids. ``definition`` has the checked writable fields of an object.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import cache
from operator import attrgetter
from typing import Any, ClassVar

from ... import wire
from ...wire import states

#: The namespace of the records that all namespaces share: nodes and their clusters.
SHARED = ""

#: Random digit → the digit of a uuid's variant (RFC 9562, section 4.1).
_VARIANT = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))


def new_uuid() -> str:
    """Return a random uuid.

    Version 4: the official clients request an object directly only for this version.
    The first group of digits never reads as a number: the official command line would
    print 9041e088 as 9.041e+88, and 01234567 without the zero.
    """
    while True:
        digits = os.urandom(16).hex()
        first = digits[:8]
        if not first.replace("e", "", 1).isdecimal():
            return (
                f"{first}-{digits[8:12]}-4{digits[13:16]}"
                f"-{_VARIANT[digits[16]]}{digits[17:20]}-{digits[20:]}"
            )


@dataclass(slots=True, kw_only=True, repr=False)
class Record:
    """The fields of all records.

    ``number`` increases with each record of any kind: the order of creation.
    """

    kind: ClassVar[str]
    #: The fields that a PATCH can change, of an object with a ``version``.
    writable: ClassVar[tuple[str, ...]] = ()

    namespace: str
    uuid: str = field(default_factory=new_uuid)
    number: int = 0
    created: float = field(default_factory=time.time)
    state: str = ""

    @property
    def uri(self) -> str:
        """Return the URI as in bodies, events, headers and variables."""
        return f"{_list_path(self.kind)}{self.uuid}/"

    def __repr__(self) -> str:
        # Without the fields: definitions and variables contain secrets, and a trigger's
        # uuid is a secret.
        return f"<{self.kind} {getattr(self, 'name', self.uuid)} {self.state}>"

    def content(self) -> tuple[Any, ...]:
        """Return the values of the fields that a PATCH can change."""
        return tuple(getattr(self, name) for name in self.writable)

    def as_json(self) -> dict[str, Any]:
        """Return the fields as the body of the record's row."""
        kind: Any = type(self)
        names, values = _fields(kind)
        return dict(zip(names, values(self), strict=True))


@cache
def _list_path(kind: str) -> str:
    return wire.path(kind)


@cache
def _fields(
    kind: type[Any],
) -> tuple[tuple[str, ...], Callable[[Record], tuple[Any, ...]]]:
    """Return the names of the fields of a kind, and a function for their values."""
    names = tuple(one.name for one in fields(kind))
    return names, attrgetter(*names)


@dataclass(slots=True, kw_only=True, repr=False)
class Deployed(Record):
    """An object that is deployed and terminated, and readable for a while after."""

    deployed: float | None = None
    destroyed: float | None = None


@dataclass(slots=True, kw_only=True, repr=False)
class Run(Deployed):
    """An object that is also started and stopped."""

    started: float | None = None
    stopped: float | None = None


@dataclass(slots=True, kw_only=True, repr=False)
class Stack(Deployed):
    """A group of services."""

    kind = "stack"
    writable: ClassVar[tuple[str, ...]] = ("nickname",)

    name: str
    nickname: str
    #: Grows with the versions of the services, too: a PATCH of a stack changes these.
    version: int = 1
    state: str = states.NOT_RUNNING


@dataclass(slots=True, kw_only=True, repr=False)
class Service(Run):
    """A service: a definition, and containers that are deployed from the definition."""

    kind = "service"
    writable: ClassVar[tuple[str, ...]] = ("definition", "registry_auth")

    name: str
    stack: str | None = None
    definition: dict[str, Any]
    version: int = 1
    #: The definition of the last deployment that succeeded, and of the deployment
    #: before with another definition: ``rollback`` restores one of the two.
    deployed_definition: dict[str, Any] | None = None
    previous: dict[str, Any] | None = None
    #: ``{"registry", "username", "password"}`` of the last call with credentials, and
    #: of the one before: secrets, which only the engine receives.
    registry_auth: dict[str, str] | None = None
    previous_registry_auth: dict[str, str] | None = None
    #: The number of changes of the definition; each container has the revision of its
    #: deployment.
    revision: int = 0
    #: ``target_num_containers`` was changed, and the service was not scaled since.
    scale_pending: bool = False
    #: Number of a container → ``{"node": uuid, "volumes": {path: volume uuid}}``: the
    #: volumes that wait for the next container of this number.
    kept_volumes: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: The uuid of the action that has resolved the tag of the image: ``pin_images``.
    pinned_by: str = ""
    state: str = states.NOT_RUNNING


@dataclass(slots=True, kw_only=True, repr=False)
class Container(Run):
    """A container of a service."""

    kind = "container"

    name: str
    #: The number in the name: 2 in ``web-2``.
    ordinal: int
    service: str
    node: str
    #: The service's definition when this container was deployed.
    definition: dict[str, Any]
    revision: int
    #: The uuid of the action that deployed the container: a redeploy replaces the
    #: containers of other actions.
    deployment: str
    #: The uuid of the action that replaces the container.
    replaced_by: str = ""
    #: All variables of the user, the platform and the links.
    environment: dict[str, str] = field(default_factory=dict)
    #: The variables of the image, if the engine knew them.
    image_environment: dict[str, str] = field(default_factory=dict)
    command: str = ""
    entrypoint: str = ""
    #: ``[container path, volume uuid]`` of each volume that the container owns.
    volumes: list[list[str]] = field(default_factory=list)
    #: ``[inner, protocol, published, outer or None]``; ``outer`` is a bound host port.
    ports: list[list[Any]] = field(default_factory=list)
    state: str = states.STARTING
    exit_code: int | None = None
    #: ``starting``, ``healthy`` or ``unhealthy``; ``None`` without a health check.
    health: str | None = None
    message: str = ""
    #: The digest of the image's tag at the deployment.
    image_digest: str | None = None
    #: The engine's warnings about the container.
    warnings: list[str] = field(default_factory=list)
    #: Uuid of a secret or config → the version that the container has.
    files: dict[str, int] = field(default_factory=dict)
    docker_id: str | None = None
    private_ip: str | None = None


@dataclass(slots=True, kw_only=True, repr=False)
class Node(Deployed):
    """A node; the engine knows the node by ``engine_id``."""

    kind = "node"

    engine_id: str
    hostname: str
    nickname: str
    cluster: str | None = None
    tags: list[str] = field(default_factory=list)
    #: Tags of the platform: clients show them, users cannot remove them.
    auto_tags: list[str] = field(default_factory=list)
    address: str = ""
    cpu: int = 0
    memory: int = 0
    disk: int = 0
    docker_version: str = ""
    storage_driver: str = ""
    #: The reason why the deployed node accepts no containers; empty if it does.
    unschedulable: str = ""
    #: What constraints of placement compare, by their names: ``node.labels.zone``.
    attributes: dict[str, str] = field(default_factory=dict)
    #: Kind → units of each generic resource.
    generic_resources: dict[str, int] = field(default_factory=dict)
    last_seen: float | None = None


@dataclass(slots=True, kw_only=True, repr=False)
class NodeCluster(Deployed):
    """Nodes of one type.

    ``node_type`` and ``region`` are keys of the catalogue.
    """

    kind = "nodecluster"
    writable: ClassVar[tuple[str, ...]] = ("nickname", "target_num_nodes", "tags")

    name: str
    nickname: str
    node_type: str
    region: str
    disk: int = 60
    target_num_nodes: int = 1
    tags: list[str] = field(default_factory=list)
    provider_options: dict[str, Any] = field(default_factory=dict)
    version: int = 1
    state: str = states.INIT


@dataclass(slots=True, kw_only=True, repr=False)
class Trigger(Record):
    """A URL that redeploys or scales up a service without further credentials.

    The uuid is a secret.
    """

    kind = "trigger"

    service: str
    name: str
    operation: str
    #: Signs the body of each call; empty for calls without a signature.
    secret: str = ""
    #: The uuid of the container whose key created the trigger: the trigger ends with
    #: the container.
    container: str = ""

    @property
    def uri(self) -> str:
        return wire.path("service", self.service, "trigger", self.uuid)


@dataclass(slots=True, kw_only=True, repr=False)
class Repository(Record):
    """Credentials for the images of one name on a registry."""

    kind = "repository"
    writable: ClassVar[tuple[str, ...]] = ("username", "password")

    name: str
    username: str
    password: str
    version: int = 1

    @property
    def uri(self) -> str:
        return wire.path("repository", *self.name.split("/"))


@dataclass(slots=True, kw_only=True, repr=False)
class StoredFile(Record):
    """A secret or a config: a file for containers, whose content no answer contains.

    ``data`` is base64. A new content is a new version: containers keep the version of
    their deployment, so the former versions that containers use are kept.
    """

    writable: ClassVar[tuple[str, ...]] = ("data",)

    name: str
    data: str
    updated: float = field(default_factory=time.time)
    version: int = 1
    #: Version → content, of the versions before.
    former: dict[str, str] = field(default_factory=dict)

    def of_version(self, version: int) -> str:
        """Return the content of a version; the current one in place of a lost one."""
        return self.former.get(str(version), self.data)


@dataclass(slots=True, kw_only=True, repr=False)
class Secret(StoredFile):
    """A secret, by default a file in ``/run/secrets``."""

    kind = "secret"


@dataclass(slots=True, kw_only=True, repr=False)
class Config(StoredFile):
    """A config, by default a file in ``/``."""

    kind = "config"


@dataclass(slots=True, kw_only=True, repr=False)
class Token(Record):
    """A token with which a bring-your-own node joins."""

    kind = "token"

    token: str


@dataclass(slots=True, kw_only=True, repr=False)
class Action(Record):
    """An operation on an object, in progress or ended."""

    kind = "action"

    action: str
    object: str
    operation: str = ""
    params: dict[str, Any] = field(default_factory=dict)
    #: Uuid of a part of the object → uuid of the action on the part.
    parts: dict[str, str] = field(default_factory=dict)
    #: The action has not begun: other actions on the service or its containers come
    #: first.
    queued: bool = False
    method: str = ""
    path: str = ""
    user: str = ""
    user_agent: str = ""
    ip: str = ""
    request_id: str = ""
    is_user_action: bool = True
    #: The rollout of the action's containers, while there is one: see
    #: ``control/rollout.py``.
    rollout: dict[str, Any] = field(default_factory=dict)
    #: ``[seconds, text]``
    log: list[list[Any]] = field(default_factory=list)
    state: str = states.IN_PROGRESS
    ended: float | None = None


#: The objects with a ``version``, which grows with every change of a writable field.
Versioned = Stack | Service | NodeCluster | Repository | StoredFile

RECORDS: tuple[type[Record], ...] = (
    *(Stack, Service, Container, Node, NodeCluster),
    *(Trigger, Repository, Secret, Config, Token, Action),
)

#: Kinds whose changes of state are events.
EVENT_KINDS = frozenset(
    {"stack", "service", "container", "node", "nodecluster", "action"}
)
