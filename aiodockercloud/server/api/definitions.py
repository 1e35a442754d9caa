"""Definitions of services: fields, checks and changes.

Source: Docker Cloud API reference, "Services": creating and updating a service.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ... import stackfile
from ...exceptions import BadRequest, StackFileError
from ...wire import service_fields, states
from ...wire.images import ImageName
from ...wire.service_fields import (
    ALWAYS,
    EVERY_NODE,
    HOST,
    IN_STEP,
    JOB,
    OFF,
    READ_ONLY,
    SYNONYMS,
)
from ..control import deployment, links, names, stored_files
from ..control.control_plane import ControlPlane
from ..engines import PortSpec
from ..state.access import Access
from ..state.records import Service, Stack, new_uuid
from . import fields, rights
from .errors import api_errors
from .fields import Field
from .parsers import parser_of
from .readonly import ReadOnly

#: Every writable field.
FIELDS: Mapping[str, Field] = {
    row.name: Field(parser_of(row), row.initial) for row in service_fields.FIELDS
}


#: The keys of one service that have a meaning, and those that only stack files have.
_KNOWN = stackfile.STACK_KEYS | stackfile.API_KEYS
_IN_STACK_FILES = stackfile.STACK_KEYS - stackfile.API_KEYS

#: The values of a new service's read-only fields.
NEW: Mapping[str, Any] = {"state": states.NOT_RUNNING, "synchronized": True}
_NEW = ReadOnly(READ_ONLY, NEW)

#: Fields that ``check`` does not read.
UNCHECKED = frozenset({"nickname", "tags", "target_num_containers"})


class Checked(dict[str, Any]):
    """A definition that ``check`` has accepted since the start of the server."""

    __slots__ = ()


def read(body: Mapping[str, Any], read_only: ReadOnly = _NEW) -> dict[str, Any]:
    """Return the fields of a body, each field checked alone.

    A body may have stack file keys: the old CLI posts these untranslated.

    Args:
        body: The JSON object of one service.
        read_only: The read-only fields; by default those of a new service.

    Raises:
        BadRequest: A field is wrong, or a read-only field has a new value.
    """
    fixed = {key: body[key] for key in body if key in read_only.instead}
    writable = {key: body[key] for key in body if key not in fixed}
    # A key of the API with a typing error is compared with the API's fields below.
    if all(key in _KNOWN or stackfile.unsupported(key) for key in writable) or (
        writable.keys() & _IN_STACK_FILES
    ):
        try:
            writable = stackfile.to_api(str(body.get("name") or ""), writable)
        except StackFileError as error:
            raise BadRequest(f"{error.key or 'body'}: {error.problem}") from None
    return fields.read(
        {**fixed, **writable}, FIELDS, read_only=read_only, synonyms=SYNONYMS
    )


@api_errors()
def check(cloud: ControlPlane, definition: Mapping[str, Any]) -> None:
    """Check the fields of a whole definition against each other.

    Raises:
        BadRequest: Two fields contradict each other.
        UnsupportedField: The engine does not support a field.
    """
    if definition["autorestart"] == ALWAYS and definition["autodestroy"] != OFF:
        raise BadRequest(
            "autodestroy: must be OFF when autorestart is ALWAYS, which leaves nothing"
            " to destroy"
        )
    _check_mode(definition)
    networks = [network["name"] for network in definition["networks"]]
    if networks and definition["net"] == HOST:
        raise BadRequest("networks: with net host there is only the node's network")
    for name in networks:
        if networks.count(name) > 1:
            raise BadRequest(f"networks: {name} is given twice")
    taken = [
        (port["outer_port"], port["protocol"])
        for port in definition["container_ports"]
        if port["outer_port"] is not None
    ]
    for outer, protocol in taken:
        if taken.count((outer, protocol)) > 1:
            # Programs search the text for the hosted API's wording.
            raise BadRequest(
                f"container_ports: outer_port {outer}/{protocol} is given twice"
                f" (Duplicated exposed port '{outer}/{protocol}')"
            )
    paths = [b["container_path"] for b in definition["bindings"] if b["container_path"]]
    for path in paths:
        if paths.count(path) > 1:
            raise BadRequest(f"bindings: container_path {path} is given twice")
    for one in definition["tmpfs"]:
        paths.append(path := one["container_path"])
        if paths.count(path) > 1:
            raise BadRequest(f"tmpfs: container_path {path} is given twice")
    for field in stored_files.FIELDS:
        for mount in definition[field]:
            path = stored_files.path(field, mount["target"])
            if path in paths:
                raise BadRequest(f"{field}: the path {path} is given twice")
            paths.append(path)
    ports = [PortSpec(*port) for port in deployment.ports_of(definition)]
    mounts = deployment.mounts_of(definition, {})
    cloud.engine.check(deployment.engine_options(definition), ports, mounts)


def _check_mode(definition: Mapping[str, Any]) -> None:
    if definition["mode"] != JOB:
        for name in ("completions", "max_concurrent"):
            if definition[name] is not None:
                raise BadRequest(f"{name}: only for a service with mode job")
        return
    for name, value, why in (
        ("autorestart", ALWAYS, "a job that is always restarted has no end"),
        ("deployment_strategy", EVERY_NODE, "give a job completions"),
    ):
        if definition[name] == value:
            raise BadRequest(f"{name}: must not be {value} with mode job: {why}")
    if definition["autodestroy"] != OFF:
        raise BadRequest(
            "autodestroy: must be OFF with mode job, whose exit codes and logs stay"
            " until the next start"
        )


@api_errors()
def resolve(
    cloud: ControlPlane,
    found: dict[str, Any],
    namespace: str,
    stack: Stack | None,
    own: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return fields in which links and volumes name services by uuid.

    Args:
        cloud: The control plane.
        found: The checked fields of a request.
        namespace: The namespace of the service.
        stack: The stack of the service.
        own: Name → uuid of the services that the same request creates.

    Raises:
        BadRequest: A service does not exist, or two links have the same name.
    """
    found = dict(found)
    for field, (kind, _) in stored_files.FIELDS.items():
        if field in found:
            found[field] = [
                {**mount, "source": _stored(cloud, field, kind, i, mount, namespace)}
                for i, mount in enumerate(found[field])
            ]
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


