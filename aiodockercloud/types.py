"""The shapes of the dicts that the client sends and returns, for type checkers.

Each result is an ordinary ``dict``. The types list the documented keys; a dict keeps
further keys that a newer server adds. An entry of a list can have fewer keys than the
result of ``inspect``, so all keys of results are optional to a type checker.

Dates are RFC 2822 text in UTC, which ``wire.parse_date`` reads. Memory is in MB, disks
are in GB. A reference to another object is its ``resource_uri``.

Source: Docker Cloud API reference, the tables "Attributes" and "JSON Parameters".
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
    """A port of a container; a caller sets the first four keys.

    Attributes:
        protocol: ``"tcp"`` or ``"udp"``.
        inner_port: The port in the container.
        outer_port: The port on the node; ``None`` for a dynamic port, or for none.
        published: Whether the node publishes the port. Other containers reach a port
            that is not published through links.
        port_name: The usual service of the port, such as ``"http"``.
        uri_protocol: The scheme of ``endpoint_uri``, such as ``"http"``.
        endpoint_uri: The address of the published port, or ``None``.
    """

    protocol: Literal["tcp", "udp"]
    inner_port: int
    outer_port: int | None
    published: bool
    port_name: str
    uri_protocol: str
    endpoint_uri: str | None


class EnvVar(TypedDict, total=False):
    """An environment variable.

    Attributes:
        key: The name of the variable.
        value: The value of the variable.
        origin: Where the variable comes from, such as ``"user"`` or ``"image"``; in
            ``calculated_envvars`` only.
    """

    key: str
    value: str
    origin: str


class Link(TypedDict, total=False):
    """A link from one service to another.

    Attributes:
        name: The name of the target in the containers of the origin.
        from_service: The origin, as its ``resource_uri``; in results only.
        to_service: The target, as its ``resource_uri``; a caller may set its name.
    """

    name: str
    from_service: str
    to_service: str


class ContainerLink(TypedDict, total=False):
    """A link from one container to another.

    Attributes:
        name: The name of the target in the origin.
        from_container: The origin, as its ``resource_uri``.
        to_container: The target, as its ``resource_uri``.
        endpoints: The addresses of the target by port, as in ``{"80/tcp":
            "tcp://10.7.0.3:80"}``.
    """

    name: str
    from_container: str
    to_container: str
    endpoints: dict[str, str]


class Binding(TypedDict, total=False):
    """A volume of the containers of a service.

    A caller sets ``container_path``, or ``volumes_from`` alone.

    Attributes:
        host_path: The path on the node, or ``None`` for a new volume.
        container_path: The path in the container.
        rewritable: Whether the container may write to the volume; ``True`` by default.
        volumes_from: The service whose volumes the containers use, as its
            ``resource_uri``; on services only.
        volume: The URI of the volume; on containers only. The bindings of a container
            include the shared ones of ``volumes_from``.
    """

    host_path: str | None
    container_path: str | None
    rewritable: bool
    volumes_from: str | None
    volume: str | None


class Tag(TypedDict, total=False):
    """A tag of a node, or of the nodes on which a service may run.

    Attributes:
        name: The tag.
        origin: Who set the tag: the platform or, without the key, the user.
    """

    name: str
    origin: str


# --- results ----------------------------------------------------------------------


class _Changed(TypedDict, total=False):
    """The key that the client adds to the result of a changing call."""

    dockercloud_action_uri: str


class _Definition(TypedDict, total=False):
    """The keys that services and their containers have in common."""

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
    """A service: a number of containers of one image.

    The further keys are those of :class:`ServiceFields`.

    Attributes:
        uuid: The identifier of the object.
        resource_uri: The URI of the object.
        name: The name, which is part of host names and variables.
        nickname: A display name; by default the name.
        image_name: The image of the containers.
        public_dns: The host name of the published ports.
        synchronized: Whether the containers have the current definition.
        deployed_datetime: When the service was last deployed, or ``None``.
        started_datetime: When the service was last started, or ``None``.
        stopped_datetime: When the service last stopped, or ``None``.
        destroyed_datetime: When the service was terminated, or ``None``.
        link_variables: The environment variables that a linked container receives.
        cgroup_name: The value of the field ``cgroup_parent``.
        state: The state of the service.
        target_num_containers: The number of containers to which ``scale`` leads; 0 for
            a service that runs on every node.
        current_num_containers: The number of containers that exist.
        running_num_containers: The number of running containers.
        stopped_num_containers: The number of stopped containers.
        stack: The stack of the service, as its ``resource_uri``, or ``None``.
        containers: The containers, as resource URIs.
        calculated_envvars: All environment variables of the containers, with their
            origins.
        linked_to_service: The links to other services.
        linked_from_service: The links from other services to the service.
    """

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
    """One container of a service.

    The further keys are those of :class:`ServiceFields`.

    Attributes:
        uuid: The identifier of the object.
        resource_uri: The URI of the object.
        name: The name, which is part of host names and variables.
        nickname: A display name; by default the name.
        image_name: The image of the containers.
        public_dns: The host name of the published ports.
        synchronized: Whether the container has the current definition of its service.
        deployed_datetime: When the container was last deployed, or ``None``.
        started_datetime: When the container was last started, or ``None``.
        stopped_datetime: When the container last stopped, or ``None``.
        destroyed_datetime: When the container was terminated, or ``None``.
        link_variables: The environment variables that a linked container receives.
        cgroup_name: The value of the field ``cgroup_parent``.
        state: The state of the container.
        service: The service of the container, as its ``resource_uri``.
        node: The node of the container, as its ``resource_uri``.
        docker_id: The identifier of the container in Docker.
        private_ip: The IP address for other containers.
        exit_code: The exit code when the container has stopped, or ``None``.
        exit_code_msg: The exit code in words, or ``None``.
        linked_to_container: The links to other containers.
    """

    state: ContainerState
    service: str
    node: str
    docker_id: str
    private_ip: str
    exit_code: int | None
    exit_code_msg: str | None
    linked_to_container: list[ContainerLink]


class Stack(_Changed, total=False):
    """A stack: services that are deployed together.

    Attributes:
        uuid: The identifier of the object.
        resource_uri: The URI of the object.
        name: The name of the stack.
        nickname: A display name; by default the name.
        state: The state of the stack.
        synchronized: Whether all containers have their current definitions.
        services: The services, as resource URIs.
        deployed_datetime: When the stack was last deployed, or ``None``.
        destroyed_datetime: When the stack was terminated, or ``None``.
    """

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
    """A node: a host that runs containers.

    Attributes:
        uuid: The identifier of the object.
        resource_uri: The URI of the object.
        nickname: A display name; by default ``external_fqdn``.
        state: The state of the node.
        external_fqdn: The host name of the node.
        public_ip: The public IP address, or ``None``.
        private_ips: The private IP addresses.
        node_cluster: The cluster of the node, as its ``resource_uri``, or ``None``.
        node_type: The type of the node, as its ``resource_uri``, or ``None``.
        region: The region of the node, as its ``resource_uri``, or ``None``.
        availability_zone: The zone of the node, as its ``resource_uri``, or ``None``.
        docker_version: The version of Docker on the node.
        docker_execdriver: The execution driver of Docker.
        docker_graphdriver: The storage driver of Docker.
        cpu: The number of CPUs.
        disk: The size of the disk, in GB.
        memory: The size of the memory, in MB.
        current_num_containers: The number of containers on the node.
        last_seen: When the node last answered, or ``None``.
        tunnel: The address of the tunnel to Docker, or ``None``.
        tags: The tags that services select nodes by.
        deployed_datetime: When the node was deployed, or ``None``.
        destroyed_datetime: When the node was terminated, or ``None``.
    """

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
    """A node cluster: nodes of one type that are scaled together.

    Attributes:
        uuid: The identifier of the object.
        resource_uri: The URI of the object.
        name: The name of the cluster.
        nickname: A display name; by default the name.
        state: The state of the cluster.
        node_type: The type of the nodes, as its ``resource_uri``.
        region: The region of the nodes, as its ``resource_uri``.
        disk: The size of a node's disk, in GB.
        nodes: The nodes, as resource URIs.
        target_num_nodes: The number of nodes to which scaling leads.
        current_num_nodes: The number of nodes that exist.
        tags: The tags of the nodes.
        provider_options: Options of the provider, as ``vpc`` and ``iam`` of AWS.
        deployed_datetime: When the cluster was deployed, or ``None``.
        destroyed_datetime: When the cluster was terminated, or ``None``.
    """

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
    """An action: the record of a call that changes an object.

    Attributes:
        uuid: The identifier of the object.
        resource_uri: The URI of the object.
        object: The object that the call changes, as its ``resource_uri``.
        action: The name of the operation, such as ``"Service Start"``.
        method: The HTTP method of the call.
        path: The path of the call.
        user: The user who sent the call.
        user_agent: The client that sent the call.
        state: The state of the action.
        start_date: When the action was created.
        end_date: When the action ended, or ``None``.
        ip: The IP address that sent the call.
        location: The geographic location of that address.
        is_user_action: Whether a user sent the call.
        can_be_canceled: Whether ``cancel`` is allowed.
        can_be_retried: Whether ``retry`` is allowed.
    """

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
    """A trigger: a URL that redeploys or scales a service without credentials.

    Attributes:
        uuid: The identifier of the object.
        resource_uri: The URI of the object.
        url: The path to call with ``POST``; a secret.
        name: The name of the trigger.
        operation: ``"REDEPLOY"``, or ``"SCALEUP"`` to add containers.
    """

    uuid: str
    resource_uri: str
    url: str
    name: str
    operation: Literal["REDEPLOY", "SCALEUP"]


class Repository(_Changed, total=False):
    """An image repository outside Docker Hub.

    Attributes:
        resource_uri: The URI of the object.
        name: The host and the path of the repository.
        in_use: Whether a service uses an image of the repository.
        registry: The registry, as its ``resource_uri``.
    """

    resource_uri: str
    name: str
    in_use: bool
    registry: str


class Registry(TypedDict, total=False):
    """A registry that hosts images.

    Attributes:
        resource_uri: The URI of the object.
        name: A display name.
        host: The host name.
        is_docker_registry: Whether Docker operates the registry.
        is_ssl: Whether the registry uses TLS.
        port: The port, or ``None``.
    """

    resource_uri: str
    name: str
    host: str
    is_docker_registry: bool
    is_ssl: bool
    port: int | None


class Provider(TypedDict, total=False):
    """A provider of nodes.

    Attributes:
        resource_uri: The URI of the object.
        name: The key of the provider.
        label: A display name.
        regions: The regions, as resource URIs.
        available: Whether new nodes can be deployed at the provider.
    """

    resource_uri: str
    name: str
    label: str
    regions: list[str]
    available: bool


class Region(TypedDict, total=False):
    """A region of a provider.

    Attributes:
        resource_uri: The URI of the object.
        name: The key of the region in its provider.
        label: A display name.
        provider: The provider, as its ``resource_uri``.
        node_types: The node types on offer, as resource URIs.
        availability_zones: The zones, as resource URIs.
        available: Whether new nodes can be deployed in the region.
    """

    resource_uri: str
    name: str
    label: str
    provider: str
    node_types: list[str]
    availability_zones: list[str]
    available: bool


class AvailabilityZone(TypedDict, total=False):
    """An availability zone of a region.

    Attributes:
        resource_uri: The URI of the object.
        name: The key of the zone in its region.
        region: The region, as its ``resource_uri``.
        available: Whether new nodes can be deployed in the zone.
    """

    resource_uri: str
    name: str
    region: str
    available: bool


class NodeType(TypedDict, total=False):
    """A type of node that a provider offers.

    Attributes:
        resource_uri: The URI of the object.
        name: The key of the type in its provider.
        label: A display name.
        provider: The provider, as its ``resource_uri``.
        regions: The regions that offer the type, as resource URIs.
        availability_zones: The zones that offer the type, as resource URIs.
        available: Whether new nodes of the type can be deployed.
    """

    resource_uri: str
    name: str
    label: str
    provider: str
    regions: list[str]
    availability_zones: list[str]
    available: bool


# --- frames of streams --------------------------------------------------------------


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
    """

    type: str
    source: str
    log: str
    streamType: Literal["stdout", "stderr"]
    timestamp: int
    missed: int | None


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


