"""The observations of the engine, from which states are derived.

When ``observe`` returns, the states follow the observation. Consequences that need the
engine, such as the removal of a container, run in the background.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from ... import wire
from ...wire import states
from ...wire.service_fields import ALWAYS, EVERY_NODE, ON_SUCCESS
from ..engines import (
    ContainerObservation,
    EngineError,
    ImageObservation,
    NodeObservation,
    Observation,
    WarningObservation,
)
from ..state.records import SHARED, Container, Node, NodeCluster, Service
from ..state.state import State
from . import deployment, kept_volumes
from .operations import Request

log: logging.Logger = logging.getLogger(__name__)

#: The prefix of the tag of a deployed node that accepts no containers; the reason
#: follows.
_AVAILABILITY = "availability="


class Observer:
    """Derives states from observations.

    Args:
        cloud: The state of the control plane.
        request: Starts an operation without a user.
        image_pushed: Called with the name of each image whose push the engine reports.
    """

    def __init__(
        self, cloud: State, request: Request, image_pushed: Callable[[str], None]
    ) -> None:
        self._cloud = cloud
        self._request = request
        self._image_pushed = image_pushed
        #: The cluster of all nodes of an engine that does not provision nodes.
        self._byon_cluster: NodeCluster | None = None
        #: Containers of the engine without a record.
        self._unknown: set[str] = set()
        #: Terminated containers whose removal from the engine is in progress.
        self._being_removed: set[str] = set()

    # --- start ----------------------------------------------------------------------

    def loaded(self) -> None:
        """Prepare for observations, after the records were loaded."""
        self._cloud.by_engine_id = {n.engine_id: n for n in self._cloud.nodes.values()}
        if not self._cloud.engine.provisions:
            self._byon_cluster = self._find_byon_cluster()

    def _find_byon_cluster(self) -> NodeCluster:
        """Return the cluster of all bring-your-own nodes; create it at first use."""
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
        """Compare the loaded records with the observations since the start.

        A volatile engine receives the missing nodes and containers again; otherwise,
        missing nodes and containers are terminated.
        """
        for node in self._cloud.live_nodes():
            if node.engine_id in self._cloud.observed:
                continue
            if self._cloud.engine.volatile:
                await self._cloud.engine.add_node(node.engine_id, node.tags)
            else:
                # The engine reports unreachable nodes, too, so this one was removed.
                self._cloud.set_state(node, states.TERMINATED)
        self._count_byon_nodes()
        for cluster in self._cloud.nodeclusters.values():
            self._cloud.settle_cluster(cluster)
        for container in list(self._cloud.containers.values()):
            if (
                container.state == states.TERMINATED
                or container.uuid in self._cloud.observed
            ):
                continue
            if not self._cloud.engine.volatile:
                # The engine reports stopped containers, too, so this one was removed.
                self.observe(ContainerObservation(uuid=container.uuid, state="gone"))
            elif container.state in (states.RUNNING, states.STOPPING):
                await self._restore(container)
        for service in self._cloud.services.values():
            self._cloud.settle(service)

    async def _restore(self, container: Container) -> None:
        try:
            await self._cloud.engine.create(deployment.spec_of(self._cloud, container))
        except EngineError as error:
            log.warning("%s could not be created again: %s", container.uri, error)
            self._cloud.set_state(container, states.STOPPED)

    # --- observations ---------------------------------------------------------------

    def observe(self, observation: Observation) -> None:
        """Derive states from an observation."""
        if isinstance(observation, NodeObservation):
            self._observe_node(observation)
        elif isinstance(observation, ImageObservation):
            self._image_pushed(observation.name)
        elif isinstance(observation, WarningObservation):
            self._observe_warning(observation)
        elif (container := self._cloud.containers.get(observation.uuid)) is not None:
            self._cloud.observed[observation.uuid] = observation.state
            self._observe_container(container, observation)
        elif observation.state != "gone" and observation.uuid not in self._unknown:
            self._unknown.add(observation.uuid)
            log.warning(
                "the engine has an unknown container, left unchanged: %s",
                observation.uuid,
            )

    def _observe_warning(self, observation: WarningObservation) -> None:
        container = self._cloud.containers.get(observation.uuid)
        if container is not None and observation.text not in container.warnings:
            container.warnings = [*container.warnings, observation.text]
            self._cloud.save(container)

    def _observe_node(self, observed: NodeObservation) -> None:
        node = self._cloud.by_engine_id.get(observed.id)
        if node is None:
            if observed.state == "gone":
                return
            node = self._adopt(observed) or Node(
                namespace=SHARED,
                engine_id=observed.id,
                hostname=observed.hostname,
                nickname="",
                tags=list(observed.tags),
                cluster=self._byon_cluster.uuid if self._byon_cluster else None,
                state=states.DEPLOYING,
            )
            self._inherit_tags(node)
            node.engine_id = observed.id
            if node.uuid in self._cloud.nodes:
                self._cloud.by_engine_id[observed.id] = node
            else:
                self._cloud.register(node)
        self._cloud.observed[observed.id] = observed.state
        node.hostname, node.address = observed.hostname, observed.address
        node.cpu, node.memory, node.disk = observed.cpu, observed.memory, observed.disk
        node.docker_version = observed.docker_version
        node.storage_driver = observed.storage_driver
        node.attributes = dict(observed.attributes)
        node.generic_resources = dict(observed.generic_resources)
        reopened = self._update_tags(node, observed)
        before = node.state
        if observed.state == "gone":
            self._cloud.set_state(node, states.TERMINATED)
        elif observed.state == "unreachable":
            self._cloud.set_state(node, states.UNREACHABLE)
        else:
            node.last_seen = time.time()
            node.deployed = node.deployed or node.last_seen
            if before in (states.DEPLOYING, states.UNREACHABLE):
                self._cloud.set_state(node, states.DEPLOYED)
            else:
                self._cloud.save(node)
        self._count_byon_nodes()
        if (cluster := self._cloud.cluster_of(node)) is not None:
            self._cloud.settle_cluster(cluster)
        if node.state == states.DEPLOYED and not node.unschedulable:
            if before == states.DEPLOYING or reopened:
                self._spread(node)

    def _count_byon_nodes(self) -> None:
        """Set a bring-your-own-node cluster's target to its number of nodes."""
        if self._byon_cluster is not None:
            nodes = self._cloud.nodes_of(self._byon_cluster)
            self._byon_cluster.target_num_nodes = len(nodes)

    def _inherit_tags(self, node: Node) -> None:
        """Add the tags of the cluster to a node that joins the cluster."""
        cluster = self._byon_cluster
        if cluster is not None and not set(cluster.tags) <= set(node.tags):
            tags = list(dict.fromkeys([*node.tags, *cluster.tags]))
            self._cloud.in_background(self._tag(node, tags))

    async def _tag(self, node: Node, tags: list[str]) -> None:
        try:
            await self._cloud.engine.tag_node(node.engine_id, tags)
        except EngineError as error:
            log.warning("%s did not receive its cluster's tags: %s", node.uri, error)

    def _update_tags(self, node: Node, observed: NodeObservation) -> bool:
        """Set the tags of a node; one tag states why the node accepts no containers.

        Returns:
            Whether the node accepts containers again.
        """
        before = set(node.tags), node.unschedulable
        if not self._cloud.engine.provisions and set(observed.tags) != set(node.tags):
            node.tags = list(observed.tags)
        node.unschedulable = why = observed.unschedulable
        others = [tag for tag in node.auto_tags if not tag.startswith(_AVAILABILITY)]
        node.auto_tags = [*others, *([_AVAILABILITY + why] if why else [])]
        if (set(node.tags), node.unschedulable) != before:
            self._cloud.touch(node)
        return bool(before[1]) and not node.unschedulable

    def _spread(self, node: Node) -> None:
        """Deploy the services on every node to a new node."""
        for service in self._cloud.services.values():
            if service.definition["deployment_strategy"] == EVERY_NODE:
                self._cloud.in_background(self._spread_service(service, node))

    async def _spread_service(self, service: Service, node: Node) -> None:
        # An operation in progress may have chosen its nodes before this node existed.
        await self._cloud.until(service, lambda: not self._cloud.busy(service))
        runs = service.state in (states.RUNNING, states.PARTLY_RUNNING)
        if runs and not self._cloud.load_of(node).present_of[service.uuid]:
            self._request("scale", service, reason=f"node {node.uuid}")

    def _adopt(self, observed: NodeObservation) -> Node | None:
        """Return the record of a volatile engine's node from before the restart."""
        if not self._cloud.engine.volatile:
            return None
        orphans = (
            n
            for n in self._cloud.live_nodes()
            if n.engine_id not in self._cloud.observed
        )
        return next(orphans, None)

    def _observe_container(
        self, container: Container, observed: ContainerObservation
    ) -> None:
        before, health = container.state, container.health
        if before == states.TERMINATED:
            if observed.state != "gone" and not self._cloud.engine.volatile:
                self._remove_leftover(container)
            return
        container.docker_id = observed.docker_id or container.docker_id
        node = self._cloud.by_engine_id.get(observed.node or "")
        if node is not None and node.uuid != container.node:
            self._cloud.move(container, node)
        container.message = wire.valid_text(observed.message)
        container.health = observed.health
        if observed.state == "gone":
            if before != states.TERMINATING:
                # Without an order, volumes wait for the next container.
                kept_volumes.keep(self._cloud, container)
            self._cloud.set_state(container, states.TERMINATED)
        elif observed.state == "running":
            container.private_ip = observed.private_ip
            container.image_digest = observed.image_digest or container.image_digest
            self._bind_ports(container, observed)
            container.exit_code = None
            if before in (states.STARTING, states.STOPPED):
                container.started = time.time()
                self._cloud.set_state(container, states.RUNNING)
            else:
                self._cloud.save(container)
        elif observed.state == "stopped":
            container.exit_code = observed.exit_code
            if before != states.TERMINATING:
                container.stopped = time.time()
                self._cloud.set_state(container, states.STOPPED)
            else:
                self._cloud.save(container)
        elif before == states.STOPPED:
            # The container returns with its node: the restart policy starts it.
            container.exit_code = observed.exit_code
            self._cloud.set_state(container, states.STARTING)
        else:
            if observed.exit_code is not None:
                # The restart policy will restart the container. The state stays
                # Running, so operations on a service with crashing containers stay
                # allowed.
                container.exit_code = observed.exit_code
            self._cloud.save(container)
        if container.state == before and container.health != health:
            self._cloud.touch(container)
        if container.state != before:
            self._cloud.settle(self._cloud.services[container.service])
        if container.state == states.STOPPED and before in (
            states.STARTING,
            states.RUNNING,
        ):
            self._autodestroy(container)

    def _remove_leftover(self, container: Container) -> None:
        """Remove a terminated container that the engine reports.

        The engine may create a container although the request timed out.
        """

        async def remove() -> None:
            try:
                while True:
                    try:
                        # Another container may have received its volumes.
                        await self._cloud.engine.remove_container(
                            container.uuid, volumes=()
                        )
                        return
                    except EngineError as error:
                        log.info("%s could not be removed: %s", container.uri, error)
                    await asyncio.sleep(self._cloud.settings.timings.cleanup_retry)
            finally:
                self._being_removed.discard(container.uuid)

        if container.uuid not in self._being_removed:
            self._being_removed.add(container.uuid)
            self._cloud.in_background(remove())

    @staticmethod
    def _bind_ports(container: Container, observed: ContainerObservation) -> None:
        bound = {key: list(ports) for key, ports in observed.ports.items()}
        for port in container.ports:
            inner, protocol, published, outer, *_ = port
            found = bound.get((inner, protocol))
            if not published or not found:
                continue
            if outer in found:
                found.remove(outer)
            else:
                port[3] = found.pop(0)

    def _autodestroy(self, container: Container) -> None:
        rule = container.definition["autodestroy"]
        # Without an exit code, the container did not end: the node is unreachable, or
        # the container never ran.
        ended = container.exit_code is not None
        if ended and (
            rule == ALWAYS or (rule == ON_SUCCESS and container.exit_code == 0)
        ):
            self._request("terminate", container, reason="autodestroy")
