"""Secrets and configs of services: which ones, in which version, used by whom.

A definition names secrets and configs, whose names never change. A container keeps the
versions of its deployment until the next one.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from ...wire import states
from ..engines import FileSpec
from ..state.errors import NotAllowedNow
from ..state.records import Container, Service, StoredFile
from ..state.state import State
from ..state.tables import Tables

#: The field of a service → the kind of the objects that the field names, and the
#: directory of relative paths.
FIELDS: Mapping[str, tuple[Literal["secret", "config"], str]] = {
    "secrets": ("secret", "/run/secrets/"),
    "configs": ("config", "/"),
}


def find(cloud: Tables, kind: str, reference: str, namespace: str) -> StoredFile | None:
    """Return the secret or config with a uuid, a URI or a name; None without one."""
    wanted = reference.rstrip("/").rpartition("/")[2]
    found: list[StoredFile] = cloud.named(kind, wanted, namespace)
    table = cloud.secrets if kind == "secret" else cloud.configs
    if (stored := table.get(wanted)) is not None and stored.namespace == namespace:
        found.append(stored)
    return min(found, key=lambda stored: stored.number, default=None)


def path(field: str, target: str) -> str:
    """Return the path of a file in the container."""
    return target if target.startswith("/") else FIELDS[field][1] + target


def users(cloud: Tables, stored: StoredFile) -> list[Service]:
    """Return the services that use a secret or a config, in a definition or running."""
    found = []
    for service in cloud.services.values():
        if service.state == states.TERMINATED or service.namespace != stored.namespace:
            continue
        definitions = [service.definition, service.deployed_definition or {}]
        if any(_names(one, stored) for one in definitions) or any(
            stored.uuid in container.files for container in cloud.containers_of(service)
        ):
            found.append(service)
    return found


def _names(definition: Mapping[str, Any], stored: StoredFile) -> bool:
    return any(
        mount["source"] == stored.name
        for field, (kind, _) in FIELDS.items()
        if kind == stored.kind
        for mount in definition.get(field, ())
    )


def change(cloud: Tables, stored: StoredFile, data: str, now: float) -> None:
    """Give a secret or a config a new content; its services get out of step."""
    stored.former = {**stored.former, str(stored.version): stored.data}
    stored.data, stored.updated = data, now
    cloud.save(stored)
    forget_unused(cloud, stored)
    for service in users(cloud, stored):
        if _names(service.definition, stored):
            service.revision += 1
            cloud.touch(service)


def forget_unused(cloud: Tables, stored: StoredFile) -> None:
    """Delete the former contents that no container has any more."""
    used = {
        str(container.files[stored.uuid])
        for container in cloud.containers.values()
        if container.state != states.TERMINATED and stored.uuid in container.files
    }
    if stored.former.keys() - used:
        stored.former = {k: v for k, v in stored.former.items() if k in used}
        cloud.save(stored)


def sweep(cloud: Tables) -> None:
    """Delete the former contents of all secrets and configs that no container has."""
    for stored in [*cloud.secrets.values(), *cloud.configs.values()]:
        if stored.former:
            forget_unused(cloud, stored)


def versions(cloud: State, service: Service) -> dict[str, int]:
    """Return the secrets and configs of a new container with their versions.

    Raises:
        NotAllowedNow: The definition names an object that does not exist.
    """
    files = _of(cloud, service.definition, service.namespace)
    return {stored.uuid: stored.version for _, _, stored in files}


def specs(cloud: State, container: Container) -> list[FileSpec]:
    """Return the files of a container, for its engine.

    Raises:
        NotAllowedNow: The definition names an object that does not exist.
    """
    found = []
    for field, mount, stored in _of(cloud, container.definition, container.namespace):
        version = container.files.get(stored.uuid, stored.version)
        found.append(
            FileSpec(
                kind=FIELDS[field][0],
                uuid=stored.uuid,
                version=version,
                name=stored.name,
                content=b64decode(stored.of_version(version)),
                path=path(field, mount["target"]),
                mode=mount["mode"],
                uid=mount["uid"],
                gid=mount["gid"],
            )
        )
    return found


def _of(
    cloud: State, definition: Mapping[str, Any], namespace: str
) -> Iterator[tuple[str, Mapping[str, Any], StoredFile]]:
    """Yield the field, the element and the object of each file of a definition."""
    for field, (kind, _) in FIELDS.items():
        for mount in definition[field]:
            stored = find(cloud, kind, mount["source"], namespace)
            if stored is None:
                raise NotAllowedNow(f"{field}: there is no {kind} {mount['source']}")
            yield field, mount, stored
