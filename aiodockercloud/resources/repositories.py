"""External repositories and registries (``cloud.repositories``, ``.registries``).

Source: Docker Cloud API reference, "External Repositories" and "Registries".
"""

from __future__ import annotations

import builtins
from collections.abc import AsyncIterator
from typing import ClassVar, Unpack, cast

from .. import types
from .filters import Filters
from .managed import Readable, Reference, Resource

__all__ = ["Registries", "Repositories"]


class Repositories(Resource["types.Repository"]):
    """External repositories: ``cloud.repositories``.

    The first argument is a repository: its dict, its ``resource_uri`` or its name.

    Source: Docker Cloud API reference, "External Repositories".
    """

    kind = "repository"
    filters: ClassVar[Filters | None] = Filters("RepositoryFilters", "Repository")
    key = "name"

    async def list(
        self, **filters: Unpack[types.RepositoryFilters]
    ) -> builtins.list[types.Repository]:
        return await super().list(**filters)

    def iterate(
        self, **filters: Unpack[types.RepositoryFilters]
    ) -> AsyncIterator[types.Repository]:
        return super().iterate(**filters)

    async def create(
        self, **fields: Unpack[types.RepositoryFields]
    ) -> types.Repository:
        """Add a repository of another registry, with the credentials for its images.

        Args:
            **fields: ``name`` (the host and the path of the repository), ``username``
                and ``password``.

        Returns:
            ``{"name": str, "registry": str, "in_use": bool, "resource_uri": str}``. The
            server never returns the credentials.

        Raises:
            BadRequest: A field is missing, unknown or invalid; the message names the
                field.
            ConflictError: The repository exists already.

        Source:
            Docker Cloud API reference, "Add a new external repository".
        """
        return await self._create(fields)

    async def update(
        self,
        repository: Reference,
        *,
        version: int | None = None,
        **fields: Unpack[types.RepositoryChanges],
    ) -> types.Repository:
        """Change the credentials of a repository.

        Args:
            repository: The repository.
            version: The version that the change is for, as ``repository["version"]``:
                the repository that was read. The change is refused when the repository
                has another version. By default, the change is for any version.
            **fields: ``username`` and ``password``.

        Returns:
            The repository's dict, without the credentials.

        Raises:
            BadRequest: A field is unknown, invalid or cannot be changed (``name``).
            VersionConflict: The repository does not have the *version*; nothing was
                changed.
            ObjectNotFound: The repository does not exist.

        Source:
            Docker Cloud API reference, "Update credentials of an external repository".
        """
        return await self._update(repository, fields, version=version)

    async def delete(self, repository: Reference) -> types.Changed:
        """Remove a repository and its credentials; the images remain.

        Args:
            repository: The repository.

        Returns:
            A dict without fields of the repository. With aiodockercloud's server, the
            dict has the action's URI under ``"dockercloud_action_uri"``.

        Raises:
            ObjectNotFound: The repository does not exist.

        Source:
            Docker Cloud API reference, "Remove an external repository".
        """
        changed = await self.cloud.request("DELETE", self._path(repository))
        return cast("types.Changed", changed)


class Registries(Readable["types.Registry"]):
    """Registries: ``cloud.registries``.

    The argument is a registry: its dict, its ``resource_uri`` or its host.

    Source: Docker Cloud API reference, "Registries".
    """

    kind = "registry"
    filters: ClassVar[Filters | None] = Filters("RegistryFilters", "Registry")
    key = "host"

    async def list(
        self, **filters: Unpack[types.RegistryFilters]
    ) -> builtins.list[types.Registry]:
        return await super().list(**filters)

    def iterate(
        self, **filters: Unpack[types.RegistryFilters]
    ) -> AsyncIterator[types.Registry]:
        return super().iterate(**filters)
