"""The filters of lists, by kind of object.

A collection of values selects the objects that match any of them, and ``None`` is left
out. The server accepts further filters: any field of the rendered object, with one of
Django's lookups, as in ``cpu_shares__gt``. A type checker takes such a filter from a
``dict[str, Any]``, as in ``list(**filters)``.

Source: Docker Cloud API reference, the tables "Query Parameters".
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import TypedDict

from .references import Reference
from .words import (
    ActionState,
    ContainerState,
    DeploymentStrategy,
    Health,
    NodeClusterState,
    NodeState,
    ServiceState,
    StackState,
)

__all__ = [
    "ActionFilters",
    "AvailabilityZoneFilters",
    "ContainerFilters",
    "NodeClusterFilters",
    "NodeFilters",
    "NodeTypeFilters",
    "ProviderFilters",
    "RegionFilters",
    "RegistryFilters",
    "RepositoryFilters",
    "ServiceFilters",
    "StackFilters",
    "StoredFileFilters",
]

#: One text or several.
_Texts = str | Collection[str] | None
#: Labels that one object has: one of them as text, or all in a mapping.
_Labels = str | Mapping[str, str]
#: One object or several.
_References = Reference | Collection[Reference] | None
#: A point in time: with a time zone, or as the text of a date of the API.
_Date = datetime | str | None


class _Page(TypedDict, total=False):
    limit: int | None
    offset: int | None


class _Identified(_Page, total=False):
    uuid: _Texts
    uuid__in: _Texts
    uuid__startswith: _Texts


class _Named(TypedDict, total=False):
    name: _Texts
    name__in: _Texts
    name__ne: _Texts
    name__startswith: _Texts
    name__endswith: _Texts
    name__contains: _Texts


class _Nicknamed(TypedDict, total=False):
    nickname: _Texts
    nickname__in: _Texts
    nickname__ne: _Texts
    nickname__startswith: _Texts
    nickname__contains: _Texts


class _Living(TypedDict, total=False):
    terminated: bool | None
    deployed_datetime__gte: _Date
    deployed_datetime__lte: _Date
    destroyed_datetime__gte: _Date
    destroyed_datetime__lte: _Date


class _Deployed(TypedDict, total=False):
    image_name: _Texts
    image_name__in: _Texts
    image_name__ne: _Texts
    image_name__startswith: _Texts
    image_name__contains: _Texts
    labels: _Labels | Collection[_Labels] | None
    started_datetime__gte: _Date
    started_datetime__lte: _Date
    stopped_datetime__gte: _Date
    stopped_datetime__lte: _Date


class ServiceFilters(_Identified, _Named, _Nicknamed, _Living, _Deployed, total=False):
    """The filters of ``cloud.services``.

    Attributes:
        uuid: The uuid.
        id: The uuid as well, under Docker's name.
        name: The name.
        nickname: The display name.
        image_name: The image, as ``[host/]name:tag``.
        image: The image as well, under the name of the field to write.
        state: The state.
        health: The health.
        stack: The stack of the service.
        labels: Labels, as ``"name=value"``, ``"name"`` or a mapping all of whose labels
            must be present.
        tags: A tag, by its name.
        deployment_strategy: The strategy of the deployment.
        autoredeploy: Whether a new version of the image redeploys the service.
        synchronized: Whether the containers have the current definition.
        terminated: ``False`` leaves out terminated objects.
        deployed_datetime: When the service was last deployed.
        started_datetime: When the service was last started.
        stopped_datetime: When the service last stopped.
        destroyed_datetime: When the service was terminated.
        limit: The number of objects on a page.
        offset: The number of objects to leave out at the beginning.
    """

    id: _Texts
    health: Health | Collection[Health] | None
    state: ServiceState | Collection[ServiceState] | None
    state__in: ServiceState | Collection[ServiceState] | str | None
    state__ne: ServiceState | Collection[ServiceState] | None
    image: _Texts
    stack: _References
    stack__name: _Texts
    tags__name: _Texts
    deployment_strategy: DeploymentStrategy | Collection[DeploymentStrategy] | None
    autoredeploy: bool | None
    synchronized: bool | None


class ContainerFilters(_Identified, _Named, _Living, _Deployed, total=False):
    """The filters of ``cloud.containers``.

    Attributes:
        uuid: The uuid.
        name: The name.
        image_name: The image, as ``[host/]name:tag``.
        state: The state.
        health: The health.
        service: The service of the container.
        node: The node of the container.
        labels: Labels, as ``"name=value"``, ``"name"`` or a mapping all of whose labels
            must be present.
        exit_code: The exit code of a stopped container.
        synchronized: Whether the container has the current definition of its service.
        terminated: ``False`` leaves out terminated objects.
        deployed_datetime: When the container was last deployed.
        started_datetime: When the container was last started.
        stopped_datetime: When the container last stopped.
        destroyed_datetime: When the container was terminated.
        limit: The number of objects on a page.
        offset: The number of objects to leave out at the beginning.
    """

    health: Health | Collection[Health] | None
    state: ContainerState | Collection[ContainerState] | None
    state__in: ContainerState | Collection[ContainerState] | str | None
    state__ne: ContainerState | Collection[ContainerState] | None
    service: _References
    service__name: _Texts
    service__stack__name: _Texts
    node: _References
    exit_code: int | Collection[int] | None
    exit_code__ne: int | Collection[int] | None
    synchronized: bool | None


class StackFilters(_Identified, _Named, _Nicknamed, _Living, total=False):
    """The filters of ``cloud.stacks``.

    Attributes:
        uuid: The uuid.
        name: The name.
        nickname: The display name.
        state: The state.
        synchronized: Whether all containers have their current definitions.
        terminated: ``False`` leaves out terminated objects.
        deployed_datetime: When the stack was last deployed.
        destroyed_datetime: When the stack was terminated.
        limit: The number of objects on a page.
        offset: The number of objects to leave out at the beginning.
    """

    state: StackState | Collection[StackState] | None
    state__in: StackState | Collection[StackState] | str | None
    state__ne: StackState | Collection[StackState] | None
    synchronized: bool | None


class NodeFilters(_Identified, _Nicknamed, _Living, total=False):
    """The filters of ``cloud.nodes``.

    Attributes:
        uuid: The uuid.
        nickname: The display name.
        state: The state.
        node_cluster: The cluster of the node.
        node_type: The type of the node.
        region: The region of the node.
        docker_version: The version of Docker on the node.
        tags: A tag, by its name.
        terminated: ``False`` leaves out terminated objects.
        deployed_datetime: When the node was deployed.
        destroyed_datetime: When the node was terminated.
        limit: The number of objects on a page.
        offset: The number of objects to leave out at the beginning.
    """

    state: NodeState | Collection[NodeState] | None
    state__in: NodeState | Collection[NodeState] | str | None
    state__ne: NodeState | Collection[NodeState] | None
    node_cluster: _References
    node_type: _References
    region: _References
    docker_version: _Texts
    tags__name: _Texts


class NodeClusterFilters(_Identified, _Named, _Nicknamed, _Living, total=False):
    """The filters of ``cloud.nodeclusters``.

    Attributes:
        uuid: The uuid.
        name: The name.
        nickname: The display name.
        state: The state.
        node_type: The type of the nodes.
        region: The region of the nodes.
        tags: A tag, by its name.
        terminated: ``False`` leaves out terminated objects.
        deployed_datetime: When the cluster was deployed.
        destroyed_datetime: When the cluster was terminated.
        limit: The number of objects on a page.
        offset: The number of objects to leave out at the beginning.
    """

    state: NodeClusterState | Collection[NodeClusterState] | None
    state__in: NodeClusterState | Collection[NodeClusterState] | str | None
    state__ne: NodeClusterState | Collection[NodeClusterState] | None
    node_type: _References
    region: _References
    tags__name: _Texts


class ActionFilters(_Identified, total=False):
    """The filters of ``cloud.actions``.

    Attributes:
        uuid: The uuid.
        state: The state.
        action: The name of the operation, such as ``"Service Start"``.
        object: The object that the action changes.
        include_related: Whether the actions of the object's parents and parts are
            included; with *object* only.
        user: The user who sent the call.
        start_date: When the action was created.
        end_date: When the action ended.
        limit: The number of objects on a page.
        offset: The number of objects to leave out at the beginning.
    """

    state: ActionState | Collection[ActionState] | None
    state__in: ActionState | Collection[ActionState] | str | None
    state__ne: ActionState | Collection[ActionState] | None
    action: _Texts
    object: _References
    include_related: bool | None
    user: _Texts
    start_date__gte: _Date
    start_date__lte: _Date
    end_date__gte: _Date
    end_date__lte: _Date


class RepositoryFilters(_Page, _Named, total=False):
    """The filters of ``cloud.repositories``.

    Attributes:
        name: The host and the path of the repository.
        registry: The registry of the repository.
        in_use: Whether a service uses an image of the repository.
        limit: The number of objects on a page.
        offset: The number of objects to leave out at the beginning.
    """

    registry: _References
    in_use: bool | None


class StoredFileFilters(_Page, _Named, total=False):
    """The filters of ``cloud.secrets`` and ``cloud.configs``.

    Attributes:
        uuid: The uuid.
        name: The name.
        limit: The number of objects on a page.
        offset: The number of objects to leave out at the beginning.
    """

    uuid: _Texts


class RegistryFilters(_Page, total=False):
    """The filters of ``cloud.registries``.

    Attributes:
        uuid: The uuid.
        name: The display name.
        host: The host name.
        is_docker_registry: Whether Docker operates the registry.
        limit: The number of objects on a page.
        offset: The number of objects to leave out at the beginning.
    """

    uuid: _Texts
    name: _Texts
    host: _Texts
    is_docker_registry: bool | None


class _Placed(_Page, _Named, total=False):
    provider: _References
    region: _References
    regions: _References
    availability_zones: _References
    available: bool | None


class ProviderFilters(_Placed, total=False):
    """The filters of ``cloud.providers``.

    Attributes:
        name: The key of the provider.
        provider: The provider itself.
        region: A region of the provider.
        regions: The same as *region*.
        availability_zones: A zone of the provider.
        available: Whether new nodes can be deployed at the provider.
        limit: The number of objects on a page.
        offset: The number of objects to leave out at the beginning.
    """


class RegionFilters(_Placed, total=False):
    """The filters of ``cloud.regions``.

    Attributes:
        name: The key of the region in its provider.
        provider: The provider of the region.
        region: The region itself.
        regions: The same as *region*.
        availability_zones: A zone of the region.
        available: Whether new nodes can be deployed in the region.
        limit: The number of objects on a page.
        offset: The number of objects to leave out at the beginning.
    """


class AvailabilityZoneFilters(_Placed, total=False):
    """The filters of ``cloud.azs``.

    Attributes:
        name: The key of the zone in its region.
        provider: The provider of the zone.
        region: The region of the zone.
        regions: The same as *region*.
        availability_zones: The zone itself.
        available: Whether new nodes can be deployed in the zone.
        limit: The number of objects on a page.
        offset: The number of objects to leave out at the beginning.
    """


class NodeTypeFilters(_Placed, total=False):
    """The filters of ``cloud.nodetypes``.

    Attributes:
        name: The key of the type in its provider.
        provider: The provider of the type.
        region: A region that offers the type.
        regions: The same as *region*.
        availability_zones: A zone that offers the type.
        available: Whether new nodes of the type can be deployed.
        limit: The number of objects on a page.
        offset: The number of objects to leave out at the beginning.
    """
