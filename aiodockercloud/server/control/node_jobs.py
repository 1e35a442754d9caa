"""The jobs on nodes and node clusters: deploy, upgrade, check, terminate, scale."""

from __future__ import annotations

import asyncio
import time

from ...wire import states
from ..state.errors import OperationFailed, engine_errors
from ..state.records import Container, Node, NodeCluster, new_uuid
from ..state.state import State
from . import deployment
from .concurrent import each
from .operations import Job, JobFunction


async def _bring_up(cloud: State, node: Node) -> None:
    try:
        with engine_errors(f"node {node.uuid}", "did not come up"):
            async with asyncio.timeout(cloud.settings.timings.node):
                await cloud.engine.add_node(node.engine_id, node.tags)
                await cloud.until(node, lambda: node.state != states.DEPLOYING)
    except OperationFailed:
        if cloud.engine.provisions:
            cloud.set_state(node, states.TERMINATED)
        raise


async def _remove(cloud: State, node: Node) -> None:
    cloud.set_state(node, states.TERMINATING)
    try:
        with cloud.hold(node), engine_errors():
            async with asyncio.timeout(cloud.settings.timings.node):
                await cloud.engine.remove_node(node.engine_id)
                await cloud.until(node, lambda: node.state == states.TERMINATED)
    except BaseException:
        # The next start of the server continues an interrupted action.
        if not cloud.closing:
            cloud.settle_node(node)
        raise


async def deploy_node(job: Job) -> None:
    await _bring_up(job.cloud, job.record)


async def upgrade_node(job: Job) -> None:
    """Restart all running containers of the node, for any restart policy."""
    cloud, action = job.cloud, job.action

    async def restart(container: Container) -> None:
        if container.state != states.STARTING:  # set by an interrupted run of this job
            await deployment.stop(cloud, container)
        await deployment.start(cloud, container)

    present = cloud.containers_on(job.record)
    if not action.parts:
        # A run that continues this job needs the containers that ran before.
        running = [c.uuid for c in present if c.state == states.RUNNING]
        action.parts = dict.fromkeys(running, action.uuid)
        cloud.save(action)
    ran = [c for c in present if c.uuid in action.parts]
    try:
        await each(ran, restart)
    except BaseException:
        # The next start of the server continues an interrupted action.
        if not cloud.closing:
            cloud.recover(ran)
        raise


async def check_node(job: Job) -> None:
    """Set the state of the node by whether the node responds."""
    cloud, node = job.cloud, job.record
    with engine_errors():
        responds = await cloud.engine.check_node(node.engine_id)
    job.log(f"the node {'responds' if responds else 'does not respond'}")
    if responds and node.unschedulable:
        reason = node.unschedulable
        job.log(f"the node accepts no containers: its availability is {reason}")
    if responds:
        node.last_seen = time.time()
    if node.state in (states.DEPLOYED, states.UNREACHABLE):
        cloud.set_state(node, states.DEPLOYED if responds else states.UNREACHABLE)


async def terminate_node(job: Job) -> None:
    cloud, node = job.cloud, job.record
    cluster = cloud.cluster_of(node)
    await _remove(cloud, node)
    if cloud.engine.provisions and cluster is not None and cluster.target_num_nodes > 0:
        # Termination of a node also scales its cluster down; to replace the node, the
        # user scales the cluster up.
        cluster.target_num_nodes -= 1
        cloud.save(cluster)


async def deploy_cluster(job: Job) -> None:
    cluster: NodeCluster = job.record
    await _fill(job, cluster)
    cluster.deployed = time.time()


async def scale_cluster(job: Job) -> None:
    cluster: NodeCluster = job.record
    surplus = len(job.cloud.nodes_of(cluster)) - cluster.target_num_nodes
    if surplus > 0:
        last = job.cloud.nodes_of(cluster)[-surplus:]
        await each(last, lambda node: _remove(job.cloud, node))
    await _fill(job, cluster)


async def _fill(job: Job, cluster: NodeCluster) -> None:
    cloud = job.cloud
    nodes = cloud.nodes_of(cluster)
    deploying = [node for node in nodes if node.state == states.DEPLOYING]
    provider, _, region = cluster.region.partition("/")
    for _ in range(cluster.target_num_nodes - len(nodes)):
        uuid = new_uuid()
        node = Node(
            uuid=uuid,
            engine_id=uuid,
            namespace=cluster.namespace,
            hostname="",
            nickname="",
            cluster=cluster.uuid,
            tags=list(cluster.tags),
            auto_tags=[
                *("byon=false", f"provider={provider}", f"region={region}"),
                f"nodecluster-name={cluster.name}",
            ],
            state=states.DEPLOYING,
        )
        cloud.register(node)
        deploying.append(node)
    if deploying:
        job.log(f"deploying {len(deploying)} nodes of {cluster.name}")
    await each(deploying, lambda node: _bring_up(cloud, node))


async def upgrade_cluster(job: Job) -> None:
    nodes = job.cloud.nodes_of(job.record)
    await each(nodes, lambda node: job.part("docker-upgrade", node))


async def terminate_cluster(job: Job) -> None:
    cloud, cluster = job.cloud, job.record
    await each(cloud.nodes_of(cluster), lambda node: _remove(cloud, node))
    cloud.set_state(cluster, states.TERMINATED)


NODE_JOBS: dict[tuple[str, str], JobFunction] = {
    ("node", "deploy"): deploy_node,
    ("node", "docker-upgrade"): upgrade_node,
    ("node", "health-check"): check_node,
    ("node", "terminate"): terminate_node,
    ("nodecluster", "deploy"): deploy_cluster,
    ("nodecluster", "scale"): scale_cluster,
    ("nodecluster", "docker-upgrade"): upgrade_cluster,
    ("nodecluster", "terminate"): terminate_cluster,
}
