"""Nodes (``cloud.nodes``): the machines that run containers.

Source: Docker Cloud API reference, "Nodes".
"""

from __future__ import annotations

from typing import Unpack

from ..types import Node, NodeFields
from .managed import Managed, Reference

__all__ = ["Nodes"]


class Nodes(Managed[Node]):
    """The first argument is a node's dict, its ``resource_uri`` or its uuid.

    ``find`` knows nodes by uuid only: they have no names.
    """

    kind = "node"
    has_names = False

    async def update(self, node: Reference, **fields: Unpack[NodeFields]) -> Node:
        """Change ``nickname`` or ``tags``; tags count for later deployments."""
        return await self._update(node, fields)

    async def deploy(self, node: Reference) -> Node:
        """Deploy a node that has been created but not deployed yet."""
        return await self._operate(node, "deploy")

    async def upgrade_docker(self, node: Reference) -> Node:
        """Upgrade Docker on the node; all its containers are restarted."""
        return await self._operate(node, "docker-upgrade")

    async def health_check(self, node: Reference) -> Node:
        """Try to reach the node; it becomes ``"Deployed"`` or ``"Unreachable"``."""
        return await self._operate(node, "health-check")
