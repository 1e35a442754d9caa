"""The shapes of what the API takes and answers: plain dicts with names.

Every answer is an ordinary ``dict``. The types say which keys the API documents; keys
that a server adds later stay in the dict. List entries may be shorter than what
``inspect`` answers, so all keys of answers are optional to a type checker.

Dates are RFC 2822 text in UTC (``wire.parse_date`` reads them),
memory is in MB, disks are in GB, and whatever points at another object is its
``resource_uri``.

Source: Docker Cloud API reference, the "Attributes" and "JSON Parameters" tables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict

__all__ = [
    "Action",
    "ActionState",
    "Autodestroy",
    "Autorestart",
    "AvailabilityZone",
    "Binding",
    "Container",
    "ContainerLink",
    "ContainerState",
    "DeploymentStrategy",
    "EnvVar",
    "Event",
    "ExecFrame",
    "ExecResult",
    "Link",
    "LogLine",
    "Node",
    "NodeCluster",
    "NodeClusterFields",
    "NodeClusterState",
    "NodeFields",
    "NodeState",
    "NodeType",
    "Port",
    "Provider",
    "Region",
    "Registry",
    "Repository",
    "RepositoryFields",
    "Service",
    "ServiceFields",
    "ServiceState",
    "Stack",
    "StackFields",
    "StackState",
    "Tag",
    "Trigger",
    "TriggerFields",
]

ServiceState = Literal[
    "Not running",
    "Starting",
    "Running",
    "Partly running",
    "Scaling",
    "Redeploying",
    "Stopping",
    "Stopped",
    "Terminating",
    "Terminated",
]
StackState = Literal[
    "Not running",
    "Starting",
    "Running",
    "Partly running",
    "Stopping",
    "Stopped",
    "Redeploying",
    "Terminating",
    "Terminated",
]
ContainerState = Literal[
    "Starting", "Running", "Stopping", "Stopped", "Terminating", "Terminated"
]
NodeState = Literal[
    "Deploying", "Deployed", "Unreachable", "Upgrading", "Terminating", "Terminated"
]
NodeClusterState = Literal[
    "Init",
    "Deploying",
    "Deployed",
    "Partly deployed",
    "Scaling",
    "Terminating",
    "Terminated",
    "Empty cluster",
]
ActionState = Literal[
    "Pending", "In progress", "Canceling", "Canceled", "Success", "Failed"
]
Autorestart = Literal["OFF", "ON_FAILURE", "ALWAYS"]
Autodestroy = Literal["OFF", "ON_SUCCESS", "ALWAYS"]
DeploymentStrategy = Literal["EMPTIEST_NODE", "HIGH_AVAILABILITY", "EVERY_NODE"]


# --- parts of objects -------------------------------------------------------------


class Port(TypedDict, total=False):
    """A port of a container; the first four keys are what a caller writes."""

    protocol: Literal["tcp", "udp"]
    inner_port: int
    outer_port: int | None
    published: bool
    port_name: str
    uri_protocol: str
    endpoint_uri: str | None


class EnvVar(TypedDict, total=False):
    """An environment variable; ``origin`` only in ``calculated_envvars``."""

    key: str
    value: str
    origin: str


class Link(TypedDict, total=False):
    """A link between services; ``to_service`` may be written as a name, too."""

    name: str
    from_service: str
    to_service: str


class ContainerLink(TypedDict, total=False):
    """A link between containers; ``endpoints`` is ``{"80/tcp": "tcp://10.7.0.3:80"}``."""

    name: str
    from_container: str
    to_container: str
    endpoints: dict[str, str]


class Binding(TypedDict, total=False):
    """A volume; ``volume`` only on containers, ``volumes_from`` only on services."""

    host_path: str | None
    container_path: str | None
    rewritable: bool
    volumes_from: str | None
    volume: str | None


class Tag(TypedDict, total=False):
    """A tag; ``origin`` says whether the user or the platform set it."""

    name: str
    origin: str


# --- answers ----------------------------------------------------------------------


class _Changed(TypedDict, total=False):
    """What the client adds to the answer of a changing call."""

    dockercloud_action_uri: str


class _Definition(TypedDict, total=False):
    """What services and their containers have in common."""

    uuid: str
    resource_uri: str
    name: str
    nickname: str
    image_name: str
    public_dns: str
    synchronized: bool
    deployed_datetime: str | None
    started_datetime: str | None
    stopped_datetime: str | None
    destroyed_datetime: str | None
    container_ports: list[Port]
    container_envvars: list[EnvVar]
    labels: dict[str, str]
    link_variables: dict[str, str]
    bindings: list[Binding]
    autorestart: Autorestart
    autodestroy: Autodestroy
    roles: list[str]
    run_command: str | None
    entrypoint: str | None
    net: Literal["bridge", "host"]
    pid: Literal["none", "host"]
    cpu_shares: int | None
    cpuset: str | None
    memory: int | None
    memory_swap: int | None
    privileged: bool
    read_only: bool
    tty: bool
    stdin_open: bool
    user: str | None
    hostname: str | None
    domainname: str | None
    mac_address: str | None
    working_dir: str | None
    cgroup_parent: str | None
    cgroup_name: str | None
    cap_add: list[str]
    cap_drop: list[str]
    devices: list[str]
    dns: list[str]
    dns_search: list[str]
    extra_hosts: list[str]
    security_opt: list[str]


class Service(_Changed, _Definition, total=False):
    """A service: so many containers of one image."""

    state: ServiceState
    target_num_containers: int
    current_num_containers: int
    running_num_containers: int
    stopped_num_containers: int
    stack: str | None
    containers: list[str]
    calculated_envvars: list[EnvVar]
    linked_to_service: list[Link]
    linked_from_service: list[Link]
    sequential_deployment: bool
    deployment_strategy: DeploymentStrategy
    autoredeploy: bool
    tags: list[Tag]


class Container(_Changed, _Definition, total=False):
    """One container of a service; ``exit_code`` is set once it has stopped."""

    state: ContainerState
    service: str
    node: str
    docker_id: str
    private_ip: str
    exit_code: int | None
    exit_code_msg: str | None
    linked_to_container: list[ContainerLink]


class Stack(_Changed, total=False):
    """A stack: services deployed together."""

    uuid: str
    resource_uri: str
    name: str
    nickname: str
    state: StackState
    synchronized: bool
    services: list[str]
    deployed_datetime: str | None
    destroyed_datetime: str | None


class Node(_Changed, total=False):
    """A machine that runs containers."""

    uuid: str
    resource_uri: str
    nickname: str
    state: NodeState
    external_fqdn: str
    public_ip: str | None
    private_ips: list[dict[str, str]]
    node_cluster: str | None
    node_type: str | None
    region: str | None
    availability_zone: str | None
    docker_version: str
    docker_execdriver: str
    docker_graphdriver: str
    cpu: int
    disk: int
    memory: int
    current_num_containers: int
    last_seen: str | None
    tunnel: str | None
    tags: list[Tag]
    deployed_datetime: str | None
    destroyed_datetime: str | None


class NodeCluster(_Changed, total=False):
    """Nodes of one type that are scaled together."""

    uuid: str
    resource_uri: str
    name: str
    nickname: str
    state: NodeClusterState
    node_type: str
    region: str
    disk: int
    nodes: list[str]
    target_num_nodes: int
    current_num_nodes: int
    tags: list[Tag]
    provider_options: dict[str, Any]
    deployed_datetime: str | None
    destroyed_datetime: str | None


class Action(_Changed, total=False):
    """A recorded API call and what became of it; ``object`` is what it applies to."""

    uuid: str
    resource_uri: str
    object: str
    action: str
    method: str
    path: str
    user: str
    user_agent: str
    state: ActionState
    start_date: str | None
    end_date: str | None
    ip: str
    location: str
    is_user_action: bool
    can_be_canceled: bool
    can_be_retried: bool


class Trigger(_Changed, total=False):
    """A URL that redeploys or scales a service; whoever knows it may call it."""

    uuid: str
    resource_uri: str
    url: str
    name: str
    operation: Literal["REDEPLOY", "SCALEUP"]


class Repository(_Changed, total=False):
    """An image repository outside Docker Hub."""

    resource_uri: str
    name: str
    in_use: bool
    registry: str


class Registry(TypedDict, total=False):
    """A registry that images come from."""

    resource_uri: str
    name: str
    host: str
    is_docker_registry: bool
    is_ssl: bool
    port: int | None


class Provider(TypedDict, total=False):
    """A provider of machines."""

    resource_uri: str
    name: str
    label: str
    regions: list[str]
    available: bool


class Region(TypedDict, total=False):
    """A region of a provider."""

    resource_uri: str
    name: str
    label: str
    provider: str
    node_types: list[str]
    availability_zones: list[str]
    available: bool


class AvailabilityZone(TypedDict, total=False):
    """A zone of a region."""

    resource_uri: str
    name: str
    region: str
    available: bool


class NodeType(TypedDict, total=False):
    """A kind of machine a provider offers."""

    resource_uri: str
    name: str
    label: str
    provider: str
    regions: list[str]
    availability_zones: list[str]
    available: bool


# --- frames of streams --------------------------------------------------------------


class Event(TypedDict, total=False):
    """An object changed: ``uuid`` is the event's own, ``resource_uri`` the object's.

    ``id`` is where a stream can go on. The types ``gap`` and ``snapshot`` are the
    client's and have the last three keys only; see ``cloud.events``.
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
    """A line of a log; ``source`` is the container's name, on service logs only.

    ``log`` is what was written, its newline included; ``loglines.log_text`` takes the
    engine's time stamp off. A line with ``missed`` stands for lines that cannot be had
    any more: how many, or ``None`` if that is not known.
    """

    type: str
    source: str
    log: str
    streamType: Literal["stdout", "stderr"]
    timestamp: int
    missed: int | None


