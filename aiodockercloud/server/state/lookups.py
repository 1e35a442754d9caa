"""The tables of records by kind and uuid, and the relations between records.

Reading only: ``tables.py`` has all changes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import fields
from typing import Any, TypeVar

from ... import wire
from ...wire import states
from ...wire.health import HEALTHY, STARTING, UNHEALTHY
from ...wire.images import ImageName
from ...wire.service_fields import complete
from ..settings import Settings
from . import records, relations
from .errors import NoSuchObject
from .indexes import Groups, NewestFirst, Tally
from .loads import Load, Loads
from .records import (
    SHARED,
    Action,
    Container,
    Node,
    NodeCluster,
    Record,
    Repository,
    Service,
    Stack,
    StoredFile,
    Trigger,
    Versioned,
)
from .stamps import Stamps
from .store import Store

R = TypeVar("R", bound=Record)


class Lookups:
    """The tables of all records, in the order of creation.

    Args:
        store: The durable storage of the records.
        settings: Limits, retention and timings.
    """

    def __init__(self, store: Store, settings: Settings) -> None:
        self.store = store
        self.settings = settings
        self._tables: dict[str, dict[str, Any]] = {
            cls.kind: {} for cls in records.RECORDS
        }
        self.stacks: dict[str, Stack] = self._tables["stack"]
        self.services: dict[str, Service] = self._tables["service"]
        self.containers: dict[str, Container] = self._tables["container"]
        self.nodes: dict[str, Node] = self._tables["node"]
        self.nodeclusters: dict[str, NodeCluster] = self._tables["nodecluster"]
        self.repositories: dict[str, Repository] = self._tables["repository"]
        self.secrets: dict[str, StoredFile] = self._tables["secret"]
        self.configs: dict[str, StoredFile] = self._tables["config"]
        self.actions: dict[str, Action] = self._tables["action"]
        #: (kind, namespace) → all records.
        self._in_namespace: Groups[Record] = Groups(lambda r: ((r.kind, r.namespace),))
        #: (kind, namespace, name) → all records of a kind that is listed by name.
        self._called: Groups[Record] = Groups(relations.names)
        #: (kind, uuid of an owner) → the parts of the owner, terminated ones too.
        self._parts: Groups[Record] = Groups(relations.owners)
        #: Uuid of a service or a node, or (uuid of a service, deployment) with a known
        #: digest → the containers that are not terminated.
        self._containers_of: Groups[Container] = Groups(
            relations.places, place=relations.by_ordinal
        )
        #: What services, secrets, configs and repositories are looked up by.
        self._lookup: Groups[Record] = Groups(relations.keys)
        self._states: Tally[Record] = Tally(relations.states_of_parts)
        self._loads: Loads = Loads()
        #: Uuid → the values of the writable fields of the object's version.
        self._content: dict[str, tuple[Any, ...]] = {}
        #: Whether an object that was rendered has changed since.
        self.stamps: Stamps = Stamps()
        self._number = 0

    def load(self, kind: str, body: dict[str, Any]) -> None:
        """Load a record from the store; ``loaded`` must follow the last one."""
        for cls in records.RECORDS:
            if cls.kind == kind:
                # Another version of the server may have stored unknown fields.
                known = {field.name for field in fields(cls)}
                record = cls(**{k: v for k, v in body.items() if k in known})
                if isinstance(record, Service | Container):
                    record.definition = complete(record.definition)
                if isinstance(record, Service):
                    former = record.previous, record.deployed_definition
                    record.previous, record.deployed_definition = (
                        complete(one) if one is not None else None for one in former
                    )
                self._tables[kind][record.uuid] = record

    def loaded(self) -> None:
        """Sort the loaded records by their creation."""
        for table in self._tables.values():
            self._sort(table)
            for record in table.values():
                self._share_definition(record)
                self._number = max(self._number, record.number)
                self._index(record)

    def _share_definition(self, record: Record) -> None:
        """Let a loaded container have the definition of its service, if both are equal.

        One dict takes the memory then, as when the container was deployed.
        """
        if isinstance(record, Container):
            service = self.services.get(record.service)
            if service is not None and record.definition == service.definition:
                record.definition = service.definition

    @staticmethod
    def _sort(table: dict[str, Any]) -> None:
        ordered = sorted(table.items(), key=lambda item: item[1].number)
        table.clear()
        table.update(ordered)

    def _index(self, record: Record) -> None:
        """Enter a new record into all indexes."""
        self.stamps.existence(record)
        self._stamp(record)
        if isinstance(record, Versioned):
            self._content[record.uuid] = record.content()
        self._in_namespace.update(record)
        self._called.update(record)
        self._parts.update(record)
        self._update_indexes(record)

    def _update_indexes(self, record: Record) -> None:
        """Enter what a change of a record may have changed into the indexes."""
        if isinstance(record, Container):
            self._containers_of.update(record)
            self._loads.update(record)
        if record.kind in relations.LOOKED_UP:
            self._lookup.update(record)
        if isinstance(record, Container | Service | Node):
            self._states.update(record)

    def _discard(self, record: Record) -> None:
        """Remove a record from all indexes."""
        self._content.pop(record.uuid, None)
        self._in_namespace.discard(record)
        self._called.discard(record)
        self._parts.discard(record)
        self._lookup.discard(record)
        self._states.discard(record)
        if isinstance(record, Container):
            self._containers_of.discard(record)
            self._loads.discard(record)

    def _stamp(self, record: Record) -> None:
        """Count a change that can show in rendered objects."""
        if isinstance(record, Container):
            self.stamps.changed(record, self.services.get(record.service))
        else:
            self.stamps.changed(record)

    # --- lookups --------------------------------------------------------------------

    def get(self, kind: str, uuid: str, namespace: str) -> Any:
        """Return the record with a uuid in a namespace, or shared by all namespaces.

        Raises:
            NoSuchObject: The namespace has no such record.
        """
        record = self._tables[kind].get(uuid.lower())
        if record is None or record.namespace not in (namespace, SHARED):
            raise NoSuchObject(f"there is no {kind} {uuid}")
        return record

    def by_uri(self, uri: str) -> Record | None:
        """Return the record with a canonical URI, in any namespace."""
        target = wire.split_path(uri)
        if target is None or target.kind not in self._tables:
            return None
        record: Record | None = self._tables[target.kind].get(target.pk)
        return record

    def removed(self, record: object) -> bool:
        """Return whether an object is a record that is not readable any more."""
        if not isinstance(record, Record):
            return False
        return self._tables[record.kind].get(record.uuid) is not record

    def all(self, kind: str, namespace: str) -> list[Any]:
        """Return the records of a kind in a namespace and shared ones, newest first."""
        return list(self.newest(kind, namespace))

    def newest(self, kind: str, namespace: str) -> Sequence[Any]:
        """Return what ``all`` returns as a view, valid until the next change.

        A slice costs the records of the slice, and the length costs nothing.
        """
        own = self._in_namespace.of((kind, namespace))
        shared = self._in_namespace.of((kind, SHARED))
        return self._newest(namespace, own, shared)

    def called(self, kind: str, namespace: str, name: str) -> Sequence[Any]:
        """Return the records with a name, also terminated ones, as ``newest`` does.

        The kind must be in ``relations.NAMED``.
        """
        own = self._called.of((kind, namespace, name))
        shared = self._called.of((kind, SHARED, name))
        return self._newest(namespace, own, shared)

    @staticmethod
    def _newest(
        namespace: str, own: Sequence[Record], shared: Sequence[Record]
    ) -> Sequence[Any]:
        if own and shared and namespace != SHARED:
            return NewestFirst(sorted([*own, *shared], key=lambda r: r.number))
        return NewestFirst(own or shared)

    # --- relations ------------------------------------------------------------------

    def _parts_of(self, kind: str, owner: str) -> list[Any]:
        """Return the parts of an object, of one kind."""
        return list(self._parts.of((kind, owner)))

    def stack_of(self, service: Service) -> Stack | None:
        """Return the stack of a service, if the service is in a stack."""
        return self.stacks.get(service.stack) if service.stack else None

    def services_of(self, stack: Stack) -> list[Service]:
        """Return the services of a stack that are not terminated."""
        return _live(self._parts_of("service", stack.uuid))

    def containers_of(self, service: Service) -> list[Container]:
        """Return the containers of a service that are not terminated, by ordinal."""
        return list(self._containers_of.of(service.uuid))

    def numbered(self, service: Service, ordinal: int) -> list[Container]:
        """Return the containers of a service with an ordinal that are not terminated.

        A service has one at most, except while one replaces another.
        """
        key = service.uuid
        return list(self._containers_of.of_place(key, (ordinal,), (ordinal + 1,)))

    def states_of_parts(self, record: Record) -> Collection[tuple[str, str | None]]:
        """Return the different states of an object's parts that are not terminated.

        Returns:
            Pairs: the states of containers with their healths, and the state of a
            service with ``ENDED`` for a job that has ended as it should.
        """
        return self._states.of(record.uuid).keys()

    def load_of(self, node: Node) -> Load:
        """Return the load of a node, which must not be changed."""
        return self._loads.of(node.uuid)

    def health_of(self, record: Record) -> str | None:
        """Return the health of a container or a service, ``None`` for other objects.

        The health of a service is the worst of its containers.
        """
        if isinstance(record, Container):
            return record.health
        if not isinstance(record, Service):
            return None
        found = {health for _, health in self.states_of_parts(record)}
        for health in (UNHEALTHY, STARTING, HEALTHY):
            if health in found:
                return health
        return None

    def containers_on(self, node: Node) -> list[Container]:
        """Return the containers of a node that are not terminated."""
        return list(self._containers_of.of(node.uuid))

    def cluster_of(self, node: Node) -> NodeCluster | None:
        """Return the cluster of a node, if the node is in a cluster."""
        return self.nodeclusters.get(node.cluster) if node.cluster else None

    def nodes_of(self, cluster: NodeCluster) -> list[Node]:
        """Return the nodes of a cluster that are not terminated."""
        return _live(self._parts_of("node", cluster.uuid))

    def triggers_of(self, service: Service) -> list[Trigger]:
        """Return the triggers of a service."""
        return self._parts_of("trigger", service.uuid)

    def triggers_made_by(self, container: Container) -> list[Trigger]:
        """Return the triggers that the key of a container created."""
        return self._parts_of("trigger", container.uuid)

    def members(self, record: Record) -> list[Record]:
        """Return all parts of a stack, a service or a cluster, terminated ones too."""
        if isinstance(record, NodeCluster):
            return self._parts_of("node", record.uuid)
        if isinstance(record, Stack):
            inside = self._parts_of("service", record.uuid)
            return [*inside, *(c for s in inside for c in self.members(s))]
        if isinstance(record, Service):
            return self._parts_of("container", record.uuid)
        return []

    def actions_on(self, uri: str) -> list[Action]:
        """Return the actions on the object with a canonical URI, oldest first."""
        return self._parts_of("action", uri)

    def with_digest(self, service: Service, deployment: str) -> list[Container]:
        """Return the containers of a deployment whose image has a known digest."""
        return list(self._containers_of.of((service.uuid, deployment)))

    def linking_to(self, service: Service) -> list[Service]:
        """Return the services with a link to this service."""
        return self._found(relations.links_to(service.uuid))

    def _found(self, key: relations.Key) -> list[Any]:
        return list(self._lookup.of(key))

    def repository_for(self, namespace: str, image: str) -> Repository | None:
        """Return the repository with the credentials for pulling an image."""
        if not self.repositories:
            return None
        wanted = ImageName.parse(image).familiar().repository
        return next(iter(self._found(relations.registered(namespace, wanted))), None)

    def credentials_for(self, service: Service, image: str) -> tuple[str, str] | None:
        """Return the stored user and password for an image of a service.

        The credentials of the service take precedence over those of a repository, and
        are for images of one registry only.
        """
        own = service.registry_auth
        if own is not None and own["registry"] == ImageName.parse(image).registry:
            return own["username"], own["password"]
        repository = self.repository_for(service.namespace, image)
        if repository is None or not repository.username:
            return None
        return repository.username, repository.password

    def link_names(self, service: Service) -> set[str]:
        """Return the names of the links to this service in its stack."""
        return {
            link["name"]
            for other in self.linking_to(service)
            if other.stack == service.stack
            for link in other.definition["linked_to_service"]
            if link["to_service"] == service.uuid
        }

    def sharing_volumes_of(self, service: Service) -> list[Service]:
        """Return the services that name this service in ``volumes_from``."""
        return self._found(relations.shares_volumes_of(service.uuid))

    def live_nodes(self) -> list[Node]:
        """Return the nodes that are not terminated."""
        return _live(self.nodes.values())

    def synchronized(self, service: Service) -> bool:
        """Return whether the containers correspond to the definition."""
        return not service.scale_pending and all(
            container.revision == service.revision
            for container in self.containers_of(service)
        )

    def parents(self, record: Record) -> list[str]:
        """Return the URIs of the objects that contain an object, nearest first."""
        if isinstance(record, Action):
            return [record.object]
        owners: list[Record | None] = []
        if isinstance(record, Service):
            owners = [self.stack_of(record)]
        elif isinstance(record, Container):
            service = self.services[record.service]
            node = self.nodes.get(record.node)
            owners = [service, self.stack_of(service), node]
            owners.append(self.cluster_of(node) if node else None)
        elif isinstance(record, Node):
            owners = [self.cluster_of(record)]
        return [owner.uri for owner in owners if owner is not None]

    def find_service(
        self, reference: str, namespace: str, stack: str | None
    ) -> Service | None:
        """Return the service that ``to_service`` of a link refers to.

        Args:
            reference: A URI, a uuid, ``name.stack``, or a name, which is searched in
                *stack* first and then outside of stacks.
            namespace: The namespace of the service.
            stack: The uuid of the stack of the linking service.
        """
        uuid = reference.rstrip("/").rpartition("/")[2]
        service = self.services.get(uuid)
        if service is None and "/" not in reference:
            service = self._service_named(reference, namespace, stack)
        if service is None or service.namespace != namespace:
            return None
        return service if service.state != states.TERMINATED else None

    def _service_named(
        self, name: str, namespace: str, stack: str | None
    ) -> Service | None:
        for place in (stack, None):
            services: list[Service] = self.named("service", name, namespace, place)
            if services:
                return services[0]
        # Names may contain dots, so the complete name takes precedence.
        dots = [at for at, character in enumerate(name) if character == "."]
        of_stacks: list[Service] = [
            service
            for at in dots
            for owner in self.named("stack", name[at + 1 :], namespace)
            for service in self.named("service", name[:at], namespace, owner.uuid)
        ]
        return min(of_stacks, key=lambda service: service.number, default=None)

    def named(
        self, kind: str, name: str, namespace: str, stack: str | None = None
    ) -> list[Any]:
        """Return the objects with a name that are not terminated.

        Args:
            kind: ``service``, ``stack``, ``secret`` or ``config``.
            name: The name.
            namespace: The namespace.
            stack: The uuid of the stack of a service; None of one outside of stacks.
        """
        return self._found(relations.has_name(kind, namespace, stack, name))


def _live(records: Iterable[R]) -> list[R]:
    return [r for r in records if r.state != states.TERMINATED]
