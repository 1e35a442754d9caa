"""The variables of containers: the user's, the platform's and the links'.

Source: Docker Cloud API reference, "Service", ``link_variables``; for the names and
their use by clients, the page on service links of the Docker Cloud manual.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ... import wire
from ...wire import states
from ...wire.service_fields import EVERY_NODE
from ..engines import LinkTarget
from ..state.errors import InvalidField
from ..state.records import Container, Node, Service
from ..state.state import State
from . import names

#: The variable with the private address of a container, in CIDR form.
ADDRESS = "DOCKERCLOUD_IP_ADDRESS"
#: The length of the mask of overlay addresses.
_OVERLAY_MASK = 16


def user_environment(definition: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables of a definition."""
    return {item["key"]: item["value"] for item in definition["container_envvars"]}


def platform_environment(
    cloud: State, container: Container, node: Node | None
) -> dict[str, str]:
    """Return the variables ``DOCKERCLOUD_*`` of a container, known before its start."""
    service = cloud.services[container.service]
    stack = cloud.stack_of(service)
    found = {
        "DOCKERCLOUD_REST_HOST": cloud.rest_host,
        "DOCKERCLOUD_STREAM_HOST": wire.stream_url(cloud.rest_host),
    }
    about: list[tuple[str, str, str, str]] = [
        ("SERVICE", names.service_dns(cloud, service), service.name, service.uri),
        (
            "CONTAINER",
            names.container_dns(cloud, container),
            container.name,
            container.uri,
        ),
    ]
    if node is not None:
        fqdn = names.node_dns(cloud, node)
        about.append(("NODE", fqdn, fqdn.partition(".")[0], node.uri))
    for what, fqdn, hostname, uri in about:
        found[f"DOCKERCLOUD_{what}_FQDN"] = fqdn
        found[f"DOCKERCLOUD_{what}_HOSTNAME"] = hostname
        found[f"DOCKERCLOUD_{what}_API_URI"] = uri
        found[f"DOCKERCLOUD_{what}_API_URL"] = f"{cloud.rest_host}{uri}"
    if stack is not None:
        found["DOCKERCLOUD_STACK_NAME"] = stack.name
    return found


#: The variable with the credentials of a container with the role ``global``.
AUTH = "DOCKERCLOUD_AUTH"

_RENAMED = re.compile(r"^DOCKERCLOUD_|(?<=_)DOCKERCLOUD_(?=API_URL$)")


def with_tutum(found: Mapping[str, str]) -> dict[str, str]:
    """Return variables of the platform under Tutum's names as well.

    Images from the time of Tutum read ``TUTUM_AUTH``, ``TUTUM_CONTAINER_API_URL`` or
    ``DB_TUTUM_API_URL``.
    """
    renamed = {
        name: wire.respell(value, wire.TUTUM)
        for key, value in found.items()
        if (name := _RENAMED.sub("TUTUM_", key)) != key
    }
    return {**found, **renamed}


_REFERENCE = re.compile(
    r"\$(?:\{((?:DOCKERCLOUD|TUTUM)_\w+)\}|((?:DOCKERCLOUD|TUTUM)_\w+))"
)


def expand(text: str, platform: Mapping[str, str]) -> str:
    """Replace ``$DOCKERCLOUD_…`` and ``${TUTUM_…}`` in *text* by their values."""

    known = with_tutum(platform)

    def value(match: re.Match[str]) -> str:
        return known.get(match[1] or match[2], match[0])

    return _REFERENCE.sub(value, text)


def hostname(cloud: State, container: Container, node: Node | None) -> str | None:
    """Return the hostname of a container, with the values of ``$DOCKERCLOUD_…``."""
    text: str | None = container.definition["hostname"]
    if not text:
        return text
    return expand(text, platform_environment(cloud, container, node))


def address(private_ip: str | None) -> str | None:
    """Return a private address in CIDR form, for example ``10.7.0.3/16``."""
    return f"{private_ip}/{_OVERLAY_MASK}" if private_ip else None


def targets(cloud: State, service: Service) -> list[tuple[str, Service]]:
    """Return the services to which a service links, each with the name of the link."""
    return [
        (link["name"], target)
        for link in service.definition["linked_to_service"]
        if (target := cloud.services.get(link["to_service"])) is not None
        and target.state != states.TERMINATED
    ]


def named_targets(cloud: State, service: Service) -> dict[str, LinkTarget]:
    """Return the names of the services to which a service links, by the link's name."""
    found = {}
    for name, target in targets(cloud, service):
        stack = cloud.stack_of(target)
        found[name] = LinkTarget(target.name, stack.name if stack else None)
    return found


