"""External repositories and registries (``cloud.repositories``, ``.registries``).

Source: Docker Cloud API reference, "External Repositories" and "Registries".
"""

from __future__ import annotations

from typing import Unpack

from ..types import Registry, Repository, RepositoryFields
from .managed import Readable, Reference, Resource

__all__ = ["Registries", "Repositories"]


class Repositories(Resource[Repository]):
    """The first argument is a repository's dict, its ``resource_uri`` or its name."""

    kind = "repository"
    key = "name"

    async def create(self, **fields: Unpack[RepositoryFields]) -> Repository:
        """Register a repository of another registry, with the account to pull from it.

        ``name``, ``username`` and ``password`` are required; the password is never
        returned.
        """
        return await self._create(fields)

    async def update(
        self, repository: Reference, **fields: Unpack[RepositoryFields]
    ) -> Repository:
        """Change ``username`` or ``password``."""
        return await self._update(repository, fields)

    async def delete(self, repository: Reference) -> Repository:
        """Forget the repository; the images stay. The answer is ``{}``."""
        return await self._call("DELETE", self._path(repository))


class Registries(Readable[Registry]):
    """The argument is a registry's dict, its ``resource_uri`` or its host."""

    kind = "registry"
    key = "host"