# --- fields to send -----------------------------------------------------------------


class ServiceFields(TypedDict, total=False):
    """The fields of a service that ``create`` and ``update`` accept.

    The default of a list or a mapping is an empty one. ``None`` means that the image or
    Docker decides.

    Attributes:
        image: The image, as ``[host/]name[:tag]``; required by ``create``.
        name: The name; by default the name of the image. Cannot be changed later.
        nickname: A display name; by default the name.
        target_num_containers: The number of containers, 0 to 1000; 1 by default.
        run_command: The command, instead of that of the image.
        entrypoint: The entry point, instead of that of the image.
        container_ports: The ports, in addition to those of the image.
        container_envvars: The environment variables, which override those of the image.
        labels: The labels of the containers.
        linked_to_service: The links to other services.
        bindings: The volumes.
        autorestart: Whether a container that ends is restarted; ``"OFF"`` by default.
        autodestroy: Whether a container that ends is removed; ``"OFF"`` by default.
        autoredeploy: Whether a new version of the image redeploys the service;
            ``False`` by default.
        autoreplace: Tutum's former name of ``autorestart``.
        sequential_deployment: Whether containers are deployed one after the other;
            ``False`` by default.
        deployment_strategy: How nodes are chosen, by their numbers of running
            containers; ``"EMPTIEST_NODE"`` by default.
        roles: ``["global"]`` gives the containers access to the API.
        tags: The tags that a node must have.
        net: The network mode; ``"bridge"`` by default.
        pid: The PID namespace; ``"none"`` by default.
        cpu_shares: The relative weight of the CPU, 2 to 262144.
        cpuset: The CPUs to use, such as ``"0,1"``.
        memory: The limit of the memory, in MB; 4 or more.
        memory_swap: The limit of memory and swap together, in MB; 4 or more.
        privileged: Whether the containers have all privileges; ``False`` by default.
        read_only: Whether the file system of the containers is read-only; ``False`` by
            default.
        tty: Whether the containers have a terminal; ``False`` by default.
        stdin_open: Whether the input of the containers stays open; ``False`` by
            default.
        user: The user that runs the command.
        hostname: The host name in the containers.
        domainname: The domain name in the containers.
        mac_address: The MAC address of the containers.
        working_dir: The working directory of the command.
        cgroup_parent: The parent cgroup of the containers.
        cap_add: The capabilities to add.
        cap_drop: The capabilities to drop.
        devices: The devices, each as ``host:container[:permissions]``.
        dns: The DNS servers.
        dns_search: The DNS search domains.
        extra_hosts: Additional hosts, each as ``name:address``.
        security_opt: The security options of Docker.
    """

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
    """The fields of a stack that ``create`` and ``update`` accept.

    Attributes:
        name: The name; required by ``create``. Cannot be changed later.
        nickname: A display name; by default the name.
        services: The services, each with a ``name`` and the fields of the API or the
            keys of a stack file.
    """

    name: str
    nickname: str
    services: Sequence[Mapping[str, Any]]


