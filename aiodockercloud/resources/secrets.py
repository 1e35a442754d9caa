"""Secrets and configs (``cloud.secrets``, ``.configs``): files for containers.

Source: aiodockercloud, after "Secrets" and "Configs" of the Docker Engine API.
"""

from __future__ import annotations

import builtins
from base64 import b64encode
from collections.abc import AsyncIterator
from typing import ClassVar, Unpack, cast

from .. import types
from .filters import Filters
from .managed import Reference, Resource

__all__ = ["Configs", "Secrets"]


class _StoredFiles(Resource["types.StoredFile"]):
    """What secrets and configs have in common."""

    filters: ClassVar[Filters | None] = Filters("StoredFileFilters", "StoredFile")

    async def list(
        self, **filters: Unpack[types.StoredFileFilters]
    ) -> builtins.list[types.StoredFile]:
        return await super().list(**filters)

    def iterate(
        self, **filters: Unpack[types.StoredFileFilters]
    ) -> AsyncIterator[types.StoredFile]:
        return super().iterate(**filters)

    async def create(self, *, name: str, data: str | bytes) -> types.StoredFile:
        """Store a content under a name.

        Args:
            name: The name, by which services name the object: at most 63 letters,
                digits, ``_``, ``.`` and ``-``, unique in the namespace.
            data: The content, less than 512,000 bytes and not empty; a text is encoded
                as UTF-8.

        Returns:
            The dict of the object, without the content, which no answer contains.

        Raises:
            BadRequest: The name is invalid, or the content is empty or too large.
            ConflictError: Another object of the kind has the name.

        Source:
            Docker Engine API, "Create a secret" and "Create a config".
        """
        return await self._create({"name": name, "data": _encoded(data)})

    async def update(
        self, thing: Reference, *, data: str | bytes, version: int | None = None
    ) -> types.StoredFile:
        """Store a new content, which is a new version.

        Containers keep the content that they have. The services that use the object
        have ``synchronized: False`` until a redeploy, whose containers have the new
        content. The same content again is no new version.

        Args:
            thing: The object: its dict, its ``resource_uri``, its uuid or its name.
            data: The content, as for :meth:`create`.
            version: The version that was read, as ``thing["version"]``. The change is
                refused when the object has another version. By default, the change is
                for any version.

        Returns:
            The dict of the object, without the content.

        Raises:
            BadRequest: The content is empty or too large.
            VersionConflict: The object does not have the *version*; nothing was
                changed.
            ObjectNotFound: The object does not exist.

        Source:
            aiodockercloud; the Docker Engine cannot change the content of a secret.
        """
        return await self._update(thing, {"data": _encoded(data)}, version=version)

    async def delete(self, thing: Reference) -> types.Changed:
        """Delete an object that no service uses.

        Args:
            thing: The object: its dict, its ``resource_uri``, its uuid or its name.

        Returns:
            A dict with the action's URI under ``"dockercloud_action_uri"``.

        Raises:
            ConflictError: A service uses the object; the message names the services.
            ObjectNotFound: The object does not exist.

        Source:
            Docker Engine API, "Delete a secret" and "Delete a config".
        """
        return cast(
            "types.Changed", await self.cloud.request("DELETE", self._path(thing))
        )


class Secrets(_StoredFiles):
    """Secrets: ``cloud.secrets``.

    A service names its secrets in the field ``secrets``; each container has the content
    as the file ``/run/secrets/NAME``. No answer, event or log contains a content, and
    the server's database is encrypted.

    The first argument is a secret: its dict, its ``resource_uri``, its uuid or its
    name.
    The hosted API had no secrets.

    Source: Docker Engine API, "Secrets".
    """

    kind = "secret"


class Configs(_StoredFiles):
    """Configs: ``cloud.configs``.

    A service names its configs in the field ``configs``; each container has the content
    as the file ``/NAME``, or under the path ``target``. No answer contains a content.

    The first argument is a config: its dict, its ``resource_uri``, its uuid or its
    name.
    The hosted API had no configs.

    Source: Docker Engine API, "Configs".
    """

    kind = "config"


def _encoded(data: str | bytes) -> str:
    """Return a content as the API has it, in base64."""
    return b64encode(data.encode() if isinstance(data, str) else data).decode()
