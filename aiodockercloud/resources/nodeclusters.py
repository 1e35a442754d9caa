"""Node clusters (``cloud.nodeclusters``): nodes of one type, scaled together.

Source: Docker Cloud API reference, "Node Clusters".
"""

from __future__ import annotations

import builtins
from collections.abc import AsyncIterator
from typing import ClassVar, Unpack

from .. import types
from .filters import Filters
from .managed import Managed, Reference

__all__ = ["NodeClusters"]


class NodeClusters(Managed["types.NodeCluster", "types.NodeClusterState"]):
    """Node clusters: ``cloud.nodeclusters``.

    The first argument is a cluster: its dict, its ``resource_uri`` or its uuid.

    A method returns the cluster in the state of the second column; when the operation
    has succeeded, the cluster is in the state of the last column. :meth:`wait` and
    ``cloud.actions.wait`` follow the operation to its end. In any other state than the
    allowed ones, the method raises ``OperationNotAllowed`` (422), whose message lists
    the operations that the current state allows.

    ============  ===========  =================================  ============
    method        meanwhile    allowed states                     at the end
    ============  ===========  =================================  ============
    ``deploy``    Deploying    Init                               Deployed
    ``update``    Scaling      Deployed, Partly deployed,         Deployed
                               Empty cluster
    ``delete``    Terminating  Init, Deployed, Partly deployed,   Terminated
                               Empty cluster
    ============  ===========  =================================  ============

    The row of ``update`` applies to a changed ``target_num_nodes``, which scales the
    cluster. With a target of 0, the cluster is an ``"Empty cluster"`` at the end. In
    the state ``"Init"``, ``update`` stores the target for ``deploy``. Other fields can
    be changed in every state but ``"Terminating"`` and ``"Terminated"``.

    On an engine that does not provision nodes, ``create``, ``deploy``, ``delete`` and
    scaling raise ``NotSupported`` (501).

    ``disk`` is in GB, dates are RFC 2822 text in UTC.

    Source: Docker Cloud API reference, "Node Clusters", "Node Cluster states".
    """

    kind = "nodecluster"
    filters: ClassVar[Filters | None] = Filters("NodeClusterFilters", "NodeCluster")

    async def list(
        self, **filters: Unpack[types.NodeClusterFilters]
    ) -> builtins.list[types.NodeCluster]:
        return await super().list(**filters)

    def iterate(
        self, **filters: Unpack[types.NodeClusterFilters]
    ) -> AsyncIterator[types.NodeCluster]:
        return super().iterate(**filters)

    async def create(
        self, **fields: Unpack[types.NodeClusterFields]
    ) -> types.NodeCluster:
        """Create a cluster without deploying its nodes.

        Args:
            **fields: The fields of the cluster. ``name``, ``node_type`` and ``region``
                are required; the last two are resource URIs. ``disk`` is in GB.

        Returns:
            The cluster's dict, in the state ``"Init"``. :meth:`deploy` creates its
            nodes.

        Raises:
            BadRequest: A field is missing, unknown or invalid, or the region does not
                offer the node type; the message names the field.
            ConflictError: Another cluster has the name.
            NotSupported: The engine does not provision nodes.

        Source:
            Docker Cloud API reference, "Create a new node cluster".
        """
        return await self._create(fields)

    async def deploy(self, cluster: Reference) -> types.NodeCluster:
        """Deploy the nodes of a new cluster.

        Args:
            cluster: The cluster.

        Returns:
            The cluster's dict, usually in the state ``"Deploying"``. At the end, the
            cluster is ``"Deployed"``.

        Raises:
            OperationNotAllowed: The cluster's state does not allow the operation; see
                the table of the class.
            ObjectNotFound: The cluster does not exist.
            NotSupported: The engine does not provision nodes.

        Source:
            Docker Cloud API reference, "Deploy a node cluster".
        """
        return await self._operate(cluster, "deploy")

    async def update(
        self,
        cluster: Reference,
        *,
        version: int | None = None,
        **fields: Unpack[types.NodeClusterChanges],
    ) -> types.NodeCluster:
        """Change the target, the nickname or the tags of a cluster.

        Args:
            cluster: The cluster.
            version: The version that the change is for, as ``cluster["version"]``: the
                cluster that was read. The change is refused when the cluster has
                another version. By default, the change is for any version.
            **fields: ``target_num_nodes``, which scales a deployed cluster at once,
                ``nickname``, and ``tags``, which replaces the whole list. Changed tags
                apply to later deployments only.

        Returns:
            The cluster's dict. With a changed target, the state is usually
            ``"Scaling"``, and ``"Deployed"`` or ``"Empty cluster"`` at the end;
            otherwise the state is unchanged.

        Raises:
            BadRequest: A field is unknown, invalid or cannot be changed; the message
                names the field.
            VersionConflict: The cluster does not have the *version*; nothing was
                changed.
            OperationNotAllowed: The cluster's state does not allow scaling (see the
                table of the class), or the cluster is ``"Terminating"`` or
                ``"Terminated"``.
            ObjectNotFound: The cluster does not exist.
            NotSupported: The engine does not provision nodes.

        Source:
            Docker Cloud API reference, "Update an existing node cluster".
        """
        return await self._update(cluster, fields, version=version)
