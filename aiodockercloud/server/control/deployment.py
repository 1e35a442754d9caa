"""One container: where it goes, what it is made of, bringing it up and taking it down.

The operations on services, stacks and containers (``jobs.py``) are made of these.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping, Sequence
from typing import Any

from ...wire import states
from ...wire.service_fields import EMPTIEST_NODE, ENGINE_OPTIONS, EVERY_NODE
from ..engines import ContainerSpec, EngineError, MountSpec, NoSuchContainer, PortSpec
from ..state.errors import OperationFailed, engine_errors
from ..state.records import SHARED, Container, Node, Service, new_uuid
from ..state.state import State
from . import links, placement


def engine_options(definition: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a definition that are handed to the engine as they are."""
    return {k: v for k, v in definition.items() if k in ENGINE_OPTIONS}


def spec_of(cloud: State, container: Container) -> ContainerSpec:
    """What the engine has to make, all from the container's own record."""
    definition = container.definition
    service = cloud.services[container.service]
    stack = cloud.stack_of(service)
    owned = dict(container.volumes)
    mounts = [
        MountSpec(
            binding["container_path"],
            owned.get(binding["container_path"]),
            binding["host_path"],
            binding["rewritable"],
        )
        for binding in definition["bindings"]
        if binding["container_path"]
    ]
    node = cloud.nodes[container.node]
    platform = links.platform_environment(cloud, container, node)
    options = engine_options(definition)
    if options.get("hostname"):
        options["hostname"] = links.expand(options["hostname"], platform)
    aliases = [service.name, container.name]
    if stack is not None:
        aliases += [f"{service.name}.{stack.name}", f"{container.name}.{stack.name}"]
    # Those of its own stack: elsewhere another service may go by the same name.
    for link_name in cloud.link_names(service):
        aliases += [link_name, f"{link_name}-{container.ordinal}"]
    return ContainerSpec(
        uuid=container.uuid,
        name=container.name,
        service=service.name,
        stack=stack.name if stack else None,
        namespace=container.namespace,
        node=node.engine_id,
        pinned=_pinned(definition),
        tags=definition["tags"],
        image=definition["image"],
        credentials=cloud.credentials_for(container.namespace, definition["image"]),
        command=definition["run_command"],
        entrypoint=definition["entrypoint"],
        environment=container.environment,
        address_variables=list(links.with_tutum({links.ADDRESS: ""})),
        ports=[PortSpec(*port) for port in container.ports],
        mounts=mounts,
        volumes_from=[
            peer.uuid
            for owner in _volume_owners(cloud, service)
            for peer in _peers(cloud, owner, container.ordinal, container.node)
        ],
        aliases=list(dict.fromkeys(aliases)),
        autorestart=definition["autorestart"],
        options=options,
    )


def _pinned(definition: Mapping[str, Any]) -> bool:
    """Whether a container stays where it was put: its data is there, or its strategy
    says so."""
    return definition["deployment_strategy"] != EMPTIEST_NODE or any(
        not binding["host_path"] for binding in definition["bindings"]
    )


def _volume_owners(cloud: State, service: Service) -> list[Service]:
    """The services whose volumes the containers of a service share."""
    wanted = (b["volumes_from"] for b in service.definition["bindings"])
    return [cloud.services[uuid] for uuid in wanted if uuid in cloud.services]


def _peers(
    cloud: State, owner: Service, ordinal: int, node: str | None = None
) -> list[Container]:
    """Of *owner*, the containers whose volumes container *ordinal* may share: that of
    the same ordinal, or the last one; of a service on every node, any."""
    theirs = cloud.containers_of(owner)
    if owner.definition["deployment_strategy"] == EVERY_NODE:
        return [c for c in theirs if node in (None, c.node)]
    return [c for c in theirs if c.ordinal == ordinal] or theirs[-1:]


def _bound_to(
    cloud: State, service: Service, ordinal: int
) -> list[tuple[set[str], str]]:
    """Which nodes shared volumes leave for a container, and why.

    Services tied together by ``volumes_from`` are placed as one, ordinal by ordinal:
    one that shares the volumes of two others could go nowhere if they were apart.
    """
    bound = [
        ({peer.node for peer in peers}, f"the volumes of {owner.name}")
        for owner in _volume_owners(cloud, service)
        if (peers := _peers(cloud, owner, ordinal))
    ]
    for member in _tied(cloud, service):
        for peer in cloud.containers_of(member):
            if peer.ordinal == ordinal and member is not service:
                bound.append(({peer.node}, f"the volumes shared with {peer.name}"))
    return bound


