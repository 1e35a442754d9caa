"""The control plane: what engines see becomes states; what was begun is continued.

Requests change definitions and submit operations (``operations.py``); jobs drive the
engine (``jobs.py``); what the engine then observes comes in here and becomes states,
rows in the store and events. All of it runs in one event loop, and between two awaits
nothing else moves.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine, Iterable
from typing import Any

from .. import wire
from ..exceptions import ApiError
from . import deployment, lifecycle, pushes
from .accounts import ACCOUNT, Accounts
from .engines import (
    ContainerSeen,
    Engine,
    EngineError,
    ImageSeen,
    NodeSeen,
    Observation,
)
from .idempotency import ANSWER, Answers
from .jobs import JOBS
from .models import EVERYBODY, Container, Node, NodeCluster, Record, Service, Stack
from .operations import Operations
from .records import Records
from .store import Store

log = logging.getLogger(__name__)

#: Seconds for which terminated objects and ended actions stay readable.
KEEP = 3600.0
#: How many ended actions are kept at the most.
KEEP_ACTIONS = 10_000
#: Seconds between two looks for what is older than that.
SWEEP = 60.0
#: The tag of a node that answers and takes no containers, with the reason.
_AVAILABILITY = "availability="
#: Seconds between two tries to remove what is left of a terminated container.
_AGAIN = 10.0


class Cloud(Records):
    """The records, the engine they describe, and the operations between them."""

    def __init__(
        self,
        engine: Engine,
        store: Store | None = None,
        *,
        domain: str = "dockerapp.io",
        image_poll: float = pushes.INTERVAL,
    ) -> None:
        super().__init__(store or Store())
        self.engine = engine
        self.accounts = Accounts(self.store)
        self.answers = Answers(self.store)
        self.operations = Operations(self, JOBS)
        self.pushes = pushes.Pushes(self, image_poll)
        self.domain = domain
        #: Where containers reach this server; set when it listens.
        self.rest_host = ""
        self._by_engine_id: dict[str, Node] = {}
        #: What the engine has told of since the start, with the state it last had.
        self._seen: dict[str, str] = {}
        #: The cluster of the machines that the engine has, where it gives none.
        self._machines: NodeCluster | None = None
        #: Containers of the engine that no record tells of.
        self._strangers: set[str] = set()
        #: Terminated containers that are to be removed from the engine.
        self._leftovers: set[str] = set()
        self._chores: set[asyncio.Task[None]] = set()

    # --- beginning and end ----------------------------------------------------------

    async def start(self) -> None:
        """Read the store, look at what the engine has, go on where it was left."""
        await self.store.open()
        async for kind, key, body in self.store.load():
            if kind == ACCOUNT:
                self.accounts.load(body)
            elif kind == ANSWER:
                self.answers.load(key, body)
            else:
                self.load(kind, body)
        self.loaded()
        self.answers.loaded()
        self._by_engine_id = {node.engine_id: node for node in self.nodes.values()}
        if not self.engine.provisions:
            self._machines = self._own_cluster()
        await self.engine.start(self.observe)
        await self._reconcile()
        self.operations.resume()
        self.pushes.start()
        self._in_background(self._sweep())

    async def close(self) -> None:
        """Stop working, keep everything; safe to repeat."""
        # Jobs first: they begin what the others do.
        await self.operations.close()
        await self.pushes.close()
        chores = list(self._chores)
        for chore in chores:
            chore.cancel()
        await asyncio.gather(*chores, return_exceptions=True)
        await self.engine.close()
        self.hub.journal.close()
        await self.store.close()

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        chore = asyncio.create_task(work)
        self._chores.add(chore)
        chore.add_done_callback(self._chores.discard)

    async def _reconcile(self) -> None:
        """After a restart: what is gone is gone; a volatile engine gets it again."""
        for node in self.live_nodes():
            if node.engine_id in self._seen:
                continue
            if self.engine.volatile:
                await self.engine.add_node(node.engine_id, node.tags)
            else:
                # A lost one, too, is told as long as it belongs to the engine.
                self.set_state(node, lifecycle.TERMINATED)
        self._count_machines()
        for cluster in self.nodeclusters.values():
            self.settle_cluster(cluster)
        for container in list(self.containers.values()):
            if container.state == lifecycle.TERMINATED or container.uuid in self._seen:
                continue
            if not self.engine.volatile:
                # A stopped one, too: what is there is told, running or not.
                self.observe(ContainerSeen(uuid=container.uuid, state="gone"))
            elif container.state in (lifecycle.RUNNING, lifecycle.STOPPING):
                await self._restore(container)
        for service in self.services.values():
            if service.state not in wire.UNDER_WAY:
                self.settle(service)

    async def _restore(self, container: Container) -> None:
        try:
            await self.engine.create(deployment.spec_of(self, container))
        except EngineError as error:
            log.warning("%s did not come back: %s", container.uri, error)
            self.set_state(container, lifecycle.STOPPED)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP)
            self.sweep(time.time() - KEEP)
            self.answers.sweep()

    def sweep(self, before: float) -> None:
        """Forget what was terminated, and actions that ended, before that moment."""
        for table in self._tables.values():
            for record in list(table.values()):
                end = getattr(record, "destroyed", None) or getattr(
                    record, "ended", None
                )
                if end is not None and end < before:
                    self.remove(record)
        ended = [a for a in self.actions.values() if a.ended is not None]
        for action in ended[: max(0, len(ended) - KEEP_ACTIONS)]:
            self.remove(action)

    def remove(self, record: Record) -> None:
        super().remove(record)
        self._seen.pop(record.uuid, None)
        if isinstance(record, Node):
            self._seen.pop(record.engine_id, None)
            self._by_engine_id.pop(record.engine_id, None)

    def set_state(self, record: Record, state: str) -> None:
        super().set_state(record, state)
        if state == lifecycle.TERMINATED and isinstance(record, Container):
            # Not before: one that could not be removed goes on and needs them.
            self.accounts.forget_container(record.uuid)

    # --- observations ---------------------------------------------------------------

    def observe(self, seen: Observation) -> None:
        """What the engine sees, made into states."""
        if isinstance(seen, NodeSeen):
            self._observe_node(seen)
        elif isinstance(seen, ImageSeen):
            self.pushes.pushed(seen.name)
        elif (container := self.containers.get(seen.uuid)) is not None:
            self._seen[seen.uuid] = seen.state
            self._observe_container(container, seen)
        elif seen.state != "gone" and seen.uuid not in self._strangers:
            self._strangers.add(seen.uuid)
            log.warning(
                "the engine has a container that this server does not know and leaves"
                " alone: %s",
                seen.uuid,
            )

    def _own_cluster(self) -> NodeCluster:
        """The one cluster that all machines are in which somebody brings."""
        for cluster in self.nodeclusters.values():
            if cluster.namespace == EVERYBODY:
                return cluster
        cluster = NodeCluster(
            namespace=EVERYBODY,
            name=self.engine.name,
            nickname=self.engine.name,
            node_type="",
            region="",
            disk=0,
            target_num_nodes=0,
            state=lifecycle.EMPTY_CLUSTER,
        )
        self.add(cluster)
        return cluster

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
                cluster=self._machines.uuid if self._machines else None,
                state=lifecycle.DEPLOYING,
            )
            self._inherit_tags(node)
            node.engine_id = seen.id
            if node.uuid in self.nodes:
                self._by_engine_id[seen.id] = node
            else:
                self.register(node)
        self._seen[seen.id] = seen.state
        node.hostname, node.address = seen.hostname, seen.address
        node.cpu, node.memory, node.disk = seen.cpu, seen.memory, seen.disk
        node.docker_version = seen.docker_version
        node.storage_driver = seen.storage_driver
        opened = self._note_tags(node, seen)
        before = node.state
        if seen.state == "gone":
            self.set_state(node, lifecycle.TERMINATED)
        elif seen.state == "unreachable":
            self.set_state(node, lifecycle.UNREACHABLE)
        else:
            node.last_seen = time.time()
            node.deployed = node.deployed or node.last_seen
            if before in (lifecycle.DEPLOYING, lifecycle.UNREACHABLE):
                self.set_state(node, lifecycle.DEPLOYED)
            else:
                self.save(node)
        self._count_machines()
        if (cluster := self.cluster_of(node)) is not None:
            self.settle_cluster(cluster)
        if node.state == lifecycle.DEPLOYED and not node.closed:
            if before == lifecycle.DEPLOYING or opened:
                self._spread(node)

    def _count_machines(self) -> None:
        """Machines that somebody brings are as many as there are."""
        if self._machines is not None:
            self._machines.target_num_nodes = len(self.nodes_of(self._machines))

    def _inherit_tags(self, node: Node) -> None:
        """A machine that comes into a cluster gets the cluster's tags."""
        cluster = self._machines
        if cluster is not None and not set(cluster.tags) <= set(node.tags):
            tags = list(dict.fromkeys([*node.tags, *cluster.tags]))
            self._in_background(self._tag(node, tags))

    async def _tag(self, node: Node, tags: list[str]) -> None:
        try:
            await self.engine.tag_node(node.engine_id, tags)
        except (EngineError, ApiError) as error:
            log.warning("%s did not get the tags of its cluster: %s", node.uri, error)

    def _note_tags(self, node: Node, seen: NodeSeen) -> bool:
        """Tags as the machine has them, and one that says why it takes no containers.
        Returns whether it does again."""
        before = set(node.tags), node.closed
        if not self.engine.provisions and set(seen.tags) != set(node.tags):
            node.tags = list(seen.tags)
        node.closed = seen.closed
        others = [tag for tag in node.auto_tags if not tag.startswith(_AVAILABILITY)]
        closed = [_AVAILABILITY + seen.closed] if seen.closed else []
        node.auto_tags = [*others, *closed]
        if (set(node.tags), node.closed) != before:
            self.touch(node)
        return bool(before[1]) and not node.closed

    def _spread(self, node: Node) -> None:
        """A service on every node gets a container on a new one."""
        for service in self.services.values():
            if service.definition["deployment_strategy"] == "EVERY_NODE":
                self._in_background(self._reach(service, node))

    async def _reach(self, service: Service, node: Node) -> None:
        # An operation that is under way may have looked before the node was there.
        await self.until(service, lambda: not self.operations.busy(service))
        runs = service.state in (lifecycle.RUNNING, lifecycle.PARTLY)
        if runs and all(c.service != service.uuid for c in self.containers_on(node)):
            self.operations.submit_own("scale", service, reason=f"node {node.uuid}")

    def register(self, node: Node) -> None:
        """Add a node that the engine will know by its ``engine_id``."""
        self._by_engine_id[node.engine_id] = node
        self.add(node)

    def _adopt(self, seen: NodeSeen) -> Node | None:
        """The record of a volatile engine's node from before the restart."""
        if not self.engine.volatile:
            return None
        orphans = (n for n in self.live_nodes() if n.engine_id not in self._seen)
        return next(orphans, None)

    def _observe_container(self, container: Container, seen: ContainerSeen) -> None:
        before = container.state
        if before == lifecycle.TERMINATED:
            if seen.state != "gone" and not self.engine.volatile:
                self._clear_away(container)
            return
        container.docker_id = seen.docker_id or container.docker_id
        node = self._by_engine_id.get(seen.node or "")
        if node is not None and node.uuid != container.node:
            self.move(container, node)
        container.message = seen.message
        if seen.state == "gone":
            self.set_state(container, lifecycle.TERMINATED)
        elif seen.state == "running":
            container.private_ip = seen.private_ip
            self._bind_ports(container, seen)
            container.exit_code = None
            if before in (lifecycle.STARTING, lifecycle.STOPPED):
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

    def _clear_away(self, container: Container) -> None:
        """Remove what the engine made of a container all the same, after it had not
        answered and the container was given up."""

        async def clear() -> None:
            try:
                while True:
                    try:
                        # Its volumes may have gone to another one.
                        await self.engine.remove_container(
                            container.uuid, volumes=False
                        )
                        return
                    except (EngineError, ApiError) as error:
                        log.info("%s is still there: %s", container.uri, error)
                    await asyncio.sleep(_AGAIN)
            finally:
                self._leftovers.discard(container.uuid)

        if container.uuid not in self._leftovers:
            self._leftovers.add(container.uuid)
            self._in_background(clear())

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
        # Without an exit code it did not end: its node is lost, or it never ran.
        ended = container.exit_code is not None
        if ended and (
            rule == "ALWAYS" or (rule == "ON_SUCCESS" and container.exit_code == 0)
        ):
            self.operations.submit_own("terminate", container, reason="autodestroy")

    def recover(self, containers: Iterable[Container]) -> None:
        """Containers that an operation left on their way, because it failed or was
        canceled, are again what the engine last saw of them."""
        for container in containers:
            seen = self._seen.get(container.uuid)
            moving = container.state in wire.UNDER_WAY
            if (
                seen not in (None, "gone")
                and moving
                and not self.operations.busy(container)
            ):
                down = seen == "stopped"
                self.set_state(
                    container, lifecycle.STOPPED if down else lifecycle.RUNNING
                )

    def recover_node(self, node: Node) -> None:
        """A node that an operation failed on is again what the engine last saw."""
        if node.state != lifecycle.TERMINATED:
            ready = self._seen.get(node.engine_id) == "ready"
            self.set_state(node, lifecycle.DEPLOYED if ready else lifecycle.UNREACHABLE)

    def settle(self, service: Service) -> None:
        """Derive the states of a service and its stack, unless an operation on them
        is under way: then its end does."""
        if not self.operations.busy(service):
            states = [c.state for c in self.containers_of(service)]
            if service.state != lifecycle.TERMINATED:
                self.set_state(service, lifecycle.service_state(states))
        if (stack := self.stack_of(service)) is not None:
            self.settle_stack(stack)

    def settle_cluster(self, cluster: NodeCluster) -> None:
        fixed = (lifecycle.INIT, lifecycle.TERMINATED)
        if self.operations.busy(cluster) or cluster.state in fixed:
            return
        states = [node.state for node in self.nodes_of(cluster)]
        self.set_state(cluster, lifecycle.cluster_state(states))

    def settle_stack(self, stack: Stack) -> None:
        if self.operations.busy(stack) or stack.state == lifecycle.TERMINATED:
            return
        states = [service.state for service in self.services_of(stack)]
        self.set_state(stack, lifecycle.stack_state(states))