def _stored(
    cloud: ControlPlane,
    field: str,
    kind: str,
    number: int,
    mount: Mapping[str, Any],
    namespace: str,
) -> str:
    """Return the name of the secret or config that one element of a field names."""
    stored = stored_files.find(cloud, kind, mount["source"], namespace)
    if stored is None:
        raise BadRequest(
            f"{field}[{number}].source: there is no {kind} {mount['source']!r}; create"
            f" the {kind} first"
        )
    return stored.name


def free_name(
    cloud: ControlPlane, found: Mapping[str, Any], namespace: str, stack: Stack | None
) -> str:
    """Return the name of a new service: the requested name, or a name from the image.

    Raises:
        ConflictError: Another service has the requested name.
    """

    def taken(name: str) -> bool:
        place = stack.uuid if stack else None
        return bool(cloud.named("service", name, namespace, place))

    wanted = found.get("name")
    if wanted is not None:
        if taken(wanted):
            raise fields.duplicated_name("service", wanted)
        return str(wanted)
    base = ImageName.parse(found["image"]).base_name.replace(".", "-")[:50]
    return base if not taken(base) else f"{base}-{new_uuid()[:8]}"


def build(
    cloud: ControlPlane,
    found: Mapping[str, Any],
    namespace: str,
    stack: Stack | None,
    *,
    access: Access,
    uuid: str | None = None,
    own: Mapping[str, str] | None = None,
) -> Service:
    """Return a new service from checked fields, without adding the service."""
    if "image" not in found:
        raise BadRequest("image: is missing; give the image to run, [host/]name[:tag]")
    resolved = resolve(cloud, dict(found), namespace, stack, own)
    definition = {**fields.defaults(FIELDS), **resolved}
    rights.check_definition(cloud, access, definition)
    check(cloud, definition)
    name = free_name(cloud, found, namespace, stack)
    definition["name"] = name
    return Service(
        namespace=namespace,
        uuid=uuid or new_uuid(),
        name=name,
        stack=stack.uuid if stack else None,
        definition=Checked(definition),
    )


def changed(
    cloud: ControlPlane,
    service: Service,
    found: Mapping[str, Any],
    *,
    access: Access,
    own: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return the definition of a service changed by *found*, checked as a whole.

    Fields that no check reads change a checked definition without another check.
    """
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
    if resolved.get("nickname") == (service.definition["nickname"] or service.name):
        del resolved["nickname"]  # sent back as rendered: no change
    current = service.definition
    definition = {**current, **resolved}
    rights.check_definition(cloud, access, definition, current)
    differing = {name for name in resolved if resolved[name] != current[name]}
    if not (isinstance(current, Checked) and differing <= UNCHECKED):
        check(cloud, definition)
    return Checked(definition)


def apply(service: Service, definition: dict[str, Any]) -> None:
    """Set a definition that ``changed`` has returned for the service.

    The containers stay unchanged until a redeploy.
    """
    before = service.definition
    changed = {key for key, value in definition.items() if value != before[key]}
    if not changed <= IN_STEP:
        service.revision += 1
    if "target_num_containers" in changed:
        service.scale_pending = True
    service.definition = definition