def _tied(cloud: State, service: Service) -> list[Service]:
    """All services that ``volumes_from`` ties to this one, in whatever direction."""
    found, left = {service.uuid: service}, [service]
    while left:
        one = left.pop()
        around = [*_volume_owners(cloud, one), *cloud.sharing_volumes_of(one)]
        for other in around:
            everywhere = other.definition["deployment_strategy"] == EVERY_NODE
            if other.uuid not in found and not everywhere:
                found[other.uuid] = other
                left.append(other)
    return list(found.values())


def candidates(cloud: State, service: Service) -> list[placement.Candidate]:
    """The nodes that answer and take containers, as placement sees them."""
    found = []
    for node in cloud.live_nodes():
        owners = (service.namespace, SHARED)
        if node.state != states.DEPLOYED or node.namespace not in owners:
            continue
        if node.unschedulable:
            continue
        there = cloud.containers_on(node)
        found.append(
            placement.Candidate(
                uuid=node.uuid,
                tags={*node.tags, *node.auto_tags},
                containers=len(there),
                of_service=sum(c.service == service.uuid for c in there),
                host_ports={
                    (outer, protocol)
                    for c in there
                    for _, protocol, published, outer in c.ports
                    if published and outer is not None
                },
            )
        )
    return found


def place(
    cloud: State, service: Service, ordinal: int, *, reuse: Container | None
) -> Node:
    """The node for one more container, by the rules of ``placement``."""
    bound = _bound_to(cloud, service, ordinal)
    if reuse is not None:
        bound.append(({reuse.node}, "the volumes to be reused"))
    # What is still to come beside it has to find its place there as well.
    together = [
        member
        for member in _tied(cloud, service)
        if member is service
        or all(c.ordinal != ordinal for c in cloud.containers_of(member))
    ]
    chosen = placement.choose(
        candidates(cloud, service),
        tags={tag for member in together for tag in member.definition["tags"]},
        strategy=service.definition["deployment_strategy"],
        host_ports={
            (port["outer_port"], port["protocol"])
            for member in together
            for port in member.definition["container_ports"]
            if port["outer_port"] is not None
        },
        bound_to=bound,
    )
    return cloud.nodes[chosen]


async def deploy(
    cloud: State,
    service: Service,
    ordinal: int,
    deployment: str,
    *,
    reuse: Container | None = None,
    extra: Mapping[str, str] | None = None,
) -> Container:
    """Make ``<service>-<ordinal>`` and return when it runs (or has run).

    Args:
        deployment: The action's uuid, kept with the container.
        reuse: A container just taken down, whose volumes the new one gets.
        extra: Variables beside the usual ones.

    Raises:
        OperationFailed: The container cannot be placed or started, and was removed.
    """
    definition = service.definition
    with engine_errors():
        image = await cloud.engine.image_info(definition["image"])
    # Nothing may come between choosing a node and taking the place on it.
    node = place(cloud, service, ordinal, reuse=reuse)
    kept = dict(reuse.volumes) if reuse else {}
    container = Container(
        namespace=service.namespace,
        name=f"{service.name}-{ordinal}",
        ordinal=ordinal,
        service=service.uuid,
        node=node.uuid,
        definition=definition,
        revision=service.revision,
        deployment=deployment,
        image_environment=dict(image.environment) if image else {},
        command=definition["run_command"] or (image.command if image else ""),
        entrypoint=definition["entrypoint"] or (image.entrypoint if image else ""),
        volumes=[
            [binding["container_path"], kept.get(binding["container_path"], new_uuid())]
            for binding in definition["bindings"]
            if binding["container_path"] and not binding["host_path"]
        ],
        ports=ports_of(definition, image.ports if image else ()),
    )
    cloud.add(container)
    container.environment = _environment(cloud, service, container, node)
    container.environment |= links.with_tutum(extra or {})
    cloud.save(container)
    await bring_up(cloud, container)
    return container


