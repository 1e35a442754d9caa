"""What several containers of a Swarm share: networks, secrets and configs.

All of these are created for the first container that needs them. ``cleanup`` removes
them after the last one.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from .. import ContainerSpec
from . import naming
from .docker_api import Api
from .networks import Networks
from .stored_files import StoredFiles


class Shared:
    """The networks, secrets and configs of one Swarm."""

    def __init__(self, api: Api) -> None:
        self.networks: Networks = Networks(api)
        self.files: StoredFiles = StoredFiles(api)

    @asynccontextmanager
    async def ensure(
        self, spec: ContainerSpec, addresses: Iterable[str]
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Create what a container lacks, and keep all during the block.

        Args:
            spec: The container.
            addresses: The addresses of the nodes, which no network may contain.

        Yields:
            The keys ``Secrets`` and ``Configs`` of the ``ContainerSpec`` for Docker.
        """
        home = naming.network_name(spec.namespace, spec.stack)
        wanted = {
            name: (spec.stack or "") if name == home else ""
            for name in naming.network_names(spec)
        }
        async with (
            self.networks.ensure(wanted, addresses),
            self.files.ensure(spec.files) as files,
        ):
            yield files
