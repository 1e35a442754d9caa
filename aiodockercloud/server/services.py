"""Services: their routes, their fields and the checks of them.

Source: Docker Cloud API reference, "Services".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aiohttp import web

from .. import stackfile
from ..exceptions import (
    BadRequest,
    ConflictError,
    OperationNotAllowed,
    StackFileError,
)
from . import deployment, fields, lifecycle, links, names, streams
from .api import Call, Reply, Resource
from .fields import Field, choice, flag, integer, listing, optional, optional_text
from .models import Action, Service, Stack, new_uuid
from .render import date, listed, origin

if TYPE_CHECKING:
    from .cloud import Cloud

EVERY_NODE = "EVERY_NODE"

_texts = listing(fields.required_text)
#: MB; Docker takes no less than 4. The Go client sends 0 for "not set".
_megabytes = optional(integer(4, 2**31, unit=" (MB)"), unset=(None, 0, "", "0"))

#: Every writable field, in the order of the reference.
FIELDS: Mapping[str, Field] = {
    "image": Field(fields.image),
    "name": Field(fields.name),
    "nickname": Field(optional_text),
    "target_num_containers": Field(integer(0, 1000), 1),
    "run_command": Field(optional_text),
    "entrypoint": Field(optional_text),
    "container_ports": Field(listing(fields.port), list),
    "container_envvars": Field(fields.envvars, list),
    "labels": Field(fields.labels, dict),
    "linked_to_service": Field(listing(fields.link), list),
    "bindings": Field(listing(fields.binding), list),
    "autorestart": Field(choice("OFF", "ON_FAILURE", "ALWAYS"), "OFF"),
    "autodestroy": Field(choice("OFF", "ON_SUCCESS", "ALWAYS"), "OFF"),
    "autoredeploy": Field(flag, False),
    "sequential_deployment": Field(flag, False),
    "deployment_strategy": Field(
        choice("EMPTIEST_NODE", "HIGH_AVAILABILITY", EVERY_NODE), "EMPTIEST_NODE"
    ),
    "tags": Field(listing(fields.tag), list),
    "roles": Field(listing(choice("global")), list),
    "privileged": Field(flag, False),
    "read_only": Field(flag, False),
    "tty": Field(flag, False),
    "stdin_open": Field(flag, False),
    "net": Field(choice("bridge", "host"), "bridge"),
    "pid": Field(choice("none", "host"), "none"),
    "cpu_shares": Field(optional(integer(2, 262144), unset=(None, 0, "", "0"))),
    "cpuset": Field(optional_text),
    "memory": Field(_megabytes),
    "memory_swap": Field(_megabytes),
    "user": Field(optional_text),
    "hostname": Field(optional_text),
    "domainname": Field(optional_text),
    "mac_address": Field(optional_text),
    "working_dir": Field(optional_text),
    "cgroup_parent": Field(optional_text),
    "cap_add": Field(_texts, list),
    "cap_drop": Field(_texts, list),
    "devices": Field(_texts, list),
    "dns": Field(_texts, list),
    "dns_search": Field(_texts, list),
    "extra_hosts": Field(_texts, list),
    "security_opt": Field(_texts, list),
}

#: The reference's attribute tables spell these two differently from its examples.
SYNONYMS = {"cgroup_name": "cgroup_parent", "secuirty_opt": "security_opt"}

#: Shown but not writable; clients that send a whole object back send these.
READ_ONLY = frozenset(
    {
        *("uuid", "resource_uri", "image_name", "state", "synchronized", "stack"),
        *("public_dns", "containers", "calculated_envvars", "link_variables"),
        *("linked_from_service", "deployed_datetime", "started_datetime"),
        *("stopped_datetime", "destroyed_datetime", "current_num_containers"),
        *("running_num_containers", "stopped_num_containers"),
        "dockercloud_action_uri",
    }
)

#: Changing these changes no container: nothing gets out of step with them.
_NOT_DEPLOYED = frozenset({"nickname", "target_num_containers", "linked_to_service"})

resource = Resource("service")


# --- what is shown ------------------------------------------------------------------


def render(cloud: Cloud, service: Service) -> dict[str, Any]:
    """The object as clients see it, every key always there."""
    definition = service.definition
    containers = cloud.containers_of(service)
    dns = names.service_dns(cloud, service)
    stack = cloud.stack_of(service)
    states = [container.state for container in containers]
    shown = {
        key: value for key, value in definition.items() if key not in ("image", "tags")
    }
    return {
        **shown,
        "autodestroy": definition["autodestroy"],
        "bindings": [_shown_binding(cloud, b) for b in definition["bindings"]],
        "calculated_envvars": _calculated(cloud, service),
        "cgroup_name": definition["cgroup_parent"],
        "container_ports": [
            {
                **port,
                "port_name": names.port_name(port["inner_port"]),
                "uri_protocol": names.uri_protocol(port["inner_port"]),
                "endpoint_uri": names.endpoint(
                    port["inner_port"], dns, port["outer_port"]
                ),
            }
            for port in definition["container_ports"]
        ],
        "containers": [container.uri for container in containers],
        "current_num_containers": len(containers),
        "deployed_datetime": date(service.deployed),
        "destroyed_datetime": date(service.destroyed),
        "image_name": definition["image"],
        "link_variables": links.variables(cloud, service.name, service, containers),
        "linked_from_service": _linked_from(cloud, service),
        "linked_to_service": [
            _shown_link(service, name, target)
            for name, target in links.targets(cloud, service)
        ],
        "name": service.name,
        "nickname": definition["nickname"] or service.name,
        "public_dns": dns,
        "resource_uri": service.uri,
        "running_num_containers": states.count(lifecycle.RUNNING),
        "stack": stack.uri if stack else None,
        "started_datetime": date(service.started),
        "state": service.state,
        "stopped_datetime": date(service.stopped),
        "stopped_num_containers": states.count(lifecycle.STOPPED),
        "synchronized": cloud.synchronized(service),
        "tags": [{"name": name} for name in definition["tags"]],
        "target_num_containers": 0
        if definition["deployment_strategy"] == EVERY_NODE
        else definition["target_num_containers"],
        "uuid": service.uuid,
    }


def _shown_binding(cloud: Cloud, binding: Mapping[str, Any]) -> dict[str, Any]:
    owner = cloud.services.get(binding["volumes_from"] or "")
    return {**binding, "volumes_from": owner.uri if owner else None}


def _shown_link(source: Service, name: str, target: Service) -> dict[str, Any]:
    return {"from_service": source.uri, "name": name, "to_service": target.uri}


def _linked_from(cloud: Cloud, service: Service) -> list[dict[str, Any]]:
    return [
        _shown_link(source, name, target)
        for source in cloud.linking_to(service)
        for name, target in links.targets(cloud, source)
        if target is service
    ]


def _calculated(cloud: Cloud, service: Service) -> list[dict[str, str]]:
    user = links.user_environment(service.definition)
    # The old word survived the renaming: the CLI selects by it.
    platform: dict[str, str] = {}
    for name, target in links.targets(cloud, service):
        theirs = cloud.containers_of(target)
        platform |= links.variables(cloud, name, target, theirs)
    return [
        {"key": key, "value": value, "origin": "user"} for key, value in user.items()
    ] + [
        {"key": key, "value": value, "origin": "tutum"}
        for key, value in platform.items()
        if key not in user
    ]


# --- checks -------------------------------------------------------------------------


def read(body: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a body, each checked alone. Stack file keys are taken as well:
    the old CLI posts them untranslated.

    Raises:
        BadRequest: A field is wrong; nothing was changed.
    """
    writable = {key: body[key] for key in body if key not in READ_ONLY}
    if stackfile.STACK_KEYS.union(FIELDS, SYNONYMS) >= writable.keys():
        try:
            writable = stackfile.to_api(str(body.get("name") or ""), writable)
        except StackFileError as error:
            raise BadRequest(f"{error.key or 'body'}: {error.problem}") from None
    return fields.read(writable, FIELDS, synonyms=SYNONYMS)


