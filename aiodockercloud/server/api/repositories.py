"""Repositories on external registries, with credentials; registries.

The engine pulls with the stored passwords; no response contains a password.
Source: Docker Cloud API reference, "External Repositories", "Registries".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ... import wire
from ...exceptions import BadRequest, ObjectNotFound
from ...wire import states
from ...wire.images import DOCKER_HUB, ImageName
from ...wire.scopes import DEPLOY, READ
from ..control.control_plane import ControlPlane
from ..state.records import Repository
from . import fields, versions
from .catalog import Entry, by_key
from .fields import Field, text
from .readonly import Late
from .render import listed, origin
from .resource import Call, Reply, Resource


def _name(place: str, value: Any) -> str:
    """Return a checked repository name, ``host[:port]/path``.

    A tag other than ``latest`` stays in the name: it names one image of a repository.
    """
    image = fields.image(place, value)
    return image.removesuffix(":latest")


FIELDS: Mapping[str, Field] = {
    "name": Field(_name),
    "username": Field(text, ""),
    "password": Field(text, ""),
}
READ_ONLY: Mapping[str, str] = {
    "registry": "name",
    **dict.fromkeys(("in_use", "resource_uri", "dockercloud_action_uri"), ""),
    "version": versions.READ_ONLY,
}

resource: Resource = Resource("repository")
registries: Resource = Resource("registry")


def _registry_of(repository: Repository) -> str:
    return ImageName.parse(repository.name).registry


def render(cloud: ControlPlane, repository: Repository) -> dict[str, Any]:
    """Return the JSON object of a repository, without its credentials."""
    return {
        "in_use": any(
            cloud.repository_for(service.namespace, service.definition["image"])
            is repository
            for service in cloud.services.values()
            if service.state != states.TERMINATED
        ),
        "name": repository.name,
        "registry": wire.path("registry", _registry_of(repository)),
        "resource_uri": repository.uri,
        "version": repository.version,
    }


def _find(call: Call, name: str) -> Repository:
    for repository in call.cloud.all("repository", call.namespace):
        if repository.name == name:
            found: Repository = repository
            return found
    raise ObjectNotFound(f"there is no repository {name}")


@resource.route("GET", key=False, scope=READ)
async def index(call: Call) -> Reply:
    getters = {"name": lambda r: r.name}
    known = ["name", "registry", "in_use", "resource_uri", "version"]
    return await listed(call, "repository", render, getters, known)


@resource.route("POST", key=False, scope=DEPLOY)
async def create(call: Call) -> Reply:
    body = fields.read(
        await call.body(), FIELDS, read_only=call.read_only(READ_ONLY, {})
    )
    if "name" not in body:
        raise BadRequest("name: is missing; give host/path of the repository")
    for other in call.cloud.all("repository", call.namespace):
        if other.name == body["name"]:
            raise fields.duplicated_name("repository", other.name)
    repository = Repository(
        namespace=call.namespace, **{**fields.defaults(FIELDS), **body}
    )
    call.cloud.add(repository)
    action = call.cloud.operations.record("create", repository, origin(call))
    return Reply(render(call.cloud, repository), 201, action)


@resource.route("GET", scope=READ)
async def inspect(call: Call) -> Reply:
    return Reply(render(call.cloud, _find(call, call.pk)))


@resource.route("PATCH", scope=DEPLOY)
async def update(call: Call) -> Reply:
    given, repository = await call.body(), _find(call, call.pk)
    versions.check(call, repository)
    read_only = call.read_only(READ_ONLY, Late(lambda: render(call.cloud, repository)))
    body = fields.read(given, FIELDS, read_only=read_only)
    if body.get("name", repository.name) != repository.name:
        raise BadRequest("name: cannot be changed; add another repository")
    repository.username = body.get("username", repository.username)
    repository.password = body.get("password", repository.password)
    call.cloud.save(repository)
    action = call.cloud.operations.record("update", repository, origin(call))
    return Reply(render(call.cloud, repository), 200, action)


@resource.route("DELETE", scope=DEPLOY)
async def delete(call: Call) -> Reply:
    return _delete(call, call.pk)


@resource.route("DELETE", key=False, scope=DEPLOY)
async def delete_named(call: Call) -> Reply:
    """Delete the repository named by a parameter: the reference's path has no name."""
    name = call.query.get("name") or (await call.body()).get("name")
    if not isinstance(name, str) or not name:
        raise BadRequest("name: is missing; put it into the path or the query")
    return _delete(call, name)


def _delete(call: Call, name: str) -> Reply:
    repository = _find(call, name)
    versions.check(call, repository)
    action = call.cloud.operations.record("delete", repository, origin(call))
    call.cloud.remove(repository)
    return Reply(None, 204, action)


# --- registries ---------------------------------------------------------------------


def _registry(host: str) -> Entry:
    name, _, port = host.partition(":")
    hub = host == DOCKER_HUB
    rendered = {
        "host": host,
        "is_docker_registry": hub,
        "is_ssl": name not in ("localhost", "127.0.0.1"),
        "name": "Docker Hub" if hub else host,
        "port": int(port) if port.isdecimal() else 443,
        "resource_uri": wire.path("registry", host),
    }
    return Entry(host, rendered)


def _hosts(call: Call) -> list[Entry]:
    repositories = call.cloud.all("repository", call.namespace)
    hosts = {DOCKER_HUB, *(_registry_of(repository) for repository in repositories)}
    return [_registry(host) for host in sorted(hosts)]


@registries.route("GET", key=False, scope=READ)
async def registry_index(call: Call) -> Reply:
    known = ["uuid", "name", "host", "is_docker_registry", "is_ssl", "port"]
    return await listed(
        call,
        "registry",
        lambda _, entry: entry.rendered,
        {},
        [*known, "resource_uri"],
        records=_hosts(call),
        place=by_key,
    )


@registries.route("GET", scope=READ)
async def registry_inspect(call: Call) -> Reply:
    for entry in _hosts(call):
        if entry.key == call.pk:
            return Reply(entry.rendered)
    raise ObjectNotFound(f"there is no registry {call.pk}")
