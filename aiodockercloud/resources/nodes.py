"""Nodes (``cloud.nodes``): the hosts that run containers.

Source: Docker Cloud API reference, "Nodes".
"""

from __future__ import annotations

import builtins
from collections.abc import AsyncIterator
from typing import ClassVar, Unpack

from .. import types
from .filters import Filters
from .managed import Managed, Reference

__all__ = ["Nodes"]


class Nodes(Managed["types.Node", "types.NodeState"]):
    """Nodes: ``cloud.nodes``.

    The first argument is a node: its dict, its ``resource_uri`` or its uuid.

    A method returns the node in the state of the second column; when the operation
    has succeeded, the node is in the state of the last column. :meth:`wait` and
    ``cloud.actions.wait`` follow the operation to its end. In any other state than the
    allowed ones, the method raises ``OperationNotAllowed`` (422), whose message lists
    the operations that the current state allows.

    ==================  ===========  =========================  ============
    method              meanwhile    allowed states             at the end
    ==================  ===========  =========================  ============
    ``deploy``          Deploying    Init, Unreachable          Deployed
    ``upgrade_docker``  Upgrading    Deployed                   Deployed
    ``health_check``    (unchanged)  Deployed, Unreachable      see below
    ``delete``          Terminating  Deployed, Unreachable      Terminated
    ==================  ===========  =========================  ============

    After ``health_check``, the node is ``"Deployed"`` when it answers, and
    ``"Unreachable"`` otherwise. A ``delete`` decreases the ``target_num_nodes`` of the
    node's cluster by one, unless the node is a bring-your-own node.

    Nodes have no names: :meth:`find` searches by uuid only. ``memory`` is in MB,
    ``disk`` in GB, dates are RFC 2822 text in UTC.

    Source: Docker Cloud API reference, "Nodes", "Node states".
    """

    kind = "node"
    filters: ClassVar[Filters | None] = Filters("NodeFilters", "Node")
    has_names = False

    async def list(
        self, **filters: Unpack[types.NodeFilters]
    ) -> builtins.list[types.Node]:
        return await super().list(**filters)

    def iterate(
        self, **filters: Unpack[types.NodeFilters]
    ) -> AsyncIterator[types.Node]:
        return super().iterate(**filters)

    async def update(
        self, node: Reference, **fields: Unpack[types.NodeFields]
    ) -> types.Node:
        """Change the nickname or the tags of a node.

        Args:
            node: The node.
            **fields: ``nickname``, and ``tags``, which replaces the whole list. Changed
                tags apply to later deployments only.

        Returns:
            The node's dict, in an unchanged state.

        Raises:
            BadRequest: A field is unknown, invalid or cannot be changed; the message
                names the field.
            OperationNotAllowed: The node is ``"Terminating"`` or ``"Terminated"``.
            ObjectNotFound: The node does not exist.

        Source:
            Docker Cloud API reference, "Update a node".
        """
        return await self._update(node, fields)

    async def deploy(self, node: Reference) -> types.Node:
        """Deploy a node that is not deployed yet, or that is unreachable.

        Args:
            node: The node.

        Returns:
            The node's dict, usually in the state ``"Deploying"``. At the end, the node
            is ``"Deployed"``.

        Raises:
            OperationNotAllowed: The node's state does not allow the operation; see
                the table of the class.
            ObjectNotFound: The node does not exist.

        Source:
            The official Python SDK, ``Node.deploy``; the Docker Cloud API reference
            omits the operation.
        """
        return await self._operate(node, "deploy")

    async def upgrade_docker(self, node: Reference) -> types.Node:
        """Upgrade Docker on a node, which restarts all its containers.

        Args:
            node: The node.

        Returns:
            The node's dict, usually in the state ``"Upgrading"``. At the end, the node
            is ``"Deployed"``.

        Raises:
            NotSupported: The engine runs on bring-your-own nodes.
            OperationNotAllowed: The node's state does not allow the operation; see
                the table of the class.
            ObjectNotFound: The node does not exist.

        Source:
            Docker Cloud API reference, "Upgrade Docker Daemon".
        """
        return await self._operate(node, "docker-upgrade")

    async def health_check(self, node: Reference) -> types.Node:
        """Check whether a node answers.

        Args:
            node: The node.

        Returns:
            The node's dict, in an unchanged state. At the end, the node is
            ``"Deployed"`` or ``"Unreachable"``.

        Raises:
            OperationNotAllowed: The node's state does not allow the operation; see
                the table of the class.
            ObjectNotFound: The node does not exist.

        Source:
            Docker Cloud API reference, "Perform a health check of a node".
        """
        return await self._operate(node, "health-check")
