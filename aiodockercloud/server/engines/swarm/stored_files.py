"""Docker's secrets and configs for containers: created on demand, removed unused.

Docker cannot change the content of a secret: each version of ours is one of Docker's.

Source: Docker Engine API, "SecretCreate", "SecretDelete", "ConfigCreate" and
"ConfigDelete".
"""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from .. import FileSpec
from .docker_api import Api, DockerProblem
from .naming import FILE_LABEL

#: Our kind → the path of Docker's API, and the prefix of the keys in a spec.
_KINDS = {"secret": ("secrets", "Secret"), "config": ("configs", "Config")}


def docker_name(file: FileSpec) -> str:
    """Return the name of a version in Docker: at most 64 characters, and unique."""
    return f"dc-{file.uuid.replace('-', '')}-{file.version}"


class StoredFiles:
    """The secrets and configs of one Swarm that this engine has created."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._lock = asyncio.Lock()
        #: Docker's name → number of services about to be created with the object: not
        #: to be removed.
        self._wanted: Counter[str] = Counter()

    @asynccontextmanager
    async def ensure(
        self, files: Sequence[FileSpec]
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Create missing secrets and configs, and keep all during the block.

        Yields:
            The keys ``Secrets`` and ``Configs`` of a ``ContainerSpec``.
        """
        names = [docker_name(file) for file in files]
        self._wanted.update(names)
        found: dict[str, Any] = {}
        try:
            async with self._lock:
                for file in files:
                    path, prefix = _KINDS[file.kind]
                    reference = {
                        "File": {
                            "Name": file.path,
                            "UID": file.uid,
                            "GID": file.gid,
                            "Mode": file.mode,
                        },
                        f"{prefix}ID": await self._id(path, file),
                        f"{prefix}Name": docker_name(file),
                    }
                    found.setdefault(f"{prefix}s", []).append(reference)
            yield found
        finally:
            self._wanted.subtract(names)
            self._wanted += Counter()  # removes the zeros

    async def _id(self, path: str, file: FileSpec) -> str:
        """Return Docker's id of a version; create the object if it is missing."""
        name = docker_name(file)
        data = {
            "Name": name,
            "Labels": {FILE_LABEL: file.name},
            "Data": b64encode(file.content).decode(),
        }
        try:
            created = await self._api.call("POST", f"{path}/create", data=data)
        except DockerProblem as problem:
            if not problem.conflict:
                raise
            created = await self._api.call("GET", f"{path}/{name}")
        return str(created["ID"])

    async def remove(self, service: Mapping[str, Any]) -> None:
        """Remove the objects of a removed service that no other service uses."""
        container = service["Spec"]["TaskTemplate"]["ContainerSpec"]
        async with self._lock:
            for path, prefix in _KINDS.values():
                for reference in container.get(f"{prefix}s") or ():
                    await self._remove(path, reference[f"{prefix}Name"])

    async def _remove(self, path: str, name: str) -> None:
        if self._wanted[name]:
            return
        try:
            await self._api.call("DELETE", f"{path}/{name}")
        except DockerProblem as problem:
            if not (problem.not_found or "in use" in str(problem)):
                raise