def peers(
    cloud: State, container: Container
) -> list[tuple[str, Service, list[Container]]]:
    """Return the containers to which a container is linked.

    Between two services on every node, a container is linked to the container on its
    own node. In a sequential deployment, a container is also linked to the containers
    of its own service with lower ordinals.

    Returns:
        ``(name of the link, service, containers)`` for each link.
    """
    service = cloud.services[container.service]
    found = []
    for name, target in targets(cloud, service):
        theirs = cloud.containers_of(target)
        if _everywhere(service) and _everywhere(target):
            theirs = [peer for peer in theirs if peer.node == container.node]
        found.append((name, target, theirs))
    if service.definition["sequential_deployment"]:
        before = [
            peer
            for peer in cloud.containers_of(service)
            if peer.ordinal < container.ordinal
        ]
        if before:
            found.append((service.name, service, before))
    return found


def _everywhere(service: Service) -> bool:
    return bool(service.definition["deployment_strategy"] == EVERY_NODE)


def linked_environment(cloud: State, container: Container) -> dict[str, str]:
    """Return the variables of all links of a container."""
    found: dict[str, str] = {}
    client = cloud.services[container.service]
    for name, target, containers in peers(cloud, container):
        found |= variables(cloud, name, target, containers, client)
    return found


def variables(
    cloud: State,
    link_name: str,
    target: Service,
    containers: Iterable[Container],
    client: Service | None = None,
) -> dict[str, str]:
    """Return the variables of a link to *containers* of *target*.

    Without running containers, the only variable is the API URL of the service.
    """
    alias = names.alias(link_name)
    found: dict[str, str] = {}
    running = [c for c in containers if c.private_ip and c.state == states.RUNNING]
    for position, container in enumerate(running):
        of_one = _variables_of(container, _address(cloud, container, target, client))
        if position == 0:
            prefix = f"{alias}_"
            for key, value in of_one.items():
                found[prefix + key] = value
            found[f"{alias}_NAME"] = f"/{container.uuid}/{container.name}"
        prefix = f"{alias}_{container.ordinal}_"
        for key, value in of_one.items():
            found[prefix + key] = value
    found[f"{alias}_DOCKERCLOUD_API_URL"] = f"{cloud.rest_host}{target.uri}"
    return found


def _address(
    cloud: State, container: Container, service: Service, client: Service | None
) -> str:
    """Return the address of a container for a client.

    If addresses change with each start, the address is the name of the container, with
    its stack for a client in another stack.
    """
    if cloud.engine.fixed_addresses:
        return str(container.private_ip)
    stack = cloud.stack_of(service)
    outside = client is not None and client.stack != service.stack
    return f"{container.name}.{stack.name}" if outside and stack else container.name


def _variables_of(container: Container, address: str) -> dict[str, str]:
    found: dict[str, str] = {}
    inner = list(dict.fromkeys((port[0], port[1]) for port in container.ports))
    for number, protocol in inner:
        url = f"{protocol}://{address}:{number}"
        key = f"PORT_{number}_{protocol.upper()}"
        found[key] = url
        found[f"{key}_ADDR"] = address
        found[f"{key}_PORT"] = str(number)
        found[f"{key}_PROTO"] = protocol
        if len(inner) == 1:
            found["PORT"] = url
    for key, value in container.image_environment.items():
        found["ENV_" + key] = value
    for item in container.definition["container_envvars"]:
        found["ENV_" + item["key"]] = item["value"]
    return found


def linked_to_container(cloud: State, container: Container) -> list[dict[str, Any]]:
    """Return the present links of a running container.

    Load balancers request the links again after each change.
    """
    return [
        {
            "name": f"{names.alias(link_name)}_{peer.ordinal}",
            "from_container": container.uri,
            "to_container": peer.uri,
            "endpoints": {
                f"{inner}/{protocol}": f"{protocol}://{peer.private_ip}:{inner}"
                for inner, protocol, *_ in peer.ports
            },
        }
        for link_name, _, theirs in peers(cloud, container)
        for peer in theirs
        if peer.private_ip and peer.state == states.RUNNING
    ]


def resolve(
    cloud: State,
    reference: str,
    place: str,
    namespace: str,
    stack: str | None,
    own: Mapping[str, str] | None = None,
) -> str:
    """Return the uuid of the service to which a link or ``volumes_from`` refers.

    Args:
        cloud: The state of the control plane.
        reference: A URI, a uuid, ``name.stack`` or a name.
        place: The field, for the text of the error.
        namespace: The namespace of the service.
        stack: The uuid of the stack in which a name is searched first.
        own: Name → uuid of the services that the same request creates.

    Raises:
        InvalidField: No such service exists.
    """
    if own and reference in own:
        return own[reference]
    service = cloud.find_service(reference, namespace, stack)
    if service is None:
        raise InvalidField(
            f"{place}: there is no service {reference!r}; give a resource URI, a uuid,"
            " a name in the same stack, or name.stack"
        )
    return service.uuid
