"""Nodes, node clusters, the catalogue and registries, as the server returns them.

Source: Docker Cloud API reference, the tables "Attributes".
"""

from typing import Any, TypedDict

from .parts import Changed, Tag
from .words import NodeClusterState, NodeState

__all__ = [
    "AvailabilityZone",
    "Node",
    "NodeCluster",
    "NodeType",
    "Provider",
    "Region",
    "Registry",
    "Repository",
    "StoredFile",
]


class Node(Changed):
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


class NodeCluster(Changed):
    """A node cluster: nodes of one type that are scaled together.

    Attributes:
        uuid: The identifier of the object.
        resource_uri: The URI of the object.
        name: The name of the cluster.
        nickname: A display name; by default the name.
        state: The state of the cluster.
        node_type: The type of the nodes, as its ``resource_uri``; ``None`` for nodes
            that the engine does not provision.
        region: The region of the nodes, as its ``resource_uri``, or ``None`` likewise.
        disk: The size of a node's disk, in GB.
        nodes: The nodes, as resource URIs.
        target_num_nodes: The number of nodes to which scaling leads.
        current_num_nodes: The number of nodes that exist.
        tags: The tags of the nodes.
        provider_options: Options of the provider, as ``vpc`` and ``iam`` of AWS.
        deployed_datetime: When the cluster was deployed, or ``None``.
        destroyed_datetime: When the cluster was terminated, or ``None``.
        version: The version, for ``update(…, version=…)``: a number that grows with
            every change of what an update can change.
    """

    uuid: str
    resource_uri: str
    name: str
    nickname: str
    state: NodeClusterState
    node_type: str | None
    region: str | None
    disk: int
    nodes: list[str]
    target_num_nodes: int
    current_num_nodes: int
    tags: list[Tag]
    provider_options: dict[str, Any]
    deployed_datetime: str | None
    destroyed_datetime: str | None
    version: int


class Provider(TypedDict):
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


class Region(TypedDict):
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


class AvailabilityZone(TypedDict):
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


class NodeType(TypedDict):
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


class Repository(Changed):
    """An image repository outside Docker Hub.

    Attributes:
        resource_uri: The URI of the object.
        name: The host and the path of the repository.
        in_use: Whether a service uses an image of the repository.
        registry: The registry, as its ``resource_uri``.
        version: The version of the credentials, for ``update(…, version=…)``: a number
            that grows with every change.
    """

    resource_uri: str
    name: str
    in_use: bool
    registry: str
    version: int


class StoredFile(Changed):
    """A secret or a config; no answer has the content.

    Attributes:
        uuid: The uuid.
        resource_uri: The URI of the object.
        name: The name, by which services name the object.
        version: The version of the content, for ``update(…, version=…)``: a number that
            grows with every new content.
        created_datetime: When the object was created.
        updated_datetime: When the content was changed.
        services: The services that use the object, as their ``resource_uri``.
    """

    uuid: str
    resource_uri: str
    name: str
    version: int
    created_datetime: str
    updated_datetime: str
    services: list[str]


class Registry(TypedDict):
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