def check(cloud: Cloud, definition: Mapping[str, Any]) -> None:
    """What only a whole definition shows.

    Raises:
        BadRequest: Two fields contradict each other, or the engine cannot do it.
    """
    if definition["autorestart"] == "ALWAYS" and definition["autodestroy"] != "OFF":
        raise BadRequest(
            "autodestroy: must be OFF when autorestart is ALWAYS, which leaves nothing"
            " to destroy"
        )
    taken = [
        (port["outer_port"], port["protocol"])
        for port in definition["container_ports"]
        if port["outer_port"] is not None
    ]
    for outer, protocol in taken:
        if taken.count((outer, protocol)) > 1:
            raise BadRequest(
                f"container_ports: outer_port {outer}/{protocol} is given twice"
            )
    cloud.engine.check(deployment.engine_options(definition))


def resolve(
    cloud: Cloud,
    found: dict[str, Any],
    namespace: str,
    stack: Stack | None,
    own: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """*found* with the services that links and volumes name as uuids."""
    found = dict(found)
    uuid = stack.uuid if stack else None
    resolved: list[dict[str, Any]] = []
    for i, link in enumerate(found.get("linked_to_service", ())):
        reference = link["to_service"]
        place = f"linked_to_service[{i}].to_service"
        target = links.resolve(cloud, reference, place, namespace, uuid, own)
        plain = reference.rpartition("/")[2].partition(".")[0]
        named = cloud.services.get(target)
        alias = link["name"] or (named.name if named else plain)
        if any(names.alias(alias) == names.alias(other["name"]) for other in resolved):
            raise BadRequest(f"linked_to_service[{i}].name: {alias!r} is given twice")
        resolved.append({"to_service": target, "name": alias})
    if "linked_to_service" in found:
        found["linked_to_service"] = resolved
    if "bindings" in found:
        found["bindings"] = [
            binding
            if binding["volumes_from"] is None
            else {
                **binding,
                "volumes_from": links.resolve(
                    cloud,
                    binding["volumes_from"],
                    f"bindings[{i}].volumes_from",
                    namespace,
                    uuid,
                    own,
                ),
            }
            for i, binding in enumerate(found["bindings"])
        ]
    return found


def free_name(
    cloud: Cloud, found: Mapping[str, Any], namespace: str, stack: Stack | None
) -> str:
    """The name for a new service: the wanted one, or one made from the image.

    Raises:
        ConflictError: The wanted one is taken.
    """
    taken = {
        service.name
        for service in cloud.services.values()
        if service.namespace == namespace
        and service.stack == (stack.uuid if stack else None)
        and service.state != lifecycle.TERMINATED
    }
    wanted = found.get("name")
    if wanted is not None:
        if wanted in taken:
            raise ConflictError(f"name: there is a service {wanted!r} already")
        return str(wanted)
    base = found["image"].rpartition("/")[2].partition(":")[0].partition("@")[0]
    base = base.replace(".", "-")[:50]
    return base if base not in taken else f"{base}-{new_uuid()[:8]}"


def build(
    cloud: Cloud,
    found: Mapping[str, Any],
    namespace: str,
    stack: Stack | None,
    *,
    uuid: str | None = None,
    own: Mapping[str, str] | None = None,
) -> Service:
    """A new service from checked fields; it is not yet part of the cloud."""
    if "image" not in found:
        raise BadRequest("image: is missing; give the image to run, [host/]name[:tag]")
    resolved = resolve(cloud, dict(found), namespace, stack, own)
    definition = {**fields.defaults(FIELDS), **resolved}
    check(cloud, definition)
    name = free_name(cloud, found, namespace, stack)
    definition["name"] = name
    return Service(
        namespace=namespace,
        uuid=uuid or new_uuid(),
        name=name,
        stack=stack.uuid if stack else None,
        definition=definition,
    )


def changed(
    cloud: Cloud,
    service: Service,
    found: Mapping[str, Any],
    own: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The definition of a service with *found* in it, checked as a whole."""
    if found.get("name", service.name) != service.name:
        raise BadRequest("name: cannot be changed; use nickname, or create a new one")
    strategy = found.get("deployment_strategy")
    before = service.definition["deployment_strategy"]
    if strategy and strategy != before and EVERY_NODE in (strategy, before):
        raise BadRequest(
            f"deployment_strategy: cannot be changed from {before} to {strategy};"
            f" {EVERY_NODE} is for good"
        )
    if before == EVERY_NODE and found.get("target_num_containers"):
        raise BadRequest(
            "target_num_containers: a service on EVERY_NODE cannot be scaled; add nodes"
        )
    resolved = resolve(
        cloud, dict(found), service.namespace, cloud.stack_of(service), own
    )
    definition = {**service.definition, **resolved}
    check(cloud, definition)
    return definition


def apply(service: Service, definition: dict[str, Any]) -> None:
    """Store a changed definition; the containers stay as they are."""
    before = service.definition
    if any(definition[k] != before[k] for k in definition if k not in _NOT_DEPLOYED):
        service.previous = before
        service.revision += 1
    if definition["target_num_containers"] != before["target_num_containers"]:
        service.scale_pending = True
    service.definition = definition


# --- routes -------------------------------------------------------------------------


def find(call: Call) -> Service:
    service: Service = call.cloud.get("service", call.pk, call.namespace)
    return service


@resource.route("GET", key=False)
async def index(call: Call) -> Reply:
    def stack_name(service: Service) -> str | None:
        stack = call.cloud.stack_of(service)
        return stack.name if stack else None

    getters = {
        "uuid": lambda s: s.uuid,
        "name": lambda s: s.name,
        "state": lambda s: s.state,
        "stack__name": stack_name,
    }
    return listed(call, "service", render, getters, [*FIELDS, *READ_ONLY])


@resource.route("POST", key=False)
async def create(call: Call) -> Reply:
    service = build(call.cloud, read(await call.body()), call.namespace, None)
    call.cloud.add(service)
    action = call.cloud.operations.note("create", service, origin(call))
    return Reply(render(call.cloud, service), 201, action)


@resource.route("GET")
async def inspect(call: Call) -> Reply:
    return Reply(render(call.cloud, find(call)))


@resource.route("PATCH")
async def update(call: Call) -> Reply:
    service = find(call)
    _refuse_terminated(service)
    definition = changed(call.cloud, service, read(await call.body()))
    apply(service, definition)
    call.cloud.touch(service)
    action = call.cloud.operations.note("update", service, origin(call))
    return Reply(render(call.cloud, service), 200, action)


def _refuse_terminated(service: Service) -> None:
    if service.state in (lifecycle.TERMINATING, lifecycle.TERMINATED):
        raise OperationNotAllowed(
            f"update: the service {service.name} is {service.state}"
        )


@resource.route("DELETE")
async def terminate(call: Call) -> Reply:
    service = find(call)
    users = [
        other.name
        for other in call.cloud.sharing_volumes_of(service)
        if other.state != lifecycle.TERMINATING
    ]
    if users:
        raise OperationNotAllowed(
            f"terminate: {', '.join(users)} use the volumes of {service.name};"
            " terminate them first"
        )
    return _submitted(call, service, "terminate")


@resource.route("POST", "start")
async def start(call: Call) -> Reply:
    return _submitted(call, find(call), "start")


@resource.route("POST", "stop")
async def stop(call: Call) -> Reply:
    return _submitted(call, find(call), "stop")


@resource.route("POST", "scale")
async def scale(call: Call) -> Reply:
    return _submitted(call, find(call), "scale")


@resource.route("POST", "redeploy")
async def redeploy(call: Call) -> Reply:
    reuse = call.parameter("reuse_volumes", await call.body(), True)
    return _submitted(call, find(call), "redeploy", reuse_volumes=reuse)


@resource.route("POST", "rollback")
async def rollback(call: Call) -> Reply:
    """Redeploy as it was before the last change; beyond the old API."""
    service = find(call)
    if service.previous is None:
        raise OperationNotAllowed(
            f"rollback: the service {service.name} was never changed"
        )
    # The number of containers is no part of it: scaling is not undone.
    target = service.definition["target_num_containers"]
    definition = {**service.previous, "target_num_containers": target}
    return _submitted(call, service, "rollback", definition=definition)


@resource.route("GET", "logs")
async def logs(call: Call) -> web.StreamResponse:
    return await streams.serve(
        call, streams.service_log(call.cloud, find(call), *streams.window(call.query))
    )


def _submitted(call: Call, service: Service, operation: str, **params: Any) -> Reply:
    action: Action = call.cloud.operations.submit(
        operation, service, origin(call), **params
    )
    return Reply(render(call.cloud, service), 202, action)
