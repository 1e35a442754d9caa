"""The tables of records by kind and uuid, and the relations between records.

Reading only: ``tables.py`` has all changes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import fields
from typing import Any, TypeVar

from ... import wire
from ...wire import states
from ...wire.health import HEALTHY, STARTING, UNHEALTHY
from ...wire.images import ImageName
from ...wire.service_fields import complete
from ..settings import Settings
from . import records
from .errors import NoSuchObject
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
        self._of_stack: dict[str, dict[str, Service]] = defaultdict(dict)
        self._of_service: dict[str, dict[str, Container]] = defaultdict(dict)
        self._of_node: dict[str, dict[str, Container]] = defaultdict(dict)
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
                self._number = max(self._number, record.number)
                self._index(record)

    @staticmethod
    def _sort(table: dict[str, Any]) -> None:
        ordered = sorted(table.items(), key=lambda item: item[1].number)
        table.clear()
        table.update(ordered)

    def _index(self, record: Record) -> None:
        self.stamps.existence(record)
        self._stamp(record)
        if isinstance(record, Versioned):
            self._content[record.uuid] = record.content()
        if isinstance(record, Service) and record.stack:
            self._of_stack[record.stack][record.uuid] = record
        elif isinstance(record, Container):
            self._of_service[record.service][record.uuid] = record
            if record.state != states.TERMINATED:
                self._of_node[record.node][record.uuid] = record

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
        table = self._tables[kind]
        visible = (namespace, SHARED)
        return [r for r in reversed(table.values()) if r.namespace in visible]

    # --- relations ------------------------------------------------------------------

    def stack_of(self, service: Service) -> Stack | None:
        """Return the stack of a service, if the service is in a stack."""
        return self.stacks.get(service.stack) if service.stack else None

    def services_of(self, stack: Stack) -> list[Service]:
        """Return the services of a stack that are not terminated."""
        return _live(self._of_stack[stack.uuid].values())

    def containers_of(self, service: Service) -> list[Container]:
        """Return the containers of a service that are not terminated, by ordinal."""
        live = _live(self._of_service[service.uuid].values())
        return sorted(live, key=lambda c: (c.ordinal, c.number))

    def health_of(self, record: Record) -> str | None:
        """Return the health of a container or a service, ``None`` for other objects.

        The health of a service is the worst of its containers.
        """
        if isinstance(record, Container):
            return record.health
        if not isinstance(record, Service):
            return None
        found = {c.health for c in _live(self._of_service[record.uuid].values())}
        worst = (UNHEALTHY, STARTING, HEALTHY)
        return next((health for health in worst if health in found), None)

    def containers_on(self, node: Node) -> list[Container]:
        """Return the containers of a node that are not terminated."""
        return _live(self._of_node[node.uuid].values())

    def cluster_of(self, node: Node) -> NodeCluster | None:
        """Return the cluster of a node, if the node is in a cluster."""
        return self.nodeclusters.get(node.cluster) if node.cluster else None

    def nodes_of(self, cluster: NodeCluster) -> list[Node]:
        """Return the nodes of a cluster that are not terminated."""
        return [node for node in self.live_nodes() if node.cluster == cluster.uuid]

    def triggers_of(self, service: Service) -> list[Trigger]:
        """Return the triggers of a service."""
        triggers: Iterable[Trigger] = self._tables["trigger"].values()
        return [trigger for trigger in triggers if trigger.service == service.uuid]

    def triggers_made_by(self, container: Container) -> list[Trigger]:
        """Return the triggers that the key of a container created."""
        triggers: Iterable[Trigger] = self._tables["trigger"].values()
        return [trigger for trigger in triggers if trigger.container == container.uuid]

    def members(self, record: Record) -> list[Record]:
        """Return all parts of a stack, a service or a cluster, terminated ones too."""
        if isinstance(record, NodeCluster):
            return [n for n in self.nodes.values() if n.cluster == record.uuid]
        if isinstance(record, Stack):
            inside = list(self._of_stack[record.uuid].values())
            return [*inside, *(c for s in inside for c in self.members(s))]
        if isinstance(record, Service):
            return list(self._of_service[record.uuid].values())
        return []

    def linking_to(self, service: Service) -> list[Service]:
        """Return the services with a link to this service."""
        return [
            other
            for other in self.services.values()
            # Checked first, because most services have no link: a server may have
            # thousands of services.
            if (links := other.definition["linked_to_service"])
            and other.state != states.TERMINATED
            and any(link["to_service"] == service.uuid for link in links)
        ]

    def repository_for(self, namespace: str, image: str) -> Repository | None:
        """Return the repository with the credentials for pulling an image."""
        wanted = ImageName.parse(image).familiar().repository
        for repository in self.repositories.values():
            # A repository's name with a tag names no image of a service.
            name = str(ImageName.parse(repository.name).familiar())
            if repository.namespace == namespace and name == wanted:
                return repository
        return None

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
        return [
            other
            for other in _live(self.services.values())
            if any(
                binding["volumes_from"] == service.uuid
                for binding in other.definition["bindings"]
            )
        ]

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
        live = [s for s in _live(self.services.values()) if s.namespace == namespace]
        for place in (stack, None):
            for service in live:
                if service.name == name and service.stack == place:
                    return service
        # Names may contain dots, so the complete name takes precedence.
        for service in live:
            owner = self.stack_of(service)
            if owner is not None and f"{service.name}.{owner.name}" == name:
                return service
        return None


def _live(records: Iterable[R]) -> list[R]:
    return [r for r in records if r.state != states.TERMINATED]
