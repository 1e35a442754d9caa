"""Containers: routes and rendering.

Source: Docker Cloud API reference, "Containers".
"""

from __future__ import annotations

import shlex
from typing import Any

from aiohttp import web

from ... import wire
from ...exceptions import BadRequest, OperationNotAllowed
from ...wire import states
from ...wire.exec import BASE64
from ...wire.scopes import EXEC, READ
from ...wire.service_fields import BINDING_SINCE, CONTAINER_FIELDS, HOST
from ..control import links, names, node_choice
from ..control.control_plane import ControlPlane
from ..state.records import Container
from . import exec_streams, log_selection, log_streams, rights, streams
from .render import date, inspected, listed, serve_operations
from .resource import Call, Reply, Resource

#: The remaining keys of a rendered container.
_OWN = (
    *("bindings", "cgroup_name", "container_envvars", "container_ports"),
    *("deployed_datetime", "destroyed_datetime", "dns_search", "docker_id"),
    *("entrypoint", "exit_code", "exit_code_msg", "exit_code_message", "image_name"),
    *("image_digest", "warnings", "health"),
    *("link_variables", "linked_to_container", "name", "node", "private_ip"),
    *("public_dns", "resource_uri", "run_command", "service", "started_datetime"),
    *("state", "stopped_datetime", "synchronized", "uuid"),
)

_EXIT_WORDS = {
    0: "Success",
    137: "Killed",
    139: "Segmentation fault",
    143: "Terminated",
}

resource: Resource = Resource("container")


def render(cloud: ControlPlane, container: Container) -> dict[str, Any]:
    """Return the JSON object of a container; every key is always present."""
    definition = container.definition
    service = cloud.services[container.service]
    node = cloud.nodes.get(container.node)
    dns = names.container_dns(cloud, container)
    environment = dict(container.environment)
    if secret := environment.get(links.AUTH):
        # The container reads its credentials from its environment; a reader of the API
        # must not gain them.
        environment = {k: v.replace(secret, "***") for k, v in environment.items()}
    if address := links.address(container.private_ip):
        environment |= links.with_tutum({links.ADDRESS: address})
    message = _exit_message(container)
    return {
        **{key: definition[key] for key in CONTAINER_FIELDS},
        "bindings": _bindings(cloud, container),
        "cgroup_name": definition["cgroup_parent"],
        "container_envvars": [
            {"key": key, "value": value} for key, value in environment.items()
        ],
        "container_ports": [
            {
                "endpoint_uri": names.endpoint(
                    inner, dns, outer if published else None
                ),
                "inner_port": inner,
                "outer_port": outer,
                "port_name": names.port_name(inner),
                "protocol": protocol,
                "published": published,
                "uri_protocol": names.uri_protocol(inner),
                "mode": mode[0] if mode else HOST,
            }
            for inner, protocol, published, outer, *mode in container.ports
        ],
        "deployed_datetime": date(container.deployed),
        "destroyed_datetime": date(container.destroyed),
        "dns_search": [
            *definition["dns_search"],
            f"{container.uuid}.local.{cloud.domain or 'dockerapp.io'}",
        ],
        "docker_id": container.docker_id,
        "entrypoint": container.entrypoint,
        "exit_code": container.exit_code,
        "exit_code_msg": message,
        "exit_code_message": message,
        "health": container.health,
        "hostname": links.hostname(cloud, container, node),
        "image_digest": container.image_digest,
        "image_name": definition["image"],
        "link_variables": links.variables(cloud, service.name, service, [container]),
        "linked_to_container": links.linked_to_container(cloud, container),
        "name": container.name,
        "node": wire.path("node", container.node),
        "private_ip": container.private_ip,
        "public_dns": dns,
        "resource_uri": container.uri,
        "run_command": container.command,
        "service": service.uri,
        "started_datetime": date(container.started),
        "state": container.state,
        "stopped_datetime": date(container.stopped),
        "synchronized": container.revision == service.revision,
        "uuid": container.uuid,
        "warnings": container.warnings,
    }


