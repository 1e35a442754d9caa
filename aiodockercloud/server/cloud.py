"""The control plane's state: records, what engines see of them, who is told.

Requests change definitions and submit operations (``operations.py``); jobs drive the
engine (``service_jobs.py`` and its sisters); what the engine then observes comes in
here and becomes states, rows in the store and events. All of it runs in one event loop,
and between two awaits nothing else moves.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from .. import wire
from ..exceptions import ObjectNotFound
from . import deployment, lifecycle, models
from .accounts import Accounts
from .engines import ContainerSeen, Engine, EngineError, NodeSeen, Observation
from .hub import Hub
from .jobs import JOBS
from .models import (
    EVERYBODY,
    Action,
    Container,
    Node,
    Record,
    Service,
    Stack,
)
from .operations import Operations
from .store import Store

log = logging.getLogger(__name__)

R = TypeVar("R", bound=Record)

#: Seconds for which terminated objects and ended actions stay readable.
KEEP = 3600.0
#: Seconds between two looks for what is older than that.
SWEEP = 60.0


class Cloud:
    """All records, by kind and uuid, and the ways in which they may change."""

    def __init__(
        self,
        engine: Engine,
        store: Store | None = None,
        *,
        domain: str = "dockerapp.io",
    ) -> None:
        self.engine = engine
        self.store = store or Store()
        self.hub = Hub()
        self.accounts = Accounts(self.store)
        self.operations = Operations(self, JOBS)
        self.domain = domain
        #: Where containers reach this server; set when it listens.
        self.rest_host = ""
        self.stacks: dict[str, Stack] = {}
        self.services: dict[str, Service] = {}
        self.containers: dict[str, Container] = {}
        self.nodes: dict[str, Node] = {}
        self.actions: dict[str, Action] = {}
        self._tables: dict[str, dict[str, Any]] = {
            "stack": self.stacks,
            "service": self.services,
            "container": self.containers,
            "node": self.nodes,
            "action": self.actions,
        }
        self._of_stack: dict[str, dict[str, Service]] = defaultdict(dict)
        self._of_service: dict[str, dict[str, Container]] = defaultdict(dict)
        self._of_node: dict[str, dict[str, Container]] = defaultdict(dict)
        self._by_engine_id: dict[str, Node] = {}
        self._waiting: dict[str, list[asyncio.Future[None]]] = defaultdict(list)
        #: What the engine has told of since the start.
        self._seen: set[str] = set()
        self._number = 0
        self._sweeper: asyncio.Task[None] | None = None

    # --- beginning and end ----------------------------------------------------------

    async def start(self) -> None:
        """Read the store, look at what the engine has, go on where it was left."""
        await self.store.open()
        async for kind, _key, body in self.store.load():
            self._load(kind, body)
        self._number = max(
            (r.number for table in self._tables.values() for r in table.values()),
            default=0,
        )
        for table in self._tables.values():
            ordered = sorted(table.items(), key=lambda item: item[1].number)
            table.clear()
            table.update(ordered)
        for service in self.services.values():
            self._index(service)
        for container in self.containers.values():
            self._index(container)
        await self.engine.start(self.observe)
        await self._reconcile()
        self.operations.resume()
        self._sweeper = asyncio.create_task(self._sweep(), name="sweeper")

    async def close(self) -> None:
        """Stop working, keep everything; safe to repeat."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)
            self._sweeper = None
        await self.operations.close()
        await self.engine.close()
        self.hub.journal.close()
        await self.store.close()

    def _load(self, kind: str, body: dict[str, Any]) -> None:
        if kind == "account":
            self.accounts.load(body)
            return
        for cls in models.RECORDS:
            if cls.kind == kind:
                record = cls(**body)
                self._tables[kind][record.uuid] = record

    async def _reconcile(self) -> None:
        """After a restart: what is gone is gone; a volatile engine gets it again."""
        for node in self.live_nodes():
            if node.engine_id in self._seen:
                continue
            if self.engine.volatile:
                await self.engine.add_node(node.engine_id, node.tags)
            else:
                self.set_state(node, lifecycle.UNREACHABLE)
        for container in list(self.containers.values()):
            ended = container.state in (lifecycle.TERMINATED, lifecycle.STOPPED)
            if ended or container.uuid in self._seen:
                continue
            if not self.engine.volatile:
                self.observe(ContainerSeen(uuid=container.uuid, state="gone"))
            elif container.state in (lifecycle.RUNNING, lifecycle.STOPPING):
                await self._restore(container)
        for service in self.services.values():
            if service.state not in lifecycle.INTERMEDIATE:
                self.settle(service)

    async def _restore(self, container: Container) -> None:
        try:
            await self.engine.create(deployment.spec_of(self, container))
        except EngineError as error:
            log.warning("%s did not come back: %s", container.uri, error)
            self.set_state(container, lifecycle.STOPPED)

    # --- records --------------------------------------------------------------------

    def add(self, record: Record) -> None:
        """Take in a new record and tell that it was created."""
        self._number += 1
        record.number = self._number
        self._tables[record.kind][record.uuid] = record
        self._index(record)
        self.save(record)
        self.hub.publish(record, "create", self.parents(record))

    def save(self, record: Record) -> None:
        """Store a change that is no change of state."""
        self.store.put(record)
        for waiter in self._waiting.pop(record.uuid, ()):
            if not waiter.done():
                waiter.set_result(None)

    def touch(self, record: Record) -> None:
        """Store a change of a definition and tell of it."""
        self.save(record)
        self.hub.publish(record, "update", self.parents(record))

    def set_state(self, record: Record, state: str) -> None:
        """Give a record another state, and tell."""
        if record.state == state:
            self.save(record)
            return
        record.state = state
        if state == lifecycle.TERMINATED:
            record.destroyed = time.time()  # type: ignore[attr-defined]
            if isinstance(record, Container):
                self._of_node[record.node].pop(record.uuid, None)
        self.save(record)
        word = "delete" if state == lifecycle.TERMINATED else "update"
        self.hub.publish(record, word, self.parents(record))

    def _index(self, record: Record) -> None:
        if isinstance(record, Service) and record.stack:
            self._of_stack[record.stack][record.uuid] = record
        elif isinstance(record, Container):
            self._of_service[record.service][record.uuid] = record
            if record.state != lifecycle.TERMINATED:
                self._of_node[record.node][record.uuid] = record
        elif isinstance(record, Node):
            self._by_engine_id[record.engine_id] = record

    def _forget(self, record: Record) -> None:
        self._tables[record.kind].pop(record.uuid, None)
        if isinstance(record, Service):
            self._of_service.pop(record.uuid, None)
            if record.stack:
                self._of_stack[record.stack].pop(record.uuid, None)
        elif isinstance(record, Stack):
            self._of_stack.pop(record.uuid, None)
        elif isinstance(record, Container):
            self._of_service[record.service].pop(record.uuid, None)
        self.store.delete(record)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP)
            self.sweep(time.time() - KEEP)

    def sweep(self, before: float) -> None:
        """Forget what was terminated, and actions that ended, before that moment."""
        for table in self._tables.values():
            for record in list(table.values()):
                end = getattr(record, "destroyed", None) or getattr(
                    record, "ended", None
                )
                if end is not None and end < before:
                    self._forget(record)

    def get(self, kind: str, uuid: str, namespace: str) -> Any:
        """The record of a uuid, as far as the namespace can see it.

        Raises:
            ObjectNotFound: There is none.
        """
        record = self._tables[kind].get(uuid.lower())
        if record is None or record.namespace not in (namespace, EVERYBODY):
            raise ObjectNotFound(f"there is no {kind} {uuid}")
        return record

    def by_uri(self, uri: str) -> Record | None:
        """The record a canonical URI names, in whatever namespace."""
        target = wire.split_path(uri)
        if target is None or target.kind not in self._tables:
            return None
        record: Record | None = self._tables[target.kind].get(target.pk)
        return record

    def all(self, kind: str, namespace: str) -> list[Any]:
        """The records of a kind that a namespace sees, newest first."""
        table = self._tables[kind]
        seen = (namespace, EVERYBODY)
        return [r for r in reversed(table.values()) if r.namespace in seen]

    # --- relations ------------------------------------------------------------------

    def stack_of(self, service: Service) -> Stack | None:
        return self.stacks.get(service.stack) if service.stack else None

    def services_of(self, stack: Stack) -> list[Service]:
        """The services of a stack that are not terminated."""
        return _live(self._of_stack[stack.uuid].values())

    def containers_of(self, service: Service) -> list[Container]:
        """The containers of a service that are not terminated, in their order."""
        live = _live(self._of_service[service.uuid].values())
        return sorted(live, key=lambda c: (c.ordinal, c.number))

    def containers_on(self, node: Node) -> list[Container]:
        return _live(self._of_node[node.uuid].values())

    def members(self, record: Record) -> list[Record]:
        """All that is in a stack or a service, terminated ones too."""
        if isinstance(record, Stack):
            inside = list(self._of_stack[record.uuid].values())
            return [*inside, *(c for s in inside for c in self.members(s))]
        if isinstance(record, Service):
            return list(self._of_service[record.uuid].values())
        return []

    def linking_to(self, service: Service) -> list[Service]:
        """The services that have a link to this one."""
        return [
            other
            for other in _live(self.services.values())
            if any(
                link["to_service"] == service.uuid
                for link in other.definition["linked_to_service"]
            )
        ]

    def sharing_volumes_of(self, service: Service) -> list[Service]:
        """The services that have this one under ``volumes_from``."""
        return [
            other
            for other in _live(self.services.values())
            if any(
                binding["volumes_from"] == service.uuid
                for binding in other.definition["bindings"]
            )
        ]

    def live_nodes(self) -> list[Node]:
        return _live(self.nodes.values())

    def synchronized(self, service: Service) -> bool:
        """Whether the containers are as the definition says."""
        return not service.scale_pending and all(
            container.revision == service.revision
            for container in self.containers_of(service)
        )

    def parents(self, record: Record) -> list[str]:
        """The URIs of what an object belongs to, nearest first."""
        if isinstance(record, Action):
            return [record.object]
        owners: list[Record | None] = []
        if isinstance(record, Service):
            owners = [self.stack_of(record)]
        elif isinstance(record, Container):
            service = self.services[record.service]
            owners = [service, self.stack_of(service), self.nodes.get(record.node)]
        return [owner.uri for owner in owners if owner is not None]

    def find_service(
        self, reference: str, namespace: str, stack: str | None
    ) -> Service | None:
        """What a link means by ``to_service``: a URI, a uuid, ``name.stack`` or a
        name, which is looked for in the own stack first, then outside of stacks."""
        uuid = reference.rstrip("/").rpartition("/")[2]
        service = self.services.get(uuid)
        if service is None and "/" not in reference:
            name, _, stack_name = reference.partition(".")
            candidates = [
                s
                for s in _live(self.services.values())
                if s.name == name and s.namespace == namespace
            ]
            if stack_name:
                return next(
                    (
                        s
                        for s in candidates
                        if (owner := self.stack_of(s)) and owner.name == stack_name
                    ),
                    None,
                )
            for place in (stack, None):
                for candidate in candidates:
                    if candidate.stack == place:
                        return candidate
        if service is None or service.namespace != namespace:
            return None
        return service if service.state != lifecycle.TERMINATED else None

    # --- waiting --------------------------------------------------------------------

    async def until(self, record: Record, holds: Callable[[], bool]) -> None:
        """Return when *holds*; it is asked again after each change of the record."""
        while not holds():
            waiter = asyncio.get_running_loop().create_future()
            self._waiting[record.uuid].append(waiter)
            await waiter

    # --- observations ---------------------------------------------------------------

    def observe(self, seen: Observation) -> None:
        """What the engine sees, made into states."""
        if isinstance(seen, NodeSeen):
            self._observe_node(seen)
        elif (container := self.containers.get(seen.uuid)) is not None:
            self._seen.add(seen.uuid)
            self._observe_container(container, seen)

    def _observe_node(self, seen: NodeSeen) -> None:
        node = self._by_engine_id.get(seen.id)
        if node is None:
            if seen.state == "gone":
                return
            node = self._adopt(seen) or Node(
                namespace=EVERYBODY,
                engine_id=seen.id,
                hostname=seen.hostname,
                nickname="",
                tags=list(seen.tags),
                state=lifecycle.DEPLOYING,
            )
            node.engine_id = seen.id
            self._by_engine_id[seen.id] = node
            if node.uuid not in self.nodes:
                self.add(node)
        self._seen.add(seen.id)
        node.hostname, node.address = seen.hostname, seen.address
        node.cpu, node.memory, node.disk = seen.cpu, seen.memory, seen.disk
        node.docker_version = seen.docker_version
        node.storage_driver = seen.storage_driver
        if seen.state == "gone":
            self.set_state(node, lifecycle.TERMINATED)
        elif seen.state == "unreachable":
            self.set_state(node, lifecycle.UNREACHABLE)
        else:
            node.last_seen = time.time()
            node.deployed = node.deployed or node.last_seen
            if node.state in (lifecycle.DEPLOYING, lifecycle.UNREACHABLE):
                self.set_state(node, lifecycle.DEPLOYED)

    def _adopt(self, seen: NodeSeen) -> Node | None:
        """The record of a volatile engine's node from before the restart."""
        if not self.engine.volatile:
            return None
        orphans = (n for n in self.live_nodes() if n.engine_id not in self._seen)
        return next(orphans, None)

    def _observe_container(self, container: Container, seen: ContainerSeen) -> None:
        before = container.state
        if before == lifecycle.TERMINATED:
            return
        container.docker_id = seen.docker_id or container.docker_id
        container.message = seen.message
        if seen.state == "gone":
            self.set_state(container, lifecycle.TERMINATED)
        elif seen.state == "running":
            container.private_ip = seen.private_ip
            self._bind_ports(container, seen)
            if before in (lifecycle.STARTING, lifecycle.STOPPED):
                container.exit_code = None
                container.started = time.time()
                self.set_state(container, lifecycle.RUNNING)
            else:
                self.save(container)
        elif seen.state == "stopped":
            container.exit_code = seen.exit_code
            if before != lifecycle.TERMINATING:
                container.stopped = time.time()
                self.set_state(container, lifecycle.STOPPED)
        elif seen.exit_code is not None:
            # Between two tries of its restart policy: it still counts as running,
            # else nothing could be done to a service whose containers crash.
            container.exit_code = seen.exit_code
            self.save(container)
        if container.state != before:
            self.settle(self.services[container.service])
        if container.state == lifecycle.STOPPED and before in (
            lifecycle.STARTING,
            lifecycle.RUNNING,
        ):
            self._autodestroy(container)

    @staticmethod
    def _bind_ports(container: Container, seen: ContainerSeen) -> None:
        bound = {key: list(ports) for key, ports in seen.ports.items()}
        for port in container.ports:
            inner, protocol, published, outer = port
            found = bound.get((inner, protocol))
            if not published or not found:
                continue
            if outer in found:
                found.remove(outer)
            else:
                port[3] = found.pop(0)

    def _autodestroy(self, container: Container) -> None:
        rule = container.definition["autodestroy"]
        if rule == "ALWAYS" or (rule == "ON_SUCCESS" and container.exit_code == 0):
            self.operations.submit_own("terminate", container, reason="autodestroy")

    def settle(self, service: Service) -> None:
        """Derive the states of a service and its stack, unless an operation on them
        is under way: then its end does."""
        if not self.operations.busy(service):
            states = [c.state for c in self.containers_of(service)]
            if service.state != lifecycle.TERMINATED:
                self.set_state(service, lifecycle.service_state(states))
        if (stack := self.stack_of(service)) is not None:
            self.settle_stack(stack)

    def settle_stack(self, stack: Stack) -> None:
        if self.operations.busy(stack) or stack.state == lifecycle.TERMINATED:
            return
        states = [service.state for service in self.services_of(stack)]
        self.set_state(stack, lifecycle.stack_state(states))


def _live(records: Iterable[R]) -> list[R]:
    return [r for r in records if r.state != lifecycle.TERMINATED]