class NodeFields(TypedDict, total=False):
    """The fields of a node that ``update`` accepts.

    Attributes:
        nickname: A display name; by default ``external_fqdn``.
        tags: The tags, which replace the former ones.
    """

    nickname: str
    tags: Sequence[Tag | str]


class NodeClusterFields(TypedDict, total=False):
    """The fields of a node cluster that ``create`` and ``update`` accept.

    ``create`` requires ``name``, ``node_type`` and ``region``. ``update`` accepts
    ``nickname``, ``target_num_nodes`` and ``tags`` only.

    Attributes:
        name: The name of the cluster.
        nickname: A display name; by default the name.
        node_type: The type of the nodes, as its ``resource_uri``.
        region: The region of the nodes, as its ``resource_uri``.
        disk: The size of a node's disk, in GB; 60 by default.
        provider_options: Options of the provider, as ``vpc`` and ``iam`` of AWS.
        target_num_nodes: The number of nodes, 0 to 100; 1 by default.
        tags: The tags of the nodes, which replace the former ones.
    """

    name: str
    nickname: str
    node_type: str
    region: str
    disk: int
    provider_options: Mapping[str, Any]
    target_num_nodes: int
    tags: Sequence[Tag | str]


class RepositoryFields(TypedDict, total=False):
    """The fields of an external repository.

    Attributes:
        name: The host and the path of the repository; required by ``create``. Cannot be
            changed later.
        username: The user name for the registry.
        password: The password for the registry.
    """

    name: str
    username: str
    password: str


class TriggerFields(TypedDict, total=False):
    """The fields of a trigger.

    Attributes:
        name: The name; by default the name of the operation.
        operation: ``"REDEPLOY"`` (by default), or ``"SCALEUP"`` to add containers.
    """

    name: str
    operation: Literal["REDEPLOY", "SCALEUP"]
