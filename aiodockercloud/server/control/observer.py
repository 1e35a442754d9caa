"""What the engine sees, made into states.

An observation has become states when ``observe`` returns; what the engine is to do
because of it is done in the background.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from ...wire import states
from ...wire.service_fields import ALWAYS, EVERY_NODE, ON_SUCCESS
from ..engines import (
    ContainerObservation,
    EngineError,
    ImageObservation,
    NodeObservation,
    Observation,
)
from ..state.records import SHARED, Container, Node, NodeCluster, Service
from ..state.state import State
from . import deployment
from .operations import Request

log = logging.getLogger(__name__)

#: The tag of a node that answers and takes no containers, with the reason.
_AVAILABILITY = "availability="


class Observer:
    """What the engine was last seen to have, and the states that follow from it."""

    def __init__(
        self, cloud: State, request: Request, pushed: Callable[[str], None]
    ) -> None:
        self._cloud = cloud
        self._request = request
        self._pushed = pushed
        #: The cluster of the machines that the engine has, where it gives none.
        self._machines: NodeCluster | None = None
        #: Containers of the engine that no record tells of.
        self._strangers: set[str] = set()
        #: Terminated containers that are to be removed from the engine.
        self._leftovers: set[str] = set()

    # --- what there is --------------------------------------------------------------

    def loaded(self) -> None:
        """Take up the records that the store had."""
        self._cloud.by_engine_id = {n.engine_id: n for n in self._cloud.nodes.values()}
        if not self._cloud.engine.provisions:
            self._machines = self._own_cluster()

    def _own_cluster(self) -> NodeCluster:
        """The one cluster that all machines are in which somebody brings."""
        for cluster in self._cloud.nodeclusters.values():
            if cluster.namespace == SHARED:
                return cluster
        cluster = NodeCluster(
            namespace=SHARED,
            name=self._cloud.engine.name,
            nickname=self._cloud.engine.name,
            node_type="",
            region="",
            disk=0,
            target_num_nodes=0,
            state=states.EMPTY_CLUSTER,
        )
        self._cloud.add(cluster)
        return cluster

    async def reconcile(self) -> None:
        """After a restart: what is gone is gone; a volatile engine gets it again."""
        for node in self._cloud.live_nodes():
            if node.engine_id in self._cloud.observed:
                continue
            if self._cloud.engine.volatile:
                await self._cloud.engine.add_node(node.engine_id, node.tags)
            else:
                # A lost one, too, is told as long as it belongs to the engine.
                self._cloud.set_state(node, states.TERMINATED)
        self._count_machines()
        for cluster in self._cloud.nodeclusters.values():
            self._cloud.settle_cluster(cluster)
        for container in list(self._cloud.containers.values()):
            if (
                container.state == states.TERMINATED
                or container.uuid in self._cloud.observed
            ):
                continue
            if not self._cloud.engine.volatile:
                # A stopped one, too: what is there is told, running or not.
                self.observe(ContainerObservation(uuid=container.uuid, state="gone"))
            elif container.state in (states.RUNNING, states.STOPPING):
                await self._restore(container)
        for service in self._cloud.services.values():
            self._cloud.settle(service)

    async def _restore(self, container: Container) -> None:
        try:
            await self._cloud.engine.create(deployment.spec_of(self._cloud, container))
        except EngineError as error:
            log.warning("%s did not come back: %s", container.uri, error)
            self._cloud.set_state(container, states.STOPPED)

    # --- observations ---------------------------------------------------------------

    def observe(self, seen: Observation) -> None:
        """What the engine sees, made into states."""
        if isinstance(seen, NodeObservation):
            self._observe_node(seen)
        elif isinstance(seen, ImageObservation):
            self._pushed(seen.name)
        elif (container := self._cloud.containers.get(seen.uuid)) is not None:
            self._cloud.observed[seen.uuid] = seen.state
            self._observe_container(container, seen)
        elif seen.state != "gone" and seen.uuid not in self._strangers:
            self._strangers.add(seen.uuid)
            log.warning(
                "the engine has a container that this server does not know and leaves"
                " alone: %s",
                seen.uuid,
            )

    def _observe_node(self, seen: NodeObservation) -> None:
        node = self._cloud.by_engine_id.get(seen.id)
        if node is None:
            if seen.state == "gone":
                return
            node = self._adopt(seen) or Node(
                namespace=SHARED,
                engine_id=seen.id,
                hostname=seen.hostname,
                nickname="",
                tags=list(seen.tags),
                cluster=self._machines.uuid if self._machines else None,
                state=states.DEPLOYING,
            )
            self._inherit_tags(node)
            node.engine_id = seen.id
            if node.uuid in self._cloud.nodes:
                self._cloud.by_engine_id[seen.id] = node
            else:
                self._cloud.register(node)
        self._cloud.observed[seen.id] = seen.state
        node.hostname, node.address = seen.hostname, seen.address
        node.cpu, node.memory, node.disk = seen.cpu, seen.memory, seen.disk
        node.docker_version = seen.docker_version
        node.storage_driver = seen.storage_driver
        opened = self._note_tags(node, seen)
        before = node.state
        if seen.state == "gone":
            self._cloud.set_state(node, states.TERMINATED)
        elif seen.state == "unreachable":
            self._cloud.set_state(node, states.UNREACHABLE)
        else:
            node.last_seen = time.time()
            node.deployed = node.deployed or node.last_seen
            if before in (states.DEPLOYING, states.UNREACHABLE):
                self._cloud.set_state(node, states.DEPLOYED)
            else:
                self._cloud.save(node)
        self._count_machines()
        if (cluster := self._cloud.cluster_of(node)) is not None:
            self._cloud.settle_cluster(cluster)
        if node.state == states.DEPLOYED and not node.unschedulable:
            if before == states.DEPLOYING or opened:
                self._spread(node)

    def _count_machines(self) -> None:
        """Machines that somebody brings are as many as there are."""
        if self._machines is not None:
            self._machines.target_num_nodes = len(self._cloud.nodes_of(self._machines))

    def _inherit_tags(self, node: Node) -> None:
        """A machine that comes into a cluster gets the cluster's tags."""
        cluster = self._machines
        if cluster is not None and not set(cluster.tags) <= set(node.tags):
            tags = list(dict.fromkeys([*node.tags, *cluster.tags]))
            self._cloud.in_background(self._tag(node, tags))

    async def _tag(self, node: Node, tags: list[str]) -> None:
        try:
            await self._cloud.engine.tag_node(node.engine_id, tags)
        except EngineError as error:
            log.warning("%s did not get the tags of its cluster: %s", node.uri, error)

    def _note_tags(self, node: Node, seen: NodeObservation) -> bool:
        """Tags as the machine has them, and one that says why it takes no containers.
        Returns whether it does again."""
        before = set(node.tags), node.unschedulable
        if not self._cloud.engine.provisions and set(seen.tags) != set(node.tags):
            node.tags = list(seen.tags)
        node.unschedulable = seen.unschedulable
        others = [tag for tag in node.auto_tags if not tag.startswith(_AVAILABILITY)]
        closed = [_AVAILABILITY + seen.unschedulable] if seen.unschedulable else []
        node.auto_tags = [*others, *closed]
        if (set(node.tags), node.unschedulable) != before:
            self._cloud.touch(node)
        return bool(before[1]) and not node.unschedulable

    def _spread(self, node: Node) -> None:
        """A service on every node gets a container on a new one."""
        for service in self._cloud.services.values():
            if service.definition["deployment_strategy"] == EVERY_NODE:
                self._cloud.in_background(self._reach(service, node))

    async def _reach(self, service: Service, node: Node) -> None:
        # An operation that is under way may have looked before the node was there.
        await self._cloud.until(service, lambda: not self._cloud.busy(service))
        runs = service.state in (states.RUNNING, states.PARTLY_RUNNING)
        if runs and all(
            c.service != service.uuid for c in self._cloud.containers_on(node)
        ):
            self._request("scale", service, reason=f"node {node.uuid}")

    def _adopt(self, seen: NodeObservation) -> Node | None:
        """The record of a volatile engine's node from before the restart."""
        if not self._cloud.engine.volatile:
            return None
        orphans = (
            n
            for n in self._cloud.live_nodes()
            if n.engine_id not in self._cloud.observed
        )
        return next(orphans, None)

    def _observe_container(
        self, container: Container, seen: ContainerObservation
    ) -> None:
        before = container.state
        if before == states.TERMINATED:
            if seen.state != "gone" and not self._cloud.engine.volatile:
                self._clear_away(container)
            return
        container.docker_id = seen.docker_id or container.docker_id
        node = self._cloud.by_engine_id.get(seen.node or "")
        if node is not None and node.uuid != container.node:
            self._cloud.move(container, node)
        container.message = seen.message
        if seen.state == "gone":
            self._cloud.set_state(container, states.TERMINATED)
        elif seen.state == "running":
            container.private_ip = seen.private_ip
            self._bind_ports(container, seen)
            container.exit_code = None
            if before in (states.STARTING, states.STOPPED):
                container.started = time.time()
                self._cloud.set_state(container, states.RUNNING)
            else:
                self._cloud.save(container)
        elif seen.state == "stopped":
            container.exit_code = seen.exit_code
            if before != states.TERMINATING:
                container.stopped = time.time()
                self._cloud.set_state(container, states.STOPPED)
        elif seen.exit_code is not None:
            # Between two tries of its restart policy: it still counts as running,
            # else nothing could be done to a service whose containers crash.
            container.exit_code = seen.exit_code
            self._cloud.save(container)
        if container.state != before:
            self._cloud.settle(self._cloud.services[container.service])
        if container.state == states.STOPPED and before in (
            states.STARTING,
            states.RUNNING,
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
                        await self._cloud.engine.remove_container(
                            container.uuid, volumes=False
                        )
                        return
                    except EngineError as error:
                        log.info("%s is still there: %s", container.uri, error)
                    await asyncio.sleep(self._cloud.settings.timings.cleanup_retry)
            finally:
                self._leftovers.discard(container.uuid)

        if container.uuid not in self._leftovers:
            self._leftovers.add(container.uuid)
            self._cloud.in_background(clear())

    @staticmethod
    def _bind_ports(container: Container, seen: ContainerObservation) -> None:
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
            rule == ALWAYS or (rule == ON_SUCCESS and container.exit_code == 0)
        ):
            self._request("terminate", container, reason="autodestroy")