class ExecFrame(TypedDict, total=False):
    """A piece of a command's output."""

    type: str
    streamType: Literal["stdout", "stderr"]
    output: str


class ExecResult(TypedDict):
    """What a command left; ``exit_code`` is ``None`` where the server tells none."""

    stdout: str
    stderr: str
    exit_code: int | None


# --- what callers write -------------------------------------------------------------


class ServiceFields(TypedDict, total=False):
    """The fields of a service that ``create`` and ``update`` take."""

    image: str
    name: str
    nickname: str
    target_num_containers: int
    run_command: str | None
    entrypoint: str | None
    container_ports: Sequence[Port]
    container_envvars: Sequence[EnvVar]
    labels: Mapping[str, str]
    linked_to_service: Sequence[Link]
    bindings: Sequence[Binding]
    autorestart: Autorestart
    autodestroy: Autodestroy
    autoredeploy: bool
    #: Tutum only, before 2015.
    autoreplace: Autorestart
    sequential_deployment: bool
    deployment_strategy: DeploymentStrategy
    roles: Sequence[str]
    tags: Sequence[Tag | str]
    net: Literal["bridge", "host"]
    pid: Literal["none", "host"]
    cpu_shares: int | None
    cpuset: str | None
    memory: int | None
    memory_swap: int | None
    privileged: bool
    read_only: bool
    tty: bool
    stdin_open: bool
    user: str | None
    hostname: str | None
    domainname: str | None
    mac_address: str | None
    working_dir: str | None
    cgroup_parent: str | None
    cap_add: Sequence[str]
    cap_drop: Sequence[str]
    devices: Sequence[str]
    dns: Sequence[str]
    dns_search: Sequence[str]
    extra_hosts: Sequence[str]
    security_opt: Sequence[str]


class StackFields(TypedDict, total=False):
    """The fields of a stack; a service is given by API fields or stack file keys."""

    name: str
    nickname: str
    services: Sequence[Mapping[str, Any]]


class NodeFields(TypedDict, total=False):
    """The fields of a node that can be changed; ``tags`` replaces the list."""

    nickname: str
    tags: Sequence[Tag | str]


class NodeClusterFields(TypedDict, total=False):
    """The fields of a node cluster; only the last two can be changed later."""

    name: str
    nickname: str
    node_type: str
    region: str
    disk: int
    provider_options: Mapping[str, Any]
    target_num_nodes: int
    tags: Sequence[Tag | str]


class RepositoryFields(TypedDict, total=False):
    """The fields of an external repository."""

    name: str
    username: str
    password: str


class TriggerFields(TypedDict, total=False):
    """The fields of a trigger."""

    name: str
    operation: Literal["REDEPLOY", "SCALEUP"]
