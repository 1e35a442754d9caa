"""The fields that the client sends."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NotRequired, Required, TypedDict

from .option_fields import (
    FileFields,
    GenericResourceFields,
    HealthcheckFields,
    LogDriverFields,
    NetworkFields,
    PlacementFields,
    RestartPolicyFields,
    RolloutFields,
    TmpfsFields,
    UlimitFields,
)
from .parts import (
    Binding,
    EnvVar,
    FileMount,
    GenericResource,
    Link,
    LogDriver,
    Network,
    Placement,
    Port,
    RestartPolicy,
    Tag,
    Tmpfs,
    Ulimit,
)
from .words import Autodestroy, Autorestart, DeploymentStrategy, Mode

__all__ = [
    "BindingFields",
    "LinkFields",
    "NodeClusterChanges",
    "NodeClusterFields",
    "NodeFields",
    "PortFields",
    "RegistryAuth",
    "RepositoryChanges",
    "RepositoryFields",
    "ServiceChanges",
    "ServiceFields",
    "StackChanges",
    "StackFields",
    "TriggerFields",
]


class PortFields(TypedDict, total=False):
    """A port to create.

    Attributes:
        protocol: ``"tcp"`` (by default) or ``"udp"``.
        inner_port: The port in the container; required.
        outer_port: The port on the node, which publishes the port; by default a dynamic
            port for a published port.
        published: Whether the node publishes the port; ``False`` by default.
        mode: ``"host"`` (by default) publishes the port on the container's node,
            ``"ingress"`` on all nodes of the Swarm.
    """

    protocol: Literal["tcp", "udp"]
    inner_port: Required[int]
    outer_port: int | None
    published: bool
    mode: Literal["host", "ingress"]


class LinkFields(TypedDict, total=False):
    """A link to create.

    Attributes:
        to_service: The target, as its ``resource_uri``, its uuid or its name; required.
        name: The name of the target in the containers of the origin; by default the
            name of the target.
    """

    to_service: Required[str]
    name: str | None


class BindingFields(TypedDict, total=False):
    """A volume to create; either ``container_path`` or ``volumes_from`` is required.

    Attributes:
        host_path: The path on the node; by default a new volume.
        container_path: The path in the container.
        rewritable: Whether the container may write to the volume; ``True`` by default.
        volumes_from: The service whose volumes the containers use, as its
            ``resource_uri``, its uuid or its name.
        volume_name: The name of a volume in Docker, which all containers of a node
            share and which no operation removes; the volume is created if none exists.
        volume_driver: The driver of a new volume; by default that of the Engine.
        volume_options: The options of the driver.
    """

    host_path: str | None
    container_path: str | None
    rewritable: bool
    volumes_from: str | None
    volume_name: str | None
    volume_driver: str | None
    volume_options: Mapping[str, str | int | float | bool] | None


class RegistryAuth(TypedDict, total=False):
    """The credentials for the registry of an image, as Docker names them.

    Either ``username`` and ``password`` or ``identitytoken`` is required.

    Attributes:
        username: The user.
        password: The password of the user, or an access token.
        identitytoken: An identity token of the registry, instead of a password.
        serveraddress: The registry, which must be the registry of the image.
    """

    username: str
    password: str
    identitytoken: str
    serveraddress: str


class _ServiceOptions(TypedDict, total=False):
    nickname: str
    target_num_containers: int
    run_command: str | Sequence[str] | None
    entrypoint: str | Sequence[str] | None
    container_ports: Sequence[PortFields | Port | str | int] | int
    container_envvars: Sequence[EnvVar | str] | Mapping[str, str | int | float | None]
    labels: Mapping[str, str]
    linked_to_service: Sequence[LinkFields | Link | str]
    bindings: Sequence[BindingFields | Binding | str]
    secrets: Sequence[FileFields | FileMount | str]
    configs: Sequence[FileFields | FileMount | str]
    autorestart: Autorestart
    autodestroy: Autodestroy
    autoredeploy: bool
    #: Tutum only, before 2015.
    autoreplace: Autorestart
    mode: Mode
    completions: int | None
    max_concurrent: int | None
    sequential_deployment: bool
    deployment_strategy: DeploymentStrategy
    update_config: RolloutFields | None
    rollback_config: RolloutFields | None
    healthcheck: HealthcheckFields | None
    roles: Sequence[str]
    tags: Sequence[Tag | str]
    net: Literal["bridge", "host"]
    pid: Literal["none", "host"]
    cpu_shares: int | None
    cpuset: str | None
    memory: int | str | None
    memory_swap: int | str | None
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
    cpus: float | str | None
    cpu_reservation: float | str | None
    memory_reservation: int | str | None
    pids_limit: int | None
    generic_resources: Sequence[GenericResourceFields | GenericResource | str]
    stop_grace_period: float | str | None
    stop_signal: str | None
    restart_policy: RestartPolicyFields | RestartPolicy | None
    placement: PlacementFields | Placement | None
    init: bool
    networks: Sequence[NetworkFields | Network | str]
    ulimits: (
        Sequence[UlimitFields | Ulimit | str] | Mapping[str, int | Mapping[str, int]]
    )
    sysctls: Mapping[str, str | int | float] | Sequence[str]
    group_add: Sequence[str | int]
    oom_score_adj: int | None
    dns_options: Sequence[str]
    tmpfs: Sequence[TmpfsFields | Tmpfs | str] | str
    log_driver: LogDriverFields | LogDriver | None
    pin_images: bool
    swarm: Mapping[str, Any]


class ServiceFields(_ServiceOptions):
    """The fields of a service that ``create`` accepts.

    The default of a list or a mapping is an empty one. ``None`` means that the image or
    Docker decides.

    Attributes:
        image: The image, as ``[host/]name[:tag]``; required.
        name: The name; by default the name of the image.
        nickname: A display name; by default the name.
        target_num_containers: The number of containers, 0 to 1000; 1 by default.
        run_command: The command, instead of that of the image: a command line, or a
            list of words.
        entrypoint: The entry point, instead of that of the image, as ``run_command``.
        container_ports: The ports, in addition to those of the image:
            ``["8080:80", "53:53/udp"]``, or a list of :class:`PortFields`. ``"80"``
            publishes the port on a free port of the node.
        container_envvars: The environment variables, which override those of the image:
            ``{"A": "1"}``, ``["A=1"]``, or a list of :class:`EnvVar`.
        labels: The labels of the containers.
        linked_to_service: The links to other services: ``["db", "cache:redis"]`` with
            the names of the services, or a list of :class:`LinkFields`.
        bindings: The volumes: ``["/data", "/host:/container:ro"]``, or a list of
            :class:`BindingFields`.
        secrets: The secrets that the containers have as files: names, or a list of
            :class:`FileFields`. ``"db"`` is the file ``/run/secrets/db``.
        configs: The configs, as ``secrets``. ``"nginx.conf"`` is ``/nginx.conf``.
        autorestart: Whether a container that ends is restarted: never, after another
            exit code than 0, or always; ``"OFF"`` by default.
        autodestroy: Whether a container that ended for good is removed, with its
            volumes: never, after exit code 0, or always; ``"OFF"`` by default.
        autoredeploy: Whether a new version of the image redeploys the service;
            ``False`` by default.
        autoreplace: Tutum's former name of ``autorestart``.
        mode: ``"replicated"`` (by default), or ``"job"`` for containers that end: the
            action of ``start`` lasts until all have ended, and succeeds when all exit
            codes are 0. ``max_attempts`` of ``restart_policy`` limits how often a
            failed container is started again; by default never.
        completions: Jobs only: the number of containers that are to succeed, 1 to 1000;
            by default ``target_num_containers``.
        max_concurrent: Jobs only: how many of them run at once; by default all.
        sequential_deployment: Whether containers are deployed one after the other;
            ``False`` by default.
        update_config: How ``redeploy`` replaces the containers; by default one after
            the other.
        rollback_config: How ``rollback`` replaces the containers, as ``update_config``.
        healthcheck: How the health of the containers is checked; by default as the
            image states.
        deployment_strategy: How nodes are chosen: the node with the fewest running
            containers, the node with the fewest containers of this service, or one
            container on each node; ``"EMPTIEST_NODE"`` by default.
        roles: ``["global"]`` gives the containers access to the API.
        tags: The tags that a node must have.
        net: The network mode: networks of the server, or the network of the node;
            ``"bridge"`` by default.
        pid: The PID namespace: one of the container, or that of the node; ``"none"`` by
            default.
        cpu_shares: The relative weight of the CPU, 2 to 262144; by default 1024.
        cpuset: The CPUs to use, such as ``"0,1"``.
        memory: The limit of the memory, in MB, or as ``"512m"`` or ``"2g"``; 4 MB or
            more; by default no limit.
        memory_swap: The limit of memory and swap together, as ``memory``.
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
        security_opt: The security options of Docker: ``"label:type:NAME"``,
            ``"no-new-privileges"``, ``"seccomp=unconfined"``,
            ``"apparmor=unconfined"``.
        cpus: The limit of the CPU time, in CPUs such as 0.5; by default no limit.
        cpu_reservation: The CPUs that a node must have left for each container.
        memory_reservation: The memory that a node must have left for each container, as
            ``memory``.
        pids_limit: The most processes and threads of a container; by default no limit.
        generic_resources: The resources of nodes that each container reserves:
            ``["gpu=1"]``, or a list of :class:`GenericResourceFields`.
        stop_grace_period: The time from the signal to stop to the kill, in seconds or
            as ``"1m30s"``; by default 10 seconds.
        stop_signal: The signal to stop, such as ``"SIGINT"``; by default that of the
            image.
        restart_policy: How containers that end are restarted, beside ``autorestart``.
        placement: The nodes on which containers may run, beside ``tags``.
        init: Whether a small init process runs the command; ``False`` by default.
        networks: The networks that the containers join, and on which they have names,
            instead of the private network: names, or a list of :class:`NetworkFields`.
        ulimits: The limits of processes: ``["nofile=1024:2048"]``, ``{"nofile":
            {"soft": 1024, "hard": 2048}}``, or a list of :class:`UlimitFields`.
        sysctls: The kernel parameters of the containers' namespaces.
        group_add: Additional groups of the user.
        oom_score_adj: How much earlier (up to 1000) or later (down to -1000) the kernel
            ends the processes of a container when memory is short.
        dns_options: The options of the resolver, such as ``"ndots:2"``.
        tmpfs: The file systems in memory: ``["/run:size=64m"]``, or a list of
            :class:`TmpfsFields`.
        log_driver: The driver that stores the logs; by default that of the node.
        pin_images: Whether each deployment resolves the tag of the image once, so that
            all containers run the same image; ``False`` by default.
        swarm: What is merged into Docker's ``ServiceSpec`` of each container; for
            operators, and on the Swarm engine only.
    """

    image: str
    name: NotRequired[str]


class ServiceChanges(_ServiceOptions):
    """The fields of a service that ``update`` accepts.

    The further keys are those of :class:`ServiceFields`; the name cannot be changed.

    Attributes:
        image: The image, as ``[host/]name[:tag]``.
    """

    image: NotRequired[str]


class StackFields(TypedDict):
    """The fields of a stack that ``create`` accepts.

    Attributes:
        name: The name; required.
        nickname: A display name; by default the name.
        services: The services, each with a ``name`` and the fields of the API or the
            keys of a stack file.
    """

    name: str
    nickname: NotRequired[str]
    services: NotRequired[Sequence[Mapping[str, Any]]]


class StackChanges(TypedDict, total=False):
    """The fields of a stack that ``update`` accepts.

    Attributes:
        nickname: A display name.
        services: The services to change or to add, each with a ``name`` and the fields
            of the API or the keys of a stack file.
    """

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
    """The fields of a node cluster that ``create`` accepts.

    Attributes:
        name: The name of the cluster; required.
        nickname: A display name; by default the name.
        node_type: The type of the nodes, as its ``resource_uri``; required.
        region: The region of the nodes, as its ``resource_uri``; required.
        disk: The size of a node's disk, in GB; 60 by default.
        provider_options: Options of the provider, as ``vpc`` and ``iam`` of AWS.
        target_num_nodes: The number of nodes, 0 to 100; 1 by default.
        tags: The tags of the nodes.
    """

    name: Required[str]
    nickname: str
    node_type: Required[str]
    region: Required[str]
    disk: int
    provider_options: Mapping[str, Any]
    target_num_nodes: int
    tags: Sequence[Tag | str]


class NodeClusterChanges(TypedDict, total=False):
    """The fields of a node cluster that ``update`` accepts.

    Attributes:
        nickname: A display name.
        target_num_nodes: The number of nodes, 0 to 100.
        tags: The tags of the nodes, which replace the former ones.
    """

    nickname: str
    target_num_nodes: int
    tags: Sequence[Tag | str]


class RepositoryFields(TypedDict):
    """The fields of an external repository that ``create`` accepts.

    Attributes:
        name: The host and the path of the repository; required.
        username: The user name for the registry.
        password: The password for the registry.
    """

    name: str
    username: NotRequired[str]
    password: NotRequired[str]


class RepositoryChanges(TypedDict, total=False):
    """The fields of an external repository that ``update`` accepts.

    Attributes:
        username: The user name for the registry.
        password: The password for the registry.
    """

    username: str
    password: str


class TriggerFields(TypedDict, total=False):
    """The fields of a trigger.

    Attributes:
        name: The name; by default the name of the operation.
        operation: ``"REDEPLOY"`` (by default), or ``"SCALEUP"`` to add containers.
        secret: The secret with which callers sign the body of each call, as GitHub
            signs webhooks; by default calls need no signature. No answer contains the
            secret.
    """

    name: str
    operation: Literal["REDEPLOY", "SCALEUP"]
    secret: str
