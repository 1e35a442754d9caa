"""The fields that the client sends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict

from .parts import Binding, EnvVar, Link, Port, Tag
from .words import Autodestroy, Autorestart, DeploymentStrategy

__all__ = [
    "NodeClusterFields",
    "NodeFields",
    "RepositoryFields",
    "ServiceFields",
    "StackFields",
    "TriggerFields",
]


class ServiceFields(TypedDict, total=False):
    """The fields of a service that ``create`` and ``update`` accept.

    The default of a list or a mapping is an empty one. ``None`` means that the image or
    Docker decides.

    Attributes:
        image: The image, as ``[host/]name[:tag]``; required by ``create``.
        name: The name; by default the name of the image. Cannot be changed later.
        nickname: A display name; by default the name.
        target_num_containers: The number of containers, 0 to 1000; 1 by default.
        run_command: The command, instead of that of the image: a command line, or a
            list of words.
        entrypoint: The entry point, instead of that of the image, as ``run_command``.
        container_ports: The ports, in addition to those of the image:
            ``["8080:80", "53:53/udp"]``, or a list of :class:`Port`. ``"80"`` publishes
            the port on a free port of the node.
        container_envvars: The environment variables, which override those of the image:
            ``{"A": "1"}``, ``["A=1"]``, or a list of :class:`EnvVar`.
        labels: The labels of the containers.
        linked_to_service: The links to other services: ``["db", "cache:redis"]`` with
            the names of the services, or a list of :class:`Link`.
        bindings: The volumes: ``["/data", "/host:/container:ro"]``, or a list of
            :class:`Binding`.
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
        memory: The limit of the memory, in MB, or as ``"512m"`` or ``"2g"``; 4 MB or
            more.
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
        security_opt: The security options of Docker.
    """

    image: str
    name: str
    nickname: str
    target_num_containers: int
    run_command: str | Sequence[str] | None
    entrypoint: str | Sequence[str] | None
    container_ports: Sequence[Port | str | int] | int
    container_envvars: Sequence[EnvVar | str] | Mapping[str, str | int | float | None]
    labels: Mapping[str, str]
    linked_to_service: Sequence[Link | str]
    bindings: Sequence[Binding | str]
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
