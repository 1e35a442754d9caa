"""Node clusters (``cloud.nodeclusters``): nodes of one type, scaled together.

Source: Docker Cloud API reference, "Node Clusters".
"""

from __future__ import annotations

from typing import Unpack

from ..types import NodeCluster, NodeClusterFields
from .managed import Managed, Reference

__all__ = ["NodeClusters"]


class NodeClusters(Managed[NodeCluster]):
    """The first argument is a cluster's dict, its ``resource_uri`` or its uuid."""

    kind = "nodecluster"

    async def create(self, **fields: Unpack[NodeClusterFields]) -> NodeCluster:
        """Define a cluster; ``name``, ``node_type`` and ``region`` are required.

        Returns:
            The cluster in state ``"Init"``; ``deploy`` brings its nodes up.
        """
        return await self._create(fields)

    async def deploy(self, cluster: Reference) -> NodeCluster:
        """Deploy the nodes of a new cluster."""
        return await self._operate(cluster, "deploy")

    async def update(
        self, cluster: Reference, **fields: Unpack[NodeClusterFields]
    ) -> NodeCluster:
        """Change ``target_num_nodes``, which scales at once, or ``tags``."""
        return await self._update(cluster, fields)