def _bindings(cloud: ControlPlane, container: Container) -> list[dict[str, Any]]:
    """Return the own volumes of a container, then those of ``volumes_from``.

    An own volume hides a shared one with the same path, as in Docker.
    """
    found: dict[str, dict[str, Any]] = {}
    known, left = {container.uuid}, [container]
    for one in left:
        volumes = dict(one.volumes)
        for binding in one.definition["bindings"]:
            if (path := binding["container_path"]) and path not in found:
                volume = volumes.get(path)
                found[path] = {
                    "volume": f"/api/infra/v1/volume/{volume}/" if volume else None,
                    "host_path": binding["host_path"],
                    "container_path": path,
                    "rewritable": binding["rewritable"],
                    **{key: binding.get(key) for key in BINDING_SINCE},
                }
        for peer in node_choice.shared_with(cloud, one):
            if peer.uuid not in known:
                known.add(peer.uuid)
                left.append(peer)
    return list(found.values())


def _exit_message(container: Container) -> str | None:
    code = container.exit_code
    if code is None:
        return container.message or None
    return f"Exit code {code} ({_EXIT_WORDS.get(code, container.message or 'Error')})"


def find(call: Call) -> Container:
    """Return the container that the path names.

    Raises:
        ObjectNotFound: The caller's namespace has no such container.
    """
    container: Container = call.get("container", call.pk)
    return container


@resource.route("GET", key=False, scope=READ)
async def index(call: Call) -> Reply:
    cloud = call.cloud

    def stack_name(container: Container) -> str | None:
        stack = cloud.stack_of(cloud.services[container.service])
        return stack.name if stack else None

    getters = {
        "uuid": lambda c: c.uuid,
        "name": lambda c: c.name,
        "state": lambda c: c.state,
        "service": lambda c: cloud.services[c.service].uri,
        "service__name": lambda c: cloud.services[c.service].name,
        "service__stack__name": stack_name,
    }
    return await listed(call, "container", render, getters, [*CONTAINER_FIELDS, *_OWN])


@resource.route("GET", scope=READ)
async def inspect(call: Call) -> Reply:
    return inspected(call, find(call), render)


serve_operations(resource, find, render, "start", "stop", "redeploy", "terminate")


@resource.route("GET", "logs", scope=READ)
async def logs(call: Call) -> web.StreamResponse:
    """Stream the log; ``service``, as documented, must name the container's service."""
    container = find(call)
    wanted = log_selection.selection(call, *log_selection.OUTPUT, "service")
    service = call.cloud.services[container.service]
    given = call.query.get("service")
    if given and wire.canonical_uri(given) not in (service.uri, service.uuid):
        raise BadRequest(
            f"service: the container {container.name} is of {service.uri}, not {given}"
        )
    frames = log_streams.container_log(call.cloud, container, wanted)
    return await streams.serve(call, frames)


@resource.route("GET", "exec", scope=EXEC)
async def execute(call: Call) -> web.StreamResponse:
    """Run a command, by default ``sh``, and stream its input and output.

    The command is split into words as a shell splits a line. With ``encoding=base64``,
    input and output are bytes as base64 text.
    """
    container = find(call)
    rights.check_container(call, container)
    if container.state != states.RUNNING:
        raise OperationNotAllowed(
            f"exec: the container {container.name} is {container.state}, not"
            f" {states.RUNNING}"
        )
    call.refuse_parameters_except("command", "encoding")
    encoding = call.query.get("encoding", "")
    if encoding not in ("", BASE64):
        raise BadRequest(f"encoding: must be {BASE64!r} or left out")
    try:
        command = shlex.split(call.query.get("command") or "sh")
    except ValueError as error:
        raise BadRequest(f"command: cannot be split into words: {error}") from None
    streams.require_upgrade(call.request)  # before the command starts
    session = await call.cloud.engine.exec(container.uuid, command or ["sh"])
    return await exec_streams.serve_exec(
        call,
        session,
        exec_streams.Base64() if encoding else exec_streams.PlainText(),
    )