def ports_of(
    definition: Mapping[str, Any], exposed: Sequence[tuple[int, str]] = ()
) -> list[list[Any]]:
    """The ports declared, then those that only the image exposes, as records keep
    them: ``[inner, protocol, published, outer]``."""
    ports = [
        [port["inner_port"], port["protocol"], port["published"], port["outer_port"]]
        for port in definition["container_ports"]
    ]
    declared = {(inner, protocol) for inner, protocol, *_ in ports}
    return ports + [
        [inner, protocol, False, None]
        for inner, protocol in exposed
        if (inner, protocol) not in declared
    ]


def _environment(
    cloud: State, service: Service, container: Container, node: Node
) -> dict[str, str]:
    platform = links.platform_environment(cloud, container, node)
    if "global" in service.definition["roles"]:
        platform["DOCKERCLOUD_AUTH"] = cloud.accounts.for_container(
            container.uuid, container.namespace
        )
    user = links.user_environment(service.definition)
    user = {key: links.expand(value, platform) for key, value in user.items()}
    linked = links.linked_environment(cloud, container)
    return {**links.with_tutum({**platform, **linked}), **user}


async def bring_up(cloud: State, container: Container) -> None:
    """Have the engine create a container whose record exists; wait until it runs."""
    limit = cloud.settings.timings.container_up
    try:
        with engine_errors(container.name, f"was not up after {limit:.0f} s"):
            async with asyncio.timeout(limit):
                if not cloud.engine.volatile:
                    # What outlives this process must be known to the next one.
                    await cloud.store.flush()
                cloud.on_create(container)
                await cloud.engine.create(spec_of(cloud, container))
                await cloud.until(container, lambda: container.state != states.STARTING)
        if container.state == states.TERMINATED or (
            container.state == states.STOPPED and container.exit_code is None
        ):
            why = container.message or "it could not be started"
            raise OperationFailed(f"{container.name}: {why}")
    except BaseException:
        # The action may be cancelled here, or the server stopped: then the record
        # stays for the next start.
        if not cloud.closing:
            await asyncio.shield(asyncio.create_task(_give_up(cloud, container)))
        raise
    service = cloud.services[container.service]
    container.deployed = service.deployed = time.time()
    cloud.save(container)


async def _give_up(cloud: State, container: Container) -> None:
    with contextlib.suppress(EngineError, TimeoutError):
        async with asyncio.timeout(cloud.settings.timings.container_down):
            await cloud.engine.remove_container(container.uuid, volumes=True)
    cloud.set_state(container, states.TERMINATED)


async def start(cloud: State, container: Container) -> None:
    """Run a stopped container again; returns when it runs.

    Raises:
        OperationFailed: The container could not be started.
    """
    if container.state == states.TERMINATED:
        raise OperationFailed(f"{container.name}: it was terminated meanwhile")
    if container.state == states.RUNNING:
        return  # by what came before it, as a start of its service
    cloud.set_state(container, states.STARTING)
    try:
        with engine_errors(container.name, "did not start"):
            async with asyncio.timeout(cloud.settings.timings.container_up):
                await _start_or_create(cloud, container)
                await cloud.until(container, lambda: container.state != states.STARTING)
    except OperationFailed:
        cloud.set_state(container, states.STOPPED)
        raise


async def _start_or_create(cloud: State, container: Container) -> None:
    image = container.definition["image"]
    try:
        await cloud.engine.start_container(
            container.uuid,
            credentials=cloud.credentials_for(container.namespace, image),
        )
    except NoSuchContainer:
        # A volatile engine loses its containers when the server restarts.
        await cloud.engine.create(spec_of(cloud, container))


async def stop(cloud: State, container: Container) -> None:
    """Stop a container and keep it; returns when it has stopped."""
    # What came before it, as a redeploy, may have removed it meanwhile.
    if container.state in (states.STOPPED, states.TERMINATED):
        return
    cloud.set_state(container, states.STOPPING)
    with engine_errors():
        async with asyncio.timeout(cloud.settings.timings.container_down):
            await cloud.engine.stop_container(container.uuid)
            await cloud.until(container, lambda: container.state != states.STOPPING)


async def remove(cloud: State, container: Container, *, volumes: bool = True) -> None:
    """Remove a container; returns when it is gone. Its record stays readable."""
    if container.state == states.TERMINATED:
        return
    cloud.set_state(container, states.TERMINATING)
    with engine_errors():
        async with asyncio.timeout(cloud.settings.timings.container_down):
            await cloud.engine.remove_container(container.uuid, volumes=volumes)
    cloud.set_state(container, states.TERMINATED)
